// Pooling of channels-last images, f32 and f64: the largest or the mean number of each window, channel by channel.
#pragma once

#include "gradus/tensor/convolution_options.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

enum class Pool : uint8_t {
  kMax,      ///< NaN if any is NaN; padding is never the largest.
  kAverage,  ///< Padding counts as zeros.
};

struct Pooled {
  Tensor result;
  /// Of kMax, for its gradient: which of the places of its window, in f32 or f64 as the result, each number is from,
  /// the first of the largest; −1 for the 0 of a relu.
  Tensor taps;
};
/// x (N, H, W, C) → (N, (H + 2·padding − kernel)/stride + 1, …, C). Errors name `op`. Taps are made if wanted.
Pooled pool(std::string_view op, Pool kind, const Tensor& x, const Pool2dOptions& options, bool wants_taps);
/// The gradient of an x of shape `shape`. `taps` are needed by kMax alone.
Tensor pool_backward(Pool kind, const Tensor& grad, const Shape& shape, const Tensor& taps,
                     const Pool2dOptions& options);

}  // namespace gradus::kernels
