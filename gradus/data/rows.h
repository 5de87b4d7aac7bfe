// Rows by what they have in common, and in random order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradus {

/// Rows with the same number, such as a class.
struct RowGroup {
  int64_t number = 0;
  std::vector<int64_t> rows;  ///< Ascending, at least one.
};

/// All rows of a column by their numbers, in the order in which these appear.
std::vector<RowGroup> row_groups(std::span<const int64_t> column);

/// Puts rows in the order of mix(key, row): random, and for each pair of rows the same whatever others there are.
void shuffle_rows(std::vector<int64_t>& rows, uint64_t key);
/// Leaves the first `count` of them by that order, as a set: in any order.
void keep_first_rows(std::vector<int64_t>& rows, int64_t count, uint64_t key);
/// The same as `shuffle_rows` of groups, by their first rows.
void shuffle_groups(std::vector<RowGroup>& groups, uint64_t key);

}  // namespace gradus
