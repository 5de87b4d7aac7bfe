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
/// The gradient with respect to x.
Tensor group_norm_backward(const Tensor& grad, const Tensor& x, int64_t groups, const Tensor& mean, const Tensor& rstd,
                           const Tensor& weight);
/// x̂ = (x − mean)·rstd.
Tensor group_normalized(const Tensor& x, int64_t groups, const Tensor& mean, const Tensor& rstd);

}  // namespace gradus::kernels
