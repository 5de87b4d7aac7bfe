// Weights that proximal steps and max-norm leave, against scikit-learn's, closed forms and conditions of optimality.
#include "gradus/optim/proximal.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "gradus/base/threads.h"
#include "gradus/optim/optimizer.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace proximal_test {

using nlohmann::json;
using Matrix = std::vector<std::vector<double>>;

const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/regularization.json"));
  return all;
}

// Half of the mean over rows of the squared errors, summed over the outputs: X·Wᵀ against the first targets.
struct LeastSquares {
  Matrix x = references()["x"], y = references()["y"];
  Tensor weight;

  explicit LeastSquares(int64_t outputs) : weight(Tensor::zeros({outputs, 6}, DType::kF64)) {}
  std::vector<double> gradient() const {
    const double* const w = weight.data<double>();
    std::vector<double> g(static_cast<size_t>(weight.numel()), 0.0);
    for (size_t r = 0; r < x.size(); ++r) {
      for (int64_t o = 0; o < weight.size(0); ++o) {
        double error = -y[r][o];
        for (int64_t j = 0; j < 6; ++j) error += w[o * 6 + j] * x[r][j];
        for (int64_t j = 0; j < 6; ++j) g[o * 6 + j] += error * x[r][j] / static_cast<double>(x.size());
      }
    }
    return g;
  }
  // Gradient descent with proximal steps; the rate is below 1/λ_max of XᵀX/n, so that this is ISTA and converges.
  void solve(const StepOptions& step, Optimizer& optimizer, int steps = 4000) {
    for (int t = 0; t < steps; ++t) {
      weight.set_grad(Tensor::from(gradient(), weight.shape()));
      optimizer.step(step);
    }
  }
  void solve(const ProximalOptions& proximal) {
    const auto optimizer = make_sgd({{"weight", weight}}, {});
    solve({.learning_rate = 0.3, .proximal = proximal}, *optimizer);
  }
};

// The zeros are the same, and exact; the rest lies within what 4000 steps leave, far below any difference of penalty.
void expect_weights(const Tensor& got, const json& expected) {
  for (int64_t o = 0; o < got.size(0); ++o) {
    for (int64_t j = 0; j < got.size(1); ++j) {
      const double value = got.values<double>()[o * got.size(1) + j], wanted = expected[o][j];
      EXPECT_EQ(value == 0.0, wanted == 0.0) << o << ", " << j << ": " << value << " and " << wanted;
      EXPECT_FALSE(value == 0.0 && std::signbit(value));
      EXPECT_NEAR(value, wanted, 1e-8) << o << ", " << j;
    }
  }
}

TEST(Proximal, LassoIsScikitLearns) {
  for (const char* name : {"lasso", "lasso_strong"}) {
    SCOPED_TRACE(name);
    const json& c = references()["cases"][name];
    LeastSquares problem(1);
    problem.solve({.l1 = c["l1"]});
    expect_weights(problem.weight, c["weight"]);
  }
}

TEST(Proximal, ElasticNetIsScikitLearns) {
  const json& c = references()["cases"]["elastic_net"];
  LeastSquares problem(1);
  problem.solve({.l1 = c["l1"], .l2 = c["l2"]});
  expect_weights(problem.weight, c["weight"]);
}

// Momentum makes steps 1/(1 − μ) as long. Its minimum is that of plain gradient descent, for each of the penalties.
TEST(Proximal, MomentumEndsAtTheSameMinimum) {
  for (const bool nesterov : {false, true}) {
    for (const char* name : {"lasso", "lasso_strong", "elastic_net", "group_lasso", "group_elastic_net"}) {
      SCOPED_TRACE(fmt::format("{}, nesterov {}", name, nesterov));
      const json& c = references()["cases"][name];
      LeastSquares problem(static_cast<int64_t>(c["weight"].size()));
      const auto optimizer = make_sgd({{"weight", problem.weight}}, {.momentum = 0.9, .nesterov = nesterov});
      const ProximalOptions proximal{
          .l1 = c.value("l1", 0.0), .l2 = c["l2"], .group_lasso = c.value("group_lasso", 0.0)};
      problem.solve({.learning_rate = 0.03, .proximal = proximal}, *optimizer);
      expect_weights(problem.weight, c["weight"]);
    }
  }
}

// As a penalty in the gradient it comes as near as its steps are long, and to no exact zero.
TEST(Proximal, ElasticNetAsAPenaltyComesNear) {
  const json& c = references()["cases"]["elastic_net"];
  LeastSquares problem(1);
  const auto optimizer = make_sgd({{"weight", problem.weight}}, {});
  problem.solve({.learning_rate = 1e-3, .penalty = {.l1 = c["l1"], .l2 = c["l2"]}}, *optimizer, 40'000);
  for (int64_t j = 0; j < 6; ++j) {
    const double value = problem.weight.values<double>()[j], wanted = c["weight"][0][j];
    EXPECT_NEAR(value, wanted, 2e-3 * c["l1"].get<double>());
    EXPECT_NE(value, 0.0);
  }
}

TEST(Proximal, GroupLassoOfInputsIsScikitLearnsMultiTaskLasso) {
  for (const char* name : {"group_lasso", "group_elastic_net"}) {
    SCOPED_TRACE(name);
    const json& c = references()["cases"][name];
    LeastSquares problem(3);
    problem.solve({.l2 = c["l2"], .group_lasso = c["group_lasso"]});
    expect_weights(problem.weight, c["weight"]);
  }
}

// At the minimum −gradient = λ·w/‖w‖ for a row that is not zero, and ‖gradient‖ ≤ λ for one that is.
TEST(Proximal, GroupLassoOfOutputsMeetsTheConditionsOfTheMinimum) {
  constexpr double kLambda = 0.35;
  LeastSquares problem(3);
  problem.solve({.group_lasso = kLambda, .groups_of = WeightGroups::kOutputs});
  const std::vector<double> w = problem.weight.values<double>(), g = problem.gradient();
  int zeros = 0;
  for (int o = 0; o < 3; ++o) {
    double norm = 0.0, slope = 0.0;
    for (int j = 0; j < 6; ++j) {
      norm += w[o * 6 + j] * w[o * 6 + j];
      slope += g[o * 6 + j] * g[o * 6 + j];
    }
    norm = std::sqrt(norm);
    if (norm == 0.0) {
      ++zeros;
      EXPECT_LT(std::sqrt(slope), kLambda);
      continue;
    }
    for (int j = 0; j < 6; ++j) EXPECT_NEAR(-g[o * 6 + j], kLambda * w[o * 6 + j] / norm, 1e-9);
  }
  EXPECT_EQ(zeros, 1);
}

// θ of a quadratic ½‖θ − b‖² ends at prox(b), whatever the rate: here of l1, groups and l2 together, written out.
TEST(Proximal, OfAllThreePenaltiesEndsAtTheClosedForm) {
  constexpr double kL1 = 0.3, kGroup = 0.5, kL2 = 0.25;
  const std::vector<double> b = {1.0, 0.2, -0.9, -2.0, 0.4, 0.1};  // (2, 3)
  for (const WeightGroups groups : {WeightGroups::kInputs, WeightGroups::kOutputs}) {
    std::vector<double> expected;
    for (const double v : b) expected.push_back(std::copysign(std::max(std::abs(v) - kL1, 0.0), v));
    const bool inputs = groups == WeightGroups::kInputs;
    for (int k = 0; k < (inputs ? 3 : 2); ++k) {
      const std::vector<int> members = inputs ? std::vector{k, k + 3} : std::vector{3 * k, 3 * k + 1, 3 * k + 2};
      double squares = 0.0;
      for (const int i : members) squares += expected[i] * expected[i];
      for (const int i : members) expected[i] *= std::max(0.0, 1.0 - kGroup / std::sqrt(squares)) / (1.0 + kL2);
    }
    if (inputs) {
      EXPECT_EQ(expected[1], 0.0);
      EXPECT_EQ(expected[4], 0.0);
    }
    Tensor x = Tensor::from(std::vector<double>(6, 1.0), {2, 3});
    const auto optimizer = make_sgd({{"x", x}}, {});
    for (int t = 0; t < 200; ++t) {
      std::vector<double> g = x.values<double>();
      for (size_t i = 0; i < 6; ++i) g[i] -= b[i];
      x.set_grad(Tensor::from(g, {2, 3}));
      optimizer->step(
          {.learning_rate = 0.4, .proximal = {.l1 = kL1, .l2 = kL2, .group_lasso = kGroup, .groups_of = groups}});
    }
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_NEAR(x.values<double>()[i], expected[i], 1e-13);
      EXPECT_EQ(x.values<double>()[i] == 0.0, expected[i] == 0.0);
    }
  }
}

TEST(Proximal, OneStepOfSinglePrecisionAndWhatItLeavesAlone) {
  Tensor weight = Tensor::from(std::vector<float>{3, -4, 0.5F, -0.25F, -0.0F, 1}, {3, 2});
  proximal_step(weight, 0.5, {.l1 = 1.0, .l2 = 2.0});
  EXPECT_EQ(weight.values<double>(), (std::vector<double>{1.25, -1.75, 0, 0, 0, 0.25}));
  Tensor bias = Tensor::from(std::vector<float>{3, -4}, {2});
  const ProximalOptions everything{.l1 = 1.0, .l2 = 1.0, .group_lasso = 1.0, .max_norm = 0.5};
  proximal_step(bias, 0.5, everything);
  EXPECT_EQ(bias.values<double>(), (std::vector<double>{3, -4}));
  proximal_step(bias, 0.5, {.l1 = 1.0, .all = true, .group_lasso = 1.0, .max_norm = 0.5});
  EXPECT_EQ(bias.values<double>(), (std::vector<double>{2.5, -3.5}));
  // A rate of 0, as at the start of a warm-up, leaves all but the limit.
  weight = Tensor::from(std::vector<float>{3, 4, 0.25F, 0}, {2, 2});
  proximal_step(weight, 0.0, {.l1 = 1.0, .l2 = 1.0, .group_lasso = 1.0});
  EXPECT_EQ(weight.values<double>(), (std::vector<double>{3, 4, 0.25, 0}));
  // NaN is no zero: the next loss has to show it.
  weight = Tensor::from(std::vector<float>{std::nanf(""), 4}, {1, 2});
  proximal_step(weight, 1.0, {.l1 = 1.0, .group_lasso = 1.0, .max_norm = 1.0});
  EXPECT_TRUE(std::isnan(weight.values<double>()[0]));
}

// Keras's max_norm and Srivastava's: a row that is longer gets that length, others keep their bits.
TEST(Proximal, MaxNormScalesLongRowsOnly) {
  Tensor weight = Tensor::from(std::vector<double>{3, 4, 0.1, 0.2, 0, 0, -8, 6}, {4, 2});
  proximal_step(weight, 0.1, {.max_norm = 2.5});
  EXPECT_EQ(weight.values<double>(), (std::vector<double>{1.5, 2, 0.1, 0.2, 0, 0, -2, 1.5}));
}

// An input of a convolution is a channel, of (out, k, in) and (out, kh, kw, in).
TEST(Proximal, GroupLassoOfAConvolutionIsOfItsInputChannels) {
  for (const char* name : {"convolution_1d", "convolution_2d"}) {
    SCOPED_TRACE(name);
    const json& c = references()["cases"][name];
    Shape shape;
    for (const int64_t size : c["shape"]) shape.push_back(size);
    Tensor x = Tensor::from(c["before"].get<std::vector<double>>(), shape);
    EXPECT_NEAR(proximal_penalty(x, {.group_lasso = c["group_lasso"]}), c["penalty"].get<double>(), 1e-14);
    proximal_step(x, c["rate"], {.group_lasso = c["group_lasso"]});
    const std::vector<double> after = c["after"], got = x.values<double>();
    for (size_t i = 0; i < after.size(); ++i) {
      EXPECT_NEAR(got[i], after[i], 1e-15);
      EXPECT_EQ(got[i] == 0.0, after[i] == 0.0);
    }
  }
}

TEST(Proximal, PenaltyIsReportedWithTheNormOfTheLossAlone) {
  Tensor x = Tensor::from(std::vector<float>{3, -4, 0, 0}, {2, 2}), bias = Tensor::from(std::vector<float>{2}, {1});
  for (const bool all : {false, true}) {
    x.set_grad(Tensor::zeros({2, 2}));
    bias.set_grad(Tensor::full({1}, 1.0));
    const StepReport report = make_sgd({{"x", x}, {"bias", bias}}, {})
                                  ->step({.proximal = {.l1 = 0.5, .l2 = 0.2, .all = all, .group_lasso = 0.25}});
    EXPECT_DOUBLE_EQ(report.penalty, 0.5 * 7 + 0.1 * 25 + 0.25 * 7 + (all ? 0.5 * 2 + 0.1 * 4 : 0.0));
    EXPECT_EQ(report.gradient_norm, 1.0);
  }
}

// α is the parameter's own rate: the group's factor, and the rule's where it has one.
TEST(Proximal, TheRateIsTheParametersOwn) {
  const auto threshold = [](const std::function<std::unique_ptr<Optimizer>(Parameters)>& make,
                            std::vector<ParameterGroup> groups, int steps) {
    Tensor x = Tensor::from(std::vector<double>{100.0}, {1});
    const auto optimizer = make({{"x", x}});
    if (!groups.empty()) optimizer->set_groups(groups);
    double before = 0.0;
    for (int t = 0; t < steps; ++t) {
      before = x.item();
      x.set_grad(Tensor::zeros({1}, DType::kF64));
      optimizer->step({.learning_rate = 0.5, .proximal = {.l1 = 0.5, .all = true}});
    }
    return before - x.item();
  };
  const auto sgd = [](Parameters p) { return make_sgd(std::move(p), {}); };
  EXPECT_DOUBLE_EQ(threshold(sgd, {}, 1), 0.25);
  EXPECT_NEAR(threshold(sgd, {{.pattern = "x", .learning_rate_factor = 0.2}}, 1), 0.05, 1e-13);
  const auto dampened = [](Parameters p) { return make_sgd(std::move(p), {.momentum = 0.5, .dampening = 0.25}); };
  EXPECT_DOUBLE_EQ(threshold(dampened, {}, 1), 0.375);
  const auto adagrad = [](Parameters p) { return make_adagrad(std::move(p), {.rate_decay = 1.0}); };
  EXPECT_DOUBLE_EQ(threshold(adagrad, {}, 1), 0.25);
  EXPECT_NEAR(threshold(adagrad, {}, 3), 0.25 / 3, 1e-13);
  const auto asgd = [](Parameters p) { return make_asgd(std::move(p), {.asgd_decay = 0.0}); };
  EXPECT_DOUBLE_EQ(threshold(asgd, {}, 2), 0.25);
  const auto muon = [](Parameters p) { return make_muon(std::move(p), {.adamw_factor = 0.5}); };
  EXPECT_DOUBLE_EQ(threshold(muon, {}, 1), 0.125);
}

TEST(Proximal, AsgdsOwnDecayLowersTheRateOfBoth) {
  Tensor x = Tensor::from(std::vector<double>{100.0}, {1});
  const auto optimizer = make_asgd({{"x", x}}, {.asgd_decay = 0.5, .power = 1.0});
  double expected = 100.0;
  for (int t = 0; t < 3; ++t) {
    x.set_grad(Tensor::zeros({1}, DType::kF64));
    optimizer->step({.learning_rate = 0.5, .proximal = {.l1 = 0.5, .all = true}});
    const double rate = 0.5 / (1.0 + 0.25 * t);
    expected = expected * (1.0 - 0.5 * rate) - 0.5 * rate;
    EXPECT_NEAR(x.item(), expected, 1e-12);
  }
}

TEST(Proximal, FrozenParametersAndThoseWithoutAGradientStay) {
  Tensor a = Tensor::full({2, 2}, 5.0), b = Tensor::full({2, 2}, 5.0), c = Tensor::full({2, 2}, 5.0);
  const auto optimizer = make_sgd({{"a", a}, {"b", b}, {"c", c}}, {});
  optimizer->set_groups({{.pattern = "b", .freeze = true}});
  a.set_grad(Tensor::zeros({2, 2}));
  b.set_grad(Tensor::zeros({2, 2}));
  optimizer->step({.learning_rate = 1.0, .proximal = {.l1 = 1.0, .max_norm = 3.0}});
  EXPECT_EQ(b.values<double>(), std::vector<double>(4, 5.0));
  EXPECT_EQ(c.values<double>(), std::vector<double>(4, 5.0));
  EXPECT_NEAR(a.values<double>()[0], 3.0 / std::sqrt(2.0), 1e-6);
}

// What holds for averages: they are of the weights after the step. Zeros are not exact in them, but rows that were
// never longer than the limit (the start among them) have no longer average.
TEST(Proximal, AveragesAreOfTheWeightsAfterTheStep) {
  const auto rows = [](const Tensor& x) {
    std::vector<double> norms;
    const std::vector<double> v = x.values<double>();
    for (size_t i = 0; i < v.size(); i += 2) norms.push_back(std::hypot(v[i], v[i + 1]));
    return norms;
  };
  for (const bool asgd : {false, true}) {
    Tensor x = Tensor::from(std::vector<double>{0.3, 0.4, -0.2, 0.1}, {2, 2});
    const auto optimizer = asgd ? make_asgd({{"x", x}}, {.asgd_decay = 0.0, .start = 1}) : make_sgd({{"x", x}}, {});
    if (!asgd) optimizer->set_ema(0.5);
    std::vector<double> mean(4, 0.0), ema = x.values<double>();
    for (int t = 0; t < 6; ++t) {
      x.set_grad(Tensor::from(std::vector<double>{-1.0, std::sin(t), 0.1, std::cos(2 * t)}, {2, 2}));
      optimizer->step({.learning_rate = 0.5, .proximal = {.l1 = 0.05, .max_norm = 0.5}});
      const std::vector<double> now = x.values<double>();
      const double part = 1.0 / std::max(1, t - 1);
      for (size_t i = 0; i < 4; ++i) {
        mean[i] += part * (now[i] - mean[i]);
        ema[i] += 0.5 * (now[i] - ema[i]);
      }
      const Tensor average = optimizer->averages()[0].tensor;
      for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(average.values<double>()[i], (asgd ? mean : ema)[i], 1e-15);
      EXPECT_NEAR(rows(x)[0], 0.5, 1e-15);
      for (const double norm : rows(average)) EXPECT_LE(norm, 0.5 + 1e-15);
    }
  }
}

TEST(Proximal, ThreadsChangeNoBit) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const Shape& shape : {Shape{301, 517}, Shape{3, 70'001}, Shape{70'001, 3}, Shape{5, 301, 101}}) {
      for (const WeightGroups groups : {WeightGroups::kInputs, WeightGroups::kOutputs}) {
        std::string first;
        for (const int count : {1, 2, 3}) {
          set_threads(count);
          std::vector<double> start;
          for (int64_t i = 0; i < shape.numel(); ++i) start.push_back(std::sin(0.5 + static_cast<double>(i)));
          Tensor x = dtype == DType::kF64 ? Tensor::from(start, shape)
                                          : Tensor::from(std::vector<float>(start.begin(), start.end()), shape);
          const ProximalOptions options{.l1 = 0.5, .l2 = 0.5, .group_lasso = 0.5, .groups_of = groups, .max_norm = 1.0};
          const double penalty = proximal_penalty(x, options);
          proximal_step(x, 0.1, options);
          const std::string got = bits_of({{"x", x}}) + std::to_string(penalty);
          if (first.empty()) first = got;
          EXPECT_TRUE(got == first) << count << " threads, " << to_string(shape);
        }
      }
    }
  }
  set_threads(0);
}

TEST(Proximal, EmptyParametersStayEmpty) {
  for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}}) {
    Tensor x = Tensor::zeros(shape);
    for (const WeightGroups groups : {WeightGroups::kInputs, WeightGroups::kOutputs}) {
      const ProximalOptions options{.l1 = 1.0, .l2 = 1.0, .group_lasso = 1.0, .groups_of = groups, .max_norm = 1.0};
      proximal_step(x, 1.0, options);
      EXPECT_EQ(proximal_penalty(x, options), 0.0);
    }
  }
}

TEST(Proximal, Errors) {
  Tensor x = Tensor::full({2, 2}, 1.0);
  const auto text = [&](const StepOptions& options, std::unique_ptr<Optimizer> optimizer) {
    x.set_grad(Tensor::full({2, 2}, 1.0));
    return usage_error_text([&] { optimizer->step(options); });
  };
  const auto sgd = [&] { return make_sgd({{"x", x}}, {}); };
  EXPECT_EQ(text({.proximal = {.l1 = -1.0}}, sgd()), "[proximal step] l1 is -1; expected a finite number from 0");
  EXPECT_EQ(text({.proximal = {.l2 = -1.0}}, sgd()), "[proximal step] l2 is -1; expected a finite number from 0");
  EXPECT_EQ(text({.proximal = {.group_lasso = HUGE_VAL}}, sgd()),
            "[proximal step] group_lasso is inf; expected a finite number from 0");
  EXPECT_EQ(text({.proximal = {.max_norm = std::nan("")}}, sgd()),
            "[proximal step] max_norm is nan; expected a finite number from 0");
  EXPECT_EQ(
      text({.proximal = {.l1 = 1.0}}, make_lbfgs({{"x", x}}, {})),
      "[lbfgs] a proximal step or max_norm changes weights after their update, but lbfgs builds on where its line "
      "search ended; use a penalty, or another optimizer");
  EXPECT_EQ(text({.proximal = {.max_norm = 1.0}}, make_schedule_free({{"x", x}}, {})),
            "[schedule_free] a proximal step or max_norm changes weights after their update, but schedule_free uses an "
            "average of weights, in which no zero and no limit would be exact; use a penalty, or another optimizer");
  EXPECT_EQ(
      text({.proximal = {.l1 = 1.0}}, make_rprop({{"x", x}}, {})),
      "[rprop] a proximal step or max_norm changes weights after their update, but rprop has a step size for each "
      "element, which is not what a penalty would be multiplied by; use a penalty, or another optimizer");
  EXPECT_EQ(x.values<double>(), std::vector<double>(4, 1.0));
}

}  // namespace proximal_test
}  // namespace gradus
