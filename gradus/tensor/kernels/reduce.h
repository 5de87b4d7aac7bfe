// Sums for f32 and f64. Sums are cut into blocks by size alone and joined in a fixed tree, so threads change no bit.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// Elements that are added up as one block. Blocks of blocks are added in the same way, so errors grow as in pairwise
/// summation.
inline constexpr int64_t kSumBlock = 2048;

/// The sum of all elements, rank 0.
Tensor sum_all(const Tensor& x);
/// The sum along one axis (already normalised, not negative).
Tensor sum_axis(const Tensor& x, int axis, bool keep_dims);
/// Undoes a broadcast: sums `x` over the dimensions in which `shape` is smaller or missing.
Tensor sum_to(const Tensor& x, const Shape& shape);
/// Σ a·b over everything but the last dimension, in which there must be one: shape (C). Equal shapes and dtypes.
Tensor sum_of_products(const Tensor& a, const Tensor& b);
/// Σ x², accumulated in double.
double squared_norm(const Tensor& x);
/// Row by row: Σ x² over everything but dimension 0, shape (B), f64.
Tensor squared_norm_rows(const Tensor& x);
/// False if any element is NaN or infinite.
bool all_finite(const Tensor& x);

}  // namespace gradus::kernels
