#include "gradus/tensor/kernels/depthwise_simd.h"

#include <algorithm>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/depthwise_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// Sums that stay in registers, of so many results or so many taps; a vector of weights or gradients comes beside.
constexpr int kResults = 8, kTaps = 9;

// Calls `body` with the constants 0 to N − 1: what is indexed by them stays in registers, unlike in a loop.
template <int N, class Body>
HWY_INLINE void ForConstants(Body&& body) {
  if constexpr (N > 0) {
    ForConstants<N - 1>(body);
    body(std::integral_constant<int, N - 1>());
  }
}

template <class T>
using V = hn::Vec<hn::ScalableTag<T>>;

template <int Results, class T>
HWY_NOINLINE void Forward(const DepthwiseRun<T>& run, int64_t first) {
  const hn::ScalableTag<T> d;
  const int64_t source_step = run.source_step, result_step = run.result_step, from = first * source_step;
  ForLanes<T>(static_cast<size_t>(run.channels), [&](auto lanes, size_t c) HWY_ATTR {
    V<T> sum[Results];
    const auto start = run.bias != nullptr ? lanes.Load(run.bias + c) : hn::Zero(d);
    ForConstants<Results>([&](auto r) HWY_ATTR { sum[r] = start; });
    for (const DepthwiseTap<T>*tap = run.taps, *end = tap + run.count; tap != end; ++tap) {
      const auto weight = lanes.Load(run.weight + tap->weight + c);
      const T* source = tap->source + from + c;
      ForConstants<Results>(
          [&](auto r) HWY_ATTR { sum[r] = hn::MulAdd(lanes.Load(source + r * source_step), weight, sum[r]); });
    }
    ForConstants<Results>([&](auto r) HWY_ATTR {
      const int64_t place = (first + r) * result_step + static_cast<int64_t>(c);
      auto y = sum[r];
      if (run.residual != nullptr) y = hn::Add(y, lanes.Load(run.residual + place));
      if (run.relu) y = hn::IfThenZeroElse(hn::Lt(y, hn::Zero(d)), y);
      lanes.Store(y, run.result + place);
    });
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
  const int64_t source_step = run.source_step, result_step = run.result_step;
  ForLanes<T>(static_cast<size_t>(run.channels), [&](auto lanes, size_t c) HWY_ATTR {
    V<T> sum[Taps];
    const T* source[Taps];
    ForConstants<Taps>([&](auto i) HWY_ATTR {
      sum[i] = lanes.Load(run.weight_grad + taps[i].weight + c);
      source[i] = taps[i].source + c;
    });
    const T* grad = run.grad + c;
    for (int64_t r = 0, at = 0; r < run.results; ++r, at += source_step, grad += result_step) {
      const auto g = lanes.Load(grad);
      ForConstants<Taps>([&](auto i) HWY_ATTR { sum[i] = hn::MulAdd(lanes.Load(source[i] + at), g, sum[i]); });
    }
    ForConstants<Taps>([&](auto i) HWY_ATTR { lanes.Store(sum[i], run.weight_grad + taps[i].weight + c); });
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
