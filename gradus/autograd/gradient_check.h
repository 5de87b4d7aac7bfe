// Gradient check: a function's gradient against central differences, for those who write an op or a layer.
//
//     const auto loss = [](std::span<const Tensor> x) { return mse(tanh(x[0]), x[1]); };
//     const GradientCheck check = check_gradient(loss, {{a, b}});
//     if (!check.passed) fmt::print("{}\n", check.describe());
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>

#include "gradus/tensor/tensor.h"

namespace gradus {

struct GradientCheckOptions {
  /// The distance of the differences, relative to elements above 1 in size: eps^(1/3) balances the error of the
  /// formula, O(step²), against rounding, O(eps/step). The function must be smooth over that distance.
  double step = 6e-6;
  /// The largest |analytic − numeric| / max(1, |analytic|, |numeric|) that passes.
  double tolerance = 1e-7;
};

/// The outcome, with the element whose gradient is farthest from the difference.
struct GradientCheck {
  bool passed = true;
  double error = 0.0;  ///< Of the worst element: |analytic − numeric| / max(1, |analytic|, |numeric|); NaN is worst.
  int input = -1;      ///< Which input it is in; −1 if nothing was checked.
  int64_t element = -1;  ///< Its row-major place there.
  double analytic = 0.0;
  double numeric = 0.0;
  int64_t checked = 0;  ///< Elements compared.

  /// "input 0, element 7: gradient 1.25, central difference 1.5 (error 0.17)".
  std::string describe() const;
};

/// Compares, for each input that `requires_grad`, the gradient of Σ f(inputs)·seed, with a fixed uneven seed, with
/// central differences. These inputs must be f64 (rounding in f32 would hide errors) and no two of them may share
/// storage; any strides, but an element must not be repeated. They are changed and restored in place, and their
/// `grad()` is left alone. `function` must be a pure function of its inputs' elements.
GradientCheck check_gradient(const std::function<Tensor(std::span<const Tensor>)>& function,
                             std::span<const Tensor> inputs, const GradientCheckOptions& options = {});
GradientCheck check_gradient(const std::function<Tensor(std::span<const Tensor>)>& function,
                             std::initializer_list<Tensor> inputs, const GradientCheckOptions& options = {});

}  // namespace gradus
