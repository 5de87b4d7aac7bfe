// The order in which solvers that take one example at a time go through the rows.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/classic/linear_inputs.h"

namespace gradus {

/// How rows are shuffled: blocks of `together` rows, which lie side by side, by Fisher and Yates' shuffle; then the
/// rows of each 64 blocks, in the same way. So memory is read in stretches that it is quick at.
struct RowOrder {
  uint64_t seed = 0;
  int64_t rows = 0;      ///< At most 2^31 − 1.
  int64_t together = 1;  ///< From 1.
};
/// Blocks of some 2 KiB, 1 to 16 rows.
RowOrder row_order(const LinearInputs& inputs, uint64_t seed);
/// The order of a pass: a permutation of [0, rows) that is a function of the arguments. Throws a usage error for too
/// many rows.
void shuffle_rows(const RowOrder& order, int64_t pass, std::vector<int32_t>& ids);

}  // namespace gradus
