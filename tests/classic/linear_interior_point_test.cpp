#include "gradus/classic/linear_interior_point.h"

#include <algorithm>

#include "gradus/base/threads.h"
#include "gradus/classic/linear_dual_descent.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_interior_point_test {

// Without features that say anything the best prediction is a quantile of the targets.
TEST(InteriorPoint, FindsQuantilesOfNumbers) {
  LinearProblem p;
  p.loss = LinearLoss::kQuantile;
  p.inputs = Tensor::zeros({9, 1});
  p.targets = Tensor::from(std::vector<float>{5, 1, 9, 3, 7, 2, 8, 4, 6}, {9});
  for (const auto& [tau, expected] : {std::pair(0.5, 5.0), {0.1, 1.0}, {0.75, 7.0}}) {
    p.quantile = tau;
    const auto solver = make_linear_interior_point(p, {.tolerance = 1e-10});
    EXPECT_EQ(solve(*solver, {.steps = 60}), SolveEnd::kConverged);
    EXPECT_NEAR(solver->bias().item(), expected, 1e-6) << tau;
  }
  p.loss = LinearLoss::kAbsolute;
  const auto solver = make_linear_interior_point(p, {.tolerance = 1e-10});
  EXPECT_EQ(solve(*solver, {.steps = 60}), SolveEnd::kConverged);
  EXPECT_NEAR(solver->bias().item(), 5.0, 1e-6);
  EXPECT_NEAR(solver->report().objective, 20.0 / 9.0, 1e-8);
}

// Of N rows in general position, F + 1 lie on the plane, the share τ, to 1 / N·(F + 1), below it.
TEST(InteriorPoint, LeavesTheShareBelowThatIsAsked) {
  for (const double tau : {0.2, 0.5, 0.9}) {
    LinearProblem p = random_problem(LinearLoss::kQuantile, 400, 5);
    p.quantile = tau;
    const auto solver = make_linear_interior_point(p, {.tolerance = 1e-10});
    EXPECT_EQ(solve(*solver, {.steps = 60}), SolveEnd::kConverged);
    const LinearObjective objective(p);
    std::vector<double> z(400);
    objective.predict(coefficients_of(*solver).data(), z.data());
    int below = 0, on = 0;
    for (int64_t i = 0; i < 400; ++i) {
      const double rest = double{p.targets.data<float>()[i]} - z[i];
      on += std::abs(rest) < 1e-6;
      below += rest < -1e-6;
    }
    EXPECT_EQ(on, 6);
    EXPECT_NEAR(below, 400 * tau, 6);
  }
}

TEST(InteriorPoint, NoDirectionLeadsDown) {
  for (const LinearLoss loss : {LinearLoss::kAbsolute, LinearLoss::kQuantile, LinearLoss::kHinge}) {
    for (const auto& [l1, l2] : {std::pair(0.0, 0.0), {0.05, 0.0}, {0.0, 0.1}, {0.02, 0.03}}) {
      for (const bool intercept : {true, false}) {
        SCOPED_TRACE(fmt::format("{}, l1 {}, l2 {}, intercept {}", name_of(loss), l1, l2, intercept));
        LinearProblem p = random_problem(loss, 150, 4, 2);
        p.l1 = l1;
        p.l2 = l2;
        p.quantile = 0.3;
        p.intercept = intercept;
        std::vector<float> weights;
        for (int i = 0; i < 150; ++i) weights.push_back(static_cast<float>(1 + i % 3));
        p.example_weights = Tensor::from(weights, {150});
        if (intercept) p.inputs = sparse_of(p.inputs.dense);
        const auto solver = make_linear_interior_point(p, {.tolerance = 1e-9});
        EXPECT_EQ(solve(*solver, {.steps = 80}), SolveEnd::kConverged);
        const LinearObjective objective(p);
        std::vector<double> x = coefficients_of(*solver);
        const double least = objective.value(x.data());
        const size_t count = intercept ? x.size() : static_cast<size_t>(objective.weights_size());
        for (size_t j = 0; j < count; ++j) {
          for (const double step : {1e-2, -1e-2}) {
            x[j] += step;
            EXPECT_GT(objective.value(x.data()), least - 1e-9) << j;
            x[j] -= step;
          }
        }
        EXPECT_EQ(x.back() != 0.0, intercept);
      }
    }
  }
}

TEST(InteriorPoint, AgreesWithDualDescentOnTheHinge) {
  LinearProblem p = random_problem(LinearLoss::kHinge, 200, 6);
  p.l2 = 0.05;
  const auto solver = make_linear_interior_point(p, {});
  EXPECT_EQ(solve(*solver, {.steps = 80}), SolveEnd::kConverged);
  const auto descent = make_linear_dual_descent(p, {.tolerance = 1e-8});
  EXPECT_EQ(solve(*descent, {.steps = 5000}), SolveEnd::kConverged);
  EXPECT_NEAR(solver->report().objective, descent->report().objective, 1e-7);
}

TEST(InteriorPoint, ConvergesOnDegenerateData) {
  LinearProblem p = random_problem(LinearLoss::kAbsolute, 40, 4);
  float* const x = p.inputs.dense.mutable_data<float>();
  for (int i = 0; i < 40; ++i) {
    x[4 * i + 1] = 1.0F;      // a constant, which the bias is too
    x[4 * i + 2] = x[4 * i];  // a column twice
  }
  const auto solver = make_linear_interior_point(p, {});
  EXPECT_EQ(solve(*solver, {.steps = 80}), SolveEnd::kConverged);
  for (const double v : coefficients_of(*solver)) EXPECT_TRUE(std::isfinite(v));
}

// Outputs end one after the other; those that have ended stay, and all agree with dual descent.
TEST(InteriorPoint, TakesSeveralClassesToTheirEnds) {
  LinearProblem p = random_problem(LinearLoss::kHinge, 300, 5, 3);
  float* const x = p.inputs.dense.mutable_data<float>();
  for (int i = 0; i < 300; ++i) x[5 * i] += p.targets.data<int64_t>()[i] == 0 ? 20.0F : 0.0F;  // soon told
  p.l2 = 0.001;
  const auto solver = make_linear_interior_point(p, {.tolerance = 1e-11});
  EXPECT_EQ(solve(*solver, {.steps = 100}), SolveEnd::kConverged);
  const auto descent = make_linear_dual_descent(p, {.tolerance = 1e-5});
  EXPECT_EQ(solve(*descent, {.steps = 20000}), SolveEnd::kConverged);
  EXPECT_NEAR(solver->report().objective, descent->report().objective, 1e-5 * descent->report().objective);
  const std::vector<double> found = coefficients_of(*solver);
  for (int i = 0; i < 20; ++i) solver->step();
  EXPECT_EQ(coefficients_of(*solver), found);
}

TEST(InteriorPoint, GoesAsFarAsItIsAskedAndStaysFinite) {
  for (const LinearLoss loss : {LinearLoss::kAbsolute, LinearLoss::kQuantile, LinearLoss::kHinge}) {
    for (const double l2 : {0.0, 0.001}) {
      LinearProblem p = random_problem(loss, 200, 6);
      p.l2 = l2;
      for (const double tolerance : {1e-9, 1e-11, 1e-13, 1e-300}) {
        SCOPED_TRACE(fmt::format("{}, l2 {}, tolerance {}", name_of(loss), l2, tolerance));
        const auto solver = make_linear_interior_point(p, {.tolerance = tolerance});
        const SolveEnd end = solve(*solver, {.steps = 200});
        EXPECT_EQ(end, SolveEnd::kConverged);
        for (const double v : coefficients_of(*solver)) EXPECT_TRUE(std::isfinite(v));
        EXPECT_LE(solver->report().gap, 1e-8);
      }
    }
  }
}

// A row of weight 0 is as good as none.
TEST(InteriorPoint, LeavesRowsOfWeight0Out) {
  for (const LinearLoss loss : {LinearLoss::kAbsolute, LinearLoss::kQuantile, LinearLoss::kHinge}) {
    for (const bool is_sparse : {false, true}) {
      SCOPED_TRACE(fmt::format("{}, sparse {}", name_of(loss), is_sparse));
      LinearProblem p = random_problem(loss, 120, 4);
      p.quantile = 0.3;
      if (is_sparse) p.inputs = sparse_of(p.inputs.dense);
      std::vector<float> weights;
      std::vector<int64_t> rows;
      for (int i = 0; i < 120; ++i) {
        weights.push_back(static_cast<float>(i % 3));
        if (i % 3 > 0) rows.push_back(i);
      }
      p.example_weights = Tensor::from(weights, {120});
      const auto solver = make_linear_interior_point(p, {});
      EXPECT_EQ(solve(*solver, {.steps = 80}), SolveEnd::kConverged);
      const auto without = make_linear_interior_point(take_rows(p, rows), {});
      EXPECT_EQ(solve(*without, {.steps = 80}), SolveEnd::kConverged);
      EXPECT_EQ(coefficients_of(*solver), coefficients_of(*without));
    }
  }
}

// Where the loss can be 0 a share of it is no measure.
TEST(InteriorPoint, ConvergesWhereTheLossCanBe0) {
  const auto expect_0 = [](const LinearProblem& p, const char* what) {
    SCOPED_TRACE(what);
    const auto solver = make_linear_interior_point(p, {});
    EXPECT_EQ(solve(*solver, {.steps = 60}), SolveEnd::kConverged);
    EXPECT_LT(LinearObjective(p).value(coefficients_of(*solver).data()), 1e-7);
    return solver->bias().item();
  };
  for (const LinearLoss loss : {LinearLoss::kAbsolute, LinearLoss::kQuantile}) {
    for (const float target : {0.0F, 0.1F, 4196.0F}) {
      LinearProblem p = random_problem(loss, 300, 4);
      p.targets = Tensor::full({300}, double{target});
      EXPECT_NEAR(expect_0(p, "a constant"), target, 1e-9 * target) << target;
    }
    expect_0(random_problem(loss, 20, 50), "fewer rows than features");
  }
  LinearProblem p = random_problem(LinearLoss::kHinge, 100, 3);
  float* const x = p.inputs.dense.mutable_data<float>();
  for (int i = 0; i < 100; ++i) x[3 * i] = p.targets.data<int64_t>()[i] == 1 ? 2.0F : -1.0F;
  expect_0(p, "separable");
  p.targets = Tensor::from(std::vector<int64_t>(100, 1), {100});
  expect_0(p, "of one class");
}

TEST(InteriorPoint, HasTheSameBitsForAnyThreadsAndFromItsState) {
  const LinearProblem p = random_problem(LinearLoss::kQuantile, 6000, 5, 2);
  const auto straight = make_linear_interior_point(p, {});
  for (int i = 0; i < 6; ++i) straight->step();
  for (const int count : {1, 3}) {
    set_threads(count);
    const auto first = make_linear_interior_point(p, {});
    for (int i = 0; i < 4; ++i) first->step();
    const auto second = make_linear_interior_point(p, {});
    second->restore(first->state());
    for (int i = 0; i < 2; ++i) second->step();
    EXPECT_EQ(coefficients_of(*second), coefficients_of(*straight));
  }
  set_threads(0);
}

TEST(InteriorPoint, SaysWhatIsWrong) {
  LinearProblem p = random_problem(LinearLoss::kSquared, 4, 2);
  const auto error = [&](const LinearInteriorPointOptions& options) {
    return usage_error_text([&] { make_linear_interior_point(p, options); });
  };
  EXPECT_EQ(error({}), "[interior_point] it is not for the squared loss; expected absolute, quantile or hinge");
  p.loss = LinearLoss::kAbsolute;
  EXPECT_EQ(error({.tolerance = 0.0}), "[interior_point] tolerance is 0; expected a number above 0");
  SparseMatrix wide;
  wide.rows = 4;
  wide.columns = 20000;
  wide.offsets.assign(5, 0);
  p.inputs = wide;
  EXPECT_EQ(error({}), "[interior_point] 20000 features; expected at most 16384: use sgd");
}

}  // namespace linear_interior_point_test
}  // namespace gradus
