// Fields that are short numbers, by vectors.
#pragma once

#include <cstddef>
#include <optional>

namespace gradus::detail {

/// Where a reader of numbers has come to.
struct NumberFields {
  const char* at = nullptr;  ///< Behind the separator of the last number; or where the row ends.
  size_t count = 0;          ///< Numbers that were read.
  bool ends_row = false;
};

/// Reads the fields from `at` on, up to `most` of them, as long as each is a number of at most 15 digits, perhaps with
/// a minus and a point, and nothing else: field i goes to to[i][row]. Stops before any other field, near `end`, and
/// behind the row's last. Numbers are those of `read_short_number`.
NumberFields read_number_fields(const char* at, const char* end, char separator, double* const* to, size_t row,
                                size_t most);

struct NumberRowsOptions {
  const char* limit = nullptr;  ///< Rows that begin there or behind are left,
  const char* end = nullptr;    ///< and so is what is near the text's end.
  char separator = ',';
  std::optional<char> comment = {};  ///< What begins a comment.
  size_t columns = 1;                ///< Fields of each row.
  bool has_empty_fields = false;     ///< An empty field is a missing value. Not of a single column, where it is no row.
};

/// Where a reader of rows of numbers has come to.
struct NumberRows {
  const char* begin = nullptr;  ///< Of the row that it is in,
  const char* at = nullptr;     ///< and of that row's next field.
  size_t count = 0;             ///< Fields before it in that row.
  size_t rows = 0;              ///< Whole rows that were read.
};

/// Reads rows from `at` on, a row's beginning before the limit, as long as they have `columns` fields, each a number as
/// above, or empty: field i of the row n goes to to[i][row + n], NaN if it is empty. Stops before any other field,
/// near the end, behind the last row before the limit, and before a comment. What ends fields is found first, for many
/// at a time, so that no number waits for the one before.
NumberRows read_number_rows(const NumberRowsOptions& options, const char* at, double* const* to, size_t row);

}  // namespace gradus::detail
