// Numbers in texts.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace gradus {

/// A decimal number, finite, or nothing if `text` is anything else: digits with at most one point, perhaps a sign
/// before them and an exponent behind. The nearest double.
std::optional<double> parse_number(std::string_view text);

namespace detail {
/// The number that eight digits stand for: bytes of 0 to 9, the first in the lowest. Lemire, "Quickly parsing eight
/// digits", 2018.
constexpr uint64_t eight_digits(uint64_t digits) {
  constexpr uint64_t kMask = 0x000000FF000000FF;
  digits = 10 * digits + (digits >> 8);
  return ((digits & kMask) * (100 + (uint64_t{1000000} << 32)) +
          (digits >> 16 & kMask) * (1 + (uint64_t{10000} << 32))) >>
         32;
}

/// Puts the digits from `p` on behind those of `digits`, which wraps if they are too many; returns the end of them.
inline const char* read_digits(const char* p, const char* end, uint64_t& digits) {
  constexpr uint64_t kPowers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  constexpr uint64_t kOnes = 0x0101010101010101;
  // Eight characters in one word, the first in its lowest byte.
  while (std::endian::native == std::endian::little && end - p >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, p, 8);
    word ^= '0' * kOnes;  // a digit is its value then
    const uint64_t others = (word | (word + (0x80 - 10) * kOnes)) & 0x80 * kOnes;
    const int count = std::countr_zero(others) / 8;
    if (count == 0) return p;
    digits = digits * kPowers[count] + eight_digits(word << 8 * (8 - count));
    p += count;
    if (count < 8) return p;
  }
  for (; p != end && *p >= '0' && *p <= '9'; ++p) digits = 10 * digits + static_cast<uint64_t>(*p - '0');
  return p;
}
}  // namespace detail

/// The number that the text from `begin` on starts with, if a few operations give it exactly: up to 19 digits, below
/// 2^53 as a whole number, times 10^−22 … 10^22 (Clinger, "How to read floating point numbers accurately", 1990).
/// Returns where it ends, or null if there is no number or it takes more; `parse_number` knows then.
inline const char* read_short_number(const char* begin, const char* end, double& number) {
  constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  constexpr int kMostDigits = 19, kMostPower = 22;
  if (begin == end) return nullptr;
  const bool is_negative = *begin == '-';
  const char* const first = begin + (is_negative || *begin == '+');  // no branch: signs are hard to foresee
  uint64_t digits = 0;
  const char* p = detail::read_digits(first, end, digits);
  auto count = p - first;
  int64_t power = 0;
  if (p != end && *p == '.') {
    const char* const fraction = p + 1;
    p = detail::read_digits(fraction, end, digits);
    power = fraction - p;
    count -= power;
  }
  if (count == 0 || count > kMostDigits) return nullptr;
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool is_small = p != end && *p == '-';
    if (p != end && (*p == '-' || *p == '+')) ++p;
    uint64_t exponent = 0;
    const char* const stop = detail::read_digits(p, end, exponent);
    if (stop == p || stop - p > 4) return nullptr;
    p = stop;
    power += is_small ? -static_cast<int64_t>(exponent) : static_cast<int64_t>(exponent);
  }
  if (digits > uint64_t{1} << 53 || power < -kMostPower || power > kMostPower) return nullptr;
  const auto whole = static_cast<double>(digits);
  const double size = power < 0 ? whole / kPowers[-power] : whole * kPowers[power];
  number = std::bit_cast<double>(std::bit_cast<uint64_t>(size) | uint64_t{is_negative} << 63);
  return p;
}

}  // namespace gradus
