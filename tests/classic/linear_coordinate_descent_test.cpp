#include "gradus/classic/linear_coordinate_descent.h"

#include "gradus/base/threads.h"
#include "gradus/classic/lasso_path.h"
#include "gradus/classic/linear_newton.h"
#include "gradus/classic/linear_quadratic.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_coordinate_descent_test {

double slope_of(const LinearProblem& p, const LinearSolver& solver) {
  const LinearObjective objective(p);
  const std::vector<double> x = coefficients_of(solver);
  std::vector<double> gradient(x.size());
  objective.smooth_part(x.data(), gradient.data());
  return objective.largest_slope(x.data(), gradient.data());
}

int64_t zeros_of(const LinearSolver& solver) {
  const std::vector<double> w = solver.weights().values<double>();
  return std::count(w.begin(), w.end(), 0.0);
}

// On columns that are orthogonal, with Σx² = N, the lasso is the soft threshold of least squares.
TEST(CoordinateDescent, IsTheSoftThresholdOnOrthogonalColumns) {
  constexpr int64_t kRows = 8;
  std::vector<float> x, y;
  for (int64_t i = 0; i < kRows; ++i) {
    for (const int64_t bit : {1, 2, 4}) x.push_back((i & bit) != 0 ? 1.0F : -1.0F);
    y.push_back(0.5F + 2.0F * x[3 * i] - 0.25F * x[3 * i + 1] - 1.0F * x[3 * i + 2]);
  }
  LinearProblem p;
  p.inputs = Tensor::from(x, {kRows, 3});
  p.targets = Tensor::from(y, {kRows});
  p.l1 = 0.5;
  p.l2 = 0.25;
  const auto solver = make_linear_coordinate_descent(p, {});
  solve(*solver);
  const std::vector<double> w = coefficients_of(*solver);
  EXPECT_NEAR(w[0], 1.5 / 1.25, 1e-12);
  EXPECT_EQ(w[1], 0.0);
  EXPECT_NEAR(w[2], -0.5 / 1.25, 1e-12);
  EXPECT_NEAR(w[3], 0.5, 1e-12);
  EXPECT_NEAR(solver->report().gap, 0.0, 1e-12);
}

TEST(CoordinateDescent, FindsTheMinimumByGramAndColumnsDenseAndSparse) {
  for (const LinearLoss loss : {LinearLoss::kSquared, LinearLoss::kLogistic, LinearLoss::kPoisson}) {
    for (const auto& [rows, features] : {std::pair<int64_t, int64_t>{200, 40}, {60, 150}}) {
      for (const bool intercept : {true, false}) {
        SCOPED_TRACE(fmt::format("{}, {} × {}, intercept {}", name_of(loss), rows, features, intercept));
        LinearProblem p = random_problem(loss, rows, features);
        std::vector<float> weights;
        for (int64_t i = 0; i < rows; ++i) weights.push_back(static_cast<float>(1 + i % 3));
        p.example_weights = Tensor::from(weights, {rows});
        p.l1 = 0.05;
        p.l2 = 0.01;
        p.intercept = intercept;
        const auto dense = make_linear_coordinate_descent(p, {.tolerance = 1e-9});
        EXPECT_EQ(solve(*dense, {.steps = 100}), SolveEnd::kConverged);
        EXPECT_LE(slope_of(p, *dense), 2e-4);
        EXPECT_GT(zeros_of(*dense), 0);
        EXPECT_NEAR(dense->report().objective, LinearObjective(p).value(coefficients_of(*dense).data()), 1e-12);
        LinearProblem other = p;
        other.inputs = sparse_of(p.inputs.dense);
        const auto sparse = make_linear_coordinate_descent(other, {.tolerance = 1e-9});
        EXPECT_EQ(solve(*sparse, {.steps = 100}), SolveEnd::kConverged);
        EXPECT_NEAR(sparse->report().objective, dense->report().objective, 1e-8);
      }
    }
  }
}

// The gap bounds how far the objective is above its minimum.
TEST(CoordinateDescent, TheGapIsAnUpperBound) {
  LinearProblem p = random_problem(LinearLoss::kSquared, 100, 30);
  p.l1 = 0.1;
  const auto exact = make_linear_coordinate_descent(p, {.tolerance = 1e-14});
  solve(*exact, {.steps = 100});
  const double minimum = exact->report().objective;
  ElasticNet net(make_gram_quadratic({&p.inputs, std::vector<double>(100, 0.01), p.targets.values<double>(), true},
                                     GramPrecision::kF64));
  for (int i = 0; i < 6; ++i) {
    const double above = net.objective(p.l1, p.l2) - minimum;
    EXPECT_GE(net.gap(p.l1, p.l2), above - 1e-14);
    net.round(p.l1, p.l2, {.gap = std::pow(10.0, -i), .slope = 0.0});
  }
  EXPECT_LT(net.gap(p.l1, p.l2), 1e-5);
}

TEST(CoordinateDescent, AgreesWithNewtonWithoutL1) {
  for (const LinearLoss loss : {LinearLoss::kSquared, LinearLoss::kLogistic}) {
    LinearProblem p = random_problem(loss, 150, 12);
    p.l2 = 0.02;
    const auto solver = make_linear_coordinate_descent(p, {.tolerance = 1e-10});
    EXPECT_EQ(solve(*solver, {.steps = 100}), SolveEnd::kConverged);
    const auto newton = make_linear_newton(p, {.tolerance = 1e-11});
    solve(*newton);
    const std::vector<double> x = coefficients_of(*solver), y = coefficients_of(*newton);
    for (size_t j = 0; j < x.size(); ++j) EXPECT_NEAR(x[j], y[j], 1e-8);
  }
}

// The weights are at their minimum where the solver begins: the bias is the mean all the same.
TEST(CoordinateDescent, FindsTheBiasWhereNoWeightMoves) {
  LinearProblem p;
  p.inputs = Tensor::from(std::vector<float>{1, 7, -2, 7, 4, 7, 5, 7}, {4, 2});
  p.targets = Tensor::from(std::vector<float>{4000, 4100, 4300, 4400}, {4});
  for (const bool is_sparse : {false, true}) {
    LinearProblem strong = p, constant = p;
    strong.l1 = 1e5;
    constant.inputs = Tensor::from(std::vector<float>{7, 7, 7, 7}, {4, 1});
    if (is_sparse) strong.inputs = sparse_of(strong.inputs.dense);
    if (is_sparse) constant.inputs = sparse_of(constant.inputs.dense);
    for (const LinearProblem& problem : {strong, constant}) {
      const auto solver = make_linear_coordinate_descent(problem, {});
      EXPECT_EQ(solve(*solver), SolveEnd::kConverged);
      EXPECT_EQ(zeros_of(*solver), problem.inputs.features());
      EXPECT_NEAR(*solver->bias().data<double>(), 4200.0, 1e-9);
      EXPECT_NEAR(LinearObjective(problem).value(coefficients_of(*solver).data()), solver->report().objective, 1e-9);
    }
  }
}

// Of targets that are all the same, or that no column says anything of, rounding is all that there is to fit.
TEST(CoordinateDescent, ConvergesWhereThereIsNothingToLearn) {
  for (const auto& [rows, features] : {std::pair<int64_t, int64_t>{300, 5}, {40, 90}}) {
    for (const double target : {0.0, 0.1, 4196.3}) {
      for (const double l1 : {0.0, 1e-18, 0.1}) {
        SCOPED_TRACE(fmt::format("{} × {}, target {}, l1 {}", rows, features, target, l1));
        LinearProblem p = random_problem(LinearLoss::kSquared, rows, features);
        p.targets = Tensor::full({rows}, target);
        p.l1 = l1;
        const auto solver = make_linear_coordinate_descent(p, {});
        EXPECT_EQ(solve(*solver, {.steps = 3}), SolveEnd::kConverged);
        EXPECT_NEAR(solver->report().objective, 0.0, 1e-20);
        EXPECT_NEAR(solver->bias().item(), double{static_cast<float>(target)},
                    static_cast<double>(rows) * 2.3e-16 * target);
      }
    }
  }
  LinearProblem p;
  std::vector<float> x, y;
  for (int i = 0; i < 64; ++i) {  // orthogonal to the target and to 1
    x.push_back((i & 1) != 0 ? 1.1F : -1.1F);
    y.push_back((i & 2) != 0 ? 0.7F : -0.3F);
  }
  p.inputs = Tensor::from(x, {64, 1});
  p.targets = Tensor::from(y, {64});
  const auto solver = make_linear_coordinate_descent(p, {});
  EXPECT_EQ(solve(*solver, {.steps = 3}), SolveEnd::kConverged);
  EXPECT_NEAR(solver->report().objective, 0.125, 1e-7);
}

TEST(CoordinateDescent, ConvergesOnDegenerateData) {
  LinearProblem p = random_problem(LinearLoss::kSquared, 50, 4);
  float* const x = p.inputs.dense.mutable_data<float>();
  for (int i = 0; i < 50; ++i) {
    x[4 * i + 1] = 7.0F;      // a constant
    x[4 * i + 2] = x[4 * i];  // the first column again
  }
  p.l1 = 0.1;
  const auto solver = make_linear_coordinate_descent(p, {.tolerance = 1e-10});
  EXPECT_EQ(solve(*solver, {.steps = 100}), SolveEnd::kConverged);
  EXPECT_EQ(coefficients_of(*solver)[1], 0.0);
  p.l1 = 1e6;
  const auto none = make_linear_coordinate_descent(p, {});
  EXPECT_EQ(solve(*none), SolveEnd::kConverged);
  EXPECT_EQ(zeros_of(*none), 4);
}

TEST(CoordinateDescent, HasTheSameBitsForAnyThreadsAndFromItsState) {
  for (const LinearLoss loss : {LinearLoss::kSquared, LinearLoss::kLogistic}) {
    for (const auto& [rows, features] : {std::pair<int64_t, int64_t>{3000, 200}, {80, 300}}) {
      LinearProblem p = random_problem(loss, rows, features);
      p.l1 = 0.01;
      std::vector<std::vector<double>> results;
      for (const int count : {1, 2, 5}) {
        set_threads(count);
        const auto solver = make_linear_coordinate_descent(p, {.tolerance = 1e-12});
        for (int i = 0; i < 4; ++i) solver->step();
        results.push_back(coefficients_of(*solver));
      }
      set_threads(0);
      EXPECT_EQ(results[0], results[1]);
      EXPECT_EQ(results[0], results[2]);
      const auto first = make_linear_coordinate_descent(p, {.tolerance = 1e-12});
      first->step();
      first->step();
      const auto second = make_linear_coordinate_descent(p, {.tolerance = 1e-12});
      second->restore(first->state());
      second->step();
      second->step();
      EXPECT_EQ(coefficients_of(*second), results[0]);
    }
  }
}

TEST(LassoPath, IsTheSolversResultAtEachPoint) {
  for (const auto& [rows, features] : {std::pair<int64_t, int64_t>{300, 50}, {40, 90}}) {
    LinearProblem p = random_problem(LinearLoss::kSquared, rows, features);
    p.l2 = 0.005;
    const LassoPath path = lasso_path(p, {.points = 20, .tolerance = 1e-9, .precision = GramPrecision::kF64});
    EXPECT_NEAR(path.l1[0], largest_l1(p), 1e-12);
    EXPECT_NEAR(path.l1[19], 1e-3 * path.l1[0], 1e-12);
    for (size_t k = 0; k < path.l1.size(); ++k) {
      p.l1 = path.l1[k];
      const auto solver = make_linear_coordinate_descent(p, {.tolerance = 1e-11});
      EXPECT_EQ(solve(*solver), SolveEnd::kConverged);
      EXPECT_NEAR(path.objective[k], solver->report().objective, 1e-8 * path.objective[0]) << k;
      std::vector<double> x(path.weights.data<double>() + static_cast<int64_t>(k) * features,
                            path.weights.data<double>() + static_cast<int64_t>(k + 1) * features);
      x.push_back(path.bias[k]);
      EXPECT_NEAR(LinearObjective(p).value(x.data()), path.objective[k], 1e-12 * path.objective[0]);
    }
    EXPECT_EQ(zeros_of(*make_linear_coordinate_descent(p, {})), features);
    for (int64_t j = 0; j < features; ++j) EXPECT_EQ(path.weights.data<double>()[j], 0.0);
  }
}

// With many pairs of tiles, and a grid that begins where nothing enters. With elements of G off by 1e-6 of the
// diagonal's largest, ½·wᵀGw is off by half of that times ‖w‖₁², and a minimum of what is so found is above the least
// by twice that.
TEST(LassoPath, InF32IsThatInF64AndTheSameBitsForAnyThreads) {
  const int64_t rows = 1100, features = 700;
  LinearProblem p = random_problem(LinearLoss::kSquared, rows, features);
  const double largest = largest_l1(p), tolerance = 1e-7;
  LassoPathOptions options{.l1 = {1.5 * largest, 0.5 * largest, 0.1 * largest, 0.01 * largest},
                           .tolerance = tolerance,
                           .precision = GramPrecision::kF64};
  const LassoPath wide = lasso_path(p, options);
  options.precision = GramPrecision::kF32;
  std::vector<std::vector<double>> results;
  LassoPath path;
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    path = lasso_path(p, options);
    results.push_back(path.weights.values<double>());
  }
  set_threads(0);
  for (const auto& other : results) EXPECT_EQ(other, results[0]);
  double diagonal = 0.0;
  for (int64_t j = 0; j < features; ++j) {
    double square = 0.0;
    for (int64_t i = 0; i < rows; ++i) square += std::pow(p.inputs.dense.data<float>()[i * features + j], 2);
    diagonal = std::max(diagonal, square / static_cast<double>(rows));
  }
  for (size_t k = 0; k < options.l1.size(); ++k) {
    const double* const w = path.weights.data<double>() + static_cast<int64_t>(k) * features;
    std::vector<double> x(w, w + features);
    double size = 0.0;
    for (const double v : x) size += std::abs(v);
    x.push_back(path.bias[k]);
    p.l1 = options.l1[k];
    const double above = LinearObjective(p).value(x.data()) - wide.objective[k];
    EXPECT_LE(std::abs(above), tolerance * wide.objective[0] + 1e-6 * diagonal * size * size) << k;
    EXPECT_EQ(size == 0.0, k == 0);
  }
}

TEST(LassoPath, OfOtherLossesIsTheSolversResultAtEachPoint) {
  for (const LinearLoss loss : {LinearLoss::kLogistic, LinearLoss::kPoisson}) {
    for (const auto& [rows, features] : {std::pair<int64_t, int64_t>{300, 30}, {60, 90}}) {
      LinearProblem p = random_problem(loss, rows, features);
      p.l2 = 0.005;
      p.example_weights = Tensor::full({rows}, 1.0);
      p.example_weights.mutable_data<float>()[0] = 3.0F;
      const double largest = largest_l1(p);
      const LassoPath path = lasso_path(p, {.points = 12, .smallest = 0.01, .tolerance = 1e-9});
      EXPECT_EQ(path.l1[0], largest);
      for (size_t k = 0; k < path.l1.size(); ++k) {
        p.l1 = path.l1[k];
        const auto solver = make_linear_coordinate_descent(p, {.tolerance = 1e-7 * largest});
        EXPECT_EQ(solve(*solver), SolveEnd::kConverged) << name_of(loss) << " of " << rows << " rows, point " << k;
        EXPECT_NEAR(path.objective[k], solver->report().objective, 1e-10);
        const double* const weights = path.weights.data<double>() + static_cast<int64_t>(k) * features;
        for (int64_t j = 0; j < features; ++j) EXPECT_NEAR(weights[j], solver->weights().data<double>()[j], 1e-5);
        EXPECT_NEAR(path.bias[k], *solver->bias().data<double>(), 1e-5);
        if (k > 0) continue;
        for (int64_t j = 0; j < features; ++j) EXPECT_EQ(weights[j], 0.0);
      }
      // Just below the largest l1 there is a weight that is not 0.
      const LassoPath below = lasso_path(p, {.l1 = {0.99 * largest}, .tolerance = 1e-9});
      int64_t found = 0;
      for (int64_t j = 0; j < features; ++j) found += below.weights.data<double>()[j] != 0.0;
      EXPECT_EQ(found, 1);
    }
  }
  LinearProblem p = random_problem(LinearLoss::kLogistic, 30, 5);
  p.targets = Tensor::from(std::vector<int64_t>(30, 1), {30});
  EXPECT_EQ(usage_error_text([&] { lasso_path(p); }),
            "[lasso_path] the targets are all of one class; expected some that differ");
}

TEST(LassoPath, TakesAGridAndSaysWhatIsWrong) {
  LinearProblem p = random_problem(LinearLoss::kSquared, 30, 5);
  EXPECT_EQ(lasso_path(p, {.l1 = {0.5, 0.1}}).l1, (std::vector<double>{0.5, 0.1}));
  const auto error = [&](const LassoPathOptions& options) { return usage_error_text([&] { lasso_path(p, options); }); };
  EXPECT_EQ(error({.points = 0}), "[lasso_path] points is 0; expected at least 1");
  EXPECT_EQ(error({.l1_ratio = 0.0}), "[lasso_path] l1_ratio is 0; expected a number above 0, at most 1");
  EXPECT_EQ(error({.l1 = {0.1, 0.5}}),
            "[lasso_path] an l1 of the grid is 0.5; expected finite numbers from 0, none larger than the one before");
  p = random_problem(LinearLoss::kSquared, 30, 5, 2);
  EXPECT_EQ(error({}), "[lasso_path] the targets have 2 columns; expected one");
  p = random_problem(LinearLoss::kHuber, 30, 5);
  EXPECT_EQ(error({}), "[lasso_path] the loss is huber; expected squared, logistic or poisson");
}

TEST(CoordinateDescent, SaysWhatIsWrong) {
  LinearProblem p = random_problem(LinearLoss::kHinge, 30, 5);
  EXPECT_EQ(usage_error_text([&] { make_linear_coordinate_descent(p, {}); }),
            "[coordinate_descent] it cannot minimise the hinge loss; expected squared, poisson or logistic");
  EXPECT_EQ(usage_error_text([&] { make_linear_coordinate_descent(p, {.tolerance = 0.0}); }),
            "[coordinate_descent] tolerance is 0; expected a finite number above 0");
}

}  // namespace linear_coordinate_descent_test
}  // namespace gradus
