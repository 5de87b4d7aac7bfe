// Layer normalisation over the last dimension, f32 and f64 (Ba, Kiros, Hinton, 2016); and the same without centring,
// RMS normalisation (Zhang, Sennrich, 2019), where the mean is 0 by definition.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

struct LayerNorm {
  Tensor y;           ///< x̂ · weight + bias, the shape of x.
  Tensor mean, rstd;  ///< Per row; 1/√(variance + epsilon), with the variance over C, not C − 1.
};
/// x (…, C); weight and bias (C), either may be undefined (1 and 0).
LayerNorm layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon, bool centred = true);
/// The gradient with respect to x, plus `residual`, of the shape of x, if it is defined.
Tensor layer_norm_backward(const Tensor& grad, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                           const Tensor& weight, bool centred = true, const Tensor& residual = {});
/// x̂ = (x − mean)·rstd, the shape of x: what multiplies the weight.
Tensor normalized(const Tensor& x, const Tensor& mean, const Tensor& rstd);

}  // namespace gradus::kernels
