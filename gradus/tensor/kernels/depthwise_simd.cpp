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

// Sums that stay in registers, of so many results (by so many turns of a group) or so many taps; what they are made
// from comes beside.
constexpr int kResults = 8, kTurns = 4, kTaps = 9;
#if HWY_TARGET <= HWY_AVX3
constexpr int kSums = 16;
#else
constexpr int kSums = 8;
#endif

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

// Channels alone: each lane is a group, and stays where it is.
template <class T>
struct NoTurns {
  static constexpr bool kAlone = true;
  explicit NoTurns(int64_t /*width*/) {}
  int64_t channels() const { return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>())); }
  HWY_INLINE V<T> Turn(V<T> x, int64_t /*by*/) const { return x; }
};

// Whole groups in a vector, turned by any number of lanes each.
template <class T>
class Turns {
 public:
  static constexpr bool kAlone = false;
  explicit Turns(int64_t width) : width_(static_cast<Lane>(width)) {
    const auto lanes = static_cast<Lane>(hn::Lanes(D()));
    for (Lane i = 0; i < lanes; ++i) place_[i] = i < lanes / width_ * width_ ? i % width_ : Lane{0};
    for (Lane i = 0; i < lanes; ++i) first_[i] = i < lanes / width_ * width_ ? i - place_[i] : Lane{0};
  }
  // Channels of a vector.
  int64_t channels() const { return static_cast<int64_t>(hn::Lanes(D())) / width_ * width_; }
  // Lane k of a group from lane (k + by) mod width, where `by` is not below 0 and not above the width.
  HWY_INLINE V<T> Turn(V<T> x, int64_t by) const {
    const DI d;
    auto place = hn::Add(hn::Load(d, place_), hn::Set(d, static_cast<Lane>(by)));
    const auto width = hn::Set(d, width_);
    place = hn::IfThenElse(hn::Lt(place, width), place, hn::Sub(place, width));
    return hn::TableLookupLanes(x, hn::IndicesFromVec(D(), hn::Add(place, hn::Load(d, first_))));
  }

 private:
  using D = hn::ScalableTag<T>;
  using DI = hn::RebindToSigned<D>;
  using Lane = hn::TFromD<DI>;

  Lane width_;
  HWY_ALIGN Lane place_[hn::MaxLanes(D())], first_[hn::MaxLanes(D())];
};

// Calls `body(lanes, c)` for vectors of whole groups; c is the first channel.
template <class T, class Turns, class Body>
HWY_INLINE void ForGroups(const DepthwiseRun<T>& run, const Turns& turns, Body&& body) {
  const int64_t most = turns.channels();
  for (int64_t c = run.begin; c < run.end; c += most) {
    const int64_t count = std::min(most, run.end - c);
    if (count == static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()))) {
      body(FullLanes<T>(), c);
    } else {
      body(PartLanes<T>{static_cast<size_t>(count)}, c);
    }
  }
}

// Adds to `y` what its results take by the turns [turn, turn + Count) of their groups. Sums are those of the source's
// lanes, which are turned to their results' at the end, once for all taps.
template <int Results, int Count, class L, class Turns, class T>
HWY_INLINE void AddTurns(const DepthwiseRun<T>& run, const Turns& turns, L lanes, int64_t first, int64_t c,
                         int64_t turn, V<T>* HWY_RESTRICT y) {
  const int64_t source_step = run.source_step, from = first * source_step + c - run.begin;
  V<T> sum[Results][Count];
  ForConstants<Results>([&](auto r) HWY_ATTR {
    ForConstants<Count>([&](auto i) HWY_ATTR { sum[r][i] = Turns::kAlone ? y[r] : hn::Zero(hn::ScalableTag<T>()); });
  });
  for (const DepthwiseTap<T>*tap = run.taps, *end = tap + run.count; tap != end; ++tap) {
    const T *source = tap->source + from, *weight = run.weight + tap->weight + turn * run.channels + c;
    V<T> x[Results];
    ForConstants<Results>([&](auto r) HWY_ATTR { x[r] = lanes.Load(source + r * source_step); });
    ForConstants<Count>([&](auto i) HWY_ATTR {
      const auto w = lanes.Load(weight + i * run.channels);
      ForConstants<Results>([&](auto r) HWY_ATTR { sum[r][i] = hn::MulAdd(x[r], w, sum[r][i]); });
    });
  }
  ForConstants<Count>([&](auto i) HWY_ATTR {
    const int64_t back = run.width - turn - i;
    ForConstants<Results>(
        [&](auto r) HWY_ATTR { y[r] = Turns::kAlone ? sum[r][i] : hn::Add(y[r], turns.Turn(sum[r][i], back)); });
  });
}

template <int Results, class Turns, class T>
HWY_NOINLINE void Forward(const DepthwiseRun<T>& run, const Turns& turns, int64_t first) {
  const hn::ScalableTag<T> d;
  ForGroups(run, turns, [&](auto lanes, int64_t c) HWY_ATTR {
    V<T> sum[Results];
    const auto start = run.bias != nullptr ? lanes.Load(run.bias + c) : hn::Zero(d);
    ForConstants<Results>([&](auto r) HWY_ATTR { sum[r] = start; });
    int64_t i = 0;
    if constexpr (!Turns::kAlone && Results * kTurns <= kSums) {
      for (; i + kTurns <= run.width; i += kTurns) AddTurns<Results, kTurns>(run, turns, lanes, first, c, i, sum);
    }
    if constexpr (!Turns::kAlone && Results * 2 <= kSums) {
      for (; i + 2 <= run.width; i += 2) AddTurns<Results, 2>(run, turns, lanes, first, c, i, sum);
    }
    for (; i < run.width; ++i) AddTurns<Results, 1>(run, turns, lanes, first, c, i, sum);
    ForConstants<Results>([&](auto r) HWY_ATTR {
      const int64_t place = (first + r) * run.result_step + c;
      auto y = sum[r];
      if (run.residual != nullptr) y = hn::Add(y, lanes.Load(run.residual + place));
      if (run.relu) y = hn::IfThenZeroElse(hn::Lt(y, hn::Zero(d)), y);
      lanes.Store(y, run.result + place);
    });
  });
}

template <class Turns, class T>
void ForwardOfRun(const DepthwiseRun<T>& run) {
  const Turns turns(run.width);
  int64_t i = 0;
  // Of narrow groups, few results by all turns: a number of the source is read once for some of them.
  if (run.width < 3) {
    for (; i + kResults <= run.results; i += kResults) Forward<kResults>(run, turns, i);
  }
  for (; i + 4 <= run.results; i += 4) Forward<4>(run, turns, i);
  if (i + 2 <= run.results) Forward<2>(run, turns, i), i += 2;
  if (i < run.results) Forward<1>(run, turns, i);
}

template <class T>
void Run(const DepthwiseRun<T>& run) {
  run.width == 1 ? ForwardOfRun<NoTurns<T>>(run) : ForwardOfRun<Turns<T>>(run);
}

template <int Taps, class Turns, class T>
HWY_NOINLINE void Weight(const DepthwiseRun<T>& run, const Turns& turns, const DepthwiseTap<T>* taps) {
  const int64_t source_step = run.source_step, result_step = run.result_step;
  ForGroups(run, turns, [&](auto lanes, int64_t c) HWY_ATTR {
    for (int64_t turn = 0; turn < run.width; ++turn) {
      T* const to = run.weight_grad + turn * run.channels + c;
      V<T> sum[Taps];
      const T* source[Taps];
      ForConstants<Taps>([&](auto i) HWY_ATTR {
        sum[i] = lanes.Load(to + taps[i].weight);
        source[i] = taps[i].source + c - run.begin;
      });
      const T* grad = run.grad + c;
      for (int64_t r = 0, at = 0; r < run.results; ++r, at += source_step, grad += result_step) {
        const auto g = turns.Turn(lanes.Load(grad), turn);
        ForConstants<Taps>([&](auto i) HWY_ATTR { sum[i] = hn::MulAdd(lanes.Load(source[i] + at), g, sum[i]); });
      }
      ForConstants<Taps>([&](auto i) HWY_ATTR { lanes.Store(sum[i], to + taps[i].weight); });
    }
  });
}

// The last taps, of which there are fewer than `Taps` + 1.
template <int Taps, class Turns, class T>
void WeightOfRest(const DepthwiseRun<T>& run, const Turns& turns, const DepthwiseTap<T>* taps, int64_t count) {
  if (count == Taps) return Weight<Taps>(run, turns, taps);
  if constexpr (Taps > 1) WeightOfRest<Taps - 1>(run, turns, taps, count);
}

template <class Turns, class T>
void WeightOfRun(const DepthwiseRun<T>& run) {
  const Turns turns(run.width);
  for (int64_t i = 0; i < run.count; i += kTaps) {
    WeightOfRest<kTaps>(run, turns, run.taps + i, std::min<int64_t>(kTaps, run.count - i));
  }
}

template <class T>
void RunWeight(const DepthwiseRun<T>& run) {
  run.width == 1 ? WeightOfRun<NoTurns<T>>(run) : WeightOfRun<Turns<T>>(run);
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
