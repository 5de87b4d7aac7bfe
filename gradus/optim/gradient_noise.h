// Noise that is added to gradients.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus {

/// Normal noise of variance `variance`/(1 + t)^`decay`, added to each element of the gradient before it is clipped; t
/// counts the updates from 0 (Neelakantan et al., "Adding gradient noise improves learning for very deep networks",
/// 2015, who take a variance of 0.01, 0.3 or 1). An element's noise is a function of seed, t, the parameter's name and
/// the element's place.
struct GradientNoiseOptions {
  double variance = 0.0;  ///< From 0, which is off; the paper's η.
  double decay = 0.55;    ///< From 0; the paper's γ.
  uint64_t seed = 0;
};

/// A usage error for a number out of range.
void check(const GradientNoiseOptions& options);

/// `gradient`, of a parameter `name`, f32 or f64, with the noise of update `t`, as a new tensor. `scale` is what the
/// gradient will be divided by.
Tensor with_noise(const Tensor& gradient, std::string_view name, int64_t t, double scale,
                  const GradientNoiseOptions& options);

}  // namespace gradus
