#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/classic/kernels/linear_loss_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/base/error.h"
#include "gradus/classic/linear_loss.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<double>;
using V = hn::Vec<D>;

struct Terms {
  V value, slope, curvature;
};

struct Squared {
  static HWY_INLINE Terms Of(V z, V y, V /*parameter*/) {
    const D d;
    const auto r = hn::Sub(z, y);
    return {hn::Mul(hn::Set(d, 0.5), hn::Mul(r, r)), r, hn::Set(d, 1.0)};
  }
};

// −low where z > y, −high where z < y, times the distance: τ = high.
HWY_INLINE Terms Pinball(V z, V y, V high, V low) {
  const D d;
  const auto u = hn::Sub(y, z), zero = hn::Zero(d);
  const auto above = hn::Gt(u, zero);
  const auto factor = hn::IfThenElse(above, high, low);
  return {hn::Mul(factor, u), hn::IfThenZeroElse(hn::Eq(u, zero), hn::Neg(factor)), zero};
}
struct Absolute {
  static HWY_INLINE Terms Of(V z, V y, V /*parameter*/) { return Pinball(z, y, hn::Set(D(), 1.0), hn::Set(D(), -1.0)); }
};
struct Quantile {
  static HWY_INLINE Terms Of(V z, V y, V tau) { return Pinball(z, y, tau, hn::Sub(tau, hn::Set(D(), 1.0))); }
};

struct Huber {
  static HWY_INLINE Terms Of(V z, V y, V delta) {
    const D d;
    const auto r = hn::Sub(z, y), size = hn::Abs(r);
    const auto cut = hn::Clamp(r, hn::Neg(delta), delta);
    // ½·r² inside, δ·|r| − ½·δ² outside: both are cut·(r − ½·cut).
    const auto value = hn::Mul(cut, hn::NegMulAdd(hn::Set(d, 0.5), cut, r));
    return {value, cut, hn::IfThenElseZero(hn::Le(size, delta), hn::Set(d, 1.0))};
  }
};

struct Poisson {
  static HWY_INLINE Terms Of(V z, V y, V /*parameter*/) {
    const auto mean = ExpAny(D(), z);
    return {hn::NegMulAdd(y, z, mean), hn::Sub(mean, y), mean};
  }
};

struct Logistic {
  static HWY_INLINE Terms Of(V z, V s, V /*parameter*/) {
    const D d;
    const auto one = hn::Set(d, 1.0), zero = hn::Zero(d);
    const auto margin = hn::Mul(s, z);
    const auto e = ExpAny(d, hn::Neg(hn::Abs(margin)));
    const auto q = hn::Div(one, hn::Add(one, e)), eq = hn::Mul(e, q);
    const auto wrong = hn::IfThenElse(hn::Ge(margin, zero), eq, q);  // σ(−margin)
    return {hn::Add(hn::Log1p(d, e), hn::Max(hn::Neg(margin), zero)), hn::Neg(hn::Mul(s, wrong)), hn::Mul(eq, q)};
  }
};

struct Hinge {
  static HWY_INLINE Terms Of(V z, V s, V /*parameter*/) {
    const D d;
    const auto zero = hn::Zero(d), rest = hn::NegMulAdd(s, z, hn::Set(d, 1.0));
    return {hn::Max(rest, zero), hn::IfThenElseZero(hn::Gt(rest, zero), hn::Neg(s)), zero};
  }
};

struct SquaredHinge {
  static HWY_INLINE Terms Of(V z, V s, V /*parameter*/) {
    const D d;
    const auto two = hn::Set(d, 2.0), zero = hn::Zero(d);
    const auto rest = hn::Max(hn::NegMulAdd(s, z, hn::Set(d, 1.0)), zero);
    return {hn::Mul(rest, rest), hn::Neg(hn::Mul(two, hn::Mul(s, rest))), hn::IfThenElseZero(hn::Gt(rest, zero), two)};
  }
};

struct Outputs {
  double *value, *slope, *curvature;
};

template <class Loss>
void All(V parameter, const double* z, const float* y, size_t count, const Outputs& to) {
  const D d;
  const hn::Rebind<float, D> narrow;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Terms t = Loss::Of(hn::LoadU(d, z + i), hn::PromoteTo(d, hn::LoadU(narrow, y + i)), parameter);
    if (to.value != nullptr) hn::StoreU(t.value, d, to.value + i);
    if (to.slope != nullptr) hn::StoreU(t.slope, d, to.slope + i);
    if (to.curvature != nullptr) hn::StoreU(t.curvature, d, to.curvature + i);
  }
  if (i == count) return;
  const size_t rest = count - i;
  const Terms t =
      Loss::Of(LoadTail(d, z + i, rest, 0.0), hn::PromoteTo(d, LoadTail(narrow, y + i, rest, 1.0F)), parameter);
  if (to.value != nullptr) StoreTail(d, t.value, to.value + i, rest);
  if (to.slope != nullptr) StoreTail(d, t.slope, to.slope + i, rest);
  if (to.curvature != nullptr) StoreTail(d, t.curvature, to.curvature + i, rest);
}

void RunLossTerms(LinearLoss loss, double parameter, const double* z, const float* y, int64_t rows, double* value,
                  double* slope, double* curvature) {
  const auto p = hn::Set(D(), parameter);
  const size_t count = static_cast<size_t>(rows);
  const Outputs to{value, slope, curvature};
  switch (loss) {
    case LinearLoss::kSquared:
      return All<Squared>(p, z, y, count, to);
    case LinearLoss::kAbsolute:
      return All<Absolute>(p, z, y, count, to);
    case LinearLoss::kQuantile:
      return All<Quantile>(p, z, y, count, to);
    case LinearLoss::kHuber:
      return All<Huber>(p, z, y, count, to);
    case LinearLoss::kPoisson:
      return All<Poisson>(p, z, y, count, to);
    case LinearLoss::kLogistic:
    case LinearLoss::kSoftmax:  // has terms of its own
      return All<Logistic>(p, z, y, count, to);
    case LinearLoss::kHinge:
      return All<Hinge>(p, z, y, count, to);
    case LinearLoss::kSquaredHinge:
      return All<SquaredHinge>(p, z, y, count, to);
  }
}

// One vector of rows; `lanes` says which of its lanes are there.
template <class Lanes>
HWY_INLINE void SoftmaxVector(Lanes lanes, const double* z, const int32_t* y, size_t classes, size_t stride,
                              size_t rows, double* value, double* slope) {
  const D d;
  auto largest = lanes.Load(z);
  for (size_t k = 1; k < classes; ++k) largest = hn::Max(largest, lanes.Load(z + k * stride));
  HWY_ALIGN double own[hn::MaxLanes(d)] = {};
  for (size_t i = 0; i < rows; ++i) own[i] = z[static_cast<size_t>(y[i]) * stride + i];
  auto sum = hn::Zero(d);
  for (size_t k = 0; k < classes; ++k) {
    const auto e = ExpAny(d, hn::Sub(lanes.Load(z + k * stride), largest));
    sum = hn::Add(sum, e);
    if (slope != nullptr) lanes.Store(e, slope + k * stride);
  }
  if (value != nullptr) lanes.Store(hn::Sub(hn::Add(hn::Log(d, sum), largest), hn::Load(d, own)), value);
  if (slope == nullptr) return;
  const auto factor = hn::Div(hn::Set(d, 1.0), sum);
  for (size_t k = 0; k < classes; ++k) lanes.Store(hn::Mul(lanes.Load(slope + k * stride), factor), slope + k * stride);
  for (size_t i = 0; i < rows; ++i) slope[static_cast<size_t>(y[i]) * stride + i] -= 1.0;
}

void RunSoftmaxTerms(const double* z, const int32_t* y, int64_t classes, int64_t count, double* value, double* slope) {
  const size_t stride = static_cast<size_t>(count);
  const size_t step = hn::Lanes(D());
  ForLanes<double>(stride, [&](auto lanes, size_t i) HWY_ATTR {
    SoftmaxVector(lanes, z + i, y + i, static_cast<size_t>(classes), stride, HWY_MIN(step, stride - i),
                  value == nullptr ? nullptr : value + i, slope == nullptr ? nullptr : slope + i);
  });
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus {

std::string_view name_of(LinearLoss loss) {
  constexpr std::string_view kNames[] = {"squared",  "absolute", "quantile", "huber",        "poisson",
                                         "logistic", "softmax",  "hinge",    "squared_hinge"};
  return kNames[static_cast<size_t>(loss)];
}

namespace kernels {
namespace {
HWY_EXPORT(RunLossTerms);
HWY_EXPORT(RunSoftmaxTerms);
}  // namespace

void loss_terms(LinearLoss loss, double parameter, const double* z, const float* y, int64_t count, double* value,
                double* slope, double* curvature) {
  HWY_DYNAMIC_DISPATCH(RunLossTerms)(loss, parameter, z, y, count, value, slope, curvature);
}

void softmax_terms(const double* z, const int32_t* y, int64_t classes, int64_t count, double* value, double* slope) {
  HWY_DYNAMIC_DISPATCH(RunSoftmaxTerms)(z, y, classes, count, value, slope);
}

}  // namespace kernels
}  // namespace gradus
#endif  // HWY_ONCE
