#include "gradus/tensor/kernels/depthwise_simd.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/depthwise_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// Sums that stay in registers, of so many results or so many taps; a vector of weights or gradients comes beside.
constexpr int kResults = 8, kTaps = 9;

template <class T>
using V = hn::Vec<hn::ScalableTag<T>>;

template <int Results, class T>
HWY_NOINLINE void Forward(const DepthwiseRun<T>& run, int64_t first) {
  const hn::ScalableTag<T> d;
  ForLanes<T>(static_cast<size_t>(run.channels), [&](auto lanes, size_t c) HWY_ATTR {
    V<T> sum[Results];
    const auto start = run.bias != nullptr ? lanes.Load(run.bias + c) : hn::Zero(d);
    for (int r = 0; r < Results; ++r) sum[r] = start;
    for (int64_t i = 0; i < run.count; ++i) {
      const auto weight = lanes.Load(run.weight + run.taps[i].weight + c);
      const T* source = run.taps[i].source + first * run.source_step + c;
      for (int r = 0; r < Results; ++r) {
        sum[r] = hn::MulAdd(lanes.Load(source + r * run.source_step), weight, sum[r]);
      }
    }
    for (int r = 0; r < Results; ++r) {
      const int64_t place = (first + r) * run.result_step + static_cast<int64_t>(c);
      auto y = sum[r];
      if (run.residual != nullptr) y = hn::Add(y, lanes.Load(run.residual + place));
      if (run.relu) y = hn::IfThenZeroElse(hn::Lt(y, hn::Zero(d)), y);
      lanes.Store(y, run.result + place);
    }
  });
}

template <class T>
void Run(const DepthwiseRun<T>& run) {
  int64_t i = 0;
  for (; i + kResults <= run.results; i += kResults) Forward<kResults>(run, i);
  if (i + 4 <= run.results) Forward<4>(run, i), i += 4;
  if (i + 2 <= run.results) Forward<2>(run, i), i += 2;
  if (i < run.results) Forward<1>(run, i);
}

template <int Taps, class T>
HWY_NOINLINE void Weight(const DepthwiseRun<T>& run, const DepthwiseTap<T>* taps) {
  ForLanes<T>(static_cast<size_t>(run.channels), [&](auto lanes, size_t c) HWY_ATTR {
    V<T> sum[Taps];
    const T* source[Taps];
    for (int i = 0; i < Taps; ++i) {
      sum[i] = lanes.Load(run.weight_grad + taps[i].weight + c);
      source[i] = taps[i].source + c;
    }
    const T* grad = run.grad + c;
    for (int64_t r = 0; r < run.results; ++r, grad += run.result_step) {
      const auto g = lanes.Load(grad);
      for (int i = 0; i < Taps; ++i) sum[i] = hn::MulAdd(lanes.Load(source[i] + r * run.source_step), g, sum[i]);
    }
    for (int i = 0; i < Taps; ++i) lanes.Store(sum[i], run.weight_grad + taps[i].weight + c);
  });
}

// The last taps, of which there are fewer than `Taps` + 1.
template <int Taps, class T>
void WeightOfRest(const DepthwiseRun<T>& run, const DepthwiseTap<T>* taps, int64_t count) {
  if (count == Taps) return Weight<Taps>(run, taps);
  if constexpr (Taps > 1) WeightOfRest<Taps - 1>(run, taps, count);
}

template <class T>
void RunWeight(const DepthwiseRun<T>& run) {
  for (int64_t i = 0; i < run.count; i += kTaps) {
    WeightOfRest<kTaps>(run, run.taps + i, std::min<int64_t>(kTaps, run.count - i));
  }
}

void RunF32(const DepthwiseRun<float>& run) { Run(run); }
void RunF64(const DepthwiseRun<double>& run) { Run(run); }
void RunWeightF32(const DepthwiseRun<float>& run) { RunWeight(run); }
void RunWeightF64(const DepthwiseRun<double>& run) { RunWeight(run); }

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(RunF32);
HWY_EXPORT(RunF64);
HWY_EXPORT(RunWeightF32);
HWY_EXPORT(RunWeightF64);

template <>
void depthwise_run(const DepthwiseRun<float>& run) {
  HWY_DYNAMIC_DISPATCH(RunF32)(run);
}
template <>
void depthwise_run(const DepthwiseRun<double>& run) {
  HWY_DYNAMIC_DISPATCH(RunF64)(run);
}
template <>
void depthwise_run_weight(const DepthwiseRun<float>& run) {
  HWY_DYNAMIC_DISPATCH(RunWeightF32)(run);
}
template <>
void depthwise_run_weight(const DepthwiseRun<double>& run) {
  HWY_DYNAMIC_DISPATCH(RunWeightF64)(run);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
