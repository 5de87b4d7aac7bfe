#include "gradus/optim/gradient_noise.h"

#include <cmath>
#include <string>
#include <vector>

#include "gradus/base/threads.h"
#include "gradus/optim/optimizer.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace gradient_noise_test {

constexpr int64_t kCount = 200'001;

// What a step of gradient descent with rate 1 took from θ = 0, without a gradient of the loss.
std::vector<double> noise_of(int64_t t, const GradientNoiseOptions& noise, const char* name = "x",
                             DType dtype = DType::kF64, double divisor = 1.0) {
  Tensor x = Tensor::zeros({kCount}, dtype);
  const auto optimizer = make_sgd({{name, x}}, {});
  optimizer->restore(t, {}, "test");
  x.set_grad(Tensor::zeros({kCount}, dtype));
  optimizer->step({.learning_rate = 1.0, .gradient_divisor = divisor, .noise = noise});
  std::vector<double> all = x.values<double>();
  for (double& v : all) v = -v;
  return all;
}

double mean_of(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0.0;
  for (size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum / static_cast<double>(x.size());
}

// Of n normal numbers of variance v the mean has the deviation √(v/n), the mean square v·√(2/n), the mean fourth power
// v²·√(96/n), and the product with independent ones v/√n; five of them happen once in a million times.
TEST(GradientNoise, HasTheVarianceOfItsStep) {
  const double n = kCount;
  for (const int64_t t : {0, 1, 10, 1000}) {
    const double variance = 0.3 / std::pow(1.0 + static_cast<double>(t), 0.55);
    const std::vector<double> x = noise_of(t, {.variance = 0.3, .seed = 5});
    const std::vector<double> ones(x.size(), 1.0);
    std::vector<double> squares;
    for (const double v : x) squares.push_back(v * v);
    EXPECT_NEAR(mean_of(x, ones), 0.0, 5 * std::sqrt(variance / n)) << t;
    EXPECT_NEAR(mean_of(x, x), variance, 5 * variance * std::sqrt(2 / n)) << t;
    EXPECT_NEAR(mean_of(squares, squares), 3 * variance * variance, 5 * variance * variance * std::sqrt(96 / n)) << t;
    // Neighbours, other steps, other parameters and other seeds have other noise.
    const double limit = 5 * variance / std::sqrt(n);
    std::vector<double> shifted(x.begin() + 1, x.end());
    shifted.push_back(x[0]);
    EXPECT_NEAR(mean_of(x, shifted), 0.0, limit);
    EXPECT_NEAR(mean_of(x, noise_of(t + 1, {.variance = 0.3, .seed = 5})), 0.0, limit);
    EXPECT_NEAR(mean_of(x, noise_of(t, {.variance = 0.3, .seed = 5}, "y")), 0.0, limit);
    EXPECT_NEAR(mean_of(x, noise_of(t, {.variance = 0.3, .seed = 6})), 0.0, limit);
  }
}

TEST(GradientNoise, DecayIsTheExponent) {
  const std::vector<double> x = noise_of(3, {.variance = 1.0, .decay = 0.0}),
                            y = noise_of(3, {.variance = 1.0, .decay = 2.0});
  for (size_t i = 0; i < 100; ++i) EXPECT_NEAR(y[i], x[i] / 4, 1e-15);
}

// It is that of the mean gradient, whatever the gradient's sum is divided by.
TEST(GradientNoise, DoesNotDependOnTheDivisor) {
  const std::vector<double> x = noise_of(2, {.variance = 0.3}),
                            y = noise_of(2, {.variance = 0.3}, "x", DType::kF64, 7.0);
  for (size_t i = 0; i < 100; ++i) EXPECT_NEAR(y[i], x[i], 1e-15);
}

TEST(GradientNoise, IsAddedBeforeClipping) {
  const auto step = [](const StepOptions& options, Tensor& x) {
    x = Tensor::zeros({kCount}, DType::kF64);
    x.set_grad(Tensor::full({kCount}, 2.0, DType::kF64));
    return make_sgd({{"x", x}}, {})->step(options);
  };
  Tensor x;
  StepReport report = step({.learning_rate = 1.0, .clip_norm = 3.0, .noise = {.variance = 1.0}}, x);
  // ‖2 + n‖² has the mean 5 an element and there the deviation √(4·4 + 2).
  EXPECT_NEAR(report.gradient_norm * report.gradient_norm / kCount, 5.0, 5 * std::sqrt(18.0 / kCount));
  EXPECT_NEAR(std::sqrt(mean_of(x.values<double>(), x.values<double>()) * kCount), 3.0, 1e-6);
  report = step({.learning_rate = 1.0, .clip_value = 0.5, .noise = {.variance = 1.0}}, x);
  EXPECT_TRUE(report.clipped);
  for (const double v : x.values<double>()) ASSERT_LE(std::abs(v), 0.5);
}

TEST(GradientNoise, ThreadsChangeNoBit) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    std::vector<double> first;
    for (const int count : {1, 2, 3}) {
      set_threads(count);
      const std::vector<double> got = noise_of(4, {.variance = 0.3}, "x", dtype);
      if (first.empty()) first = got;
      EXPECT_TRUE(got == first) << count;
    }
  }
  set_threads(0);
}

// Two parameters may share the tensor of their gradient, and whoever set it keeps it as it was.
TEST(GradientNoise, LeavesTheGivenGradientAlone) {
  Tensor x = Tensor::zeros({4}), y = Tensor::zeros({4}), frozen = Tensor::zeros({4});
  const Tensor gradient = Tensor::full({4}, 1.0);
  for (Tensor* t : {&x, &y, &frozen}) t->set_grad(gradient);
  const auto optimizer = make_sgd({{"x", x}, {"y", y}, {"frozen", frozen}}, {});
  optimizer->set_groups({{.pattern = "frozen", .freeze = true}});
  optimizer->step({.learning_rate = 1.0, .noise = {.variance = 1.0}});
  EXPECT_EQ(gradient.values<double>(), std::vector<double>(4, 1.0));
  EXPECT_EQ(frozen.values<double>(), std::vector<double>(4, 0.0));
  EXPECT_NE(x.values<double>(), y.values<double>());
}

TEST(GradientNoise, Errors) {
  Tensor x = Tensor::full({2}, 1.0);
  const auto text = [&](const GradientNoiseOptions& noise, std::unique_ptr<Optimizer> optimizer) {
    x.set_grad(Tensor::full({2}, 1.0));
    return usage_error_text([&] { optimizer->step({.noise = noise}); });
  };
  EXPECT_EQ(text({.variance = -1.0}, make_sgd({{"x", x}}, {})),
            "[gradient noise] variance is -1; expected a finite number from 0");
  EXPECT_EQ(text({.variance = 1.0, .decay = -1.0}, make_sgd({{"x", x}}, {})),
            "[gradient noise] decay is -1; expected a finite number from 0");
  EXPECT_EQ(text({.variance = 0.5}, make_lbfgs({{"x", x}}, {})),
            "[lbfgs] the gradient noise has variance 0.5; expected 0: a line search needs the gradient of the loss");
}

}  // namespace gradient_noise_test
}  // namespace gradus
