// What proximal steps do to a parameter: thresholds and scaled rows or columns. f32 and f64, contiguous, in place.
// Blocks are cut by size alone: threads change no bit.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// x ← factor·sign(x)·max(|x| − threshold, 0); neither number is negative. What becomes 0 is +0.
void soft_threshold(Tensor& x, double threshold, double factor);

/// A tensor of rank 2 or more as a matrix (rows, columns); dimension 0 is the rows.
struct MatrixSize {
  int64_t rows, columns;
};
MatrixSize matrix_size(const Tensor& x);

/// Σ x² of each row and of each column, in double.
struct SquareSums {
  Tensor rows, columns;
};
SquareSums square_sums(const Tensor& x);

/// Row i times factors[i], as many f64 as there are rows; a row whose factor is 1 keeps its bits.
void scale_rows(Tensor& x, const Tensor& factors);
/// Column j times factors[j].
void scale_columns(Tensor& x, const Tensor& factors);

}  // namespace gradus::kernels
