#include "gradus/data/number_fields_simd.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/data/number_fields_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

#ifndef GRADUS_DATA_NUMBER_FIELDS_ONCE
#define GRADUS_DATA_NUMBER_FIELDS_ONCE
namespace gradus::detail {

inline constexpr size_t kWidth = 16;  // bytes of a number that are looked at

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

inline constexpr size_t kMostDigits = 15;  // all such numbers are doubles

// And the same below 0. Not inside of a function, where compilers copy them to the stack for each number.
inline constexpr double kPowers[2][kWidth] = {
    {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15},
    {-1e0, -1e1, -1e2, -1e3, -1e4, -1e5, -1e6, -1e7, -1e8, -1e9, -1e10, -1e11, -1e12, -1e13, -1e14, -1e15}};

}  // namespace gradus::detail
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::detail::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

// A bit for each of the 16, 32 or 64 bytes. The word is as wide as what is stored, so that both stay in registers.
template <class D>
HWY_INLINE uint64_t BitsOf(D d, hn::Mask<D> mask) {
  using Word = std::conditional_t<hn::MaxLanes(D()) == 16, uint16_t,
                                  std::conditional_t<hn::MaxLanes(D()) == 32, uint32_t, uint64_t>>;
  uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  Word bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

// The number that 16 digits stand for: bytes of 0 to 9, the first in the lowest.
HWY_INLINE uint64_t SixteenDigits(hn::Vec128<uint8_t> digits) {
  // Sums of two neighbours times a factor each, to words of twice the width. Highway 1.0 has no names for them.
  const __m128i two = _mm_maddubs_epi16(digits.raw, _mm_set1_epi16(10 + (1 << 8)));
  const __m128i four = _mm_madd_epi16(two, _mm_set1_epi32(100 + (1 << 16)));
  const __m128i eight = _mm_madd_epi16(_mm_packus_epi32(four, four), _mm_set1_epi32(10000 + (1 << 16)));
  const auto both = static_cast<uint64_t>(_mm_cvtsi128_si64(eight));
  return 100000000 * (both & 0xFFFFFFFF) + (both >> 32);
}

// The number of the `length` characters from `first` on, behind a sign or none; false if they are something else or
// too long. 16 bytes are read.
HWY_INLINE bool ToNumber(const char* first, size_t length, bool is_negative, double& to) {
  const hn::FixedTag<uint8_t, kWidth> d;
  const auto text = hn::LoadU(d, reinterpret_cast<const uint8_t*>(first));
  const uint64_t points = BitsOf(d, hn::Eq(text, hn::Set(d, uint8_t{'.'})));
  const auto point = static_cast<size_t>(std::countr_zero(points | uint64_t{1} << kWidth));
  const size_t has_point = point < length;
  const size_t count = length - has_point;
  if (count - 1 >= kMostDigits) return false;
  const auto places = hn::Load(d, kDigitPlaces.of[length][has_point != 0 ? point : length].data());
  const auto digits = hn::TableLookupBytesOr0(hn::Sub(text, hn::Set(d, uint8_t{'0'})), places);
  if (!hn::AllTrue(d, hn::Eq(hn::Min(digits, hn::Set(d, uint8_t{9})), digits))) return false;
  const auto whole = static_cast<double>(static_cast<int64_t>(SixteenDigits(digits)));
  to = whole / kPowers[is_negative][has_point != 0 ? length - 1 - point : 0];
  return true;
}

NumberFields ReadNumberFields(const char* at, const char* end, char separator, double* const* to, size_t row,
                              size_t most) {
  const hn::FixedTag<uint8_t, kWidth> d;
  const hn::RebindToSigned<decltype(d)> signs;
  // '.', '/' and the digits are 0 to 11 behind '.': as signed bytes, 128 lower.
  const auto base = hn::Set(d, uint8_t{'.' + 128}), last = hn::Set(d, static_cast<uint8_t>(11 + 128));
  NumberFields fields{.at = at};
  while (fields.count < most && end - fields.at > static_cast<std::ptrdiff_t>(kWidth + 1)) {
    const bool is_negative = *fields.at == '-';
    const char* const first = fields.at + is_negative;  // no branch: signs are hard to foresee
    const auto text = hn::LoadU(d, reinterpret_cast<const uint8_t*>(first));
    // What the next number waits for is as short as can be; what is wrong with this one is seen later.
    const auto ends = hn::Gt(hn::BitCast(signs, hn::Sub(text, base)), hn::BitCast(signs, last));
    const auto length = static_cast<size_t>(std::countr_zero(BitsOf(signs, ends) | uint64_t{1} << kWidth));
    const char next = first[length];
    const bool ends_row = next == '\n' || next == '\r';
    if (next != separator && !ends_row) break;
    if (!ToNumber(first, length, is_negative, to[fields.count][row])) break;
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

constexpr size_t kGroup = 64;                   // characters whose ends of fields fit into a word
constexpr size_t kWindow = size_t{4} * kGroup;  // characters that are looked at before their fields are read

// Of the characters from `from` on, those that end a field.
HWY_INLINE uint64_t EndsOfGroup(const char* from, char separator) {
  const hn::CappedTag<uint8_t, kGroup> d;
  const auto one = hn::Set(d, static_cast<uint8_t>(separator)), feed = hn::Set(d, uint8_t{'\n'});
  const auto back = hn::Set(d, uint8_t{'\r'});
  uint64_t bits = 0;
  for (size_t i = 0; i < kGroup; i += hn::Lanes(d)) {
    const auto text = hn::LoadU(d, reinterpret_cast<const uint8_t*>(from) + i);
    const auto ends = hn::Or(hn::Eq(text, one), hn::Or(hn::Eq(text, feed), hn::Eq(text, back)));
    bits |= BitsOf(d, ends) << i;
  }
  return bits;
}

// Places of the ends of fields within a window. Some more of the array are written to than there are ends.
struct Ends {
  static constexpr size_t kAtOnce = 10;  // more are few, so that how many there are is no branch
  uint16_t places[kWindow + kAtOnce];
  size_t count = 0;

  HWY_INLINE void Find(const char* from, char separator) {
    count = 0;
    for (size_t group = 0; group < kWindow; group += kGroup) {
      uint64_t bits = EndsOfGroup(from + group, separator);
      const size_t all = count + static_cast<size_t>(std::popcount(bits));
      for (size_t to = count; to == count || to < all; to += kAtOnce) {
        for (size_t i = 0; i < kAtOnce; ++i) {
          places[to + i] = static_cast<uint16_t>(group + static_cast<size_t>(std::countr_zero(bits)));
          bits &= bits - 1;
        }
      }
      count = all;
    }
  }
};

NumberRows ReadNumberRows(const NumberRowsOptions& options, const char* at, double* const* to, size_t row) {
  const NumberRowsOptions o = options;
  const char* begin = at;
  size_t column = 0, rows = 0;
  const auto came_to = [&] { return NumberRows{.begin = begin, .at = at, .count = column, .rows = rows}; };
  const auto read = [&](const char* stop) HWY_ATTR {
    const bool is_negative = *at == '-';
    const char* const first = at + is_negative;  // no branch: signs are hard to foresee
    double& number = to[column][row + rows];
    if (stop != at || !o.has_empty_fields)
      return ToNumber(first, static_cast<size_t>(stop - first), is_negative, number);
    number = std::numeric_limits<double>::quiet_NaN();
    return true;
  };
  Ends ends;
  for (const char* from = at; o.end - from > static_cast<std::ptrdiff_t>(kWindow + kWidth + 1); from += kWindow) {
    ends.Find(from, o.separator);
    // Its first may be the "\n" of a "\r\n" that begins in the window before.
    for (size_t i = ends.count > 0 && from + ends.places[0] < at ? 1 : 0; i < ends.count; ++i) {
      for (const size_t last = std::min(ends.count, i + o.columns - 1 - column); i < last; ++i, ++column) {
        const char* const stop = from + ends.places[i];
        if (*stop != o.separator || !read(stop)) return came_to();
        at = stop + 1;
      }
      if (i == ends.count) break;
      const char* const stop = from + ends.places[i];
      if (*stop == o.separator || !read(stop)) return came_to();
      const bool is_pair = *stop == '\r' && stop[1] == '\n';
      i += is_pair && i + 1 < ends.count;
      begin = at = stop + 1 + is_pair;
      column = 0;
      ++rows;
      if (at >= o.limit || o.comment == *at) return came_to();
    }
  }
  return came_to();
}

#else

// There is no table of bytes to look up.
NumberFields ReadNumberFields(const char* at, const char*, char, double* const*, size_t, size_t) { return {.at = at}; }
NumberRows ReadNumberRows(const NumberRowsOptions&, const char* at, double* const*, size_t) {
  return {.begin = at, .at = at};
}

#endif

}  // namespace
}  // namespace gradus::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::detail {
namespace {
HWY_EXPORT(ReadNumberFields);
HWY_EXPORT(ReadNumberRows);
}  // namespace

NumberFields read_number_fields(const char* at, const char* end, char separator, double* const* to, size_t row,
                                size_t most) {
  return HWY_DYNAMIC_DISPATCH(ReadNumberFields)(at, end, separator, to, row, most);
}

NumberRows read_number_rows(const NumberRowsOptions& options, const char* at, double* const* to, size_t row) {
  return HWY_DYNAMIC_DISPATCH(ReadNumberRows)(options, at, to, row);
}

}  // namespace gradus::detail
#endif  // HWY_ONCE
