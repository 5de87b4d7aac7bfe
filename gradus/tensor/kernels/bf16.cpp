#include "gradus/tensor/kernels/bf16.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/bf16.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include "gradus/tensor/kernels/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

void RoundToBf16(const float* from, BFloat16* to, int64_t count) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) StoreBf16(d, RoundedBf16(d, hn::LoadU(d, from + i)), to + i);
  for (; i < count; ++i) to[i] = BFloat16(from[i]);
}

void WidenBf16(const BFloat16* from, float* to, int64_t count) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(LoadBf16(d, from + i), d, to + i);
  for (; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(RoundToBf16);
HWY_EXPORT(WidenBf16);

void round_to_bf16(const float* from, BFloat16* to, int64_t count) {
  HWY_DYNAMIC_DISPATCH(RoundToBf16)(from, to, count);
}
void widen_bf16(const BFloat16* from, float* to, int64_t count) { HWY_DYNAMIC_DISPATCH(WidenBf16)(from, to, count); }

}  // namespace gradus::kernels
#endif  // HWY_ONCE
