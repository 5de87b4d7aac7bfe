#include "gradus/data/image_resize_simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/data/image_resize_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::detail::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Float = hn::ScalableTag<float>;
template <class Real>
using Four = hn::CappedTag<Real, 4>;

// The nearest whole number of those from 0 to `most`, a half to the next.
template <class D>
HWY_INLINE hn::Vec<D> ToLevel(D d, hn::Vec<D> x, hn::Vec<D> most) {
  return hn::Min(hn::Max(hn::Floor(hn::Add(x, hn::Set(d, hn::TFromD<D>(0.5)))), hn::Zero(d)), most);
}

template <class T>
void Widen(const T* from, int64_t count, float* to) {
  const Float d;
  const hn::Rebind<T, Float> narrow;
  const hn::Rebind<int32_t, Float> wide;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::ConvertTo(d, hn::PromoteTo(wide, hn::LoadU(narrow, from + i))), d, to + i);
  }
  for (; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

void WidenBytes(const uint8_t* from, int64_t count, float* to) { Widen(from, count, to); }
void WidenWords(const uint16_t* from, int64_t count, float* to) { Widen(from, count, to); }

// Four taps of a grey row at once.
void ResizeGreyRow(const float* from, const ResizeTaps<float>& taps, float most, float* to) {
  const Four<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float* weights = taps.weights;
  for (int64_t i = 0; i < taps.count; ++i, weights += taps.width) {
    const float* x = from + taps.first[i];
    auto sum = hn::Zero(d);
    for (int64_t k = 0; k < taps.width; k += lanes) {
      sum = hn::MulAdd(hn::LoadU(d, x + k), hn::LoadU(d, weights + k), sum);
    }
    to[i] = hn::GetLane(ToLevel(d, hn::SumOfLanes(d, sum), hn::Set(d, most)));
  }
}

// A tap of the channels of a pixel at once; of fewer than four the others are the next pixel's, which is written over.
template <int64_t kChannels, class Real>
void ResizeColourRow(const Real* from, const ResizeTaps<Real>& taps, Real most, Real* to) {
  const Four<Real> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Real* weights = taps.weights;
  for (int64_t i = 0; i < taps.count; ++i, weights += taps.width, to += kChannels) {
    const Real* x = from + kChannels * taps.first[i];
    for (int64_t c = 0; c < kChannels; c += lanes) {
      auto even = hn::Zero(d), odd = hn::Zero(d);
      for (int64_t k = 0; k < taps.width; k += 2) {
        even = hn::MulAdd(hn::LoadU(d, x + kChannels * k + c), hn::Set(d, weights[k]), even);
        odd = hn::MulAdd(hn::LoadU(d, x + kChannels * (k + 1) + c), hn::Set(d, weights[k + 1]), odd);
      }
      hn::StoreU(ToLevel(d, hn::Add(even, odd), hn::Set(d, most)), d, to + c);
    }
  }
}

void ResizeRow(const float* from, int64_t channels, const ResizeTaps<float>& taps, float most, float* to) {
  if (channels == 1) return ResizeGreyRow(from, taps, most, to);
  ResizeColourRow<3>(from, taps, most, to);
}

void ResizeAlphaRow(const double* from, int64_t channels, const ResizeTaps<double>& taps, double most, double* to) {
  if (channels == 2) return ResizeColourRow<2>(from, taps, most, to);
  ResizeColourRow<4>(from, taps, most, to);
}

template <class Real>
void ResizeColumn(const Real* from, int64_t stride, const Real* weights, int64_t rows, int64_t count, Real most,
                  Real unit, Real* to) {
  kernels::HWY_NAMESPACE::ForLanes<Real>(static_cast<size_t>(count), [&](auto lanes, size_t j) HWY_ATTR {
    const hn::ScalableTag<Real> d;
    auto sum = hn::Zero(d);
    for (int64_t k = 0; k < rows; ++k) {
      sum = hn::MulAdd(lanes.Load(from + k * stride + j), hn::Set(d, weights[k]), sum);
    }
    lanes.Store(hn::Div(ToLevel(d, sum, hn::Set(d, most)), hn::Set(d, unit)), to + j);
  });
}

void ResizeColumnFloat(const float* from, int64_t stride, const float* weights, int64_t rows, int64_t count, float most,
                       float unit, float* to) {
  ResizeColumn(from, stride, weights, rows, count, most, unit, to);
}

void ResizeColumnDouble(const double* from, int64_t stride, const double* weights, int64_t rows, int64_t count,
                        double most, double unit, double* to) {
  ResizeColumn(from, stride, weights, rows, count, most, unit, to);
}

}  // namespace
}  // namespace gradus::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::detail {

HWY_EXPORT(WidenBytes);
HWY_EXPORT(WidenWords);
HWY_EXPORT(ResizeRow);
HWY_EXPORT(ResizeAlphaRow);
HWY_EXPORT(ResizeColumnFloat);
HWY_EXPORT(ResizeColumnDouble);

void run_widen(const uint8_t* from, int64_t count, float* to) { HWY_DYNAMIC_DISPATCH(WidenBytes)(from, count, to); }
void run_widen(const uint16_t* from, int64_t count, float* to) { HWY_DYNAMIC_DISPATCH(WidenWords)(from, count, to); }

void run_resize_row(const float* from, int64_t channels, const ResizeTaps<float>& taps, float most, float* to) {
  HWY_DYNAMIC_DISPATCH(ResizeRow)(from, channels, taps, most, to);
}

void run_resize_row(const double* from, int64_t channels, const ResizeTaps<double>& taps, double most, double* to) {
  HWY_DYNAMIC_DISPATCH(ResizeAlphaRow)(from, channels, taps, most, to);
}

void run_resize_column(const float* from, int64_t stride, const float* weights, int64_t rows, int64_t count, float most,
                       float unit, float* to) {
  HWY_DYNAMIC_DISPATCH(ResizeColumnFloat)(from, stride, weights, rows, count, most, unit, to);
}

void run_resize_column(const double* from, int64_t stride, const double* weights, int64_t rows, int64_t count,
                       double most, double unit, double* to) {
  HWY_DYNAMIC_DISPATCH(ResizeColumnDouble)(from, stride, weights, rows, count, most, unit, to);
}

}  // namespace gradus::detail
#endif  // HWY_ONCE
