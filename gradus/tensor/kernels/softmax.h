// Kernels along the last dimension, f32 and f64: softmax, log-sum-exp, cross-entropy. Rows are independent.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// exp(x − max) / Σ; a row whose maximum is −∞ or that holds NaN gives NaN, as PyTorch does.
Tensor softmax(const Tensor& x);
/// y · (g − Σ g·y), row by row.
Tensor softmax_backward(const Tensor& y, const Tensor& grad);
/// x − log Σ exp(x); NaN as softmax.
Tensor log_softmax(const Tensor& x);
/// g − exp(y) · Σ g, row by row.
Tensor log_softmax_backward(const Tensor& y, const Tensor& grad);
/// log Σ exp(x), shape without the last dimension; −∞ for an empty or all −∞ row.
Tensor logsumexp(const Tensor& x);

/// Throws unless `targets` is i64 (rows) with each in [0, classes).
void check_classes(std::string_view op, const Tensor& targets, int64_t rows, int64_t classes);

struct CrossEntropy {
  Tensor sum;            ///< Σ over rows of log Σ exp(logits) − logits[target], rank 0.
  Tensor probabilities;  ///< softmax(logits), (N, V); kept for backward.
};
/// Logits (N, V), targets (N) i64 in [0, V); a target outside is an error with its row.
CrossEntropy cross_entropy(const Tensor& logits, const Tensor& targets);
/// (probabilities − one-hot(targets)) · scale, (N, V).
Tensor cross_entropy_backward(const Tensor& probabilities, const Tensor& targets, double scale);

}  // namespace gradus::kernels
