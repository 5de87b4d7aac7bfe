// Sparse matrices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradus {

/// Rows of which few numbers are not zero: compressed sparse rows. Row i has the columns indices[offsets[i]] …
/// indices[offsets[i + 1] − 1], ascending, each once, and their values at the same places.
struct SparseMatrix {
  int64_t rows = 0;
  int64_t columns = 0;               ///< At most 2^31 − 1.
  std::vector<int64_t> offsets{0};   ///< rows + 1, ascending, from 0.
  std::vector<int32_t> indices;      ///< Each in [0, columns).
  std::vector<float> values;
};

/// The rows of these numbers, each in [0, x.rows), in their order.
SparseMatrix take_rows(const SparseMatrix& x, std::span<const int64_t> rows);
/// Puts the rows of `more` behind those of `to`, which has the columns of both then.
void append_rows(SparseMatrix& to, const SparseMatrix& more);

}  // namespace gradus
