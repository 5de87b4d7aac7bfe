#include "gradus/data/number_fields_simd.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

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
HWY_INLINE uint64_t BitsOf(D d, hn::Mask<D> mask) {
  uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

// The number that 16 digits stand for: bytes of 0 to 9, the first in the lowest.
template <class V>
HWY_INLINE uint64_t SixteenDigits(V digits) {
  const hn::FixedTag<int16_t, 8> pairs;
  const hn::FixedTag<int32_t, 4> fours;
  const hn::FixedTag<uint32_t, 4> factors;
  const hn::FixedTag<uint64_t, 2> eights;
  const auto bytes = hn::BitCast(pairs, digits);
  const auto two = hn::Add(hn::Mul(hn::And(bytes, hn::Set(pairs, int16_t{0xFF})), hn::Set(pairs, int16_t{10})),
                           hn::ShiftRight<8>(bytes));
  const auto hundreds = hn::BitCast(pairs, hn::Set(fours, 100 + (1 << 16)));
  auto none = hn::Zero(fours);
  const auto four = hn::BitCast(factors, hn::ReorderWidenMulAccumulate(fours, two, hundreds, hn::Zero(fours), none));
  const auto eight = hn::Add(hn::MulEven(four, hn::Set(factors, 10000u)), hn::ShiftRight<32>(hn::BitCast(eights, four)));
  return 100000000 * hn::GetLane(eight) + hn::ExtractLane(eight, 1);
}

// The number of the `length` characters from `first` on, at most kWidth of them, behind a sign or none; false if they
// are something else. 16 bytes are read.
HWY_INLINE bool ToNumber(const char* first, size_t length, bool is_negative, double& to) {
  constexpr double kPowers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
  const hn::FixedTag<uint8_t, kWidth> d;
  const auto text = hn::LoadU(d, reinterpret_cast<const uint8_t*>(first));
  const auto digits = hn::Sub(text, hn::Set(d, uint8_t{'0'}));
  const uint64_t own = (uint64_t{1} << length) - 1;
  const uint64_t own_points = BitsOf(d, hn::Eq(text, hn::Set(d, uint8_t{'.'}))) & own;
  const uint64_t own_digits = BitsOf(d, hn::Eq(hn::Min(digits, hn::Set(d, uint8_t{9})), digits)) & own;
  if ((own_points & (own_points - 1)) != 0 || own_digits == 0 || (own_points | own_digits) != own) return false;
  const auto point = static_cast<size_t>(std::countr_zero(own_points | uint64_t{1} << length));
  const auto places = hn::Load(d, kDigitPlaces.of[length][point].data());
  const uint64_t whole = SixteenDigits(hn::TableLookupBytesOr0(digits, places));
  if (whole > uint64_t{1} << 53) return false;
  const size_t decimals = length - point - (own_points != 0);
  const double size = static_cast<double>(static_cast<int64_t>(whole)) / kPowers[decimals];
  to = std::bit_cast<double>(std::bit_cast<uint64_t>(size) | uint64_t{is_negative} << 63);
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

constexpr size_t kGroup = 64;                // characters whose ends of fields fit into a word
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

NumberRows ReadNumberRows(const NumberRowsOptions& o, const char* at, double* const* to, size_t row) {
  NumberRows rows{.begin = at, .at = at};
  Ends ends;
  for (const char* from = at; o.end - from > static_cast<std::ptrdiff_t>(kWindow + kWidth + 1); from += kWindow) {
    ends.Find(from, o.separator);
    for (size_t i = 0; i < ends.count; ++i) {
      const char* const stop = from + ends.places[i];
      if (stop < rows.at) continue;  // the "\n" of a "\r\n"
      const bool is_last = rows.count + 1 == o.columns;
      if ((*stop == o.separator) == is_last) return rows;
      const bool is_negative = *rows.at == '-';
      const char* const first = rows.at + is_negative;
      const auto length = static_cast<size_t>(stop - first);
      double& number = to[rows.count][row];
      if (length == 0 && !is_negative && o.has_empty_fields) {
        number = std::numeric_limits<double>::quiet_NaN();
      } else if (length > kWidth || !ToNumber(first, length, is_negative, number)) {
        return rows;
      }
      rows.at = stop + 1;
      ++rows.count;
      if (!is_last) continue;
      rows.at += *stop == '\r' && *rows.at == '\n';
      rows.begin = rows.at;
      rows.count = 0;
      ++rows.rows;
      ++row;
      if (rows.at >= o.limit || o.comment == *rows.at) return rows;
    }
  }
  return rows;
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
