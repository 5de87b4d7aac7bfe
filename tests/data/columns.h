// Made-up columns of a table.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/base/random.h"

namespace gradus {

/// Numbers in [0, values), a function of the seed.
inline std::vector<int64_t> random_column(int64_t rows, uint64_t values, uint64_t seed) {
  std::vector<int64_t> column;
  const RandomStream stream(seed);
  for (int64_t i = 0; i < rows; ++i) {
    column.push_back(static_cast<int64_t>(stream.bits(0, static_cast<uint64_t>(i)) % values));
  }
  return column;
}

}  // namespace gradus
