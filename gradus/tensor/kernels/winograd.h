// Convolutions of 3 × 3 kernels with 16 multiplications for 4 results instead of 36: F(2 × 2, 3 × 3) of Winograd, as
// Lavin and Gray (2016, arXiv 1509.09308) have it. Tiles of 4 × 4 of the image, two apart, and the kernels are
// transformed; products of each of the 16 numbers over the channels are transformed back. All factors are 1 and ½, so
// that results are about as exact as those of the direct way. Called by convolution.cpp and convolution_weight.cpp,
// which check.
#pragma once

#include "gradus/tensor/kernels/convolution_grid.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// Whether it is such a convolution, of f32 and of so many channels and places that this is the faster way.
bool is_winograd(DType dtype, const ConvolutionSizes& sizes, const Convolution2dOptions& options);

/// As `convolution`, of contiguous tensors that fit.
Tensor winograd(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                const Convolution2dOptions& options);
/// As `convolution_backward_input`.
Tensor winograd_backward_input(const Tensor& grad, const Tensor& weight, const Shape& shape,
                               const Convolution2dOptions& options);
/// As `convolution_backward_weight`.
Tensor winograd_backward_weight(const Tensor& grad, const Tensor& x, const Shape& shape,
                                const Convolution2dOptions& options);

}  // namespace gradus::kernels
