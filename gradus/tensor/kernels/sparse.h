// Products of sparse rows.
#pragma once

#include "gradus/tensor/sparse.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// x · weightᵀ: rows (N, F), weight (O, F), f32 or f64 → (N, O), each sum in f64 and rounded once.
Tensor sparse_product(const SparseMatrix& x, const Tensor& weight);
/// Its gradient for the weight: gradientᵀ · x, gradient (N, O) → (O, F), rows added in their order.
Tensor sparse_product_backward(const SparseMatrix& x, const Tensor& gradient);

}  // namespace gradus::kernels
