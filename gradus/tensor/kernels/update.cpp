#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/update.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/update-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// GradientSums of each lane.
template <class D, bool kPenalized, bool kLimited>
struct LaneSums {
  const D d;
  hn::Vec<D> squares = hn::Zero(d), limited = hn::Zero(d), value_sizes = hn::Zero(d), value_squares = hn::Zero(d);

  template <class T>
  HWY_INLINE void Add(const Mix<double> mix, const T* gradient, const T* value) {
    auto g = LoadAsDouble(d, gradient);
    if constexpr (kPenalized) {
      const auto x = LoadAsDouble(d, value);
      g = mix.Unlimited(d, g, x);
      value_sizes = hn::Add(value_sizes, hn::Abs(x));
      value_squares = hn::MulAdd(x, x, value_squares);
    } else {
      g = hn::Mul(hn::Set(d, mix.gradient), g);
    }
    squares = hn::MulAdd(g, g, squares);
    if constexpr (kLimited) {
      g = mix.Limited(d, g);
      limited = hn::MulAdd(g, g, limited);
    }
  }
  HWY_INLINE void AddTo(GradientSums& sums) const {
    sums.squares += hn::GetLane(hn::SumOfLanes(d, squares));
    if constexpr (kLimited) sums.limited_squares += hn::GetLane(hn::SumOfLanes(d, limited));
    if constexpr (kPenalized) {
      sums.value_sizes += hn::GetLane(hn::SumOfLanes(d, value_sizes));
      sums.value_squares += hn::GetLane(hn::SumOfLanes(d, value_squares));
    }
  }
};

template <bool kPenalized, bool kLimited, class T>
void Measure(const Mix<double> mix, const T* g, const T* x, int64_t count, GradientSums& sums) {
  const hn::ScalableTag<double> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  LaneSums<OneLane<double>, kPenalized, kLimited> last{};
  int64_t i = 0;
  if (count >= 4 * lanes) {
    using Sums = LaneSums<hn::ScalableTag<double>, kPenalized, kLimited>;
    Sums s0{}, s1{}, s2{}, s3{};  // four chains hide the adder's latency
    for (; i + 4 * lanes <= count; i += 4 * lanes) {
      s0.Add(mix, g + i, x + i);
      s1.Add(mix, g + i + lanes, x + i + lanes);
      s2.Add(mix, g + i + 2 * lanes, x + i + 2 * lanes);
      s3.Add(mix, g + i + 3 * lanes, x + i + 3 * lanes);
    }
    s0.AddTo(sums);
    s1.AddTo(sums);
    s2.AddTo(sums);
    s3.AddTo(sums);
  }
  for (; i < count; ++i) last.Add(mix, g + i, x + i);
  last.AddTo(sums);
}

template <class T>
void MeasureTyped(const UpdateArrays& a, const GradientMix& mix, int64_t begin, int64_t end, GradientSums& sums) {
  const T* g = reinterpret_cast<const T*>(a.gradient) + begin;
  const T* x = reinterpret_cast<const T*>(a.value) + begin;
  const Mix<double> constants(mix);
  const bool penalized = mix.sign != 0.0 || mix.value != 0.0;
  if (mix.limit < std::numeric_limits<double>::infinity()) {
    if (penalized) return Measure<true, true>(constants, g, x, end - begin, sums);
    return Measure<false, true>(constants, g, x, end - begin, sums);
  }
  if (penalized) return Measure<true, false>(constants, g, x, end - begin, sums);
  Measure<false, false>(constants, g, x, end - begin, sums);
}

void RunMeasure(const UpdateArrays& a, const GradientMix& mix, int64_t begin, int64_t end, GradientSums& sums) {
  a.dtype == DType::kF32 ? MeasureTyped<float>(a, mix, begin, end, sums)
                         : MeasureTyped<double>(a, mix, begin, end, sums);
}

// The mixed gradient itself, for rules that take several passes over it.
template <class T>
struct MixRule {
  Mix<T> mix;

  template <class D>
  HWY_INLINE void operator()(D d, const Arrays<T, T>& a, int64_t i) const {
    hn::StoreU(mix(d, hn::LoadU(d, a.gradient + i), hn::LoadU(d, a.value + i)), d, a.state[0] + i);
  }
};

// ema ← ema + part·(θ − ema), rounded as the rules' own means are.
template <class T>
struct AverageRule {
  T part;

  template <class D>
  HWY_INLINE void operator()(D d, const Arrays<T, T>& a, int64_t i) const {
    hn::StoreU(MovedTo(d, hn::LoadU(d, a.state[0] + i), hn::LoadU(d, a.value + i), part), d, a.state[0] + i);
  }
};

void RunMix(const UpdateArrays& a, const GradientMix& mix, std::byte* into, int64_t begin, int64_t end) {
  if (a.dtype == DType::kF64) {
    return ForElements(MixRule<double>{Mix<double>(mix)}, Arrays<double, double>(a, {into}, {}), begin, end);
  }
  ForElements(MixRule<float>{Mix<float>(mix)}, Arrays<float, float>(a, {into}, {}), begin, end);
}

void RunAverage(const UpdateArrays& a, std::byte* average, double part, int64_t begin, int64_t end) {
  if (a.dtype == DType::kF64) {
    return ForElements(AverageRule<double>{part}, Arrays<double, double>(a, {average}, {}), begin, end);
  }
  ForElements(AverageRule<float>{static_cast<float>(part)}, Arrays<float, float>(a, {average}, {}), begin, end);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunMeasure);
HWY_EXPORT(RunMix);
HWY_EXPORT(RunAverage);

// Blocks that are measured before they are joined: so many fit on the stack, and the wait between is nothing to them.
constexpr int64_t kTogether = 256;

}  // namespace

GradientSums measure_gradient(const UpdateArrays& arrays, const GradientMix& mix) {
  const auto measure = HWY_DYNAMIC_DISPATCH(RunMeasure);
  GradientSums total;
  if (arrays.count <= kGrain) {
    measure(arrays, mix, 0, arrays.count, total);
    return total;
  }
  GradientSums blocks[kTogether];
  for (int64_t first = 0; first < arrays.count; first += kTogether * kGrain) {
    const int64_t size = std::min(arrays.count - first, kTogether * kGrain);
    parallel_for(size, kGrain, [&](int64_t begin, int64_t end) {
      GradientSums sums;
      measure(arrays, mix, first + begin, first + end, sums);
      blocks[begin / kGrain] = sums;
    });
    for (int64_t i = 0; i * kGrain < size; ++i) {
      total.squares += blocks[i].squares;
      total.limited_squares += blocks[i].limited_squares;
      total.value_sizes += blocks[i].value_sizes;
      total.value_squares += blocks[i].value_squares;
    }
  }
  return total;
}

double sum_of_squares(DType dtype, int64_t count, const std::byte* elements) {
  // Without a sign and a value term θ is not read; a pointer it must be all the same.
  return measure_gradient({dtype, count, const_cast<std::byte*>(elements), elements}, {}).squares;
}

void mix_gradient(const UpdateArrays& arrays, const GradientMix& mix, std::byte* into) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunMix);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, mix, into, begin, end); });
}

void update_average(DType dtype, int64_t count, const std::byte* value, std::byte* average, double part) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunAverage);
  const UpdateArrays arrays{dtype, count, const_cast<std::byte*>(value), nullptr};
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, average, part, begin, end); });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
