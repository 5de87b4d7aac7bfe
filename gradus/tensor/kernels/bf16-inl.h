// bf16 numbers in vectors of f32, for use inside one Highway target. Include guards are per target.
#if defined(GRADUS_TENSOR_KERNELS_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TENSOR_KERNELS_BF16_INL_H_
#undef GRADUS_TENSOR_KERNELS_BF16_INL_H_
#else
#define GRADUS_TENSOR_KERNELS_BF16_INL_H_
#endif

#include <hwy/highway.h>

#include "gradus/tensor/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Bits = hn::RebindToUnsigned<D>;  // of a vector of f32

template <class D>
HWY_INLINE hn::Vec<D> LoadBf16(D d, const BFloat16* from) {
  const hn::Rebind<uint16_t, D> half;
  const auto bits = hn::PromoteTo(Bits<D>(), hn::LoadU(half, reinterpret_cast<const uint16_t*>(from)));
  return hn::BitCast(d, hn::ShiftLeft<16>(bits));
}

// The upper halves of what rounding made.
template <class D>
HWY_INLINE void StoreBf16(D /*d*/, hn::Vec<Bits<D>> rounded, BFloat16* to) {
  const hn::Rebind<uint16_t, D> half;
  hn::StoreU(hn::TruncateTo(half, hn::ShiftRight<16>(rounded)), half, reinterpret_cast<uint16_t*>(to));
}

// To nearest, ties to even; a NaN stays a quiet NaN.
template <class D>
HWY_INLINE hn::Vec<Bits<D>> RoundedBf16(D /*d*/, hn::Vec<D> x) {
  const Bits<D> u;
  const auto bits = hn::BitCast(u, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(u, 0x7FFF)));
  const auto quiet = hn::Or(bits, hn::Set(u, 0x400000));
  return hn::IfThenElse(hn::RebindMask(u, hn::Eq(x, x)), rounded, quiet);
}

// Up or down at random, so that the mean is x: `noise` has 16 random bits a lane. For finite x; above
// bf16's largest, 0.4% below that of f32, it can become infinity.
template <class D>
HWY_INLINE hn::Vec<Bits<D>> RandomlyRoundedBf16(D /*d*/, hn::Vec<D> x, hn::Vec<Bits<D>> noise) {
  return hn::Add(hn::BitCast(Bits<D>(), x), noise);
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
