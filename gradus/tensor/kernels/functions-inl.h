// The elementwise functions: each with its value and, beside it, its backward. For use inside one Highway target;
// include guards are per target.
#if defined(GRADUS_TENSOR_KERNELS_FUNCTIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TENSOR_KERNELS_FUNCTIONS_INL_H_
#undef GRADUS_TENSOR_KERNELS_FUNCTIONS_INL_H_
#else
#define GRADUS_TENSOR_KERNELS_FUNCTIONS_INL_H_
#endif

#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/pow-inl.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE hn::Vec<D> SetTo(D d, double value) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(value));
}

// 1/(1 + exp(−x)).
template <class D>
HWY_INLINE hn::Vec<D> SigmoidAny(D d, hn::Vec<D> x) {
  const auto one = SetTo(d, 1);
  return hn::Div(one, hn::Add(one, Exp2Any(d, hn::Mul(x, SetTo(d, -kLog2E)))));
}

// log(1 + exp(x)), without overflow and without loss far below 0.
template <class D>
HWY_INLINE hn::Vec<D> SoftplusAny(D d, hn::Vec<D> x) {
  const auto rest = hn::Log1p(d, ExpAny(d, hn::Neg(hn::Abs(x))));
  return IfNaNThenElse(d, x, x, hn::Add(hn::Max(x, hn::Zero(d)), rest));
}

// Calls `function` on each lane where |x| exceeds `limit` or is no number, in double.
template <class D, class Function>
HWY_INLINE hn::Vec<D> WithFarLanes(D d, hn::Vec<D> x, double limit, hn::Vec<D> y, Function function) {
  using T = hn::TFromD<D>;
  const auto near = hn::Le(hn::Abs(x), SetTo(d, limit));
  if (HWY_LIKELY(hn::AllTrue(d, near))) return y;
  HWY_ALIGN T xs[hn::MaxLanes(d)];
  HWY_ALIGN T ys[hn::MaxLanes(d)];
  hn::Store(x, d, xs);
  hn::Store(y, d, ys);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    if (!(std::abs(xs[i]) <= static_cast<T>(limit))) ys[i] = static_cast<T>(function(static_cast<double>(xs[i])));
  }
  return hn::Load(d, ys);
}

constexpr double kFarAngle = 39000;  // where Highway's sine and cosine end

template <class D>
HWY_INLINE hn::Vec<D> SinAny(D d, hn::Vec<D> x) {
  return WithFarLanes(d, x, kFarAngle, hn::Sin(d, x), [](double v) { return std::sin(v); });
}
template <class D>
HWY_INLINE hn::Vec<D> CosAny(D d, hn::Vec<D> x) {
  return WithFarLanes(d, x, kFarAngle, hn::Cos(d, x), [](double v) { return std::cos(v); });
}

// exp(x²/2)·Φ(−x) from 0 on is close to a ratio of polynomials without a term below 0: those with the least relative
// error up to where exp(−x²/2) is 0, 5e-9 and 9.5e-19.
template <class T>
struct NormalTail;
template <>
struct NormalTail<float> {
  static constexpr float kEnd = 13.3F;
  static constexpr float kAbove[] = {0.50000000246975317F, 0.43569538616534551F, 0.18131355623568781F,
                                     0.039986478743614348F, 0.0040205317438360141F};
  static constexpr float kBelow[] = {1.0F,
                                     1.6692756906930034F,
                                     1.1945122811272221F,
                                     0.464398269498293614F,
                                     0.10023861719604176F,
                                     0.010077835380561283F};
};
template <>
struct NormalTail<double> {
  static constexpr double kEnd = 38.7;
  static constexpr double kAbove[] = {0.50000000000000000045,   0.82774441652905140327,   0.67932860898426686933,
                                      0.35712924027164763966,   0.13194078880876458925,   0.03563206151841889685,
                                      0.0071141831750977379464, 0.0010381985329591023712, 0.00010638885963231286616,
                                      6.9618140712876636245e-6, 2.2364728532092052113e-7};
  static constexpr double kBelow[] = {1.0,
                                      2.4533733938609683685,
                                      2.8161659708147199862,
                                      2.0005086526520230693,
                                      0.97947647752829646721,
                                      0.34803136854901680703,
                                      0.091883809619240724577,
                                      0.018098168810867121834,
                                      0.0026198284775976960487,
                                      0.00026723792426579824854,
                                      0.000017450679993844230289,
                                      5.6060060892975389574e-7};
};

template <class D, class T, size_t kTerms>
HWY_INLINE hn::Vec<D> Polynomial(D d, hn::Vec<D> x, const T (&factors)[kTerms]) {
  auto y = hn::Set(d, factors[kTerms - 1]);
  for (size_t i = kTerms - 1; i-- > 0;) y = hn::MulAdd(y, x, hn::Set(d, factors[i]));
  return y;
}

template <class D>
struct NormalAt {
  hn::Vec<D> share, bell;
};

// Φ(x) = ½·erfc(−x/√2), the normal distribution (anything for NaN), and exp(−x²/2), √(2π) times its density.
template <class D>
HWY_INLINE NormalAt<D> Normal(D d, hn::Vec<D> x) {
  using Tail = NormalTail<hn::TFromD<D>>;
  const auto bell = ExpBelow0(d, hn::Mul(hn::Mul(x, x), SetTo(d, -0.5)));
  const auto size = hn::Min(hn::Abs(x), hn::Set(d, Tail::kEnd));
  const auto tail = hn::Div(Polynomial(d, size, Tail::kAbove), Polynomial(d, size, Tail::kBelow));
  const auto below = hn::Mul(tail, bell);
  return {hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, hn::Sub(SetTo(d, 1), below)), bell};
}

// A function of one argument: Value(d, x), and Backward(d, v, g), the gradient of x where v is x, or the value if
// kFromResult. Its parameters are of the elements' type T: a loop would convert them for every vector.

struct Negate {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D, hn::Vec<D> x) const {
    return hn::Neg(x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D, hn::Vec<D>, hn::Vec<D> g) const {
    return hn::Neg(g);
  }
};
struct AbsOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D, hn::Vec<D> x) const {
    return hn::Abs(x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    const auto zero = hn::Zero(d);
    return hn::IfThenElse(hn::Lt(x, zero), hn::Neg(g), hn::IfThenElseZero(hn::Gt(x, zero), g));
  }
};
// Steps: their slope is 0 wherever they have one.
struct Flat {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D>, hn::Vec<D>) const {
    return hn::Zero(d);
  }
};
struct SignOp : Flat {
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    const auto zero = hn::Zero(d);
    return hn::IfThenElse(hn::Lt(x, zero), SetTo(d, -1), hn::IfThenElseZero(hn::Gt(x, zero), SetTo(d, 1)));
  }
};
struct FloorOp : Flat {
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D, hn::Vec<D> x) const {
    return hn::CopySign(hn::Floor(x), x);  // the baseline's loses that of −0
  }
};
struct SqrtOp {
  static constexpr bool kFromResult = true;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D, hn::Vec<D> x) const {
    return hn::Sqrt(x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D, hn::Vec<D> y, hn::Vec<D> g) const {
    return hn::Div(g, hn::Add(y, y));
  }
};
struct RsqrtOp {
  static constexpr bool kFromResult = true;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return hn::Div(SetTo(d, 1), hn::Sqrt(x));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> y, hn::Vec<D> g) const {
    return hn::Mul(hn::Mul(SetTo(d, -0.5), g), hn::Mul(y, hn::Mul(y, y)));
  }
};
struct ExpOp {
  static constexpr bool kFromResult = true;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return ExpAny(d, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D, hn::Vec<D> y, hn::Vec<D> g) const {
    return hn::Mul(g, y);
  }
};
struct LogOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return LogAny(d, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D, hn::Vec<D> x, hn::Vec<D> g) const {
    return hn::Div(g, x);
  }
};
struct SinOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return SinAny(d, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    return hn::Mul(g, CosAny(d, x));
  }
};
struct CosOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return CosAny(d, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    return hn::Neg(hn::Mul(g, SinAny(d, x)));
  }
};
struct TanhOp {
  static constexpr bool kFromResult = true;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return TanhAny(d, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> y, hn::Vec<D> g) const {
    return hn::Mul(g, hn::NegMulAdd(y, y, SetTo(d, 1)));
  }
};
struct SigmoidOp {
  static constexpr bool kFromResult = true;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return SigmoidAny(d, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D, hn::Vec<D> y, hn::Vec<D> g) const {
    return hn::Mul(g, hn::NegMulAdd(y, y, y));
  }
};
struct SiluOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return hn::Mul(x, SigmoidAny(d, x));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    const auto s = SigmoidAny(d, x);
    return hn::Mul(g, hn::MulAdd(x, hn::NegMulAdd(s, s, s), s));
  }
};
// Unlike maxima, both keep NaN; neither lets a gradient through where x is not above 0.
struct ReluOp {
  static constexpr bool kFromResult = true;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> y, hn::Vec<D> g) const {
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), g);
  }
};
template <class T>
struct LeakyReluOp {
  static constexpr bool kFromResult = false;
  T slope;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, hn::Set(d, slope)));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), g, hn::Mul(g, hn::Set(d, slope)));
  }
};
template <class T>
struct EluOp {
  static constexpr bool kFromResult = false;
  T alpha;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    const auto zero = hn::Zero(d);
    const auto below = IfNaNThenElse(d, x, x, hn::Expm1(d, hn::Min(x, zero)));
    return hn::IfThenElse(hn::Gt(x, zero), x, hn::Mul(hn::Set(d, alpha), below));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    const auto zero = hn::Zero(d);
    const auto below = hn::Mul(hn::Mul(g, hn::Set(d, alpha)), ExpAny(d, hn::IfThenElse(hn::Gt(x, zero), zero, x)));
    return hn::IfThenElse(hn::Gt(x, zero), g, below);
  }
};
template <class T>
struct SeluOp {
  static constexpr bool kFromResult = false;
  static constexpr T kScale = static_cast<T>(1.0507009873554804934193349852946);
  static constexpr EluOp<T> kElu = {.alpha = static_cast<T>(1.6732632423543772848170429916717)};
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return hn::Mul(hn::Set(d, kScale), kElu.Value(d, x));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    return kElu.Backward(d, x, hn::Mul(hn::Set(d, kScale), g));
  }
};
struct GeluOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return hn::Mul(x, GeluGate(d, x));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    return hn::Mul(g, GeluWithSlope(d, x).slope);
  }
};
struct GeluExactOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return hn::Mul(x, Normal(d, x).share);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    const auto normal = Normal(d, x);
    // The density is 0 long before ±50; farther out it would be ∞·0.
    const auto z = IfNaNThenElse(d, x, x, hn::Clamp(x, SetTo(d, -50), SetTo(d, 50)));
    const auto density = hn::Mul(SetTo(d, 0.39894228040143267794), normal.bell);
    return hn::Mul(g, hn::MulAdd(z, density, normal.share));
  }
};
struct SoftplusOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return SoftplusAny(d, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    return hn::Mul(g, SigmoidAny(d, x));
  }
};
// tanh(log(1 + e)) = n/(n + 2) with e = exp(x), n = e·(e + 2).
struct MishOp {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    const auto n = Numerator(d, Exponential(d, x));
    return hn::Mul(x, hn::Div(n, hn::Add(n, SetTo(d, 2))));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    const auto e = Exponential(d, x), n = Numerator(d, e), below = hn::Add(n, SetTo(d, 2));
    // The hyperbolic tangent's slope 1 − tanh² = 4·(1 + e)²/(n + 2)², times that of log(1 + e), e/(1 + e).
    const auto slope = hn::Div(hn::Mul(SetTo(d, 4), hn::MulAdd(e, e, e)), hn::Mul(below, below));
    const auto reach = IfNaNThenElse(d, x, x, hn::Clamp(x, SetTo(d, -1e6), SetTo(d, 20)));  // no ∞·0
    return hn::Mul(g, hn::MulAdd(reach, slope, hn::Div(n, below)));
  }

 private:
  template <class D>
  static HWY_INLINE hn::Vec<D> Exponential(D d, hn::Vec<D> x) {
    return IfNaNThenElse(d, x, x, ExpAny(d, hn::Min(x, SetTo(d, 20))));  // from there on the ratio is 1
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Numerator(D d, hn::Vec<D> e) {
    return hn::Mul(e, hn::Add(e, SetTo(d, 2)));
  }
};
template <class T>
struct ClampOp {
  static constexpr bool kFromResult = false;
  T low, high;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return IfNaNThenElse(d, x, x, hn::Min(hn::Max(x, hn::Set(d, low)), hn::Set(d, high)));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    const auto inside = hn::And(hn::Gt(x, hn::Set(d, low)), hn::Lt(x, hn::Set(d, high)));
    return hn::IfThenElseZero(inside, g);
  }
};
// The exponents that are most in use: −2, −1, 2 and 3.
template <int kExponent>
struct PowWhole {
  static constexpr bool kFromResult = false;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return Power<kExponent>(d, x);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    return hn::Mul(g, hn::Mul(SetTo(d, kExponent), Power<kExponent - 1>(d, x)));
  }

 private:
  template <int kPower, class D>
  static HWY_INLINE hn::Vec<D> Power(D d, hn::Vec<D> x) {
    static_assert(kPower >= -3 && kPower <= 3 && kPower != 0);
    if constexpr (kPower < 0) {
      return hn::Div(SetTo(d, 1), Power<-kPower>(d, x));
    } else if constexpr (kPower == 1) {
      return x;
    } else {
      return hn::Mul(x, Power<kPower - 1>(d, x));
    }
  }
};
template <class T>
struct PowOp {
  static constexpr bool kFromResult = false;
  T exponent;
  template <class D>
  HWY_INLINE hn::Vec<D> Value(D d, hn::Vec<D> x) const {
    return Power(d, x, exponent);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Backward(D d, hn::Vec<D> x, hn::Vec<D> g) const {
    if (exponent == 0) return hn::Zero(d);
    return hn::Mul(g, hn::Mul(hn::Set(d, exponent), Power(d, x, exponent - 1)));
  }

 private:
  // Small whole exponents by products, ±½ by roots: quick, and within a rounding or so.
  template <class D>
  static HWY_INLINE hn::Vec<D> Power(D d, hn::Vec<D> x, T p) {
    const auto one = SetTo(d, 1);
    if (std::abs(p) == T{0.5}) return p > 0 ? hn::Sqrt(x) : hn::Div(one, hn::Sqrt(x));
    if (p != std::floor(p) || std::abs(p) > 16) return PowAny(d, x, hn::Set(d, p));
    auto result = one, square = x;
    for (int rest = static_cast<int>(std::abs(p)); rest > 0; rest /= 2) {
      if (rest % 2 == 1) result = hn::Mul(result, square);
      square = hn::Mul(square, square);
    }
    return p < 0 ? hn::Div(one, result) : result;
  }
};

// Functions of two arguments. A loop has a short one twice, for whole vectors and for the rest.

struct AddOp {
  static constexpr bool kIsLong = false;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Add(a, b);
  }
};
struct SubtractOp {
  static constexpr bool kIsLong = false;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Sub(a, b);
  }
};
struct MultiplyOp {
  static constexpr bool kIsLong = false;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Mul(a, b);
  }
};
struct DivideOp {
  static constexpr bool kIsLong = false;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::Div(a, b);
  }
};
// NaN of either side stays.
struct MaximumOp {
  static constexpr bool kIsLong = false;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> a, hn::Vec<D> b) const {
    return IfNaNThenElse(d, a, a, IfNaNThenElse(d, b, b, hn::Max(a, b)));
  }
};
struct MinimumOp {
  static constexpr bool kIsLong = false;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> a, hn::Vec<D> b) const {
    return IfNaNThenElse(d, a, a, IfNaNThenElse(d, b, b, hn::Min(a, b)));
  }
};
struct PowerOp {
  static constexpr bool kIsLong = true;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> a, hn::Vec<D> b) const {
    return PowAny(d, a, b);
  }
};
struct SwigluOp {
  static constexpr bool kIsLong = true;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> gate, hn::Vec<D> x) const {
    return hn::Mul(hn::Mul(gate, SigmoidAny(d, gate)), x);
  }
};
// Calls `body(function)` with the function that `op` names, for elements of type T.
template <class T, class Body>
HWY_INLINE void WithFunction(Unary op, const UnaryArguments& arguments, Body&& body) {
  const T a = static_cast<T>(arguments.a), b = static_cast<T>(arguments.b);
  switch (op) {
    case Unary::kNegate:
      return body(Negate());
    case Unary::kAbs:
      return body(AbsOp());
    case Unary::kSign:
      return body(SignOp());
    case Unary::kFloor:
      return body(FloorOp());
    case Unary::kSqrt:
      return body(SqrtOp());
    case Unary::kRsqrt:
      return body(RsqrtOp());
    case Unary::kExp:
      return body(ExpOp());
    case Unary::kLog:
      return body(LogOp());
    case Unary::kSin:
      return body(SinOp());
    case Unary::kCos:
      return body(CosOp());
    case Unary::kTanh:
      return body(TanhOp());
    case Unary::kSigmoid:
      return body(SigmoidOp());
    case Unary::kSilu:
      return body(SiluOp());
    case Unary::kRelu:
      return body(ReluOp());
    case Unary::kLeakyRelu:
      return body(LeakyReluOp<T>{.slope = a});
    case Unary::kElu:
      return body(EluOp<T>{.alpha = a});
    case Unary::kSelu:
      return body(SeluOp<T>());
    case Unary::kGelu:
      return body(GeluOp());
    case Unary::kGeluExact:
      return body(GeluExactOp());
    case Unary::kSoftplus:
      return body(SoftplusOp());
    case Unary::kMish:
      return body(MishOp());
    case Unary::kClamp:
      return body(ClampOp<T>{.low = a, .high = b});
    case Unary::kPow:
      if (a == -2) return body(PowWhole<-2>());
      if (a == -1) return body(PowWhole<-1>());
      if (a == 2) return body(PowWhole<2>());
      if (a == 3) return body(PowWhole<3>());
      return body(PowOp<T>{.exponent = a});
  }
}
template <class Body>
HWY_INLINE void WithFunction(Binary op, Body&& body) {
  switch (op) {
    case Binary::kAdd:
      return body(AddOp());
    case Binary::kSubtract:
      return body(SubtractOp());
    case Binary::kMultiply:
      return body(MultiplyOp());
    case Binary::kDivide:
      return body(DivideOp());
    case Binary::kMaximum:
      return body(MaximumOp());
    case Binary::kMinimum:
      return body(MinimumOp());
    case Binary::kPower:
      return body(PowerOp());
    case Binary::kSwiglu:
      return body(SwigluOp());
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
