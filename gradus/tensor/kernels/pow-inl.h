// xᵖ. For use inside one Highway target; include guards are per target.
#if defined(GRADUS_TENSOR_KERNELS_POW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TENSOR_KERNELS_POW_INL_H_
#undef GRADUS_TENSOR_KERNELS_POW_INL_H_
#else
#define GRADUS_TENSOR_KERNELS_POW_INL_H_
#endif

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// log₂ of a float as a double, to 5e-12 of the result. With s = (m − 1)/(m + 1) of its mantissa m in [√½, √2) it is
// the exponent and 2/ln 2·(s + s³/3 + s⁵/5 + …): the polynomial in s² with the least relative error.
template <class D>
HWY_INLINE hn::Vec<D> Log2OfFloat(D d, hn::Vec<D> x) {
  const hn::RebindToUnsigned<D> bits;
  const auto set = [d](double value) HWY_ATTR { return hn::Set(d, value); };
  // As integers: what is above √½·2ᵏ has k as its exponent.
  const auto root_half = hn::Set(bits, uint64_t{0x3FE6A09E667F3BCD});
  const auto above = hn::Sub(hn::BitCast(bits, x), root_half);
  const auto mantissa = hn::Add(hn::And(above, hn::Set(bits, (uint64_t{1} << 52) - 1)), root_half);
  // The exponent, moved so that none is below 0, becomes the last bits of a double that has no others.
  const double unit = 0x1p52;
  const auto moved = hn::ShiftRight<52>(hn::Add(above, hn::Set(bits, uint64_t{1024} << 52)));
  const auto exponent = hn::Sub(hn::BitCast(d, hn::Or(moved, hn::BitCast(bits, set(unit)))), set(unit + 1024));
  const auto m = hn::BitCast(d, mantissa), one = set(1);
  const auto s = hn::Div(hn::Sub(m, one), hn::Add(m, one)), z = hn::Mul(s, s);
  auto p = set(0.34073010669082104978);
  p = hn::MulAdd(p, z, set(0.41167271876779726409));
  p = hn::MulAdd(p, z, set(0.57708358497512893957));
  p = hn::MulAdd(p, z, set(0.9617966733416882546));
  p = hn::MulAdd(p, z, set(2.8853900817900863372));
  const auto y = hn::MulAdd(s, p, exponent);
  const double infinity = std::numeric_limits<double>::infinity();
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), set(-infinity), hn::IfThenElse(hn::Lt(x, set(infinity)), y, x));
}

// 2^x for a result that becomes a float, to 2e-9 of it: the polynomial of the sixth degree with the least relative
// error for |x| ≤ ½, and an exponent.
template <class D>
HWY_INLINE hn::Vec<D> Exp2ForFloat(D d, hn::Vec<D> x) {
  const hn::RebindToUnsigned<D> bits;
  const auto set = [d](double value) HWY_ATTR { return hn::Set(d, value); };
  const auto cut = hn::Min(hn::Max(x, set(-200)), set(200));
  // Added to so large a number, a double is rounded to a whole one, which is its last bits.
  const auto rounder = set(0x1.8p52), rounded = hn::Add(cut, rounder);
  const auto f = hn::Sub(cut, hn::Sub(rounded, rounder));
  auto p = set(0.00015345812158740182477);
  p = hn::MulAdd(p, f, set(0.0013399931209474140493));
  p = hn::MulAdd(p, f, set(0.0096184889565227915705));
  p = hn::MulAdd(p, f, set(0.055503287769976637639));
  p = hn::MulAdd(p, f, set(0.24022646890639572134));
  p = hn::MulAdd(p, f, set(0.69314720573725267536));
  p = hn::MulAdd(p, f, set(1.0000000005541662993));
  const auto scaled = hn::Add(hn::BitCast(bits, p), hn::ShiftLeft<52>(hn::BitCast(bits, rounded)));
  return IfNaNThenElse(d, x, x, hn::BitCast(d, scaled));
}

// |x|ᵖ, where x is not negative, from IEEE's logarithm of it. For floats in doubles, since an error of p·log x is one
// of the result's digits.
template <class D>
HWY_INLINE hn::Vec<D> PowerOfSize(D d, hn::Vec<D> size, hn::Vec<D> p) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    return ExpAny(d, hn::Mul(p, LogAny(d, size)));
  } else {
    const hn::ScalableTag<double> wide;
    const auto power = [wide](auto x, auto y) HWY_ATTR {
      const auto log = Log2OfFloat(wide, hn::PromoteTo(wide, x));
      return Exp2ForFloat(wide, hn::Mul(hn::PromoteTo(wide, y), log));
    };
#if HWY_TARGET == HWY_SCALAR  // one lane has no halves, and its DemoteTo gives the largest number for infinity
    return hn::Set(d, static_cast<float>(hn::GetLane(power(size, p))));
#else
    const hn::Half<D> half;
    const auto low = hn::DemoteTo(half, power(hn::LowerHalf(half, size), hn::LowerHalf(half, p)));
    const auto high = hn::DemoteTo(half, power(hn::UpperHalf(half, size), hn::UpperHalf(half, p)));
    return hn::Combine(d, high, low);
#endif
  }
}

// With IEEE's results at the ends.
template <class D>
HWY_INLINE hn::Vec<D> PowAny(D d, hn::Vec<D> x, hn::Vec<D> p) {
  using T = hn::TFromD<D>;
  const auto one = hn::Set(d, T{1}), zero = hn::Zero(d), size = hn::Abs(x);
  const auto power = hn::IfThenElse(hn::Eq(size, one), one, PowerOfSize(d, size, p));
  const auto is_whole = hn::Eq(p, hn::Floor(p));
  const auto half = hn::Mul(p, hn::Set(d, T{0.5}));
  const auto is_odd = hn::AndNot(hn::Eq(half, hn::Floor(half)), is_whole);
  const auto is_negative = hn::Lt(hn::CopySign(one, x), zero);  // −0 too
  auto y = hn::IfThenElse(hn::And(is_negative, is_odd), hn::Neg(power), power);
  const auto undefined = hn::AndNot(is_whole, hn::Lt(x, zero));
  const auto infinite = hn::Eq(size, hn::Set(d, std::numeric_limits<T>::infinity()));
  y = hn::IfThenElse(hn::AndNot(infinite, undefined), hn::Set(d, std::numeric_limits<T>::quiet_NaN()), y);
  return hn::IfThenElse(hn::Or(hn::Eq(p, zero), hn::Eq(x, one)), one, y);
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
