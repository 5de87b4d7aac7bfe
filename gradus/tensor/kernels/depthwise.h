// Convolutions in groups of one channel of the input (depthwise) or of few: vectors go across the groups instead of
// along the results of one. Called by convolution.cpp and convolution_weight.cpp, which check.
#pragma once

#include "gradus/tensor/kernels/convolution_grid.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// Whether it is such a convolution, with so few channels and results a group that this is the faster way.
bool has_narrow_groups(DType dtype, const ConvolutionSizes& sizes);

/// As `convolution`, of contiguous tensors that fit.
Tensor depthwise(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                 const Convolution2dOptions& options);
/// As `convolution_backward_input`.
Tensor depthwise_backward_input(const Tensor& grad, const Tensor& weight, const Shape& shape,
                                const Convolution2dOptions& options);
/// As `convolution_backward_weight`.
Tensor depthwise_backward_weight(const Tensor& grad, const Tensor& x, const Shape& shape,
                                 const Convolution2dOptions& options);

}  // namespace gradus::kernels
