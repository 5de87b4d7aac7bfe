#include "gradus/data/number_fields_simd.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "gradus/base/number.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/data/number_fields_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

#ifndef GRADUS_DATA_NUMBER_FIELDS_ONCE
#define GRADUS_DATA_NUMBER_FIELDS_ONCE
namespace gradus::detail {

constexpr size_t kWidth = 16;  // bytes of a number that are looked at

// For a number of `length` characters with its point at `point` (or `length`, if it has none): which of them go where,
// so that its digits stand at the end of 16 bytes, and zeros before them.
struct DigitPlaces {
  alignas(16) std::array<std::array<std::array<uint8_t, kWidth>, kWidth + 1>, kWidth + 1> of = {};

  constexpr DigitPlaces() {
    for (size_t length = 0; length <= kWidth; ++length) {
      for (size_t point = 0; point <= length; ++point) {
        size_t to = kWidth;
        for (size_t i = length; i-- > 0;) {
          if (i != point) of[length][point][--to] = static_cast<uint8_t>(i);
        }
        while (to > 0) of[length][point][--to] = 0x80;  // a 0
      }
    }
  }
};
inline constexpr DigitPlaces kDigitPlaces;

}  // namespace gradus::detail
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::detail::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

template <class D>
HWY_INLINE uint32_t BitsOf(D d, hn::Mask<D> mask) {
  uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

NumberFields ReadNumberFields(const char* at, const char* end, char separator, double* const* to, size_t row,
                              size_t most) {
  constexpr double kPowers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
  const hn::FixedTag<uint8_t, kWidth> d;
  const hn::Repartition<uint64_t, decltype(d)> wide;
  const hn::RebindToSigned<decltype(d)> signs;
  const auto zero = hn::Set(d, uint8_t{'0'}), nine = hn::Set(d, uint8_t{9}), dot = hn::Set(d, uint8_t{'.'});
  // '.', '/' and the digits are 0 to 11 behind '.': as signed bytes, 128 lower.
  const auto base = hn::Set(d, uint8_t{'.' + 128}), last = hn::Set(d, static_cast<uint8_t>(11 + 128));
  NumberFields fields{.at = at};
  while (fields.count < most && end - fields.at > static_cast<std::ptrdiff_t>(kWidth + 1)) {
    const bool is_negative = *fields.at == '-';
    const char* const first = fields.at + is_negative;  // no branch: signs are hard to foresee
    const auto text = hn::LoadU(d, reinterpret_cast<const uint8_t*>(first));
    // What the next number waits for is as short as can be; what is wrong with this one is seen later.
    const auto ends = hn::Gt(hn::BitCast(signs, hn::Sub(text, base)), hn::BitCast(signs, last));
    const auto length = static_cast<size_t>(std::countr_zero(BitsOf(signs, ends) | uint32_t{1} << kWidth));
    const auto digits = hn::Sub(text, zero);
    const uint32_t own = (uint32_t{1} << length) - 1;
    const uint32_t own_points = BitsOf(d, hn::Eq(text, dot)) & own;
    const uint32_t own_digits = BitsOf(d, hn::Eq(hn::Min(digits, nine), digits)) & own;
    const auto point = static_cast<size_t>(std::countr_zero(own_points | uint32_t{1} << length));
    const bool has_point = own_points != 0;
    const char next = first[length];
    const bool ends_row = next == '\n' || next == '\r';
    if ((own_points & (own_points - 1)) != 0 || own_digits == 0 || (own_points | own_digits) != own) break;
    if (next != separator && !ends_row) break;
    const auto places = hn::Load(d, kDigitPlaces.of[length][point].data());
    const auto words = hn::BitCast(wide, hn::TableLookupBytesOr0(digits, places));
    uint64_t whole = eight_digits(hn::GetLane(hn::Shuffle01(words)));
    if (length - has_point > 8) whole += 100000000 * eight_digits(hn::GetLane(words));
    if (whole > uint64_t{1} << 53) break;
    const double size = static_cast<double>(static_cast<int64_t>(whole)) / kPowers[length - point - has_point];
    to[fields.count][row] = std::bit_cast<double>(std::bit_cast<uint64_t>(size) | uint64_t{is_negative} << 63);
    ++fields.count;
    fields.at = first + length;
    if (next != separator) {
      fields.ends_row = true;
      return fields;
    }
    ++fields.at;
  }
  return fields;
}

#else

// There is no table of bytes to look up.
NumberFields ReadNumberFields(const char* at, const char*, char, double* const*, size_t, size_t) { return {.at = at}; }

#endif

}  // namespace
}  // namespace gradus::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::detail {
namespace {
HWY_EXPORT(ReadNumberFields);
}  // namespace

NumberFields read_number_fields(const char* at, const char* end, char separator, double* const* to, size_t row,
                                size_t most) {
  return HWY_DYNAMIC_DISPATCH(ReadNumberFields)(at, end, separator, to, row, most);
}

}  // namespace gradus::detail
#endif  // HWY_ONCE
