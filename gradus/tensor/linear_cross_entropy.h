// The output projection and cross-entropy in one: the logits of all rows never exist at once.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

struct LinearCrossEntropyOptions {
  double scale = 1.0;            ///< Of the loss, and so of the gradients.
  double label_smoothing = 0.0;  ///< In [0, 1).
  bool x_gradient = false, weight_gradient = false;
};

struct LinearCrossEntropy {
  /// scale · Σ over rows of log Σ exp(logits) − (1 − label_smoothing)·logits[target] − label_smoothing·(the logits'
  /// mean), rank 0.
  Tensor loss;
  Tensor x_gradient;       ///< (N, C), or undefined unless asked for.
  Tensor weight_gradient;  ///< (V, C); likewise.
};

/// How many of `rows` have their logits, of `row_bytes` each, in memory at once.
int64_t rows_of_logits(int64_t rows, int64_t row_bytes);

/// Logits are x (N, C) · weight (V, C)ᵀ; targets (N) are i64 in [0, V), one outside is an error with its row. Where
/// one is bf16, products are of bf16 numbers, and the rest is f32. Works on some rows at a time, cut by the sizes
/// alone, and takes the gradients from them while they are there, so that nothing is computed twice.
LinearCrossEntropy linear_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets,
                                        const LinearCrossEntropyOptions& options);

}  // namespace gradus::kernels
