#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/update_rms.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/update-inl.h"
#include "gradus/tensor/kernels/update_rms.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

template <class T>
struct AdagradRule {
  Mix<T> mix;
  T rate, epsilon;

  explicit AdagradRule(const AdagradUpdate& u)
      : mix(u.mix), rate(static_cast<T>(u.learning_rate)), epsilon(EpsilonOf<T>(u.epsilon)) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    const auto sum = hn::MulAdd(g, g, LoadState(d, a.state[0] + i));
    StateStore<D, T, S>(d, a, i).Store(d, sum, a.state[0] + i, 0);
    const auto ratio = hn::Div(g, hn::Add(hn::Sqrt(sum), hn::Set(d, epsilon)));
    hn::StoreU(hn::NegMulAdd(hn::Set(d, rate), ratio, x), d, a.value + i);
  }
};

template <class T>
struct AdadeltaRule {
  Mix<T> mix;
  T rate, rest, epsilon;

  explicit AdadeltaRule(const AdadeltaUpdate& u)
      : mix(u.mix),
        rate(static_cast<T>(u.learning_rate)),
        rest(static_cast<T>(1.0 - u.rho)),
        epsilon(EpsilonOf<T>(u.epsilon)) {}

  // Two roots, as their ratio leaves the range of f32 sooner.
  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    const auto v = MovedToSquare(d, LoadState(d, a.state[0] + i), g, rest);
    const auto w = LoadState(d, a.state[1] + i), least = hn::Set(d, epsilon);
    const auto root = hn::Div(hn::Sqrt(hn::Add(w, least)), hn::Sqrt(hn::Add(v, least)));
    const auto change = hn::Mul(root, g);
    const StateStore<D, T, S> store(d, a, i);
    store.Store(d, v, a.state[0] + i, 0);
    store.Store(d, MovedToSquare(d, w, change, rest), a.state[1] + i, 1);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, rate), change, x), d, a.value + i);
  }
};

template <class T, bool kMomentum, bool kCentered>
struct RmspropRule {
  Mix<T> mix;
  T rate, rest, epsilon, momentum;

  explicit RmspropRule(const RmspropUpdate& u)
      : mix(u.mix),
        rate(static_cast<T>(u.learning_rate)),
        rest(static_cast<T>(1.0 - u.alpha)),
        epsilon(EpsilonOf<T>(u.epsilon)),
        momentum(static_cast<T>(u.momentum)) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    auto v = MovedToSquare(d, LoadState(d, a.state[0] + i), g, rest);
    const StateStore<D, T, S> store(d, a, i);
    store.Store(d, v, a.state[0] + i, 0);
    if constexpr (kCentered) {
      const auto mean = MovedTo(d, LoadState(d, a.state[2] + i), g, rest);
      store.Store(d, mean, a.state[2] + i, 2);
      v = hn::Max(hn::NegMulAdd(mean, mean, v), hn::Zero(d));  // rounding may leave less than nothing
    }
    auto direction = hn::Div(g, hn::Add(hn::Sqrt(v), hn::Set(d, epsilon)));
    if constexpr (kMomentum) {
      direction = hn::MulAdd(hn::Set(d, momentum), LoadState(d, a.state[1] + i), direction);
      store.Store(d, direction, a.state[1] + i, 1);
    }
    hn::StoreU(hn::NegMulAdd(hn::Set(d, rate), direction, x), d, a.value + i);
  }
};

void RunAdagrad(const UpdateArrays& a, const StateArrays& state, const AdagradUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage,
             [&]<class T, class S>(const Arrays<T, S>& arrays) { ForElements(AdagradRule<T>(u), arrays, begin, end); });
}

void RunAdadelta(const UpdateArrays& a, const StateArrays& state, const AdadeltaUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage, [&]<class T, class S>(const Arrays<T, S>& arrays) {
    ForElements(AdadeltaRule<T>(u), arrays, begin, end);
  });
}

void RunRmsprop(const UpdateArrays& a, const StateArrays& state, const RmspropUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage, [&]<class T, class S>(const Arrays<T, S>& arrays) {
    const bool momentum = state.second != nullptr, centered = state.third != nullptr;
    if (momentum && centered) return ForElements(RmspropRule<T, true, true>(u), arrays, begin, end);
    if (momentum) return ForElements(RmspropRule<T, true, false>(u), arrays, begin, end);
    if (centered) return ForElements(RmspropRule<T, false, true>(u), arrays, begin, end);
    ForElements(RmspropRule<T, false, false>(u), arrays, begin, end);
  });
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunAdagrad);
HWY_EXPORT(RunAdadelta);
HWY_EXPORT(RunRmsprop);

}  // namespace

void update_adagrad(const UpdateArrays& arrays, const StateArrays& state, const AdagradUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunAdagrad);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

void update_adadelta(const UpdateArrays& arrays, const StateArrays& state, const AdadeltaUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunAdadelta);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

void update_rmsprop(const UpdateArrays& arrays, const StateArrays& state, const RmspropUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunRmsprop);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
