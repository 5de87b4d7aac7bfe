#include "gradus/tensor/kernels/batch_norm_simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/batch_norm_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using V = hn::Vec<Tag<T>>;

// A channel's sums are chains of additions: some vectors of channels at a time keep the adder busy.
constexpr int kTogether = 4;

// Calls `body.operator()<Vectors>(lanes, c)` for the channels from c on, so many vectors of them.
template <class T, class Body>
HWY_INLINE void ForChannels(int64_t channels, Body&& body) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  int64_t c = 0;
  for (; c + kTogether * lanes <= channels; c += kTogether * lanes) {
    body.template operator()<kTogether>(FullLanes<T>(), c);
  }
  for (; c + lanes <= channels; c += lanes) body.template operator()<1>(FullLanes<T>(), c);
  if (c < channels) body.template operator()<1>(PartLanes<T>{static_cast<size_t>(channels - c)}, c);
}

template <int Vectors, class T, class L>
void MomentsOf(const BatchNormRows<T>& r, L lanes, int64_t c) {
  const Tag<T> d;
  const int64_t step = static_cast<int64_t>(hn::Lanes(d));
  V<T> sum[Vectors], mean[Vectors], squares[Vectors];
  for (int v = 0; v < Vectors; ++v) sum[v] = squares[v] = hn::Zero(d);
  const T* x = r.x + c;
  for (int64_t i = 0; i < r.rows; ++i, x += r.channels) {
    for (int v = 0; v < Vectors; ++v) sum[v] = hn::Add(sum[v], lanes.Load(x + v * step));
  }
  for (int v = 0; v < Vectors; ++v) mean[v] = hn::Div(sum[v], hn::Set(d, static_cast<T>(r.rows)));
  // A second pass, which the cache answers: Σx² − n·mean² would cancel.
  x = r.x + c;
  for (int64_t i = 0; i < r.rows; ++i, x += r.channels) {
    for (int v = 0; v < Vectors; ++v) {
      const auto centred = hn::Sub(lanes.Load(x + v * step), mean[v]);
      squares[v] = hn::MulAdd(centred, centred, squares[v]);
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    lanes.Store(mean[v], r.sum + c + v * step);
    lanes.Store(squares[v], r.products + c + v * step);
  }
}

template <class T>
void Moments(const BatchNormRows<T>& r) {
  ForChannels<T>(r.channels, [&]<int Vectors>(auto lanes, int64_t c) { MomentsOf<Vectors, T>(r, lanes, c); });
}

// (x − mean)·scale + bias at one place.
template <class T, class L>
HWY_INLINE V<T> Normal(const BatchNormRows<T>& r, L lanes, const T* x, int64_t c) {
  return hn::MulAdd(hn::Sub(lanes.Load(x + c), lanes.Load(r.mean + c)), lanes.Load(r.scale + c),
                    lanes.Load(r.bias + c));
}

template <class T>
void Forward(const BatchNormRows<T>& r) {
  const Tag<T> d;
  for (int64_t i = 0; i < r.rows; ++i) {
    const int64_t row = i * r.channels;
    ForLanes<T>(static_cast<size_t>(r.channels), [&](auto lanes, size_t at) HWY_ATTR {
      const int64_t c = static_cast<int64_t>(at);
      auto y = Normal<T>(r, lanes, r.x + row, c);
      if (r.residual != nullptr) y = hn::Add(y, lanes.Load(r.residual + row + c));
      if (r.relu) y = hn::IfThenZeroElse(hn::Lt(y, hn::Zero(d)), y);
      lanes.Store(y, r.out + row + c);
    });
  }
}

// The gradient behind relu.
template <class T, class L>
HWY_INLINE V<T> Passed(const BatchNormRows<T>& r, L lanes, int64_t row, int64_t c) {
  const auto g = lanes.Load(r.grad + row + c);
  if (!r.relu) return g;
  const auto y = r.y != nullptr ? lanes.Load(r.y + row + c) : Normal<T>(r, lanes, r.x + row, c);
  return hn::IfThenElseZero(hn::Gt(y, hn::Zero(Tag<T>())), g);
}

template <int Vectors, class T, class L>
void SumsOf(const BatchNormRows<T>& r, L lanes, int64_t c) {
  const Tag<T> d;
  const int64_t step = static_cast<int64_t>(hn::Lanes(d));
  V<T> sum[Vectors], products[Vectors], mean[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    sum[v] = products[v] = hn::Zero(d);
    mean[v] = lanes.Load(r.mean + c + v * step);
  }
  for (int64_t i = 0; i < r.rows; ++i) {
    const int64_t row = i * r.channels;
    for (int v = 0; v < Vectors; ++v) {
      const int64_t at = c + v * step;
      const auto g = Passed<T>(r, lanes, row, at);
      sum[v] = hn::Add(sum[v], g);
      products[v] = hn::MulAdd(g, hn::Sub(lanes.Load(r.x + row + at), mean[v]), products[v]);
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    lanes.Store(sum[v], r.sum + c + v * step);
    lanes.Store(products[v], r.products + c + v * step);
  }
}

template <class T>
void Sums(const BatchNormRows<T>& r) {
  ForChannels<T>(r.channels, [&]<int Vectors>(auto lanes, int64_t c) { SumsOf<Vectors, T>(r, lanes, c); });
}

template <class T>
void Backward(const BatchNormRows<T>& r) {
  for (int64_t i = 0; i < r.rows; ++i) {
    const int64_t row = i * r.channels;
    ForLanes<T>(static_cast<size_t>(r.channels), [&](auto lanes, size_t at) HWY_ATTR {
      const int64_t c = static_cast<int64_t>(at);
      const auto g = Passed<T>(r, lanes, row, c);
      if (r.of_residual != nullptr) lanes.Store(g, r.of_residual + row + c);
      if (r.out == nullptr) return;
      const auto x = hn::Sub(lanes.Load(r.x + row + c), lanes.Load(r.mean + c));
      const auto shared = hn::MulAdd(x, lanes.Load(r.slope + c), lanes.Load(r.centre + c));
      lanes.Store(hn::MulSub(g, lanes.Load(r.scale + c), shared), r.out + row + c);
    });
  }
}

void MomentsF32(const BatchNormRows<float>& r) { Moments(r); }
void MomentsF64(const BatchNormRows<double>& r) { Moments(r); }
void ForwardF32(const BatchNormRows<float>& r) { Forward(r); }
void ForwardF64(const BatchNormRows<double>& r) { Forward(r); }
void SumsF32(const BatchNormRows<float>& r) { Sums(r); }
void SumsF64(const BatchNormRows<double>& r) { Sums(r); }
void BackwardF32(const BatchNormRows<float>& r) { Backward(r); }
void BackwardF64(const BatchNormRows<double>& r) { Backward(r); }

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(MomentsF32);
HWY_EXPORT(MomentsF64);
HWY_EXPORT(ForwardF32);
HWY_EXPORT(ForwardF64);
HWY_EXPORT(SumsF32);
HWY_EXPORT(SumsF64);
HWY_EXPORT(BackwardF32);
HWY_EXPORT(BackwardF64);

template <>
void run_moments(const BatchNormRows<float>& rows) {
  HWY_DYNAMIC_DISPATCH(MomentsF32)(rows);
}
template <>
void run_moments(const BatchNormRows<double>& rows) {
  HWY_DYNAMIC_DISPATCH(MomentsF64)(rows);
}
template <>
void run_batch_norm(const BatchNormRows<float>& rows) {
  HWY_DYNAMIC_DISPATCH(ForwardF32)(rows);
}
template <>
void run_batch_norm(const BatchNormRows<double>& rows) {
  HWY_DYNAMIC_DISPATCH(ForwardF64)(rows);
}
template <>
void run_batch_norm_sums(const BatchNormRows<float>& rows) {
  HWY_DYNAMIC_DISPATCH(SumsF32)(rows);
}
template <>
void run_batch_norm_sums(const BatchNormRows<double>& rows) {
  HWY_DYNAMIC_DISPATCH(SumsF64)(rows);
}
template <>
void run_batch_norm_backward(const BatchNormRows<float>& rows) {
  HWY_DYNAMIC_DISPATCH(BackwardF32)(rows);
}
template <>
void run_batch_norm_backward(const BatchNormRows<double>& rows) {
  HWY_DYNAMIC_DISPATCH(BackwardF64)(rows);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
