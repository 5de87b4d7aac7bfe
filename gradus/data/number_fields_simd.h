// Fields that are short numbers, by vectors.
#pragma once

#include <cstddef>

namespace gradus::detail {

/// Where a reader of numbers has come to.
struct NumberFields {
  const char* at = nullptr;  ///< Behind the separator of the last number; or where the row ends.
  size_t count = 0;          ///< Numbers that were read.
  bool ends_row = false;
};

/// Reads the fields from `at` on, up to `most` of them, as long as each is a number of at most 16 digits, below 2^53 as
/// a whole number, perhaps with a minus and a point, and nothing else: field i goes to to[i][row]. Stops before any
/// other field, near `end`, and behind the row's last. Numbers are those of `read_short_number`.
NumberFields read_number_fields(const char* at, const char* end, char separator, double* const* to, size_t row,
                                size_t most);

}  // namespace gradus::detail
