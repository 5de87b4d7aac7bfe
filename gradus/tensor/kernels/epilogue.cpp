#include "gradus/tensor/kernels/epilogue.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/epilogue.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE void EpilogueRow(size_t n, const Epilogue<T>& e, T* c) {
  const hn::ScalableTag<T> d;
  ForLanes<T>(n, [&](auto lanes, size_t j) HWY_ATTR {
    auto x = lanes.Load(c + j);
    if (e.bias != nullptr) x = hn::Add(x, lanes.Load(e.bias + j));
    if (e.residual != nullptr) x = hn::Add(x, lanes.Load(e.residual + j));
    if (e.gelu_input != nullptr) {
      // Written in the forward pass, long since out of cache; a tile's rows are too short for the processor to foresee.
      hwy::Prefetch(e.gelu_input + e.gelu_row + j);
      const auto gelu = GeluWithSlope(d, lanes.Load(e.gelu_input + j));
      x = hn::Mul(x, gelu.slope);
      if (e.gelu != nullptr) lanes.Store(gelu.value, e.gelu + j);
    } else if (e.gelu != nullptr) {
      lanes.Store(hn::Mul(x, GeluGate(d, x)), e.gelu + j);
    }
    lanes.Store(x, c + j);
  });
}

template <class T>
void Rows(int64_t m, int64_t n, const Epilogue<T>& e, T* c, int64_t c_row) {
  if (n == 1 && c_row == 1 && e.residual == nullptr && e.gelu == nullptr && e.gelu_input == nullptr) {
    const T value = *e.bias;  // one output, as in simple regression
    for (int64_t i = 0; i < m; ++i) c[i] += value;
    return;
  }
  for (int64_t i = 0; i < m; ++i) {
    Epilogue<T> own = e.at(i, 0);
    EpilogueRow(static_cast<size_t>(n), own, c + i * c_row);
  }
}

void ApplyF32(int64_t m, int64_t n, const Epilogue<float>& e, float* c, int64_t c_row) { Rows(m, n, e, c, c_row); }
void ApplyF64(int64_t m, int64_t n, const Epilogue<double>& e, double* c, int64_t c_row) { Rows(m, n, e, c, c_row); }

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(ApplyF32);
HWY_EXPORT(ApplyF64);

template <>
void apply_epilogue(int64_t m, int64_t n, const Epilogue<float>& epilogue, float* c, int64_t c_row) {
  if (!epilogue.is_empty()) HWY_DYNAMIC_DISPATCH(ApplyF32)(m, n, epilogue, c, c_row);
}

template <>
void apply_epilogue(int64_t m, int64_t n, const Epilogue<double>& epilogue, double* c, int64_t c_row) {
  if (!epilogue.is_empty()) HWY_DYNAMIC_DISPATCH(ApplyF64)(m, n, epilogue, c, c_row);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
