// Numbers in texts.
#pragma once

#include <optional>
#include <string_view>

namespace gradus {

/// A decimal number, finite, or nothing if `text` is anything else: digits with at most one point, perhaps a sign
/// before them and an exponent behind. The nearest double.
std::optional<double> parse_number(std::string_view text);

}  // namespace gradus
