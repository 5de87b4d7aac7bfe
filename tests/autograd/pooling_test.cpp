// What the table of ops does not say of pooling: a relu made with it, and numbers at the ends.
#include <algorithm>
#include <limits>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/tensor/kernels/random.h"
#include "tests/testing.h"

namespace gradus {
namespace pooling_test {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct ValueAndGradient {
  std::vector<double> value, gradient;
};

template <class Function>
ValueAndGradient run(const Tensor& numbers, Function&& function) {
  Tensor x = numbers.detach();
  x.set_requires_grad();
  Tape tape;
  const Tensor y = function(x);
  const Tensor seed = kernels::random_normal(y.shape(), 0, 1, 5, y.dtype());
  tape.backward(y, {.seed = seed});
  return {y.values<double>(), x.grad().values<double>()};
}

TEST(Pooling, ARelusBitsAreThoseOfOneBefore) {
  const Pool2dOptions windows[] = {{}, {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}}};
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    // Mostly below 0, so that whole windows are.
    const Tensor x = kernels::random_normal({3, 8, 10, 19}, -1.2, 1, 4, dtype);
    for (Pool2dOptions options : windows) {
      const ValueAndGradient apart = run(x, [&](const Tensor& t) { return max_pool2d(relu(t), options); });
      options.relu = true;
      const ValueAndGradient fused = run(x, [&](const Tensor& t) { return max_pool2d(t, options); });
      EXPECT_EQ(fused.value, apart.value);
      EXPECT_EQ(fused.gradient, apart.gradient);
      EXPECT_GT(std::count(fused.value.begin(), fused.value.end(), 0.0), 10);
    }
  }
}

TEST(Pooling, TheFirstOfTheLargestGetsTheGradient) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto gradient_of = [](std::vector<double> window, Pool1dOptions options = {.kernel = 4}) {
    const Tensor x = Tensor::from(window, {1, 4, 1});
    return run(x, [&](const Tensor& t) { return max_pool1d(t, options); }).gradient;
  };
  const double seed = kernels::random_normal({1, 1, 1}, 0, 1, 5, DType::kF64).values<double>()[0];
  using Gradient = std::vector<double>;
  EXPECT_EQ(gradient_of({1, 7, 7, 2}), (Gradient{0, seed, 0, 0}));
  EXPECT_EQ(gradient_of({-kInfinity, -kInfinity, -kInfinity, -kInfinity}), (Gradient{seed, 0, 0, 0}));
  EXPECT_EQ(gradient_of({9, nan, 12, nan}), (Gradient{0, seed, 0, 0}));
  EXPECT_EQ(gradient_of({0, -1, 0, -2}, {.kernel = 4, .relu = true}), (Gradient{0, 0, 0, 0}));
  EXPECT_EQ(gradient_of({0, -1, 0, 3}, {.kernel = 4, .relu = true}), (Gradient{0, 0, 0, seed}));
}

TEST(Pooling, AnAverageTakesNoRelu) {
  EXPECT_EQ(error_text([] {
              avg_pool2d(Tensor::zeros({1, 2, 2, 1}), {.relu = true});
            }),
            "[avg_pool2d] relu goes with the largest number of a window, not with an average");
}

}  // namespace pooling_test
}  // namespace gradus
