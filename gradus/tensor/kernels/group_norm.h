// Group normalisation of channels-last examples, f32 and f64 (Wu, He, 2018).
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

struct GroupNorm {
  Tensor y;           ///< x̂ · weight + bias, the shape of x.
  Tensor mean, rstd;  ///< (N, groups)
};
/// x (N, …, C): each example's channels are normalised in `groups` parts. weight and bias (C) may be undefined.
GroupNorm group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double epsilon);
struct GroupNormGradients {
  Tensor x;             ///< Undefined if it is not asked for.
  Tensor weight, bias;  ///< (N, C): those of each example, Σ grad · x̂ and Σ grad over its places.
};
GroupNormGradients group_norm_backward(const Tensor& grad, const Tensor& x, int64_t groups, const Tensor& mean,
                                       const Tensor& rstd, const Tensor& weight, bool needs_x);

}  // namespace gradus::kernels
