// The minima of tools/make_linear_references.py, from each solver that can find them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <numeric>
#include <sstream>

#include "gradus/classic/lasso_path.h"
#include "gradus/classic/linear_coordinate_descent.h"
#include "gradus/classic/linear_dual_descent.h"
#include "gradus/classic/linear_gradient_descent.h"
#include "gradus/classic/linear_interior_point.h"
#include "gradus/classic/linear_lbfgs.h"
#include "gradus/classic/linear_newton.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_references_test {

using nlohmann::json;

// The data, as the script's `rows_of` and `targets_of` make them.
class Numbers {
 public:
  explicit Numbers(uint32_t seed) : state_(seed) {}
  float next() {
    state_ = 1664525 * state_ + 1013904223;
    return static_cast<float>(state_ >> 8) / 8388608.0F - 1.0F;
  }

 private:
  uint32_t state_;
};

enum class Kind : uint8_t { kPlain, kCorrelated, kConstant, kEqualRows, kScaled, kShifted, kSparse };
struct Set {
  uint32_t seed;
  int64_t rows, features;
  Kind kind;
  int64_t outputs;
};
const std::map<std::string, Set> kSets = {
    {"plain", {1, 60, 5, Kind::kPlain, 1}},
    {"two_targets", {2, 40, 4, Kind::kPlain, 2}},
    {"correlated", {3, 80, 8, Kind::kCorrelated, 1}},
    {"wide", {4, 20, 40, Kind::kPlain, 1}},
    {"constant_and_equal_columns", {5, 50, 5, Kind::kConstant, 1}},
    {"equal_rows", {6, 40, 4, Kind::kEqualRows, 1}},
    {"scaled", {7, 60, 6, Kind::kScaled, 1}},
    {"shifted", {8, 60, 4, Kind::kShifted, 1}},
    {"sparse", {9, 120, 30, Kind::kSparse, 1}},
    {"three_classes", {10, 90, 4, Kind::kPlain, 3}},
    {"separable", {11, 40, 3, Kind::kPlain, 1}},
    {"one_feature", {12, 30, 1, Kind::kPlain, 1}},
    {"sparse_classes", {13, 150, 12, Kind::kSparse, 4}},
};

Tensor rows_of(const Set& set) {
  Numbers numbers(set.seed);
  Tensor rows = Tensor::empty({set.rows, set.features});
  float* const x = rows.mutable_data<float>();
  for (int64_t i = 0; i < set.rows; ++i) {
    for (int64_t j = 0; j < set.features; ++j) {
      float value = numbers.next();
      float* const to = x + i * set.features + j;
      if (set.kind == Kind::kCorrelated && j > 0) value += 0.75F * to[-1];
      if (set.kind == Kind::kConstant && j == 1) value = 3.0F;
      if (set.kind == Kind::kConstant && j == 2) value = to[-2];
      if (set.kind == Kind::kEqualRows && i >= set.rows / 2) value = to[-set.rows / 2 * set.features];
      if (set.kind == Kind::kScaled) value *= std::ldexp(1.0F, static_cast<int>(2 * (j - 3)));
      if (set.kind == Kind::kShifted) value += static_cast<float>(8 * j);
      if (set.kind == Kind::kSparse) value = value > 0.7F ? 1.0F : 0.0F;
      *to = value;
    }
  }
  return rows;
}

Tensor targets_of(const Set& set, bool is_separable, LinearLoss loss, const Tensor& rows) {
  Numbers numbers(set.seed + 1000);
  std::vector<double> w;
  for (int64_t i = 0; i < set.outputs * set.features; ++i) w.push_back(double{numbers.next()});
  std::vector<float> targets;
  std::vector<int64_t> classes;
  for (int64_t i = 0; i < set.rows; ++i) {
    std::vector<double> z;
    for (int64_t k = 0; k < set.outputs; ++k) {
      double total = 0.25;
      for (int64_t j = 0; j < set.features; ++j) {
        total += w[k * set.features + j] * double{rows.data<float>()[i * set.features + j]};
      }
      z.push_back(total + (is_separable ? 0.0 : 0.5) * double{numbers.next()});
    }
    for (const double v : z) {
      targets.push_back(
          static_cast<float>(loss == LinearLoss::kPoisson ? std::floor(std::max(0.0, 2.0 * v + 1.0)) : v));
    }
    classes.push_back(set.outputs == 1 ? z[0] > 0.25 : std::max_element(z.begin(), z.end()) - z.begin());
  }
  if (is_classification(loss)) return Tensor::from(classes, {set.rows});
  return Tensor::from(targets, set.outputs == 1 ? Shape{set.rows} : Shape{set.rows, set.outputs});
}

LinearLoss loss_of(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(LinearLoss::kSquaredHinge); ++i) {
    if (name_of(static_cast<LinearLoss>(i)) == name) return static_cast<LinearLoss>(i);
  }
  throw std::runtime_error("a loss of another name: " + name);
}

LinearProblem problem_of(const json& c) {
  const Set& set = kSets.at(c["data"]);
  LinearProblem p;
  p.loss = loss_of(c["loss"]);
  const Tensor rows = rows_of(set);
  p.targets = targets_of(set, c["data"] == "separable", p.loss, rows);
  if (set.kind == Kind::kSparse) {
    p.inputs = sparse_of(rows);
  } else {
    p.inputs = rows;
  }
  if (is_classification(p.loss)) p.classes = std::max<int64_t>(2, set.outputs);
  p.l1 = c["l1"];
  p.l2 = c["l2"];
  p.intercept = c["intercept"];
  p.quantile = c["quantile"];
  p.delta = c["delta"];
  if (c["weighted"]) {
    std::vector<float> weights;
    for (int64_t i = 0; i < set.rows; ++i) weights.push_back(static_cast<float>(1 + i % 3));
    p.example_weights = Tensor::from(weights, {set.rows});
  }
  return p;
}

// Each by the name that stands in its messages.
std::map<std::string, std::unique_ptr<LinearSolver>> solvers_of(const LinearProblem& p) {
  std::map<std::string, std::unique_ptr<LinearSolver>> all;
  const bool has_newton = p.loss == LinearLoss::kSquared || p.loss == LinearLoss::kPoisson ||
                          p.loss == LinearLoss::kLogistic || p.loss == LinearLoss::kSquaredHinge;
  if (has_newton && p.l1 == 0.0) all["newton"] = make_linear_newton(p, {.tolerance = 1e-9});
  if (is_smooth(p.loss)) {
    all["lbfgs"] = make_linear_lbfgs(p, {.tolerance = 1e-9});
    all["gradient_descent"] = make_linear_gradient_descent(p, {.accelerate = true, .tolerance = 1e-8});
  } else {
    all["interior_point"] = make_linear_interior_point(p, {.tolerance = 1e-9});
  }
  if (has_newton && p.loss != LinearLoss::kSquaredHinge) {
    all["coordinate_descent"] = make_linear_coordinate_descent(p, {.tolerance = 1e-11});
  }
  if ((p.loss == LinearLoss::kHinge || p.loss == LinearLoss::kSquaredHinge) && p.l1 == 0.0) {
    all["dual_descent"] = make_linear_dual_descent(p, {.tolerance = 1e-9});
  }
  return all;
}

TEST(LinearReferences, EachSolverFindsTheMinimum) {
  const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/linear_models.json"))["cases"];
  ASSERT_GE(all.size(), 49U);
  for (const json& c : all) {
    const LinearProblem p = problem_of(c);
    const LinearObjective objective(p);
    std::vector<double> expected = c["weights"];
    const std::vector<double> bias = c["bias"];
    expected.insert(expected.end(), bias.begin(), bias.end());
    const double minimum = c["objective"];
    // The data and the objective are the same here and there.
    ASSERT_NEAR(objective.value(expected.data()), minimum, 1e-12 * (1.0 + std::abs(minimum))) << c.dump();
    for (const auto& [name, solver] : solvers_of(p)) {
      SCOPED_TRACE(fmt::format("{}, {} on {}, l1 {}, l2 {}", name, c["loss"].get<std::string>(),
                               c["data"].get<std::string>(), p.l1, p.l2));
      // Its steps grow with the condition of the data, which "scaled" and "shifted" show.
      const bool is_slow = name == "gradient_descent" && (c["data"] == "scaled" || c["data"] == "shifted");
      if (is_slow) continue;
      EXPECT_EQ(solve(*solver, {.steps = 20000}), SolveEnd::kConverged);
      const std::vector<double> x = coefficients_of(*solver);
      EXPECT_LE(objective.value(x.data()) - minimum, 1e-6 * std::abs(minimum) + 1e-12);
      EXPECT_GE(objective.value(x.data()) - minimum, -1e-6 * std::abs(minimum) - 1e-12)
          << "the reference is no minimum";
      if (!c["unique"]) continue;
      for (size_t j = 0; j < x.size(); ++j) {
        EXPECT_NEAR(x[j], expected[j], 1e-4 * std::max(1.0, std::abs(expected[j]))) << "coefficient " << j;
      }
    }
  }
}

// Each point from the one before is where scikit-learn comes to by itself, for l1 and for an elastic net.
TEST(LinearReferences, PathsGoThroughTheMinima) {
  const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/linear_models.json"))["paths"];
  ASSERT_EQ(all.size(), 10U);
  for (const json& c : all) {
    SCOPED_TRACE(fmt::format("{} of {}, l2 {}, share of l1 {}", c["loss"].get<std::string>(),
                             c["data"].get<std::string>(), c["l2"].get<double>(), c["l1_ratio"].get<double>()));
    const json terms = {{"l1", 0.0}, {"intercept", true}, {"quantile", 0.5}, {"delta", 1.0}, {"weighted", false}};
    json problem = c;
    problem.update(terms);
    LinearProblem p = problem_of(problem);
    const json& points = c["points"];
    const LassoPath path = lasso_path(p, {.points = static_cast<int64_t>(points.size()),
                                          .smallest = c["smallest"],
                                          .l1_ratio = c["l1_ratio"],
                                          .tolerance = 1e-12,
                                          .precision = GramPrecision::kF64});
    for (size_t k = 0; k < points.size(); ++k) {
      EXPECT_NEAR(path.l1[k], points[k]["l1"].get<double>(), 1e-12);
      EXPECT_NEAR(path.l2[k], points[k]["l2"].get<double>(), 1e-12);
      const double minimum = points[k]["objective"];
      EXPECT_NEAR(path.objective[k], minimum, 1e-9 * minimum) << k;
      const std::vector<double> weights = points[k]["weights"];
      const double* const found = path.weights.data<double>() + k * weights.size();
      for (size_t j = 0; j < weights.size(); ++j) EXPECT_NEAR(found[j], weights[j], 1e-5) << k << ", weight " << j;
      EXPECT_NEAR(path.bias[k], points[k]["bias"].get<double>(), 1e-5) << k;
    }
  }
}

// ‖a − b‖ / ‖b‖, or ‖a‖ where b is 0.
double relative_distance(const std::vector<double>& a, const std::vector<double>& b) {
  double distance = 0.0, size = 0.0;
  for (size_t j = 0; j < b.size(); ++j) {
    distance += (a[j] - b[j]) * (a[j] - b[j]);
    size += b[j] * b[j];
  }
  return std::sqrt(size > 0.0 ? distance / size : distance);
}

// By L-BFGS, of losses and outputs that coordinate descent has not; each minimum of the script has its proof.
TEST(LinearReferences, PathsOfSmoothLossesGoThroughTheMinima) {
  const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/linear_models.json"))["smooth_paths"];
  ASSERT_EQ(all.size(), 8U);
  for (const json& c : all) {
    SCOPED_TRACE(fmt::format("{} of {}, l2 {}, share of l1 {}", c["loss"].get<std::string>(),
                             c["data"].get<std::string>(), c["l2"].get<double>(), c["l1_ratio"].get<double>()));
    const json terms = {{"l1", 0.0}, {"intercept", true}, {"quantile", 0.5}};
    json problem = c;
    problem.update(terms);
    const LinearProblem p = problem_of(problem);
    const json& points = c["points"];
    ASSERT_EQ(points.size(), 9U);
    const auto path = make_penalty_path(p, {.points = 9,
                                            .smallest = c["smallest"],
                                            .l1_ratio = c["l1_ratio"],
                                            .tolerance = 1e-8,
                                            .method = PathMethod::kLbfgs});
    for (const json& point : points) {
      const double minimum = point["objective"];
      EXPECT_NEAR(path->step().objective, minimum, 1e-10 * minimum);
      EXPECT_NEAR(path->l1(), point["l1"].get<double>(), 1e-9);
      EXPECT_NEAR(path->l2(), point["l2"].get<double>(), 1e-9);
      const std::vector<double> weights = path->weights().values<double>(), wanted = point["weights"];
      EXPECT_LE(relative_distance(weights, wanted), 1e-5);
      for (size_t j = 0; j < wanted.size(); ++j) EXPECT_EQ(weights[j] == 0.0, wanted[j] == 0.0) << "weight " << j;
      std::vector<double> bias = path->bias().values<double>(), wanted_bias = point["bias"];
      if (p.loss == LinearLoss::kSoftmax) {  // which is the same for all of them larger
        for (auto* b : {&bias, &wanted_bias}) {
          const double mean = std::accumulate(b->begin(), b->end(), 0.0) / static_cast<double>(b->size());
          for (double& v : *b) v -= mean;
        }
      }
      EXPECT_LE(relative_distance(bias, wanted_bias), 1e-5);
    }
  }
}

constexpr const char* kA9a = GRADUS_SOURCE_DIR "/../shared/data/tabular/a9a";

// Lines "±1 feature:value …", features from 1.
LinearProblem read_a9a() {
  SparseMatrix x;
  x.columns = 123;
  std::vector<int64_t> classes;
  std::ifstream file(kA9a);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    int target = 0, feature = 0;
    char colon = 0;
    float value = 0.0F;
    words >> target;
    while (words >> feature >> colon >> value) {
      x.indices.push_back(feature - 1);
      x.values.push_back(value);
    }
    x.offsets.push_back(static_cast<int64_t>(x.values.size()));
    classes.push_back(target > 0 ? 1 : 0);
  }
  x.rows = static_cast<int64_t>(classes.size());
  LinearProblem p;
  p.loss = LinearLoss::kLogistic;
  p.inputs = std::move(x);
  p.classes = 2;
  p.targets = Tensor::from(classes, {p.inputs.rows()});
  return p;
}

// Its one-hot columns are not independent, so that several weights have the same minimum.
TEST(LinearReferences, APathOfA9aIsTheSameByBothMethods) {
  if (!std::ifstream(kA9a)) GTEST_SKIP() << "there is no " << kA9a;
  const LinearProblem p = read_a9a();
  LassoPathOptions options{.points = 4, .smallest = 0.01, .tolerance = 1e-7};
  const LassoPath wanted = lasso_path(p, options);
  options.method = PathMethod::kLbfgs;
  const LassoPath path = lasso_path(p, options);
  for (size_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(path.l1[k], wanted.l1[k], 1e-15);
    EXPECT_NEAR(path.objective[k], wanted.objective[k], 1e-10 * wanted.objective[k]) << k;
  }
}

TEST(LinearReferences, FindsTheMinimaOfA9a) {
  if (!std::ifstream(kA9a)) GTEST_SKIP() << "there is no " << kA9a;
  LinearProblem p = read_a9a();
  const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/linear_models.json"));
  for (const json& c : all["a9a"]) {
    p.l2 = c["l2"];
    const double minimum = c["objective"];
    std::vector<double> expected = c["weights"];
    expected.push_back(c["bias"][0]);
    std::map<std::string, std::unique_ptr<LinearSolver>> solvers;
    solvers["newton"] = make_linear_newton(p, {.tolerance = 1e-9});
    // The distance to the minimum is at most the gradient's norm / l2: √124·1e-9 / 1e-4.
    solvers["lbfgs"] = make_linear_lbfgs(p, {.tolerance = 1e-9});
    solvers["coordinate_descent"] = make_linear_coordinate_descent(p, {.tolerance = 1e-9});
    for (const auto& [name, solver] : solvers) {
      SCOPED_TRACE(fmt::format("{}, l2 {}", name, p.l2));
      EXPECT_EQ(solve(*solver, {.steps = 2000}), SolveEnd::kConverged);
      EXPECT_NEAR(solver->report().objective, minimum, 1e-9 * minimum);
      const std::vector<double> x = coefficients_of(*solver);
      for (size_t j = 0; j < x.size(); ++j) EXPECT_NEAR(x[j], expected[j], 1e-4) << "coefficient " << j;
    }
  }
}

}  // namespace linear_references_test
}  // namespace gradus
