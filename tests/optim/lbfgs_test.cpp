#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "gradus/base/threads.h"
#include "gradus/optim/line_search.h"
#include "gradus/optim/optimizer.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace lbfgs_test {

using nlohmann::json;

// Σ 10·(x[i+1] − x[i]²)² + (1 − x[i])² over a weight (2, 3) and a bias (2), one after the other.
struct Rosenbrock {
  Tensor weight, bias;
  int evaluations = 0;

  Rosenbrock() {
    std::vector<double> w, b;
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 3; ++j) w.push_back(0.5 * std::cos(2.0 + i + 3 * j));
    }
    for (int i = 0; i < 2; ++i) b.push_back(0.5 * std::sin(3.0 + i));
    weight = Tensor::from(w, {2, 3});
    bias = Tensor::from(b, {2});
  }
  Parameters parameters() const { return {{"weight", weight}, {"bias", bias}}; }
  std::vector<double> values() const { return values_of(parameters()); }
  double evaluate() {
    ++evaluations;
    const std::vector<double> x = values();
    std::vector<double> g(x.size(), 0.0);
    double loss = 0.0;
    for (size_t i = 0; i + 1 < x.size(); ++i) {
      const double rest = x[i + 1] - x[i] * x[i];
      loss += 10 * rest * rest + (1 - x[i]) * (1 - x[i]);
      g[i] += -40 * rest * x[i] - 2 * (1 - x[i]);
      g[i + 1] += 20 * rest;
    }
    weight.set_grad(Tensor::from(std::vector<double>(g.begin(), g.begin() + 6), {2, 3}));
    bias.set_grad(Tensor::from(std::vector<double>(g.begin() + 6, g.end()), {2}));
    return loss;
  }
  double step(Optimizer& optimizer, StepOptions options = {.learning_rate = 1.0}) {
    options.loss = evaluate();
    options.evaluate = [this] { return evaluate(); };
    optimizer.step(options);
    return options.loss;
  }
};

double relative_error(const std::vector<double>& got, const std::vector<double>& expected) {
  double off = 0.0, size = 0.0;
  for (size_t i = 0; i < expected.size(); ++i) {
    off += (got.at(i) - expected[i]) * (got[i] - expected[i]);
    size += expected[i] * expected[i];
  }
  return std::sqrt(off / size);
}

TEST(Lbfgs, EqualsPyTorchOverThirtyIterations) {
  const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/optim.json"))["lbfgs"];
  for (const json& c : all["cases"]) {
    SCOPED_TRACE(c["history"].get<int>());
    Rosenbrock problem;
    const auto optimizer = make_lbfgs(problem.parameters(), {.history = c["history"]});
    size_t at = 0;
    for (int t = 0; at < c["after"].size(); ++t) {
      const double loss = problem.step(*optimizer);
      if (t + 1 != all["steps"][at]) continue;
      const json& expected = c["after"][at++];
      EXPECT_LE(relative_error(problem.values(), expected["parameters"]), 1e-9) << "step " << t + 1;
      EXPECT_NEAR(loss, expected["loss"], 1e-9 * (1 + std::abs(loss))) << "step " << t + 1;
    }
    EXPECT_EQ(at, all["steps"].size()) << "all thirty iterations are stored";
  }
}

// It finds the minimum, where all are 1; from there on a step moves nothing. It ends where a step promises less than
// 1e-9 of the loss, ½·d·H·d: a distance of 1e-4 in the flattest direction, whose curvature is above 0.1.
TEST(Lbfgs, StaysAtTheMinimum) {
  Rosenbrock problem;
  const auto optimizer = make_lbfgs(problem.parameters(), {});
  for (int t = 0; t < 80; ++t) problem.step(*optimizer);
  for (const double x : problem.values()) EXPECT_NEAR(x, 1.0, 1e-4);
  const std::vector<double> before = problem.values();
  problem.step(*optimizer);
  EXPECT_EQ(problem.values(), before);
}

TEST(Lbfgs, PenaltiesAreInTheLossThatIsSearched) {
  // (x − 3)² + ½·2·x²: the minimum is at 1.5.
  Tensor x = Tensor::from(std::vector<double>{0.0}, {1, 1});
  const auto optimizer = make_lbfgs({{"x", x}}, {});
  const auto evaluate = [&] {
    const double at = x.item();
    x.set_grad(Tensor::full({1, 1}, 2 * (at - 3), DType::kF64));
    return (at - 3) * (at - 3);
  };
  for (int t = 0; t < 6; ++t) {
    const double loss = evaluate();
    optimizer->step({.learning_rate = 1.0, .penalty = {.l2 = 2.0}, .loss = loss, .evaluate = evaluate});
  }
  EXPECT_NEAR(x.item(), 1.5, 1e-9);
}

// A loss that is not finite is too high, not an end.
TEST(Lbfgs, SearchesBackFromWhereTheLossIsNotFinite) {
  Tensor x = Tensor::from(std::vector<double>{2.0}, {1});
  const auto optimizer = make_lbfgs({{"x", x}}, {});
  const auto evaluate = [&] {  // x − log(x) has its minimum at 1 and no values below 0
    const double at = x.item();
    x.set_grad(Tensor::full({1}, 1 - 1 / at, DType::kF64));
    return at > 0 ? at - std::log(at) : std::nan("");
  };
  for (int t = 0; t < 20; ++t) {
    const double loss = evaluate();
    optimizer->step({.learning_rate = 100.0, .loss = loss, .evaluate = evaluate});
    ASSERT_GT(x.item(), 0.0);
  }
  EXPECT_NEAR(x.item(), 1.0, 1e-6);
}

TEST(LineSearch, EndsWhereTheStrongConditionsHold) {
  int evaluations = 0;
  const auto at = [&](double t) {  // a quartic with its minimum at 3
    ++evaluations;
    return detail::SearchPoint{t, std::pow(t - 3, 4), 4 * std::pow(t - 3, 3)};
  };
  for (const double first : {1e-3, 0.5, 3.0, 20.0, 1e3}) {
    const detail::SearchPoint start = at(0.0);
    evaluations = 0;
    const detail::SearchPoint end = detail::strong_wolfe(at, start, first, 1.0);
    EXPECT_LE(end.loss, start.loss + 1e-4 * end.t * start.slope) << first;
    EXPECT_LE(std::abs(end.slope), -0.9 * start.slope) << first;
    EXPECT_LE(evaluations, 26) << first;
  }
}

TEST(Lbfgs, GoesOnFromItsStateToTheSameBitsForAnyThreads) {
  Rosenbrock straight;
  const auto first = make_lbfgs(straight.parameters(), {.history = 3});
  for (int t = 0; t < 12; ++t) straight.step(*first);
  for (int stop = 0; stop < 12; ++stop) {
    set_threads(1 + stop % 3);
    Rosenbrock problem;
    const auto begun = make_lbfgs(problem.parameters(), {.history = 3});
    for (int t = 0; t < stop; ++t) problem.step(*begun);
    std::vector<std::pair<std::string, Tensor>> state;
    for (const Parameter& p : begun->state()) state.emplace_back(p.name, p.tensor.clone());
    const auto again = make_lbfgs(problem.parameters(), {.history = 3});
    again->restore(stop, state, "test");
    for (int t = stop; t < 12; ++t) problem.step(*again);
    EXPECT_EQ(problem.values(), straight.values()) << "stopped after step " << stop;
    EXPECT_EQ(bits_of(again->state()), bits_of(first->state()));
  }
  set_threads(0);
}

TEST(Lbfgs, FrozenParametersStay) {
  Rosenbrock problem;
  const auto optimizer = make_lbfgs(problem.parameters(), {});
  optimizer->set_groups({{.pattern = "bias", .freeze = true}});
  const std::vector<double> before = values_of({{"", problem.bias}});
  const double first = problem.step(*optimizer);
  for (int t = 0; t < 5; ++t) problem.step(*optimizer);
  EXPECT_LT(problem.evaluate(), first);
  EXPECT_EQ(values_of({{"", problem.bias}}), before);
}

TEST(Lbfgs, RefusesWhatItCannotDo) {
  Rosenbrock problem;
  const auto optimizer = make_lbfgs(problem.parameters(), {});
  EXPECT_EQ(usage_error_text([&] { make_lbfgs({}, {.history = 0}); }),
            "[lbfgs] history is 0; expected a number from 1 to 1000");
  EXPECT_EQ(usage_error_text([&] { problem.step(*optimizer, {.learning_rate = 1.0, .clip_norm = 2.0}); }),
            "[lbfgs] clip_norm or clip_value is 2; expected 0: a line search needs the whole gradient");
  problem.evaluate();
  EXPECT_EQ(usage_error_text([&] { optimizer->step({.learning_rate = 1.0}); }),
            "[lbfgs] the step has no `evaluate`; give the loss and gradient at other weights, of all examples");
  problem.bias.set_grad({});
  EXPECT_EQ(usage_error_text([&] { optimizer->step({.learning_rate = 1.0, .evaluate = [] { return 0.0; }}); }),
            "[lbfgs] the parameter \"bias\" has no gradient; freeze it with a group");
  EXPECT_EQ(usage_error_text([&] { optimizer->set_groups({{.pattern = "*", .weight_decay = 0.1}}); }),
            "[lbfgs] the group \"*\" has a weight_decay of its own, which a line search has no use for; remove it");
  EXPECT_EQ(usage_error_text([&] { optimizer->set_ema(0.9); }),
            "[lbfgs] ema is 0.9; an average has no use where each step finds a minimum");
}

}  // namespace lbfgs_test
}  // namespace gradus
