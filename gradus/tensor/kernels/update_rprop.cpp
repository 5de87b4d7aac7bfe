#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/update_rprop.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/update-inl.h"
#include "gradus/tensor/kernels/update_rprop.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

template <class T>
struct RpropRule {
  Mix<T> mix;
  T decrease, increase, smallest, largest;

  explicit RpropRule(const RpropUpdate& u)
      : mix(u.mix),
        decrease(static_cast<T>(u.decrease)),
        increase(static_cast<T>(u.increase)),
        smallest(static_cast<T>(u.smallest)),
        largest(static_cast<T>(u.largest)) {}

  // Signs are compared, not multiplied: a product of small gradients would be 0.
  template <class D, class S>
  HWY_INLINE void operator()(D d, const Arrays<T, S>& a, int64_t i) const {
    const auto x = hn::LoadU(d, a.value + i);
    const auto before = LoadState(d, a.state[0] + i);
    auto g = mix(d, hn::LoadU(d, a.gradient + i), x);
    const auto zero = hn::Zero(d);
    const auto rises = hn::Gt(g, zero), falls = hn::Lt(g, zero), rose = hn::Gt(before, zero),
               fell = hn::Lt(before, zero);
    const auto same = hn::Or(hn::And(rises, rose), hn::And(falls, fell));
    const auto turned = hn::Or(hn::And(rises, fell), hn::And(falls, rose));
    auto size = LoadState(d, a.state[1] + i);
    size = hn::IfThenElse(same, hn::Mul(size, hn::Set(d, increase)), size);
    size = hn::IfThenElse(turned, hn::Mul(size, hn::Set(d, decrease)), size);
    size = hn::Min(hn::Max(size, hn::Set(d, smallest)), hn::Set(d, largest));
    g = hn::IfThenZeroElse(turned, g);
    const StateStore<D, T, S> store(d, a, i);
    store.Store(d, g, a.state[0] + i, 0);
    store.Store(d, size, a.state[1] + i, 1);
    const auto change = hn::IfThenZeroElse(hn::Eq(g, zero), hn::CopySignToAbs(size, g));
    hn::StoreU(hn::Sub(x, change), d, a.value + i);
  }
};

void RunRprop(const UpdateArrays& a, const StateArrays& state, const RpropUpdate& u, int64_t begin, int64_t end) {
  WithArrays(a, state, u.storage,
             [&]<class T, class S>(const Arrays<T, S>& arrays) { ForElements(RpropRule<T>(u), arrays, begin, end); });
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunRprop);

}  // namespace

void update_rprop(const UpdateArrays& arrays, const StateArrays& state, const RpropUpdate& update) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunRprop);
  parallel_for(arrays.count, kGrain, [&](int64_t begin, int64_t end) { run(arrays, state, update, begin, end); });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
