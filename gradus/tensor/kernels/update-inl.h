// What the optimizers' update rules have in common, for use inside one Highway target. Include guards are per target.
#if defined(GRADUS_TENSOR_KERNELS_UPDATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TENSOR_KERNELS_UPDATE_INL_H_
#undef GRADUS_TENSOR_KERNELS_UPDATE_INL_H_
#else
#define GRADUS_TENSOR_KERNELS_UPDATE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <limits>
#include <type_traits>

#include "gradus/tensor/kernels/bf16-inl.h"
#include "gradus/tensor/kernels/update.h"
#include "gradus/tensor/kernels/walk.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// What is left of full vectors runs through the same code one lane at a time: every element has the same bits wherever
// it lies, and a parameter of one or two elements costs no masks.
template <class T>
using OneLane = hn::CappedTag<T, 1>;

template <class T>
struct Mix {
  T gradient, sign, value, limit, decay;

  explicit Mix(const GradientMix& mix)
      : gradient(static_cast<T>(mix.gradient)),
        sign(static_cast<T>(mix.sign)),
        value(static_cast<T>(mix.value)),
        limit(static_cast<T>(mix.limit)),
        decay(static_cast<T>(mix.decay)) {
    if (mix.limit < std::numeric_limits<double>::infinity()) return;
    value = static_cast<T>(mix.value + mix.decay);
    decay = T{0};
  }

  template <class D>
  HWY_INLINE hn::Vec<D> Unlimited(D d, hn::Vec<D> g, hn::Vec<D> x) const {
    const auto signs = hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), hn::CopySignToAbs(hn::Set(d, sign), x));
    return hn::MulAdd(hn::Set(d, gradient), g, hn::MulAdd(hn::Set(d, value), x, signs));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Limited(D d, hn::Vec<D> mixed) const {
    return hn::Max(hn::Min(mixed, hn::Set(d, limit)), hn::Set(d, -limit));
  }
  // Where neither sign, value nor decay are there: one pass over memory less.
  template <class D>
  HWY_INLINE hn::Vec<D> OfGradient(D d, hn::Vec<D> g) const {
    return Limited(d, hn::Mul(hn::Set(d, gradient), g));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> g, hn::Vec<D> x) const {
    return hn::MulAdd(hn::Set(d, decay), x, Limited(d, Unlimited(d, g, x)));
  }
};

// θ and g are of T, the optimizer's own arrays of S: T or BFloat16.
template <class T, class S>
struct Arrays {
  T* value;
  const T* gradient;
  S* state[3];
  uint32_t noise;

  Arrays(const UpdateArrays& a, const StateArrays& own, const StateStorage& storage)
      : value(reinterpret_cast<T*>(a.value)),
        gradient(reinterpret_cast<const T*>(a.gradient)),
        state{reinterpret_cast<S*>(own.first), reinterpret_cast<S*>(own.second), reinterpret_cast<S*>(own.third)},
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

// 32 bits for each element, 16 for either of two arrays: what a parameter's number of this update makes uniform and
// independent of any other update, shifted from place to place along a sequence that covers pairs evenly (M. Roberts'
// R2), which costs an addition where a hash would cost more than the memory. A third array takes the upper bits of a
// multiple.
template <class D, class T>
struct StateStore<D, T, BFloat16> {
  hn::Vec<Bits<D>> noise;

  StateStore(D /*d*/, const Arrays<T, BFloat16>& a, int64_t i) {
    constexpr uint32_t kShift = 0xC14091E1U;  // upper half 0.7549, lower half 0.5698 of 2^16
    const Bits<D> u;
    const auto shifts = hn::Mul(hn::Iota(u, 0U), hn::Set(u, kShift));
    noise = hn::Add(shifts, hn::Set(u, static_cast<uint32_t>(i) * kShift + a.noise));
  }
  HWY_INLINE void Store(D d, hn::Vec<D> x, BFloat16* to, int which) const {
    const Bits<D> u;
    if (which == 0) return StoreBf16(d, RandomlyRoundedBf16(d, x, hn::And(noise, hn::Set(u, 0xFFFFU))), to);
    const auto bits = which == 1 ? noise : hn::Mul(noise, hn::Set(u, 0x9E3779B9U));
    StoreBf16(d, RandomlyRoundedBf16(d, x, hn::ShiftRight<16>(bits)), to);
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

// Calls `run(arrays)` with arrays of the dtypes that are there.
template <class Run>
void WithArrays(const UpdateArrays& a, const StateArrays& state, const StateStorage& storage, Run&& run) {
  if (a.dtype == DType::kF64) return run(Arrays<double, double>(a, state, storage));
  if (storage.is_bf16) return run(Arrays<float, BFloat16>(a, state, storage));
  run(Arrays<float, float>(a, state, storage));
}

// An epsilon that f32 rounds to 0 would make 0/0 of an element that never had a gradient.
template <class T>
T EpsilonOf(double epsilon) {
  return std::max(static_cast<T>(epsilon), std::numeric_limits<T>::min());
}

// x moved by a part of its distance to `to`: in f32 beta·x + (1 − beta)·to is off by the rounding of beta, which is
// 2e-5 of x for 0.999.
template <class D, class T>
HWY_INLINE hn::Vec<D> MovedTo(D d, hn::Vec<D> x, hn::Vec<D> to, T part) {
  return hn::MulAdd(hn::Set(d, part), hn::Sub(to, x), x);
}
template <class D, class T>
HWY_INLINE hn::Vec<D> MovedToSquare(D d, hn::Vec<D> x, hn::Vec<D> g, T part) {
  return hn::MulAdd(hn::Set(d, part), hn::MulSub(g, g, x), x);
}

template <class D, class T>
HWY_INLINE hn::Vec<D> LoadAsDouble(D d, const T* from) {
  if constexpr (sizeof(T) == 4) {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), from));
  } else {
    return hn::LoadU(d, from);
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
