#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/update.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include <algorithm>
#include <limits>

#include "gradus/tensor/kernels/bf16-inl.h"
#include "gradus/tensor/kernels/update.h"
#include "gradus/tensor/kernels/walk.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// What is left of full vectors runs through the same code one lane at a time: every element has the same bits wherever
// it lies, and a parameter of one or two elements costs no masks.
template <class T>
using OneLane = hn::CappedTag<T, 1>;

template <class T>
struct Mix {
  T gradient, sign, value;

  explicit Mix(const GradientMix& mix)
      : gradient(static_cast<T>(mix.gradient)), sign(static_cast<T>(mix.sign)), value(static_cast<T>(mix.value)) {}

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> g, hn::Vec<D> x) const {
    const auto signs = hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), hn::CopySignToAbs(hn::Set(d, sign), x));
    return hn::MulAdd(hn::Set(d, gradient), g, hn::MulAdd(hn::Set(d, value), x, signs));
  }
};

// θ and g are of T, the optimizer's own arrays of S: T or BFloat16.
template <class T, class S>
struct Arrays {
  T* value;
  const T* gradient;
  S* state[2];
  uint32_t noise;

  Arrays(const UpdateArrays& a, std::byte* first, std::byte* second, const StateStorage& storage)
      : value(reinterpret_cast<T*>(a.value)),
        gradient(reinterpret_cast<const T*>(a.gradient)),
        state{reinterpret_cast<S*>(first), reinterpret_cast<S*>(second)},
        noise(static_cast<uint32_t>(storage.noise)) {}
};

template <class D, class S>
HWY_INLINE hn::Vec<D> LoadState(D d, const S* from) {
  if constexpr (std::is_same_v<S, BFloat16>) {
    return LoadBf16(d, from);
  } else {
    return hn::LoadU(d, from);
  }
}

// The writer of the state from element i on.
template <class D, class T, class S>
struct StateStore {
  StateStore(D /*d*/, const Arrays<T, S>& /*a*/, int64_t /*i*/) {}
  HWY_INLINE void Store(D d, hn::Vec<D> x, S* to, int /*which*/) const { hn::StoreU(x, d, to); }
};

// 32 random bits for each element, 16 for either array: a hash of its place (C. Wellons' lowbias32).
template <class D, class T>
struct StateStore<D, T, BFloat16> {
  hn::Vec<Bits<D>> noise;

  StateStore(D /*d*/, const Arrays<T, BFloat16>& a, int64_t i) {
    const Bits<D> u;
    auto x = hn::Xor(hn::Iota(u, static_cast<uint32_t>(i)), hn::Set(u, a.noise));
    x = hn::Mul(hn::Xor(x, hn::ShiftRight<16>(x)), hn::Set(u, 0x7feb352dU));
    x = hn::Mul(hn::Xor(x, hn::ShiftRight<15>(x)), hn::Set(u, 0x846ca68bU));
    noise = hn::Xor(x, hn::ShiftRight<16>(x));
  }
  HWY_INLINE void Store(D d, hn::Vec<D> x, BFloat16* to, int which) const {
    const auto own = which == 0 ? hn::And(noise, hn::Set(Bits<D>(), 0xFFFFU)) : hn::ShiftRight<16>(noise);
    StoreBf16(d, RandomlyRoundedBf16(d, x, own), to);
  }
};

// The whole of an update rule is `rule(d, arrays, i)`: one vector from element i on. By value, so that the compiler
// sees that no store changes its constants.
template <class T, class S, class Rule>
HWY_INLINE void ForElements(const Rule rule, const Arrays<T, S> arrays, int64_t begin, int64_t end) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) rule(d, arrays, i);
  for (; i < end; ++i) rule(OneLane<T>(), arrays, i);
}

enum class Momentum { kNone, kPlain, kNesterov };

template <class T, Momentum kMomentum>
struct SgdRule {
  Mix<T> mix;
  T learning_rate, momentum;

  explicit SgdRule(const SgdUpdate& u)
      : mix(u.mix), learning_rate(static_cast<T>(u.learning_rate)), momentum(static_cast<T>(u.momentum)) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    auto direction = g;
    if constexpr (kMomentum != Momentum::kNone) {
      const auto factor = hn::Set(d, momentum);
      const auto v = hn::MulAdd(factor, LoadState(d, a.state[0] + i), g);
      StateStore<D, T, S>(d, a, i).Store(d, v, a.state[0] + i, 0);
      direction = kMomentum == Momentum::kNesterov ? hn::MulAdd(factor, v, g) : v;
    }
    hn::StoreU(hn::NegMulAdd(hn::Set(d, learning_rate), direction, x), d, a.value + i);
  }
};

template <class T>
struct AdamWRule {
  Mix<T> mix;
  T rest1, rest2, epsilon, decay, step, root;

  explicit AdamWRule(const AdamWUpdate& u)
      : mix(u.mix),
        rest1(static_cast<T>(1.0 - u.beta1)),
        rest2(static_cast<T>(1.0 - u.beta2)),
        // An epsilon that f32 rounds to 0 would make 0/0 of an element that never had a gradient.
        epsilon(std::max(static_cast<T>(u.epsilon), std::numeric_limits<T>::min())),
        decay(static_cast<T>(u.decay)),
        step(static_cast<T>(u.step)),
        root(static_cast<T>(u.root)) {}

  // Moments move by a part of their distance: in f32 beta·v + (1 − beta)·g² is off by the rounding of beta, which is
  // 2e-5 of v for 0.999. For the same reason decay is subtracted, not a factor 1 − decay.
  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    auto m = LoadState(d, a.state[0] + i), v = LoadState(d, a.state[1] + i);
    m = hn::MulAdd(hn::Set(d, rest1), hn::Sub(g, m), m);
    v = hn::MulAdd(hn::Set(d, rest2), hn::MulSub(g, g, v), v);
    const StateStore<D, T, S> store(d, a, i);
    store.Store(d, m, a.state[0] + i, 0);
    store.Store(d, v, a.state[1] + i, 1);
    const auto ratio = hn::Div(m, hn::MulAdd(hn::Set(d, root), hn::Sqrt(v), hn::Set(d, epsilon)));
    const auto change = hn::MulAdd(hn::Set(d, step), ratio, hn::Mul(hn::Set(d, decay), x));
    hn::StoreU(hn::Sub(x, change), d, a.value + i);
  }
};

// Calls `run(arrays)` with arrays of the dtypes that are there.
template <class Run>
void WithArrays(const UpdateArrays& a, std::byte* first, std::byte* second, const StateStorage& storage, Run&& run) {
  if (a.dtype == DType::kF64) return run(Arrays<double, double>(a, first, second, storage));
  if (storage.is_bf16) return run(Arrays<float, BFloat16>(a, first, second, storage));
  run(Arrays<float, float>(a, first, second, storage));
}

void RunSgd(const UpdateArrays& a, std::byte* velocity, const SgdUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, velocity, nullptr, u.storage, [&]<class T, class S>(const Arrays<T, S>& arrays) {
    if (velocity == nullptr) return ForElements(SgdRule<T, Momentum::kNone>(u), arrays, begin, end);
    if (u.nesterov) return ForElements(SgdRule<T, Momentum::kNesterov>(u), arrays, begin, end);
    ForElements(SgdRule<T, Momentum::kPlain>(u), arrays, begin, end);
  });
}

void RunAdamW(const UpdateArrays& a, std::byte* mean, std::byte* square, const AdamWUpdate& u, int64_t begin,
              int64_t end) {
  WithArrays(a, mean, square, u.storage,
             [&]<class T, class S>(const Arrays<T, S>& arrays) { ForElements(AdamWRule<T>(u), arrays, begin, end); });
}

template <class D, class T>
HWY_INLINE hn::Vec<D> LoadAsDouble(D d, const T* from) {
  if constexpr (sizeof(T) == 4) {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), from));
  } else {
    return hn::LoadU(d, from);
  }
}

// GradientSums of each lane.
template <class D, bool kPenalized>
struct LaneSums {
  const D d;
  hn::Vec<D> squares = hn::Zero(d), value_sizes = hn::Zero(d), value_squares = hn::Zero(d);

  template <class T>
  HWY_INLINE void Add(const Mix<double> mix, const T* gradient, const T* value) {
    auto g = LoadAsDouble(d, gradient);
    if constexpr (kPenalized) {
      const auto x = LoadAsDouble(d, value);
      g = mix(d, g, x);
      value_sizes = hn::Add(value_sizes, hn::Abs(x));
      value_squares = hn::MulAdd(x, x, value_squares);
    } else {
      g = hn::Mul(hn::Set(d, mix.gradient), g);
    }
    squares = hn::MulAdd(g, g, squares);
  }
  HWY_INLINE void AddTo(GradientSums& sums) const {
    sums.squares += hn::GetLane(hn::SumOfLanes(d, squares));
    if constexpr (kPenalized) {
      sums.value_sizes += hn::GetLane(hn::SumOfLanes(d, value_sizes));
      sums.value_squares += hn::GetLane(hn::SumOfLanes(d, value_squares));
    }
  }
};

template <bool kPenalized, class T>
void Measure(const Mix<double> mix, const T* g, const T* x, int64_t count, GradientSums& sums) {
  const hn::ScalableTag<double> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  LaneSums<OneLane<double>, kPenalized> last{};
  int64_t i = 0;
  if (count >= 4 * lanes) {
    LaneSums<hn::ScalableTag<double>, kPenalized> s0{}, s1{}, s2{}, s3{};  // four chains hide the adder's latency
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
  if (mix.sign != 0.0 || mix.value != 0.0) return Measure<true>(constants, g, x, end - begin, sums);
  Measure<false>(constants, g, x, end - begin, sums);
}

void RunMeasure(const UpdateArrays& a, const GradientMix& mix, int64_t begin, int64_t end, GradientSums& sums) {
  a.dtype == DType::kF32 ? MeasureTyped<float>(a, mix, begin, end, sums)
                         : MeasureTyped<double>(a, mix, begin, end, sums);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunSgd);
HWY_EXPORT(RunAdamW);
HWY_EXPORT(RunMeasure);

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

void update_sgd(const UpdateArrays& arrays, std::byte* velocity, const SgdUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunSgd);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, velocity, update, begin, end); });
}

void update_adamw(const UpdateArrays& arrays, std::byte* mean, std::byte* square, const AdamWUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunAdamW);
  parallel_for(arrays.count, kGrain,
               [&](int64_t begin, int64_t end) { run(arrays, mean, square, update, begin, end); });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
