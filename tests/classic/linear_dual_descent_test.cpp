#include "gradus/classic/linear_dual_descent.h"

#include "gradus/base/threads.h"
#include "gradus/classic/linear_newton.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_dual_descent_test {

// Two points at ±1: the widest margin is w = 1, which has no loss, and l2 < 1 leaves it there.
TEST(LinearDualDescent, FindsTheWidestMargin) {
  LinearProblem p;
  p.loss = LinearLoss::kHinge;
  p.classes = 2;
  p.inputs = Tensor::from(std::vector<float>{3.0F, 1.0F}, {2, 1});
  p.targets = Tensor::from(std::vector<int64_t>{1, 0}, {2});
  p.l2 = 0.01;
  const auto solver = make_linear_dual_descent(p, {.tolerance = 1e-9});
  EXPECT_EQ(solve(*solver), SolveEnd::kConverged);
  EXPECT_NEAR(solver->weights().item(), 1.0, 1e-6);
  EXPECT_NEAR(solver->bias().item(), -2.0, 1e-6);
  EXPECT_NEAR(solver->report().objective, 0.005, 1e-9);
}

TEST(LinearDualDescent, AgreesWithNewtonOnTheSquaredHinge) {
  for (const bool intercept : {true, false}) {
    for (const int64_t classes : {1, 3}) {
      LinearProblem p = random_problem(LinearLoss::kSquaredHinge, 200, 10, classes);
      p.l2 = 0.1;
      p.intercept = intercept;
      const auto solver = make_linear_dual_descent(p, {.tolerance = 1e-9});
      EXPECT_EQ(solve(*solver, {.steps = 2000}), SolveEnd::kConverged);
      const auto newton = make_linear_newton(p, {.tolerance = 1e-11});
      solve(*newton);
      EXPECT_NEAR(solver->report().objective, newton->report().objective, 1e-8);
      const std::vector<double> x = coefficients_of(*solver), y = coefficients_of(*newton);
      for (size_t j = 0; j < x.size(); ++j) EXPECT_NEAR(x[j], y[j], 1e-4);
    }
  }
}

// At the minimum over w and b no direction leads down: the objective a little to each side is higher.
TEST(LinearDualDescent, FindsTheMinimumOfTheHingeDenseAndSparse) {
  for (const bool intercept : {true, false}) {
    for (const bool sparse : {true, false}) {
      LinearProblem p = random_problem(LinearLoss::kHinge, 300, 6);
      p.l2 = 0.05;
      p.intercept = intercept;
      std::vector<float> weights;
      for (int i = 0; i < 300; ++i) weights.push_back(static_cast<float>(i % 3));
      p.example_weights = Tensor::from(weights, {300});
      if (sparse) p.inputs = sparse_of(p.inputs.dense);
      const auto solver = make_linear_dual_descent(p, {.tolerance = 1e-8});
      EXPECT_EQ(solve(*solver, {.steps = 5000}), SolveEnd::kConverged);
      const LinearObjective objective(p);
      std::vector<double> x = coefficients_of(*solver);
      const double least = objective.value(x.data());
      for (size_t j = 0; j + (intercept ? 0 : 1) < x.size(); ++j) {
        for (const double step : {1e-2, -1e-2}) {
          x[j] += step;
          EXPECT_GT(objective.value(x.data()), least) << j;
          x[j] -= step;
        }
      }
    }
  }
}

TEST(LinearDualDescent, HasTheSameBitsForAnyThreadsAndFromItsState) {
  LinearProblem p = random_problem(LinearLoss::kHinge, 200, 6, 3);
  p.l2 = 0.01;
  const auto straight = make_linear_dual_descent(p, {});
  for (int i = 0; i < 6; ++i) straight->step();
  for (const int count : {1, 3}) {
    set_threads(count);
    const auto first = make_linear_dual_descent(p, {});
    for (int i = 0; i < 4; ++i) first->step();
    const auto second = make_linear_dual_descent(p, {});
    second->restore(first->state());
    for (int i = 0; i < 2; ++i) second->step();
    EXPECT_EQ(coefficients_of(*second), coefficients_of(*straight));
    EXPECT_EQ(second->report().gap, straight->report().gap);
  }
  set_threads(0);
}

TEST(LinearDualDescent, ConvergesOnOneClassAndEmptyRows) {
  LinearProblem p = random_problem(LinearLoss::kHinge, 20, 3);
  p.targets = Tensor::zeros({20}, DType::kI64);
  std::fill_n(p.inputs.dense.mutable_data<float>(), 6, 0.0F);
  p.l2 = 0.1;
  const auto solver = make_linear_dual_descent(p, {.tolerance = 1e-6});
  EXPECT_NE(solve(*solver, {.steps = 500, .objective = 1e-9}), SolveEnd::kSteps);
  EXPECT_LE(solver->report().objective, 1e-6);  // a bias of −1 has no loss
}

TEST(LinearDualDescent, SaysWhatIsWrong) {
  LinearProblem p = random_problem(LinearLoss::kLogistic, 4, 2);
  const auto error = [&](const LinearDualDescentOptions& options) {
    return usage_error_text([&] { make_linear_dual_descent(p, options); });
  };
  EXPECT_EQ(error({}), "[dual_descent] it cannot minimise the logistic loss; expected hinge or squared_hinge");
  p.loss = LinearLoss::kHinge;
  EXPECT_EQ(error({}), "[dual_descent] l2 is 0; expected a number above 0");
  p.l2 = 1.0;
  EXPECT_EQ(error({.tolerance = 0.0}), "[dual_descent] tolerance is 0; expected a number above 0");
  p.l1 = 1.0;
  EXPECT_EQ(error({}), "[dual_descent] l1 is 1; expected 0: use lbfgs for the squared hinge or sgd");
}

}  // namespace linear_dual_descent_test
}  // namespace gradus
