// Batch normalisation over all but the last dimension, f32 and f64 (Ioffe, Szegedy, 2015), with what often follows it:
// a residual connection and relu.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

struct BatchMoments {
  Tensor mean, variance;  ///< (C); the variance over N, not N − 1.
};
/// x (…, C), at least one row.
BatchMoments batch_moments(const Tensor& x);

/// What normalises x: relu((x − mean)/√(variance + epsilon) · weight + bias + residual), the last with `relu` alone.
struct BatchNorm {
  Tensor mean, variance;  ///< (C)
  Tensor weight, bias;    ///< (C), or undefined: 1 and 0.
  double epsilon = 1e-5;
  bool relu = false;
};
/// `residual`, of x's shape, may be undefined. Errors of shapes name `batch_norm`.
Tensor batch_norm(const Tensor& x, const BatchNorm& norm, const Tensor& residual);

struct BatchNormGradients {
  Tensor x, weight, bias, residual;  ///< x and residual only where they were asked for.
};
/// `y` is the result, needed with relu and a residual; else undefined. Where the moments are x's own, `own_moments`,
/// they follow x.
BatchNormGradients batch_norm_backward(const Tensor& grad, const Tensor& x, const Tensor& y, const BatchNorm& norm,
                                       bool own_moments, bool needs_x, bool needs_residual);

}  // namespace gradus::kernels
