// Losses that are a sum over elements of a function of (prediction, target), for f32 and f64: one pass forward, and one
// backward for each gradient.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// What `gradus/autograd/ops.h` says of each; parameters in `LossArguments`.
enum class Loss : uint8_t {
  kSquared,
  kAbsolute,
  kHuber,  ///< a: delta.
  kLogCosh,
  kQuantile,  ///< a: the quantile.
  kPoisson,
  kHinge,
  kSquaredHinge,
  kLogistic,  ///< a: how many times a target of 1 counts.
  kFocal,     ///< a: gamma, b: alpha.
  kDivergence,
};
struct LossArguments {
  double a = 0.0, b = 0.0;
};

/// The sum of all terms, which are computed in the inputs' dtype and added in double. Inputs of one shape; an error of
/// op `name` unless both are f32 or both f64.
double loss_sum(std::string_view name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
                const Tensor& target);
/// The sums of the terms of each index of dimension 0: (N), in the inputs' dtype. An error for a scalar.
Tensor loss_of_rows(std::string_view name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
                    const Tensor& target);
struct LossGradients {
  Tensor prediction, target;  ///< Undefined where not asked for.
};
struct LossNeeds {
  bool prediction, target;
};
/// `scale` times the gradients of that sum.
LossGradients loss_backward(Loss loss, const LossArguments& arguments, const Tensor& prediction, const Tensor& target,
                            double scale, const LossNeeds& needs);

}  // namespace gradus::kernels
