#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/update_adam.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/update-inl.h"
#include "gradus/tensor/kernels/update_adam.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

enum class Adam { kPlain, kUndivided, kLargest, kNesterov };

template <class T, Adam kKind>
struct AdamRule {
  Mix<T> mix;
  T rest1, rest2, epsilon, decay, step, root, gradient_step;

  explicit AdamRule(const AdamUpdate& u)
      : mix(u.mix),
        rest1(static_cast<T>(1.0 - u.beta1)),
        rest2(static_cast<T>(1.0 - u.beta2)),
        epsilon(EpsilonOf<T>(u.epsilon)),
        decay(static_cast<T>(u.decay)),
        step(static_cast<T>(u.step)),
        root(static_cast<T>(u.root)),
        gradient_step(static_cast<T>(u.gradient_step)) {}

  // Decay is subtracted, not a factor 1 − decay, whose rounding would be that of θ itself.
  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    const auto m = MovedTo(d, LoadState(d, a.state[0] + i), g, rest1);
    auto v = MovedToSquare(d, LoadState(d, a.state[1] + i), g, rest2);
    const StateStore<D, T, S> store(d, a, i);
    store.Store(d, m, a.state[0] + i, 0);
    store.Store(d, v, a.state[1] + i, 1);
    if constexpr (kKind == Adam::kLargest) {
      v = hn::Max(v, LoadState(d, a.state[2] + i));
      store.Store(d, v, a.state[2] + i, 2);
    }
    const auto divisor = hn::MulAdd(hn::Set(d, root), hn::Sqrt(v), hn::Set(d, epsilon));
    const auto decayed = hn::Mul(hn::Set(d, decay), x);
    if constexpr (kKind == Adam::kUndivided) {
      hn::StoreU(hn::Sub(x, hn::MulAdd(hn::Set(d, step), m, decayed)), d, a.value + i);
    } else if constexpr (kKind == Adam::kNesterov) {
      const auto direction = hn::MulAdd(hn::Set(d, step), m, hn::Mul(hn::Set(d, gradient_step), g));
      hn::StoreU(hn::Sub(x, hn::Add(hn::Div(direction, divisor), decayed)), d, a.value + i);
    } else {
      const auto change = hn::MulAdd(hn::Set(d, step), hn::Div(m, divisor), decayed);
      hn::StoreU(hn::Sub(x, change), d, a.value + i);
    }
  }
};

template <class T>
struct AdamaxRule {
  Mix<T> mix;
  T rest1, rest2, epsilon, step;

  explicit AdamaxRule(const AdamaxUpdate& u)
      : mix(u.mix),
        rest1(static_cast<T>(1.0 - u.beta1)),
        rest2(static_cast<T>(1.0 - u.beta2)),
        epsilon(EpsilonOf<T>(u.epsilon)),
        step(static_cast<T>(u.step)) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    const auto m = MovedTo(d, LoadState(d, a.state[0] + i), g, rest1);
    const auto before = LoadState(d, a.state[1] + i);
    const auto decayed = hn::NegMulAdd(hn::Set(d, rest2), before, before);
    const auto largest = hn::Max(decayed, hn::Add(hn::Abs(g), hn::Set(d, epsilon)));
    const StateStore<D, T, S> store(d, a, i);
    store.Store(d, m, a.state[0] + i, 0);
    store.Store(d, largest, a.state[1] + i, 1);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, step), hn::Div(m, largest), x), d, a.value + i);
  }
};

template <class T>
struct ScheduleFreeRule {
  Mix<T> mix;
  T rest2, epsilon, decay, step, root, part, momentum_step;

  explicit ScheduleFreeRule(const ScheduleFreeUpdate& u)
      : mix(u.mix),
        rest2(static_cast<T>(1.0 - u.beta2)),
        epsilon(EpsilonOf<T>(u.epsilon)),
        decay(static_cast<T>(u.decay)),
        step(static_cast<T>(u.learning_rate)),
        root(static_cast<T>(u.root)),
        part(static_cast<T>(u.part)),
        momentum_step(static_cast<T>(u.learning_rate * (1.0 - u.part) * (1.0 - u.beta1))) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto y = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), y);
    const auto v = MovedToSquare(d, LoadState(d, a.state[1] + i), g, rest2);
    const auto ratio = hn::Div(g, hn::MulAdd(hn::Set(d, root), hn::Sqrt(v), hn::Set(d, epsilon)));
    const auto direction = hn::MulAdd(hn::Set(d, decay), y, ratio);
    const auto z = hn::NegMulAdd(hn::Set(d, step), direction, LoadState(d, a.state[0] + i));
    const StateStore<D, T, S> store(d, a, i);
    store.Store(d, z, a.state[0] + i, 0);
    store.Store(d, v, a.state[1] + i, 1);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, momentum_step), direction, MovedTo(d, y, z, part)), d, a.value + i);
  }
};

void RunAdam(const UpdateArrays& a, const StateArrays& state, const AdamUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage, [&]<class T, class S>(const Arrays<T, S>& arrays) {
    if (u.root == 0.0) return ForElements(AdamRule<T, Adam::kUndivided>(u), arrays, begin, end);
    if (u.gradient_step != 0.0) return ForElements(AdamRule<T, Adam::kNesterov>(u), arrays, begin, end);
    if (state.third != nullptr) return ForElements(AdamRule<T, Adam::kLargest>(u), arrays, begin, end);
    ForElements(AdamRule<T, Adam::kPlain>(u), arrays, begin, end);
  });
}

void RunAdamax(const UpdateArrays& a, const StateArrays& state, const AdamaxUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage,
             [&]<class T, class S>(const Arrays<T, S>& arrays) { ForElements(AdamaxRule<T>(u), arrays, begin, end); });
}

void RunScheduleFree(const UpdateArrays& a, const StateArrays& state, const ScheduleFreeUpdate& u, int64_t begin,
                     int64_t end) {
  WithArrays(a, state, u.storage, [&]<class T, class S>(const Arrays<T, S>& arrays) {
    ForElements(ScheduleFreeRule<T>(u), arrays, begin, end);
  });
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunAdam);
HWY_EXPORT(RunAdamax);
HWY_EXPORT(RunScheduleFree);

}  // namespace

void update_adam(const UpdateArrays& arrays, const StateArrays& state, const AdamUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunAdam);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

void update_adamax(const UpdateArrays& arrays, const StateArrays& state, const AdamaxUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunAdamax);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

void update_schedule_free(const UpdateArrays& arrays, const StateArrays& state, const ScheduleFreeUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunScheduleFree);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
