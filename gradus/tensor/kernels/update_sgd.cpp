#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/update_sgd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/update-inl.h"
#include "gradus/tensor/kernels/update_sgd.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

enum class Momentum { kNone, kPlain, kNesterov };

template <class T, Momentum kMomentum>
struct SgdRule {
  Mix<T> mix;
  T learning_rate, momentum, part;

  explicit SgdRule(const SgdUpdate& u)
      : mix(u.mix),
        learning_rate(static_cast<T>(u.learning_rate)),
        momentum(static_cast<T>(u.momentum)),
        part(static_cast<T>(u.part)) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    auto direction = g;
    if constexpr (kMomentum != Momentum::kNone) {
      const auto factor = hn::Set(d, momentum);
      const auto v = hn::MulAdd(factor, LoadState(d, a.state[0] + i), hn::Mul(hn::Set(d, part), g));
      StateStore<D, T, S>(d, a, i).Store(d, v, a.state[0] + i, 0);
      direction = kMomentum == Momentum::kNesterov ? hn::MulAdd(factor, v, g) : v;
    }
    hn::StoreU(hn::NegMulAdd(hn::Set(d, learning_rate), direction, x), d, a.value + i);
  }
};

template <class T>
struct AsgdRule {
  Mix<T> mix;
  T rate, decay, part;
  bool starts;

  explicit AsgdRule(const AsgdUpdate& u)
      : mix(u.mix),
        rate(static_cast<T>(u.learning_rate)),
        decay(static_cast<T>(u.decay)),
        part(static_cast<T>(u.part)),
        starts(u.part == 1.0) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    const auto y = hn::NegMulAdd(hn::Set(d, rate), g, hn::NegMulAdd(hn::Set(d, decay), x, x));
    hn::StoreU(y, d, a.value + i);
    if (a.state[0] == nullptr) return;
    const auto average = starts ? y : MovedTo(d, LoadState(d, a.state[0] + i), y, part);
    StateStore<D, T, S>(d, a, i).Store(d, average, a.state[0] + i, 0);
  }
};

template <class T>
struct MeanRule {
  Mix<T> mix;
  T rest, momentum;
  bool nesterov;
  T* direction;

  MeanRule(const MeanUpdate& u, std::byte* into)
      : mix(u.mix),
        rest(static_cast<T>(1.0 - u.momentum)),
        momentum(static_cast<T>(u.momentum)),
        nesterov(u.nesterov),
        direction(reinterpret_cast<T*>(into)) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), hn::LoadU(d, a.value + i));
    const auto m = MovedTo(d, LoadState(d, a.state[0] + i), g, rest);
    StateStore<D, T, S>(d, a, i).Store(d, m, a.state[0] + i, 0);
    hn::StoreU(nesterov ? MovedTo(d, g, m, momentum) : m, d, direction + i);
  }
};

template <class T>
struct LionRule {
  Mix<T> mix;
  T rest1, rest2, rate, decay;

  explicit LionRule(const LionUpdate& u)
      : mix(u.mix),
        rest1(static_cast<T>(1.0 - u.beta1)),
        rest2(static_cast<T>(1.0 - u.beta2)),
        rate(static_cast<T>(u.learning_rate)),
        decay(static_cast<T>(u.decay)) {}

  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    const auto m = LoadState(d, a.state[0] + i);
    const auto direction = MovedTo(d, m, g, rest1);
    const auto step = hn::CopySignToAbs(hn::Set(d, rate), direction);
    const auto change = hn::IfThenZeroElse(hn::Eq(direction, hn::Zero(d)), step);
    StateStore<D, T, S>(d, a, i).Store(d, MovedTo(d, m, g, rest2), a.state[0] + i, 0);
    hn::StoreU(hn::Sub(x, hn::MulAdd(hn::Set(d, decay), x, change)), d, a.value + i);
  }
};

void RunSgd(const UpdateArrays& a, const StateArrays& state, const SgdUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage, [&]<class T, class S>(const Arrays<T, S>& arrays) {
    if (state.first == nullptr) return ForElements(SgdRule<T, Momentum::kNone>(u), arrays, begin, end);
    if (u.nesterov) return ForElements(SgdRule<T, Momentum::kNesterov>(u), arrays, begin, end);
    ForElements(SgdRule<T, Momentum::kPlain>(u), arrays, begin, end);
  });
}

void RunAsgd(const UpdateArrays& a, const StateArrays& state, const AsgdUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage,
             [&]<class T, class S>(const Arrays<T, S>& arrays) { ForElements(AsgdRule<T>(u), arrays, begin, end); });
}

void RunMean(const UpdateArrays& a, const StateArrays& state, std::byte* direction, const MeanUpdate& u, int64_t begin,
             int64_t end) {
  WithArrays(a, state, u.storage, [&]<class T, class S>(const Arrays<T, S>& arrays) {
    ForElements(MeanRule<T>(u, direction), arrays, begin, end);
  });
}

void RunLion(const UpdateArrays& a, const StateArrays& state, const LionUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage,
             [&]<class T, class S>(const Arrays<T, S>& arrays) { ForElements(LionRule<T>(u), arrays, begin, end); });
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunSgd);
HWY_EXPORT(RunAsgd);
HWY_EXPORT(RunLion);
HWY_EXPORT(RunMean);

}  // namespace

void update_sgd(const UpdateArrays& arrays, const StateArrays& state, const SgdUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunSgd);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

void update_asgd(const UpdateArrays& arrays, const StateArrays& state, const AsgdUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunAsgd);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

void update_lion(const UpdateArrays& arrays, const StateArrays& state, const LionUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunLion);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

void update_mean(const UpdateArrays& arrays, const StateArrays& state, std::byte* direction, const MeanUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunMean);
  parallel_for(arrays.count, kGrain,
               [&](int64_t begin, int64_t end) { run(arrays, state, direction, update, begin, end); });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
