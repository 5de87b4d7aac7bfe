// A path of penalties as a solver: where it begins, its state, and by which methods.
#include "gradus/base/threads.h"
#include "gradus/classic/lasso_path.h"
#include "gradus/classic/path_start.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace penalty_path_test {

constexpr LinearLoss kSmooth[] = {LinearLoss::kSquared,  LinearLoss::kHuber,   LinearLoss::kPoisson,
                                  LinearLoss::kLogistic, LinearLoss::kSoftmax, LinearLoss::kSquaredHinge};

LinearProblem problem_of(LinearLoss loss) {
  LinearProblem p = random_problem(loss, 200, 8, loss == LinearLoss::kLogistic ? 1 : 3);
  p.example_weights = Tensor::full({200}, 1.0);
  for (int64_t i = 0; i < 200; i += 3) p.example_weights.mutable_data<float>()[i] = 2.5F;
  return p;
}

int64_t weights_not_0(const LinearSolver& solver) {
  const std::vector<double> w = solver.weights().values<double>();
  return static_cast<int64_t>(w.size()) - std::count(w.begin(), w.end(), 0.0);
}

// The same minima by another method, dense and sparse.
TEST(PenaltyPath, ByLbfgsIsByCoordinateDescent) {
  for (const LinearLoss loss : {LinearLoss::kSquared, LinearLoss::kLogistic, LinearLoss::kPoisson}) {
    for (const bool is_sparse : {false, true}) {
      SCOPED_TRACE(fmt::format("{}{}", is_sparse ? "sparse " : "", name_of(loss)));
      LinearProblem p = random_problem(loss, 300, 20);
      p.l2 = 0.003;
      if (is_sparse) {
        for (float& v : std::span(p.inputs.dense.mutable_data<float>(), 6000)) v = std::abs(v) < 1.0F ? 0.0F : v;
        p.inputs = sparse_of(p.inputs.dense);
      }
      LassoPathOptions options{.points = 12, .smallest = 0.01, .tolerance = 1e-9, .precision = GramPrecision::kF64};
      options.tolerance = loss == LinearLoss::kSquared ? 1e-13 : 1e-8;
      const LassoPath wanted = lasso_path(p, options);
      options.method = PathMethod::kLbfgs;
      options.tolerance = 1e-8;
      const LassoPath path = lasso_path(p, options);
      for (size_t k = 0; k < 12; ++k) {
        EXPECT_NEAR(path.l1[k], wanted.l1[k], 1e-12);
        EXPECT_NEAR(path.objective[k], wanted.objective[k], 1e-11) << k;
        EXPECT_NEAR(path.bias[k], wanted.bias[k], 1e-6) << k;
        for (int64_t j = 0; j < 20; ++j) {
          const int64_t at = static_cast<int64_t>(k) * 20 + j;
          EXPECT_NEAR(path.weights.data<double>()[at], wanted.weights.data<double>()[at], 1e-6) << k;
        }
      }
    }
  }
}

// With the best bias no slope is left in it, and the largest l1 is the largest slope of a weight: of a softmax
// Σ cᵢ·xᵢⱼ·(pₖ − [yᵢ = k]) / Σ cᵢ, with pₖ the share of class k.
TEST(PenaltyPath, BeginsWhereTheWeightsBecome0) {
  for (const LinearLoss loss : kSmooth) {
    SCOPED_TRACE(name_of(loss));
    const LinearProblem p = problem_of(loss);
    const LinearObjective objective(p);
    const PathStart start = path_start(objective);
    std::vector<double> gradient(start.x.size());
    objective.smooth_part(start.x.data(), gradient.data());
    for (int64_t j = objective.weights_size(); j < objective.size(); ++j) EXPECT_NEAR(gradient[j], 0.0, 1e-14);
    for (const double share : {1.0, 0.99}) {
      const auto path = make_penalty_path(p, {.l1 = {share * start.l1}, .method = PathMethod::kLbfgs});
      EXPECT_TRUE(path->step().converged);
      EXPECT_EQ(weights_not_0(*path), share == 1.0 ? 0 : 1);
    }
  }
  const LinearProblem p = problem_of(LinearLoss::kSoftmax);
  double total = 0.0, largest = 0.0;
  std::vector<double> shares(3);
  for (int64_t i = 0; i < 200; ++i) {
    const double weight = double{p.example_weights.data<float>()[i]};
    total += weight;
    shares[static_cast<size_t>(p.targets.data<int64_t>()[i])] += weight;
  }
  for (int64_t k = 0; k < 3; ++k) {
    for (int64_t j = 0; j < 8; ++j) {
      double sum = 0.0;
      for (int64_t i = 0; i < 200; ++i) {
        const double slope = shares[static_cast<size_t>(k)] / total - (p.targets.data<int64_t>()[i] == k ? 1.0 : 0.0);
        sum += double{p.example_weights.data<float>()[i]} * double{p.inputs.dense.data<float>()[i * 8 + j]} * slope;
      }
      largest = std::max(largest, std::abs(sum) / total);
    }
  }
  EXPECT_NEAR(largest_l1(p), largest, 1e-14);
}

TEST(PenaltyPath, HasNoBiasWithoutAnIntercept) {
  LinearProblem p = problem_of(LinearLoss::kSoftmax);
  p.intercept = false;
  const auto path = make_penalty_path(p, {.points = 3, .method = PathMethod::kLbfgs});
  solve(*path);
  EXPECT_EQ(path->bias().values<double>(), (std::vector<double>{0.0, 0.0, 0.0}));
  EXPECT_EQ(weights_not_0(*path), 16);  // of 24: of three that can all move alike, the middle one is 0
}

// Also in the place of a path that had come farther.
TEST(PenaltyPath, GoesOnFromItsStateToTheSameBitsForAnyThreads) {
  struct Case {
    LinearLoss loss;
    PathMethod method;
  };
  for (const Case& c : {Case{LinearLoss::kSoftmax, PathMethod::kLbfgs},
                        {LinearLoss::kSquared, PathMethod::kLbfgs},
                        {LinearLoss::kLogistic, PathMethod::kCoordinateDescent},
                        {LinearLoss::kSquared, PathMethod::kCoordinateDescent}}) {
    SCOPED_TRACE(name_of(c.loss));
    const LinearProblem p = random_problem(c.loss, 1500, 30, c.loss == LinearLoss::kSoftmax ? 4 : 1);
    const LassoPathOptions options{.points = 8, .smallest = 0.05, .l1_ratio = 0.8, .method = c.method};
    const auto straight = make_penalty_path(p, options);
    for (int i = 0; i < 7; ++i) EXPECT_FALSE(straight->step().converged);
    EXPECT_TRUE(straight->step().converged);
    for (const int count : {1, 4}) {
      set_threads(count);
      const auto first = make_penalty_path(p, options);
      for (int i = 0; i < 3; ++i) first->step();
      NamedTensors state;
      for (const auto& [name, tensor] : first->state()) state.push_back({name, tensor.clone()});
      for (const auto& second : {make_penalty_path(p, options), make_penalty_path(p, options)}) {
        if (count == 4) solve(*second);
        second->restore(state);
        EXPECT_EQ(solve(*second), SolveEnd::kConverged);
        EXPECT_EQ(second->steps(), 8);
        EXPECT_EQ(second->l1(), straight->l1());
        EXPECT_EQ(second->report().objective, straight->report().objective);
        EXPECT_EQ(coefficients_of(*second), coefficients_of(*straight));
      }
    }
    set_threads(0);
  }
}

TEST(PenaltyPath, SaysWhatIsWrong) {
  const auto error = [](const LinearProblem& p) {
    return usage_error_text([&] { make_penalty_path(p, {.method = PathMethod::kLbfgs})->step(); });
  };
  EXPECT_EQ(error(random_problem(LinearLoss::kHinge, 30, 5)),
            "[lasso_path] the loss is hinge; expected one without kinks");
  LinearProblem p = random_problem(LinearLoss::kSoftmax, 30, 5, 3);
  p.targets = Tensor::from(std::vector<int64_t>(30, 1), {30});
  p.targets.mutable_data<int64_t>()[7] = 0;
  EXPECT_EQ(error(p), "[lasso_path] no row of class 2 has a weight above 0; expected some of each class");
  p = random_problem(LinearLoss::kPoisson, 30, 5, 2);
  for (int64_t i = 0; i < 30; ++i) p.targets.mutable_data<float>()[2 * i + 1] = 0.0F;
  EXPECT_EQ(error(p), "[lasso_path] the targets of output 1 are all 0; expected some that differ");
  p = random_problem(LinearLoss::kPoisson, 30, 5);
  p.targets = Tensor::zeros({30});
  EXPECT_EQ(error(p), "[lasso_path] the targets are all 0; expected some that differ");
}

}  // namespace penalty_path_test
}  // namespace gradus
