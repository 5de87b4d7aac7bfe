#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/classic/kernels/linear_descent_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include <algorithm>
#include <cmath>

#include "gradus/classic/kernels/linear_descent_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

double RunGramSweep(const GramSweep& s) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> narrow;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  double largest = 0.0;
  for (int64_t k = 0; k < s.m; ++k) {
    const double curvature = s.diagonal[k];
    if (curvature == 0.0) continue;
    const double from = s.w[k], pull = s.q[k] + curvature * from;
    const double size = std::abs(pull) - s.l1;
    const double to = size > 0.0 ? std::copysign(size, pull) / (curvature + s.l2) : 0.0;
    if (to == from) continue;
    const double change = to - from;
    s.w[k] = to;
    largest = std::max(largest, std::abs(change) * (curvature + s.l2));
    const float* const row = s.gram + k * s.stride;
    const auto factor = hn::Set(d, -change);
    int64_t j = 0;
    for (; j + lanes <= s.m; j += lanes) {
      const auto g = hn::PromoteTo(d, hn::LoadU(narrow, row + j));
      hn::StoreU(hn::MulAdd(factor, g, hn::LoadU(d, s.q + j)), d, s.q + j);
    }
    for (; j < s.m; ++j) s.q[j] -= change * double{row[j]};
  }
  return largest;
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunGramSweep);
}  // namespace

double gram_sweep(const GramSweep& sweep) { return HWY_DYNAMIC_DISPATCH(RunGramSweep)(sweep); }

}  // namespace gradus::kernels
#endif  // HWY_ONCE
