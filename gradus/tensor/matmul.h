// Matrix products on tensors, cut into tiles by shape alone: f32 and f64, and bf16 with f32 sums. Nothing here is
// recorded on a tape.
#pragma once

#include "gradus/tensor/kernels/epilogue.h"
#include "gradus/tensor/kernels/product.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// What products of T are added up in: float for BFloat16, T itself for float and double.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;

/// C (m, n) = A · B, or C += A · B, and then the epilogue, a tile at a time; T is float, double or BFloat16, which
/// needs `has_bf16_products()`. One stride of A and one of B must be 1. The tiles depend on sizes alone and each
/// takes the whole inner dimension, so threads change no bit. Where threads share `together` such products, each is cut
/// into fewer tiles.
template <class T>
void product(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, Sum<T>* c, int64_t c_row,
             bool accumulate, const Epilogue<Sum<T>>& epilogue, int64_t together = 1);

/// What the products of a `DryRun` would ask for, since the last call.
struct PlannedProducts {
  double flops = 0.0;
  bool use_library = false;    ///< Some are left to oneDNN.
  int64_t bytes_a_thread = 0;  ///< That its threads take for copies of what they multiply, at most; an estimate.
  int64_t threads = 0;         ///< That can be at work at once.
};
PlannedProducts take_planned_products();

/// `x` and `y` as a product takes them, contiguous: where one is bf16, the other is rounded to it.
struct Operands {
  Operands(std::string_view op, const Tensor& x, const Tensor& y);
  Tensor x, y;
  DType result;  ///< The dtype of their product.
};
/// Calls `body(T{})` with what the operands hold: float, double or BFloat16.
template <class Body>
decltype(auto) dispatch_product(std::string_view op, const Operands& operands, Body&& body) {
  if (operands.x.dtype() == DType::kBF16) return body(BFloat16{});
  return dispatch_float(op, operands.x.dtype(), body);
}

/// (…, m, k) × (…, k, n) → (…, m, n); leading dimensions broadcast. Transposed views are used as they lie.
Tensor matmul(const Tensor& a, const Tensor& b);

// In the following, either of two factors may be bf16: then the other, f32, is rounded to bf16 too, and the result is
// f32.

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
