// The inner loops of reduce.cpp, on the instruction set of this processor.
#pragma once

#include "gradus/tensor/kernels/reduce.h"

namespace gradus::kernels {

enum class BlockSum : uint8_t {
  kSum,      ///< Σ x, in the dtype of x.
  kSquares,  ///< Σ x², in double.
  kZeros,    ///< Σ 0·x, in the dtype of x: 0, or NaN if an element is not finite.
};

/// `out[i]` = the sum of x[i·block, (i + 1)·block); the last block ends at `count`.
void run_block_sums(BlockSum what, DType dtype, const std::byte* x, int64_t count, int64_t block, std::byte* out);
struct ColumnTerms {
  const std::byte* x;
  const std::byte* y = nullptr;  ///< Each element is multiplied by that of y, if there is one.

  ColumnTerms at(int64_t bytes) const { return {x + bytes, y == nullptr ? nullptr : y + bytes}; }
};
/// `out[j]` = Σ over `rows` of the terms at row·stride + j, for j in [0, width). `rows` is at least 1.
void run_column_sums(DType dtype, const ColumnTerms& terms, int64_t rows, int64_t stride, int64_t width,
                     std::byte* out);

}  // namespace gradus::kernels
