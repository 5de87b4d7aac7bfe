// Convolutions of channels-last images, f32 and f64: forward, and the gradients of input and weight. No matrix of
// patches is made: the innermost loops read the image where it lies (the indirect convolution of Dukhan, 2019).
#pragma once

#include "gradus/tensor/convolution_options.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// x (N, H, W, C), weight (out, kh, kw, C/groups), bias (out) and residual (of the result's shape), either of which may
/// be undefined: (N, (H + 2·padding − dilation·(kh − 1) − 1)/stride + 1, …, out). Errors name `op`.
Tensor convolution(std::string_view op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const Tensor& residual, const Convolution2dOptions& options);
/// The gradient of an x of shape `shape`, where `grad` is that of the result before relu.
Tensor convolution_backward_input(const Tensor& grad, const Tensor& weight, const Shape& shape,
                                  const Convolution2dOptions& options);
/// The gradient of a weight of shape `shape`.
Tensor convolution_backward_weight(const Tensor& grad, const Tensor& x, const Shape& shape,
                                   const Convolution2dOptions& options);

}  // namespace gradus::kernels
