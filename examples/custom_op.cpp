// An op of one's own, y = x³, with its gradient: written here, recorded on the tape, checked, and trained through.
#include <gradus/gradus.h>

#include <cstdio>

using namespace gradus;
using kernels::Binary;

// Kernels compute and record nothing.
Tensor times(const Tensor& a, const Tensor& b) { return kernels::binary("cube", Binary::kMultiply, a, b); }

Tensor cube(const Tensor& x) {
  Tensor y = times(times(x, x), x);
  if (!needs_gradient(x)) return y;
  return record("cube", std::move(y), std::array{&x}, [x = Saved(x)](Gradients& g) {
    g.add(0, times(g.output(), kernels::binary(Binary::kMultiply, times(x.get(), x.get()), 3.0)));
  });
}

int main() {
  // Its gradient against central differences, in f64.
  std::vector<Tensor> inputs = {Tensor::linspace(-2, 2, 9, DType::kF64).set_requires_grad()};
  const GradientCheck check = check_gradient([](std::span<const Tensor> x) { return cube(x[0]); }, inputs);
  std::printf("gradient check: %s\n", check.passed ? "passed" : check.describe().c_str());

  // Which x has the cube 10? Gradient descent on (x³ − 10)².
  Parameters parameters;
  const Tensor x = ParameterBuilder(parameters, 1).add("x", {1}, Initializer::constant(1.0));
  const Tensor target = Tensor::full({1}, 10.0);
  const auto optimizer = make_sgd(parameters, {});
  for (int step = 0; step < 100; ++step) {
    Tape tape;
    tape.backward(mse(cube(x), target));
    optimizer->step({.learning_rate = 0.005});
  }
  std::printf("the cube root of 10 is %.6f\n", x.item());
  return check.passed ? 0 : 1;
}
