// The inner loop of `where` (compare.h), on the instruction set of this processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gradus::kernels {

/// Dense rows, or one element for the whole row.
struct SelectRow {
  const bool* chosen;
  const std::byte *x, *y;
  std::byte* out;
  int64_t count;
  bool x_repeats, y_repeats;
};
/// `out[i]` = `chosen[i]` ? `x[i]` : `y[i]`, of elements of so many bytes (1, 2, 4 or 8).
void run_select(int64_t bytes, const SelectRow& row);

}  // namespace gradus::kernels
