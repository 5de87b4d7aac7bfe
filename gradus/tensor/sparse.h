// Sparse matrices.
#pragma once

#include <cstdint>
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

}  // namespace gradus
