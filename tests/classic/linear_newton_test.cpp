#include "gradus/classic/linear_newton.h"

#include "gradus/base/threads.h"
#include "gradus/classic/cholesky.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_newton_test {

TEST(Cholesky, FactorsAndSolvesWhatIsMadeOfAKnownFactor) {
  for (const int64_t n : {1, 5, 64, 130, 300}) {
    std::vector<double> l(static_cast<size_t>(n * n)), a(l.size()), x, b(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < i; ++j) l[i * n + j] = std::sin(static_cast<double>(i * 7 + j)) / static_cast<double>(n);
      l[i * n + i] = 1.0 + 0.1 * static_cast<double>(i % 3);
      x.push_back(std::cos(static_cast<double>(i)));
    }
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t k = 0; k <= std::min(i, j); ++k) a[i * n + j] += l[i * n + k] * l[j * n + k];
        b[i] += a[i * n + j] * x[j];
      }
    }
    ASSERT_TRUE(cholesky_factor(a.data(), n));
    cholesky_solve(a.data(), n, b.data());
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j <= i; ++j) ASSERT_NEAR(a[i * n + j], l[i * n + j], 1e-13) << n;
      ASSERT_NEAR(b[i], x[i], 1e-12) << n;
    }
  }
}

TEST(Cholesky, SaysThatAMatrixIsNotPositiveDefinite) {
  std::vector<double> a{1.0, 0.0, 2.0, 1.0};
  EXPECT_FALSE(cholesky_factor(a.data(), 2));
}

TEST(Cholesky, SolvesASingularSystemNearby) {
  std::vector<double> b{4.0, 4.0};
  SemidefiniteSolver({2.0, 2.0, 2.0, 2.0}, 2).solve(b.data());  // solved by x + y = 2
  EXPECT_NEAR(b[0] + b[1], 2.0, 1e-10);
  EXPECT_NEAR(b[0], b[1], 1e-3);
}

double gradient_at(const LinearProblem& p, const LinearSolver& solver) {
  const LinearObjective objective(p);
  const std::vector<double> x = coefficients_of(solver);
  std::vector<double> gradient(x.size());
  objective.smooth_part(x.data(), gradient.data());
  return objective.largest_slope(x.data(), gradient.data());
}

constexpr LinearLoss kSmooth[] = {LinearLoss::kSquared, LinearLoss::kPoisson, LinearLoss::kLogistic,
                                  LinearLoss::kSquaredHinge};

TEST(LinearNewton, FindsWhereTheGradientIsZeroDenseAndSparse) {
  for (const LinearLoss loss : kSmooth) {
    for (const bool intercept : {true, false}) {
      SCOPED_TRACE(fmt::format("{}, intercept {}", name_of(loss), intercept));
      LinearProblem p = random_problem(loss, 300, 20, loss == LinearLoss::kLogistic ? 1 : 3);
      p.l2 = 0.01;
      p.intercept = intercept;
      const auto dense = make_linear_newton(p, {.tolerance = 1e-11});
      EXPECT_EQ(solve(*dense, {.steps = 50}), SolveEnd::kConverged);
      EXPECT_LE(gradient_at(p, *dense), 1e-9);
      LinearProblem other = p;
      other.inputs = sparse_of(p.inputs.dense);
      const auto sparse = make_linear_newton(other, {.tolerance = 1e-11});
      EXPECT_EQ(solve(*sparse, {.steps = 50}), SolveEnd::kConverged);
      const std::vector<double> x = coefficients_of(*dense), y = coefficients_of(*sparse);
      for (size_t j = 0; j < x.size(); ++j) EXPECT_NEAR(x[j], y[j], 1e-7);
      EXPECT_EQ(x.back() != 0.0, intercept);
    }
  }
}

// A quadratic is minimised by one step.
TEST(LinearNewton, IsTheClosedFormForTheSquaredLoss) {
  LinearProblem p;
  p.inputs = Tensor::from(std::vector<float>{1.0F, 2.0F, 4.0F}, {3, 1});
  p.targets = Tensor::from(std::vector<float>{1.0F, 3.0F, 4.0F}, {3});
  const auto solver = make_linear_newton(p, {});
  solver->step();
  EXPECT_NEAR(solver->weights().item(), 13.0 / 14.0, 1e-12);  // Σ(x−7/3)(y−8/3) / Σ(x−7/3)²
  EXPECT_NEAR(solver->bias().item(), 8.0 / 3.0 - 7.0 / 3.0 * 13.0 / 14.0, 1e-12);
  p.l2 = 14.0 / 9.0;  // as much as the mean of (x − 7/3)²: half the slope
  const auto ridge = make_linear_newton(p, {});
  ridge->step();
  EXPECT_NEAR(ridge->weights().item(), 13.0 / 28.0, 1e-12);
}

TEST(LinearNewton, LeadsBySamplesToTheSameMinimum) {
  for (const LinearLoss loss : {LinearLoss::kSquared, LinearLoss::kLogistic}) {
    LinearProblem p = random_problem(loss, 20000, 10);
    p.l2 = 0.001;
    const auto sampled = make_linear_newton(p, {.tolerance = 1e-10});
    EXPECT_EQ(solve(*sampled, {.steps = 50}), SolveEnd::kConverged);
    EXPECT_LE(gradient_at(p, *sampled), 1e-8);
    const auto whole = make_linear_newton(p, {.tolerance = 1e-10, .sample = false});
    EXPECT_EQ(solve(*whole, {.steps = 50}), SolveEnd::kConverged);
    EXPECT_NEAR(sampled->report().objective, whole->report().objective, 1e-14);
  }
}

TEST(LinearNewton, ConvergesOnDegenerateData) {
  const auto expect_converged = [](const LinearProblem& p, const char* what) {
    SCOPED_TRACE(what);
    const auto solver = make_linear_newton(p, {.tolerance = 1e-7});
    EXPECT_EQ(solve(*solver, {.steps = 100}), SolveEnd::kConverged);
    EXPECT_LE(gradient_at(p, *solver), 1e-7);
    for (const double v : coefficients_of(*solver)) EXPECT_TRUE(std::isfinite(v));
  };
  LinearProblem p = random_problem(LinearLoss::kLogistic, 60, 4);
  float* x = p.inputs.dense.mutable_data<float>();
  for (int i = 0; i < 60; ++i) {
    x[4 * i + 1] = 3.0F;      // a constant column
    x[4 * i + 2] = x[4 * i];  // a column twice
  }
  expect_converged(p, "constant and equal columns");
  LinearProblem separable = random_problem(LinearLoss::kLogistic, 60, 1);
  for (int i = 0; i < 60; ++i) {
    separable.inputs.dense.mutable_data<float>()[i] = separable.targets.data<int64_t>()[i] == 1 ? 1.0F : -1.0F;
  }
  expect_converged(separable, "separable classes");
  p.targets = Tensor::zeros({60}, DType::kI64);
  expect_converged(p, "one class");
  expect_converged(random_problem(LinearLoss::kSquared, 10, 30), "more columns than rows");
}

TEST(LinearNewton, HasTheSameBitsForAnyThreadsAndFromItsState) {
  LinearProblem p = random_problem(LinearLoss::kLogistic, 9000, 30);
  p.l2 = 1e-3;
  std::vector<std::vector<double>> results;
  for (const int count : {1, 2, 5}) {
    set_threads(count);
    const auto solver = make_linear_newton(p, {});
    for (int i = 0; i < 3; ++i) solver->step();
    results.push_back(coefficients_of(*solver));
  }
  set_threads(0);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
  const auto first = make_linear_newton(p, {});
  first->step();
  const auto second = make_linear_newton(p, {});
  second->restore(first->state());
  second->step();
  second->step();
  EXPECT_EQ(coefficients_of(*second), results[0]);
}

TEST(LinearNewton, SaysWhatIsWrong) {
  LinearProblem p = random_problem(LinearLoss::kHuber, 4, 2);
  const auto error = [&] { return usage_error_text([&] { make_linear_newton(p, {}); }); };
  EXPECT_EQ(error(),
            "[newton] it cannot minimise the huber loss; use lbfgs, or one of squared, poisson, logistic and "
            "squared_hinge");
  p.loss = LinearLoss::kSquared;
  p.l1 = 0.5;
  EXPECT_EQ(error(), "[newton] l1 is 0.5; expected 0: use coordinate_descent");
  p.l1 = 0.0;
  SparseMatrix wide;
  wide.rows = 4;
  wide.columns = 20000;
  wide.offsets.assign(5, 0);
  p.inputs = wide;
  EXPECT_EQ(error(), "[newton] 20000 features; expected at most 16384: use lbfgs");
}

}  // namespace linear_newton_test
}  // namespace gradus
