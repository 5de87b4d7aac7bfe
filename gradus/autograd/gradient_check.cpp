#include "gradus/autograd/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

using Function = std::function<Tensor(std::span<const Tensor>)>;

// Uneven, so that errors do not cancel, and never 0.
double seed_element(int64_t i) { return (static_cast<double>(7 * i % 11) - 5.5) / 4.0; }

Tensor seed_like(const Tensor& y) {
  Tensor seed = Tensor::empty(y.shape(), y.dtype());
  double* to = seed.mutable_data<double>();
  for (int64_t i = 0; i < seed.numel(); ++i) to[i] = seed_element(i);
  return seed;
}

// Keeps the gradients of some tensors by itself, so that nobody's grad() changes.
class CollectingSink : public GradientSink {
 public:
  explicit CollectingSink(std::span<const Tensor> inputs) : inputs_(inputs), gradients(inputs.size()) {}

  void accept(const ParameterGradient& gradient) override {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].is_same(gradient.parameter)) return add_gradient(gradients[i], contract(gradient));
    }
  }

 private:
  std::span<const Tensor> inputs_;

 public:
  std::vector<Tensor> gradients;
};

// Where the row-major `i`-th element lies, in elements from the first.
int64_t offset_of(const Tensor& x, int64_t i) {
  int64_t offset = 0;
  for (int axis = x.rank() - 1; axis >= 0; --axis) {
    offset += i % x.shape()[axis] * x.strides()[axis];
    i /= x.shape()[axis];
  }
  return offset;
}

void check_input(const Tensor& x, size_t i) {
  if (x.dtype() != DType::kF64) fail("check_gradient", "input {} is {}; expected f64", i, x.describe());
  for (int axis = 0; axis < x.rank() && x.numel() > 0; ++axis) {
    if (x.shape()[axis] > 1 && x.strides()[axis] == 0) {
      fail("check_gradient", "input {}, {}, repeats its elements along dimension {}; clone() it", i, x.describe(),
           axis);
    }
  }
}

std::vector<double> evaluate(const Function& function, std::span<const Tensor> inputs) {
  const NoGrad no_grad;
  return function(inputs).values<double>();
}

// (Σ f·seed at x + step − the same at x − step) / 2·step for one element. The difference is taken before the sum:
// large outputs that do not depend on the element then add no rounding.
double central_difference(const Function& function, std::span<const Tensor> inputs, Tensor x, int64_t element,
                          double relative_step) {
  const int64_t offset = offset_of(x, element);
  const double value = x.data<double>()[offset];
  const double step = relative_step * std::max(1.0, std::abs(value));
  const double above = value + step, below = value - step;
  x.mutable_data<double>()[offset] = above;
  const std::vector<double> high = evaluate(function, inputs);
  x.mutable_data<double>()[offset] = below;
  const std::vector<double> low = evaluate(function, inputs);
  x.mutable_data<double>()[offset] = value;
  double sum = 0.0;
  for (size_t i = 0; i < high.size(); ++i) sum += (high[i] - low[i]) * seed_element(static_cast<int64_t>(i));
  return sum / (above - below);
}

}  // namespace

std::string GradientCheck::describe() const {
  if (input < 0) return "nothing was checked: no input with elements requires a gradient";
  return fmt::format("input {}, element {}: gradient {}, central difference {} (error {:.2g})", input, element,
                     analytic, numeric, error);
}

GradientCheck check_gradient(const Function& function, std::span<const Tensor> inputs,
                             const GradientCheckOptions& options) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].defined() && inputs[i].requires_grad()) check_input(inputs[i], i);
  }
  CollectingSink sink(inputs);
  {
    Tape tape;
    const Tensor y = function(inputs);
    tape.backward(y, {.seed = seed_like(y), .sink = &sink});
  }
  GradientCheck result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = inputs[i];
    if (!x.defined() || !x.requires_grad()) continue;
    const Tensor& gradient = sink.gradients[i];
    const std::vector<double> analytic =
        gradient.defined() ? gradient.values<double>() : std::vector<double>(static_cast<size_t>(x.numel()), 0.0);
    for (int64_t j = 0; j < x.numel(); ++j, ++result.checked) {
      const double ours = analytic[static_cast<size_t>(j)];
      const double numeric = central_difference(function, inputs, x, j, options.step);
      const double error = std::abs(ours - numeric) / std::max({1.0, std::abs(ours), std::abs(numeric)});
      if (result.input >= 0 && !(error > result.error || std::isnan(error))) continue;
      if (std::isnan(result.error)) continue;
      result.input = static_cast<int>(i);
      result.element = j;
      result.error = error;
      result.analytic = ours;
      result.numeric = numeric;
    }
  }
  result.passed = result.error <= options.tolerance;
  return result;
}

GradientCheck check_gradient(const Function& function, std::initializer_list<Tensor> inputs,
                             const GradientCheckOptions& options) {
  return check_gradient(function, std::span<const Tensor>(inputs.begin(), inputs.size()), options);
}

}  // namespace gradus
