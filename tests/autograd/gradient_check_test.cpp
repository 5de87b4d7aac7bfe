#include "gradus/autograd/gradient_check.h"

#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "tests/testing.h"

namespace gradus {
namespace gradient_check_test {

Tensor leaf(const std::vector<double>& values, const Shape& shape) {
  return Tensor::from(values, shape).set_requires_grad();
}

// x², with a gradient that is wrong where x is above 2.
Tensor wrong_square(const Tensor& x) {
  Tensor y = multiply(x.detach(), x.detach());
  if (!needs_gradient(x)) return y;
  return record("wrong_square", std::move(y), std::array{&x}, [x = Saved(x)](Gradients& g) {
    std::vector<double> slope = x.get().values<double>();
    for (double& v : slope) v = v > 2 ? 2.001 * v : 2 * v;
    g.add(0, multiply(Tensor::from(slope, x.get().shape()), g.output()));
  });
}

TEST(GradientCheck, PassesARightGradientAndLeavesTheInputsAlone) {
  const Tensor a = leaf({1, -2, 0.5, 3}, {2, 2}), b = leaf({0.25, 1}, {2});
  const Tensor constant = Tensor::from(std::vector<double>{5, 6}, {2});
  const GradientCheck check =
      check_gradient([](std::span<const Tensor> x) { return exp(x[0] * x[1]) + x[2]; }, {a, b, constant});
  EXPECT_TRUE(check.passed) << check.describe();
  EXPECT_EQ(check.checked, 6);
  EXPECT_LT(check.error, 1e-8);
  EXPECT_FALSE(a.grad().defined());
  EXPECT_EQ(a.values<double>(), (std::vector<double>{1, -2, 0.5, 3}));
}

TEST(GradientCheck, NamesTheWorstElement) {
  const Tensor fine = leaf({1, 1.5}, {2}), x = leaf({1, 2.5, 0.5, 4}, {2, 2});
  const GradientCheck check =
      check_gradient([](std::span<const Tensor> in) { return wrong_square(in[1]) + in[0]; }, {fine, x});
  EXPECT_FALSE(check.passed);
  EXPECT_EQ(check.input, 1);
  EXPECT_EQ(check.element, 3);  // its seed is (7·3 mod 11 − 5.5)/4 = 1.125
  EXPECT_NEAR(check.analytic, 2.001 * 4 * 1.125, 1e-12);
  EXPECT_NEAR(check.numeric, 2 * 4 * 1.125, 1e-7);
  EXPECT_EQ(check.describe().substr(0, 35), "input 1, element 3: gradient 9.0045");
}

TEST(GradientCheck, CountsNaNAsWrongAndAMissingGradientAsZero) {
  const Tensor x = leaf({-1, 2}, {2});
  EXPECT_FALSE(check_gradient([](std::span<const Tensor> in) { return log(in[0]); }, {x}).passed);
  const Tensor unused = leaf({1}, {1}), used = leaf({1}, {1});
  EXPECT_TRUE(check_gradient([](std::span<const Tensor> in) { return in[1] * 2.0; }, {unused, used}).passed);
  const GradientCheck cut =
      check_gradient([](std::span<const Tensor> in) { return in[0].detach() * 2.0 + in[1]; }, {unused, used});
  EXPECT_FALSE(cut.passed);
  EXPECT_EQ(cut.analytic, 0.0);
}

TEST(GradientCheck, TakesStridesButNoRepeatedElementsAndNoF32) {
  const auto square = [](std::span<const Tensor> in) { return in[0] * in[0]; };
  Tensor storage = Tensor::linspace(-1, 1, 12, DType::kF64);
  Tensor view = storage.view({2, 3}, {1, 4}, 1);
  const GradientCheck check = check_gradient(square, {view.set_requires_grad()});
  EXPECT_TRUE(check.passed) << check.describe();
  EXPECT_EQ(check.checked, 6);
  EXPECT_EQ(storage.values<double>(), Tensor::linspace(-1, 1, 12, DType::kF64).values<double>());

  Tensor repeated = storage.view({2, 3}, {0, 1});
  repeated.set_requires_grad();
  EXPECT_EQ(error_text([&] { check_gradient(square, {repeated}); }),
            "[check_gradient] input 0, f64 (2, 3), repeats its elements along dimension 0; clone() it");
  Tensor narrow = Tensor::zeros({2}).set_requires_grad();
  EXPECT_EQ(error_text([&] { check_gradient(square, {narrow}); }),
            "[check_gradient] input 0 is f32 (2,); expected f64");
  EXPECT_EQ(GradientCheck().describe(), "nothing was checked: no input with elements requires a gradient");
}

}  // namespace gradient_check_test
}  // namespace gradus
