#include "gradus/tensor/kernels/pooling_simd.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/pooling_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// Calls `body(lanes, places, c, at)` for each vector of channels of each window: the places of its taps, the vector's
// first channel, and where its results are.
template <class T, class Body>
HWY_INLINE void ForWindows(const PoolLine<T>& l, Body&& body) {
  for (int64_t w = 0; w < l.windows; ++w) {
    const int64_t* const places = l.places + w * l.taps;
    ForLanes<T>(static_cast<size_t>(l.channels), [&](auto lanes, size_t c) HWY_ATTR {
      body(lanes, places, static_cast<int64_t>(c), w * l.channels + static_cast<int64_t>(c));
    });
  }
}

template <class T>
void MaxLine(const PoolLine<T>& l) {
  const hn::ScalableTag<T> d;
  const auto lowest = hn::Set(d, l.relu ? T{0} : -std::numeric_limits<T>::infinity());
  ForWindows(l, [&](auto lanes, const int64_t* places, int64_t c, int64_t at) HWY_ATTR {
    int64_t i = 0;
    while (places[i] < 0) ++i;
    auto largest = lowest, tap = hn::Set(d, l.relu ? T{-1} : static_cast<T>(i));
    for (; i < l.taps; ++i) {
      if (places[i] < 0) continue;
      const auto x = lanes.Load(l.x + places[i] + c);
      // A NaN is larger than all, and stays.
      const auto stays = hn::Or(hn::Le(x, largest), hn::IsNaN(largest));
      largest = hn::IfThenElse(stays, largest, x);
      tap = hn::IfThenElse(stays, tap, hn::Set(d, static_cast<T>(i)));
    }
    lanes.Store(largest, l.y + at);
    if (l.found != nullptr) lanes.Store(tap, l.found + at);
  });
}

template <class L, class V, class T>
HWY_INLINE void Put(L lanes, V value, T* to, bool adds) {
  lanes.Store(adds ? hn::Add(lanes.Load(to), value) : value, to);
}

template <class T>
void MaxLineBackward(const PoolLine<T>& l) {
  const hn::ScalableTag<T> d;
  ForWindows(l, [&](auto lanes, const int64_t* places, int64_t c, int64_t at) HWY_ATTR {
    const auto tap = lanes.Load(l.largest + at), grad = lanes.Load(l.grad + at);
    for (int64_t i = 0; i < l.taps; ++i) {
      if (places[i] < 0) continue;
      const auto here = hn::Eq(tap, hn::Set(d, static_cast<T>(i)));
      Put(lanes, hn::IfThenElseZero(here, grad), l.x_grad + places[i] + c, l.adds);
    }
  });
}

template <class T>
void AverageLine(const PoolLine<T>& l) {
  const hn::ScalableTag<T> d;
  ForWindows(l, [&](auto lanes, const int64_t* places, int64_t c, int64_t at) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (int64_t i = 0; i < l.taps; ++i) {
      if (places[i] >= 0) sum = hn::Add(sum, lanes.Load(l.x + places[i] + c));
    }
    lanes.Store(hn::Mul(sum, hn::Set(d, l.scale)), l.y + at);
  });
}

template <class T>
void AverageLineBackward(const PoolLine<T>& l) {
  const hn::ScalableTag<T> d;
  ForWindows(l, [&](auto lanes, const int64_t* places, int64_t c, int64_t at) HWY_ATTR {
    const auto share = hn::Mul(lanes.Load(l.grad + at), hn::Set(d, l.scale));
    for (int64_t i = 0; i < l.taps; ++i) {
      if (places[i] >= 0) Put(lanes, share, l.x_grad + places[i] + c, l.adds);
    }
  });
}

void MaxF32(const PoolLine<float>& line) { MaxLine(line); }
void MaxF64(const PoolLine<double>& line) { MaxLine(line); }
void MaxBackwardF32(const PoolLine<float>& line) { MaxLineBackward(line); }
void MaxBackwardF64(const PoolLine<double>& line) { MaxLineBackward(line); }
void AverageF32(const PoolLine<float>& line) { AverageLine(line); }
void AverageF64(const PoolLine<double>& line) { AverageLine(line); }
void AverageBackwardF32(const PoolLine<float>& line) { AverageLineBackward(line); }
void AverageBackwardF64(const PoolLine<double>& line) { AverageLineBackward(line); }

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
void max_pool_line(const PoolLine<float>& line) {
  HWY_DYNAMIC_DISPATCH(MaxF32)(line);
}
template <>
void max_pool_line(const PoolLine<double>& line) {
  HWY_DYNAMIC_DISPATCH(MaxF64)(line);
}
template <>
void max_pool_line_backward(const PoolLine<float>& line) {
  HWY_DYNAMIC_DISPATCH(MaxBackwardF32)(line);
}
template <>
void max_pool_line_backward(const PoolLine<double>& line) {
  HWY_DYNAMIC_DISPATCH(MaxBackwardF64)(line);
}
template <>
void average_pool_line(const PoolLine<float>& line) {
  HWY_DYNAMIC_DISPATCH(AverageF32)(line);
}
template <>
void average_pool_line(const PoolLine<double>& line) {
  HWY_DYNAMIC_DISPATCH(AverageF64)(line);
}
template <>
void average_pool_line_backward(const PoolLine<float>& line) {
  HWY_DYNAMIC_DISPATCH(AverageBackwardF32)(line);
}
template <>
void average_pool_line_backward(const PoolLine<double>& line) {
  HWY_DYNAMIC_DISPATCH(AverageBackwardF64)(line);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
