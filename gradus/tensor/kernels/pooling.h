// Pooling of channels-last images, f32 and f64: the largest or the mean number of each window, channel by channel.
#pragma once

#include "gradus/tensor/convolution_options.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

enum class Pool : uint8_t {
  kMax,      ///< NaN if any is NaN; padding is never the largest.
  kAverage,  ///< Padding counts as zeros.
};

/// x (N, H, W, C) → (N, (H + 2·padding − kernel)/stride + 1, …, C). Errors name `op`.
Tensor pool(std::string_view op, Pool kind, const Tensor& x, const Pool2dOptions& options);
/// The gradient of an x of shape `shape`. `x` and the result `y` are needed by kMax alone: the first of the largest
/// numbers of a window gets the gradient.
Tensor pool_backward(Pool kind, const Tensor& grad, const Shape& shape, const Tensor& x, const Tensor& y,
                     const Pool2dOptions& options);

}  // namespace gradus::kernels
