// Helpers in Highway that several kernels share; compiled once for each instruction set, hence the unusual guard.
#if defined(GRADUS_TENSOR_KERNELS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TENSOR_KERNELS_SIMD_INL_H_
#undef GRADUS_TENSOR_KERNELS_SIMD_INL_H_
#else
#define GRADUS_TENSOR_KERNELS_SIMD_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Lanes [0, count) from memory, `fill` in the others. Some instruction sets have no load that stops before a page ends;
// AVX2 has one for floats, if not for bytes.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadTail(D d, const T* from, size_t count, T fill) {
#if HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  for (size_t i = 0; i < hn::MaxLanes(d); ++i) lanes[i] = i < count ? from[i] : fill;
  return hn::Load(d, lanes);
#else
  const auto mask = hn::FirstN(d, count);
  return hn::IfThenElse(mask, hn::MaskedLoad(mask, d, from), hn::Set(d, fill));
#endif
}

// Writes lanes [0, count).
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void StoreTail(D d, hn::Vec<D> v, T* to, size_t count) {
  hn::BlendedStore(v, hn::FirstN(d, count), d, to);
}

// Lanes [0, count) from memory, which may be all of them; 1 in the others.
template <class D, class T>
HWY_INLINE hn::Vec<D> LoadSome(D d, const T* from, size_t count) {
  return HWY_LIKELY(count == hn::Lanes(d)) ? hn::LoadU(d, from) : LoadTail(d, from, count, T{1});
}
template <class D, class T>
HWY_INLINE void StoreSome(D d, hn::Vec<D> v, T* to, size_t count) {
  HWY_LIKELY(count == hn::Lanes(d)) ? hn::StoreU(v, d, to) : StoreTail(d, v, to, count);
}

// A vector of a row, and the part of one at its end: one loop body serves for both.
template <class T>
struct FullLanes {
  using D = hn::ScalableTag<T>;
  HWY_INLINE hn::Vec<D> Load(const T* from) const { return hn::LoadU(D(), from); }
  HWY_INLINE void Store(hn::Vec<D> v, T* to) const { hn::StoreU(v, D(), to); }
  HWY_INLINE hn::Vec<D> Keep(hn::Vec<D> v) const { return v; }
};
template <class T>
struct PartLanes {
  using D = hn::ScalableTag<T>;
  size_t count;
  HWY_INLINE hn::Vec<D> Load(const T* from) const { return LoadTail(D(), from, count, T{0}); }
  HWY_INLINE void Store(hn::Vec<D> v, T* to) const { StoreTail(D(), v, to, count); }
  // Zero in the lanes that are not there.
  HWY_INLINE hn::Vec<D> Keep(hn::Vec<D> v) const { return hn::IfThenElseZero(hn::FirstN(D(), count), v); }
};

// Calls `body(lanes, i)` for each vector of a row; i is the place of its first element.
template <class T, class Body>
HWY_INLINE void ForLanes(size_t length, Body&& body) {
  const size_t lanes = hn::Lanes(hn::ScalableTag<T>());
  size_t i = 0;
  for (; i + lanes <= length; i += lanes) body(FullLanes<T>(), i);
  if (i < length) body(PartLanes<T>{length - i}, i);
}

template <class D>
HWY_INLINE hn::Vec<D> IfNaNThenElse(D /*d*/, hn::Vec<D> x, hn::Vec<D> yes, hn::Vec<D> no) {
  return hn::IfThenElse(hn::Eq(x, x), no, yes);
}

// Highway's functions with IEEE's results at the ends, where Highway's are undefined.

template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> ExpAny(D d, hn::Vec<D> x) {
  // Both limits are past the overflow to infinity and inside what Highway's exponent arithmetic can hold.
  const T limit = sizeof(T) == 4 ? static_cast<T>(100) : static_cast<T>(720);
  return IfNaNThenElse(d, x, x, hn::Exp(d, hn::Min(x, hn::Set(d, limit))));
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LogAny(D d, hn::Vec<D> x) {
  const T infinity = std::numeric_limits<T>::infinity();
  const auto zero = hn::Zero(d);
  auto y = hn::Log(d, x);
  y = hn::IfThenElse(hn::Eq(x, hn::Set(d, infinity)), x, y);
  y = hn::IfThenElse(hn::Eq(x, zero), hn::Set(d, -infinity), y);
  return hn::IfThenElse(hn::Ge(x, zero), y, hn::Set(d, std::numeric_limits<T>::quiet_NaN()));
}

constexpr double kLog2E = 1.4426950408889634073599246810019;

// 2^x in f32, where `cut` is x if that is in [−126, 128]: the rest beside a whole number by the polynomial of the sixth
// degree with the least relative error, 1.6e-8, that is 1 at 0.
template <class D>
HWY_INLINE hn::Vec<D> Exp2Within(D d, hn::Vec<D> x, hn::Vec<D> cut) {
  // Added to so large a number, another is rounded to a whole one, which is its last bits.
  const auto rounder = hn::Set(d, 0x1.8p23F), rounded = hn::Add(cut, rounder);
  const auto f = hn::Sub(x, hn::Sub(rounded, rounder));
  auto p = hn::Set(d, 1.535336341476068e-4F);
  p = hn::MulAdd(p, f, hn::Set(d, 1.3398873852565885e-3F));
  p = hn::MulAdd(p, f, hn::Set(d, 9.61843691766262e-3F));
  p = hn::MulAdd(p, f, hn::Set(d, 5.5503323674201965e-2F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.24022647738456726F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.6931471824645996F));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0F));
  const hn::RebindToSigned<D> i;
  return hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::BitCast(i, rounded), hn::Set(i, 127)))));
}

// 2^x where x is what was divided by ln 2 before: half the work of `ExpAny` in f32, to 2e-8 of the result and the
// rounding of x. In f32 what is below 2⁻¹²⁶ becomes that, never 0, and from x = 127.5 on it is infinity.
template <class D>
HWY_INLINE hn::Vec<D> Exp2Any(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  if constexpr (sizeof(T) == 8) {
    return ExpAny(d, hn::Mul(x, hn::Set(d, 1.0 / kLog2E)));
  } else {
    const auto cut = hn::Min(hn::Max(x, hn::Set(d, -126.0F)), hn::Set(d, 128.0F));
    return IfNaNThenElse(d, x, x, Exp2Within(d, cut, cut));
  }
}

// In f32 1 − 2/(1 + e^2x), and within ±0.6, where that cancels, x + x³·p(x²) with the polynomial p of the fourth degree
// that has the least relative error there, 3e-9: less work than Highway's, by expm1.
template <class D>
HWY_INLINE hn::Vec<D> TanhAny(D d, hn::Vec<D> x) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    return IfNaNThenElse(d, x, x, hn::Tanh(d, x));
  } else {
    const auto one = hn::Set(d, 1.0F), squared = hn::Mul(x, x);
    const auto power = Exp2Any(d, hn::Mul(x, hn::Set(d, static_cast<float>(2 * kLog2E))));
    const auto far = hn::Sub(one, hn::Div(hn::Set(d, 2.0F), hn::Add(one, power)));
    auto p = hn::Set(d, -0.005895153593233909F);
    p = hn::MulAdd(p, squared, hn::Set(d, 0.020795968062990514F));
    p = hn::MulAdd(p, squared, hn::Set(d, -0.05378382928730933F));
    p = hn::MulAdd(p, squared, hn::Set(d, 0.13331924116004487F));
    p = hn::MulAdd(p, squared, hn::Set(d, -0.3333329800175411F));
    const auto near = hn::MulAdd(hn::Mul(x, squared), p, x);
    return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 0.6F)), near, far);  // NaN of NaN
  }
}

// exp(x) for x that is not above 0, in f32 as `Exp2Any`; but what is below the smallest normal number is 0.
template <class D>
HWY_INLINE hn::Vec<D> ExpBelow0(D d, hn::Vec<D> x) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    return ExpAny(d, x);
  } else {
    const auto lowest = hn::Set(d, -126.0F), exponent = hn::Mul(x, hn::Set(d, static_cast<float>(kLog2E)));
    const auto y = Exp2Within(d, exponent, hn::Max(exponent, lowest));  // NaN of NaN
    return hn::IfThenZeroElse(hn::Lt(exponent, lowest), y);
  }
}

// σ(2u) with u = √(2/π)·(x + 0.044715·x³): (1 + tanh u)/2 without the cancellation where x is far below 0.
template <class D>
HWY_INLINE hn::Vec<D> GeluGate(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const double two_root = 1.5957691216057307117597842397375 * kLog2E;  // 2·√(2/π), for a power of 2
  const auto cubic = hn::MulAdd(hn::Mul(x, x), hn::Set(d, static_cast<T>(-0.044715 * two_root)),
                                hn::Set(d, static_cast<T>(-two_root)));
  const auto one = hn::Set(d, static_cast<T>(1));
  return hn::Div(one, hn::Add(one, Exp2Any(d, hn::Mul(x, cubic))));
}

template <class D>
struct ValueAndSlope {
  hn::Vec<D> value, slope;
};

// gelu(x) and its derivative.
template <class D>
HWY_INLINE ValueAndSlope<D> GeluWithSlope(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  // The derivative is 0 or 1 long before ±30; farther out x³ would overflow into ∞·0.
  const auto z = IfNaNThenElse(d, x, x, hn::Clamp(x, hn::Set(d, static_cast<T>(-30)), hn::Set(d, static_cast<T>(30))));
  const auto gate = GeluGate(d, z);
  const T two_root = static_cast<T>(1.5957691216057307117597842397375);
  const auto slope =
      hn::MulAdd(hn::Mul(z, z), hn::Set(d, static_cast<T>(3 * 0.044715) * two_root), hn::Set(d, two_root));
  const auto rest = hn::NegMulAdd(gate, gate, gate);  // gate·(1 − gate)
  return {hn::Mul(x, gate), hn::MulAdd(hn::Mul(z, slope), rest, gate)};
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
