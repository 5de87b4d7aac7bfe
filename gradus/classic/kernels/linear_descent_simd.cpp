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
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), next = 2 * s.stride;
  double largest = 0.0;
  for (int64_t k = 0; k < s.m; ++k) {
    const double curvature = s.diagonal[k];
    if (curvature == 0.0) continue;
    const double from = s.w[k], pull = s.q[k] + double{s.moved[k]} + curvature * from;
    const double size = std::abs(pull) - s.l1, stiffness = curvature + s.l2;
    const double goal = size > 0.0 ? std::copysign(size, pull) : 0.0;  // of w·stiffness: most steps need no division
    const double slope = std::abs(goal - stiffness * from);
    if (slope == 0.0 || (slope < s.least && goal != 0.0)) continue;
    const double to = goal / stiffness, change = to - from;
    if (change == 0.0) continue;
    s.w[k] = to;
    largest = std::max(largest, slope);
    const float* const row = s.gram + k * s.stride;
    const float less = static_cast<float>(-change);
    const auto factor = hn::Set(d, less);
    int64_t j = 0;
    for (; j + lanes <= s.m; j += lanes) {
      __builtin_prefetch(row + next + j);  // the matrix is larger than the caches near by
      hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, row + j), hn::LoadU(d, s.moved + j)), d, s.moved + j);
    }
    for (; j < s.m; ++j) s.moved[j] += less * row[j];
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
