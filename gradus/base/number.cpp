#include "gradus/base/number.h"

#include <charconv>
#include <cmath>

namespace gradus {

std::optional<double> parse_number(std::string_view text) {
  double number = 0.0;
  const char* const end = text.data() + text.size();
  if (const char* const stop = read_short_number(text.data(), end, number)) {
    return stop == end ? std::optional(number) : std::nullopt;
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

}  // namespace gradus
