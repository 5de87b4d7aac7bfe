#include "gradus/classic/linear_lbfgs.h"

#include "gradus/base/threads.h"
#include "gradus/classic/linear_coordinate_descent.h"
#include "gradus/classic/linear_gradient_descent.h"
#include "gradus/classic/linear_newton.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_lbfgs_test {

constexpr LinearLoss kSmooth[] = {LinearLoss::kSquared,  LinearLoss::kHuber,   LinearLoss::kPoisson,
                                  LinearLoss::kLogistic, LinearLoss::kSoftmax, LinearLoss::kSquaredHinge};

LinearProblem problem_of(LinearLoss loss) {
  LinearProblem p = random_problem(loss, 200, 8, loss == LinearLoss::kLogistic ? 1 : 3);
  p.l2 = 0.01;
  return p;
}

double slope_of(const LinearProblem& p, const LinearSolver& solver) {
  const LinearObjective objective(p);
  const std::vector<double> x = coefficients_of(solver);
  std::vector<double> gradient(x.size());
  objective.smooth_part(x.data(), gradient.data());
  return objective.largest_slope(x.data(), gradient.data());
}

TEST(LinearLbfgs, FindsWhereTheGradientIsZero) {
  for (const LinearLoss loss : kSmooth) {
    SCOPED_TRACE(name_of(loss));
    const LinearProblem p = problem_of(loss);
    const auto solver = make_linear_lbfgs(p, {.tolerance = 1e-8});
    EXPECT_EQ(solve(*solver, {.steps = 300}), SolveEnd::kConverged);
    EXPECT_LE(slope_of(p, *solver), 1e-6);
    EXPECT_LT(solver->steps(), 60);
  }
}

TEST(LinearLbfgs, AgreesWithNewton) {
  const LinearProblem p = problem_of(LinearLoss::kLogistic);
  const auto solver = make_linear_lbfgs(p, {.tolerance = 1e-9});
  solve(*solver);
  const auto newton = make_linear_newton(p, {.tolerance = 1e-10});
  solve(*newton);
  const std::vector<double> x = coefficients_of(*solver), y = coefficients_of(*newton);
  for (size_t j = 0; j < x.size(); ++j) EXPECT_NEAR(x[j], y[j], 1e-6);
}

TEST(LinearLbfgs, FindsTheMinimumWithL1InOrthants) {
  for (const LinearLoss loss : kSmooth) {
    SCOPED_TRACE(name_of(loss));
    LinearProblem p = problem_of(loss);
    p.l1 = 0.05;
    const auto solver = make_linear_lbfgs(p, {.tolerance = 1e-7});
    EXPECT_EQ(solve(*solver, {.steps = 500}), SolveEnd::kConverged);
    EXPECT_LE(slope_of(p, *solver), 1e-6);
    const std::vector<double> w = solver->weights().values<double>();
    EXPECT_GT(std::count(w.begin(), w.end(), 0.0), 0);
    if (loss != LinearLoss::kLogistic && loss != LinearLoss::kPoisson && loss != LinearLoss::kSquared) continue;
    const auto descent = make_linear_coordinate_descent(p, {.tolerance = 1e-10});
    solve(*descent);
    EXPECT_NEAR(solver->report().objective, descent->report().objective, 1e-9);
  }
}

// Of sparse ones and zeros with columns that are nearly equal, as those of categories are: many weights are to become
// 0, and a direction that leads across many orthants leaves next to nothing of a step.
TEST(LinearLbfgs, FindsTheMinimumWhereManyOrthantsMeet) {
  for (const uint64_t key : {1, 2, 3, 4, 5}) {
    LinearProblem p = random_problem(LinearLoss::kLogistic, 3000, 60, 1, key);
    float* const x = p.inputs.dense.mutable_data<float>();
    for (int64_t i = 0; i < 3000; ++i) {
      for (int64_t j = 0; j < 60; ++j) {
        float& v = x[i * 60 + j];
        v = j % 3 == 2 && i % 50 != 0 ? x[i * 60 + j - 1] : v > 0.8F ? 1.0F : 0.0F;
      }
    }
    p.inputs = sparse_of(p.inputs.dense);
    for (const double l1 : {1e-2, 1e-3, 1e-4}) {
      p.l1 = l1;
      const auto solver = make_linear_lbfgs(p, {.tolerance = 5e-8});
      EXPECT_EQ(solve(*solver, {.steps = 3000}), SolveEnd::kConverged);
      EXPECT_LE(slope_of(p, *solver), 5e-8) << key << ", l1 " << l1;
    }
  }
}

TEST(LinearLbfgs, HasTheSameBitsForAnyThreadsAndFromItsState) {
  LinearProblem p = random_problem(LinearLoss::kSoftmax, 3000, 20, 4);
  p.l2 = 1e-3;
  for (const double l1 : {0.0, 0.01}) {
    p.l1 = l1;
    const auto straight = make_linear_lbfgs(p, {.history = 3});
    for (int i = 0; i < 8; ++i) straight->step();
    for (const int count : {1, 4}) {
      set_threads(count);
      const auto first = make_linear_lbfgs(p, {.history = 3});
      for (int i = 0; i < 5; ++i) first->step();
      const auto second = make_linear_lbfgs(p, {.history = 3});
      second->restore(first->state());
      for (int i = 0; i < 3; ++i) second->step();
      EXPECT_EQ(coefficients_of(*second), coefficients_of(*straight));
    }
    set_threads(0);
  }
}

TEST(LinearLbfgs, StartsFromOtherCoefficients) {
  const LinearProblem p = problem_of(LinearLoss::kSquared);
  const auto cold = make_linear_lbfgs(p, {.tolerance = 1e-9});
  solve(*cold);
  const auto warm = make_linear_lbfgs(p, {.tolerance = 1e-8});
  warm->start_from(cold->weights(), cold->bias());
  EXPECT_EQ(solve(*warm), SolveEnd::kConverged);
  EXPECT_EQ(warm->steps(), 1);
}

TEST(LinearLbfgs, SaysWhatIsWrong) {
  LinearProblem p = random_problem(LinearLoss::kAbsolute, 4, 2);
  EXPECT_EQ(usage_error_text([&] { make_linear_lbfgs(p, {}); }),
            "[lbfgs] the absolute loss has kinks, which it cannot follow; use interior_point or sgd");
  EXPECT_EQ(usage_error_text([&] { make_linear_lbfgs(p, {.history = 0}); }),
            "[lbfgs] history is 0; expected 1 to 1000");
}

TEST(GradientDescent, FindsTheMinimumWithASearchedRate) {
  for (const LinearLoss loss : kSmooth) {
    for (const double l1 : {0.0, 0.02}) {
      for (const bool accelerate : {false, true}) {
        SCOPED_TRACE(fmt::format("{}, l1 {}, accelerate {}", name_of(loss), l1, accelerate));
        LinearProblem p = problem_of(loss);
        p.l1 = l1;
        const auto solver = make_linear_gradient_descent(p, {.accelerate = accelerate, .tolerance = 1e-6});
        EXPECT_EQ(solve(*solver, {.steps = 5000}), SolveEnd::kConverged);
        EXPECT_LE(slope_of(p, *solver), 1e-6);
      }
    }
  }
}

TEST(GradientDescent, AStepIsTheRateTimesTheGradient) {
  LinearProblem p;
  p.inputs = Tensor::from(std::vector<float>{1.0F, 2.0F}, {2, 1});
  p.targets = Tensor::from(std::vector<float>{1.0F, 3.0F}, {2});
  const auto solver = make_linear_gradient_descent(p, {.learning_rate = 0.1});
  solver->step();
  EXPECT_NEAR(solver->weights().item(), 0.1 * 3.5, 1e-15);  // (1·1 + 2·3) / 2
  EXPECT_NEAR(solver->bias().item(), 0.1 * 2.0, 1e-15);
  EXPECT_EQ(solve(*solver, {.steps = 100, .objective = 0.1}), SolveEnd::kObjective);
  EXPECT_LE(solver->report().objective, 0.1);
}

TEST(GradientDescent, GoesOnFromItsStateToTheSameBits) {
  const LinearProblem p = problem_of(LinearLoss::kSoftmax);
  for (const bool accelerate : {false, true}) {
    const auto straight = make_linear_gradient_descent(p, {.accelerate = accelerate});
    for (int i = 0; i < 8; ++i) straight->step();
    const auto first = make_linear_gradient_descent(p, {.accelerate = accelerate});
    for (int i = 0; i < 5; ++i) first->step();
    const auto second = make_linear_gradient_descent(p, {.accelerate = accelerate});
    second->restore(first->state());
    for (int i = 0; i < 3; ++i) second->step();
    EXPECT_EQ(coefficients_of(*second), coefficients_of(*straight));
  }
}

TEST(GradientDescent, SaysWhatIsWrong) {
  LinearProblem p = random_problem(LinearLoss::kHinge, 4, 2);
  EXPECT_EQ(usage_error_text([&] { make_linear_gradient_descent(p, {}); }),
            "[gradient_descent] learning_rate is 0; expected one above it, since the hinge loss has kinks");
  EXPECT_EQ(usage_error_text([&] { make_linear_gradient_descent(p, {.learning_rate = -1.0}); }),
            "[gradient_descent] learning_rate is -1; expected a finite number from 0");
}

}  // namespace linear_lbfgs_test
}  // namespace gradus
