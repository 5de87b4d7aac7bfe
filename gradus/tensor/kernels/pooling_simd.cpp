#include "gradus/tensor/kernels/pooling_simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/pooling_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

template <class T>
void MaxWindow(const PoolWindow<T>& w) {
  ForLanes<T>(static_cast<size_t>(w.channels), [&](auto lanes, size_t c) HWY_ATTR {
    auto largest = lanes.Load(w.x + w.places[0] + c);
    for (int64_t i = 1; i < w.count; ++i) {
      const auto x = lanes.Load(w.x + w.places[i] + c);
      // A NaN is larger than all, and stays.
      largest = hn::IfThenElse(hn::Or(hn::Le(x, largest), hn::IsNaN(largest)), largest, x);
    }
    lanes.Store(largest, w.y + c);
  });
}

template <class L, class V, class T>
HWY_INLINE void Put(L lanes, V value, T* to, bool adds) {
  lanes.Store(adds ? hn::Add(lanes.Load(to), value) : value, to);
}

template <class T>
void MaxWindowBackward(const PoolWindow<T>& w) {
  ForLanes<T>(static_cast<size_t>(w.channels), [&](auto lanes, size_t c) HWY_ATTR {
    const auto largest = lanes.Load(w.y + c);
    auto rest = lanes.Load(w.grad + c);  // until its place is found
    for (int64_t i = 0; i < w.count; ++i) {
      const auto x = lanes.Load(w.x + w.places[i] + c);
      T* to = w.x_grad + w.places[i] + c;
      const auto here = hn::Or(hn::Eq(x, largest), hn::And(hn::IsNaN(x), hn::IsNaN(largest)));
      Put(lanes, hn::IfThenElseZero(here, rest), to, w.adds);
      rest = hn::IfThenZeroElse(here, rest);
    }
  });
}

template <class T>
void AverageWindow(const PoolWindow<T>& w) {
  const hn::ScalableTag<T> d;
  ForLanes<T>(static_cast<size_t>(w.channels), [&](auto lanes, size_t c) HWY_ATTR {
    auto sum = lanes.Load(w.x + w.places[0] + c);
    for (int64_t i = 1; i < w.count; ++i) sum = hn::Add(sum, lanes.Load(w.x + w.places[i] + c));
    lanes.Store(hn::Mul(sum, hn::Set(d, w.scale)), w.y + c);
  });
}

template <class T>
void AverageWindowBackward(const PoolWindow<T>& w) {
  const hn::ScalableTag<T> d;
  ForLanes<T>(static_cast<size_t>(w.channels), [&](auto lanes, size_t c) HWY_ATTR {
    const auto share = hn::Mul(lanes.Load(w.grad + c), hn::Set(d, w.scale));
    for (int64_t i = 0; i < w.count; ++i) Put(lanes, share, w.x_grad + w.places[i] + c, w.adds);
  });
}

void MaxF32(const PoolWindow<float>& w) { MaxWindow(w); }
void MaxF64(const PoolWindow<double>& w) { MaxWindow(w); }
void MaxBackwardF32(const PoolWindow<float>& w) { MaxWindowBackward(w); }
void MaxBackwardF64(const PoolWindow<double>& w) { MaxWindowBackward(w); }
void AverageF32(const PoolWindow<float>& w) { AverageWindow(w); }
void AverageF64(const PoolWindow<double>& w) { AverageWindow(w); }
void AverageBackwardF32(const PoolWindow<float>& w) { AverageWindowBackward(w); }
void AverageBackwardF64(const PoolWindow<double>& w) { AverageWindowBackward(w); }

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(MaxF32);
HWY_EXPORT(MaxF64);
HWY_EXPORT(MaxBackwardF32);
HWY_EXPORT(MaxBackwardF64);
HWY_EXPORT(AverageF32);
HWY_EXPORT(AverageF64);
HWY_EXPORT(AverageBackwardF32);
HWY_EXPORT(AverageBackwardF64);

template <>
void max_window(const PoolWindow<float>& w) {
  HWY_DYNAMIC_DISPATCH(MaxF32)(w);
}
template <>
void max_window(const PoolWindow<double>& w) {
  HWY_DYNAMIC_DISPATCH(MaxF64)(w);
}
template <>
void max_window_backward(const PoolWindow<float>& w) {
  HWY_DYNAMIC_DISPATCH(MaxBackwardF32)(w);
}
template <>
void max_window_backward(const PoolWindow<double>& w) {
  HWY_DYNAMIC_DISPATCH(MaxBackwardF64)(w);
}
template <>
void average_window(const PoolWindow<float>& w) {
  HWY_DYNAMIC_DISPATCH(AverageF32)(w);
}
template <>
void average_window(const PoolWindow<double>& w) {
  HWY_DYNAMIC_DISPATCH(AverageF64)(w);
}
template <>
void average_window_backward(const PoolWindow<float>& w) {
  HWY_DYNAMIC_DISPATCH(AverageBackwardF32)(w);
}
template <>
void average_window_backward(const PoolWindow<double>& w) {
  HWY_DYNAMIC_DISPATCH(AverageBackwardF64)(w);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
