#include "gradus/base/threads.h"
#include "gradus/classic/linear_adagrad.h"
#include "gradus/classic/linear_coordinate_descent.h"
#include "gradus/classic/linear_ftrl.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_online_test {

// Two examples of one feature, the squared loss, in their order: by hand.
LinearProblem two_rows() {
  LinearProblem p;
  p.inputs = Tensor::from(std::vector<float>{1.0F, 2.0F}, {2, 1});
  p.targets = Tensor::from(std::vector<float>{1.0F, 3.0F}, {2});
  p.intercept = false;
  p.l1 = 0.25;
  p.l2 = 0.5;
  return p;
}

TEST(Ftrl, IsItsRule) {
  const auto solver = make_linear_ftrl(two_rows(), {.alpha = 0.5, .beta = 1.0, .shuffle = false});
  solver->step();
  // w = 0, g = −1: σ = 2, z = −1, n = 1. Then w = (1 − 0.25) / ((1 + 1)·2 + 0.5) = 1/6; g = 2·(1/3 − 3) = −16/3.
  const double g = -16.0 / 3.0, n = 1.0 + g * g;
  const double z = -1.0 + g - (std::sqrt(n) - 1.0) * 2.0 / 6.0;
  EXPECT_NEAR(solver->weights().item(), -(z + 0.5) / ((1.0 + std::sqrt(n)) * 2.0 + 1.0), 1e-6);
  EXPECT_NEAR(solver->report().objective,
              0.25 * (1.0 + (1.0 / 3.0 - 3.0) * (1.0 / 3.0 - 3.0)) +
                  0.25 * solver->weights().item() * solver->weights().item() +
                  0.25 * std::abs(solver->weights().item()),
              1e-6);
}

TEST(Adagrad, IsItsRule) {
  const auto solver = make_linear_adagrad(two_rows(), {.learning_rate = 0.5, .epsilon = 1.0, .shuffle = false});
  solver->step();
  // u = −1, Σg² = 1: w = (1 − 0.25) / ((1 + 1)·2 + 0.5) = 1/6; g = −16/3.
  const double g = -16.0 / 3.0;
  EXPECT_NEAR(solver->weights().item(), (1.0 - g - 0.5) / ((std::sqrt(1.0 + g * g) + 1.0) * 2.0 + 1.0), 1e-6);
}

// From 0.5: the first example has g = −0.5, and leaves w at 1.75 / 3.5 = 0.5; the second has g = 2·(1 − 3) = −4.
TEST(Online, BeginsWhereItIsToldBothByTheirRules) {
  const Tensor start = Tensor::full({1, 1}, 0.5), bias = Tensor::zeros({1});
  const double root = std::sqrt(0.25 + 16.0);
  const auto ftrl = make_linear_ftrl(two_rows(), {.alpha = 0.5, .beta = 1.0, .shuffle = false});
  ftrl->start_from(start, bias);
  ftrl->step();
  const double z = -2.0 - 4.0 - (root - 0.5) * 2.0 * 0.5;
  EXPECT_NEAR(ftrl->weights().item(), -(z + 0.5) / ((1.0 + root) * 2.0 + 1.0), 1e-6);
  const auto adagrad = make_linear_adagrad(two_rows(), {.learning_rate = 0.5, .epsilon = 1.0, .shuffle = false});
  adagrad->start_from(start, bias);
  adagrad->step();
  const double pull = (root + 1.0) * 2.0;
  EXPECT_NEAR(adagrad->weights().item(), (pull * 0.5 + 4.5 - 0.5) / (pull + 1.0), 1e-6);
}

// Steps of next to nothing stay at the start, of weights and bias, and so does what goes on from their state.
TEST(Online, StaysAtItsStartWithStepsOfNothing) {
  const LinearProblem p = random_problem(LinearLoss::kSquaredHinge, 50, 6, 4);
  const Tensor weights = random_tensor({4, 6}, 8), bias = random_tensor({4}, 9);
  std::vector<double> start = weights.values<double>();
  for (const double b : bias.values<double>()) start.push_back(b);
  const auto make = [&](bool is_ftrl) {
    return is_ftrl ? make_linear_ftrl(p, {.alpha = 1e-9}) : make_linear_adagrad(p, {.learning_rate = 1e-9});
  };
  for (const bool is_ftrl : {true, false}) {
    const auto solver = make(is_ftrl), second = make(is_ftrl);
    solver->start_from(weights, bias);
    solver->step();
    second->restore(solver->state());
    second->step();
    const std::vector<double> found = coefficients_of(*second);
    for (size_t j = 0; j < start.size(); ++j) EXPECT_NEAR(found[j], start[j], 1e-6) << j;
  }
}

// Many passes come near the minimum, zeros included.
TEST(Online, ComesNearTheMinimum) {
  for (const LinearLoss loss : {LinearLoss::kLogistic, LinearLoss::kSquared, LinearLoss::kSoftmax}) {
    LinearProblem p = random_problem(loss, 1000, 10, loss == LinearLoss::kSoftmax ? 3 : 1);
    p.l1 = 0.02;
    p.l2 = 0.01;
    const LinearObjective objective(p);
    for (const bool sparse : {false, true}) {
      LinearProblem own = p;
      if (sparse) own.inputs = sparse_of(p.inputs.dense);
      const auto ftrl = make_linear_ftrl(own, {});
      const auto adagrad = make_linear_adagrad(own, {});
      for (LinearSolver* solver : {ftrl.get(), adagrad.get()}) {
        SCOPED_TRACE(
            fmt::format("{}, sparse {}, {}", name_of(loss), sparse, solver == ftrl.get() ? "ftrl" : "adagrad"));
        solve(*solver, {.steps = 100});
        const std::vector<double> x = coefficients_of(*solver);
        std::vector<double> gradient(x.size());
        objective.smooth_part(x.data(), gradient.data());
        EXPECT_LT(objective.largest_slope(x.data(), gradient.data()), 0.02);
      }
    }
  }
}

TEST(Online, GoesOnFromItsStateToTheSameBitsForAnyThreads) {
  LinearProblem p = random_problem(LinearLoss::kSquaredHinge, 300, 6, 4);
  p.l1 = 0.01;
  const auto straight = make_linear_ftrl(p, {.seed = 3});
  for (int i = 0; i < 5; ++i) straight->step();
  for (const int count : {1, 3}) {
    set_threads(count);
    const auto first = make_linear_ftrl(p, {.seed = 3});
    for (int i = 0; i < 2; ++i) first->step();
    const auto second = make_linear_ftrl(p, {.seed = 3});
    second->restore(first->state());
    for (int i = 0; i < 3; ++i) second->step();
    EXPECT_EQ(coefficients_of(*second), coefficients_of(*straight));
  }
  set_threads(0);
}

TEST(Online, SaysWhatIsWrong) {
  EXPECT_EQ(usage_error_text([] { make_linear_ftrl(two_rows(), {.alpha = 0.0}); }),
            "[ftrl] alpha is 0; expected a finite number above 0");
  EXPECT_EQ(usage_error_text([] { make_linear_adagrad(two_rows(), {.epsilon = 0.0}); }),
            "[adagrad] epsilon is 0; expected a finite number above 0");
}

}  // namespace linear_online_test
}  // namespace gradus
