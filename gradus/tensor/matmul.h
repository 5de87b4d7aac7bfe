// Matrix products on tensors, f32 and f64, cut into tiles by shape alone. Nothing here is recorded on a tape.
#pragma once

#include "gradus/tensor/kernels/epilogue.h"
#include "gradus/tensor/kernels/product.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// C (m, n) = A · B, or C += A · B, and then the epilogue, a tile at a time; T is float or double. One stride of A and
/// one of B must be 1. The tiles depend on m, n, k alone and each takes the whole inner dimension, so threads change no
/// bit.
template <class T>
void product(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_row,
             bool accumulate, const Epilogue<T>& epilogue);

/// (…, m, k) × (…, k, n) → (…, m, n); leading dimensions broadcast. Transposed views are used as they lie.
Tensor matmul(const Tensor& a, const Tensor& b);

/// x (…, in) · weight (out, in)ᵀ + bias (out) + residual (…, out) → (…, out); the last two may be undefined.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual = {});
/// The gradient of `linear` for x: grad (…, out) · weight → (…, in).
Tensor linear_backward_input(const Tensor& grad, const Tensor& weight);
/// The gradient of `linear` for the weight: gradᵀ · x over all rows → (out, in).
Tensor linear_backward_weight(const Tensor& grad, const Tensor& x);

struct LinearGelu {
  Tensor before;  ///< What gelu was applied to (forward), or its gradient (backward).
  Tensor y;       ///< gelu of it.
};
/// linear(x, weight, bias) and gelu of that, made on each tile of the product.
LinearGelu linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias);
/// For y = gelu(before) and a linear (weight) behind it whose output gradient is `grad`: the gradient of `before`, and
/// y once more. `before` is contiguous; with `overwrite`, y takes its memory.
LinearGelu gelu_linear_backward(const Tensor& grad, const Tensor& weight, const Tensor& before, bool overwrite);

}  // namespace gradus::kernels
