#include "gradus/classic/linear_objective.h"

#include "gradus/base/threads.h"
#include "gradus/classic/gram.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_objective_test {

constexpr LinearLoss kAllLosses[] = {LinearLoss::kSquared, LinearLoss::kAbsolute, LinearLoss::kQuantile,
                                     LinearLoss::kHuber,   LinearLoss::kPoisson,  LinearLoss::kLogistic,
                                     LinearLoss::kSoftmax, LinearLoss::kHinge,    LinearLoss::kSquaredHinge};

int64_t outputs_for(LinearLoss loss) { return loss == LinearLoss::kLogistic ? 1 : 3; }

LinearProblem weighted_problem(LinearLoss loss) {
  LinearProblem p = random_problem(loss, 45, 5, outputs_for(loss));
  std::vector<float> weights;
  for (int i = 0; i < 45; ++i) weights.push_back(0.5F + 0.25F * static_cast<float>(i % 4));
  p.example_weights = Tensor::from(weights, {45});
  p.quantile = 0.3;
  p.delta = 0.7;
  p.l2 = 0.2;
  p.l1 = 0.05;
  return p;
}

std::vector<double> some_coefficients(int64_t size) {
  std::vector<double> x;
  for (int64_t j = 0; j < size; ++j) x.push_back(0.3 * std::sin(1.0 + static_cast<double>(j)));
  return x;
}

// The loss as its definition says, without any care for what overflows.
double plain_loss(const LinearProblem& p, const std::vector<double>& z, int64_t i) {
  const auto classes = [&] { return p.targets.data<int64_t>()[i]; };
  double sum = 0.0;
  if (p.loss == LinearLoss::kSoftmax) {
    for (const double v : z) sum += std::exp(v);
    return std::log(sum) - z[classes()];
  }
  for (size_t k = 0; k < z.size(); ++k) {
    if (is_classification(p.loss)) {
      const double s = (z.size() == 1 ? classes() == 1 : classes() == static_cast<int64_t>(k)) ? 1.0 : -1.0;
      const double rest = std::max(0.0, 1.0 - s * z[k]);
      sum += p.loss == LinearLoss::kLogistic ? std::log(1.0 + std::exp(-s * z[k]))
             : p.loss == LinearLoss::kHinge  ? rest
                                             : rest * rest;
      continue;
    }
    const double y = p.targets.data<float>()[i * static_cast<int64_t>(z.size()) + static_cast<int64_t>(k)];
    const double r = z[k] - y, size = std::abs(r);
    switch (p.loss) {
      case LinearLoss::kSquared:
        sum += 0.5 * r * r;
        break;
      case LinearLoss::kAbsolute:
        sum += size;
        break;
      case LinearLoss::kQuantile:
        sum += std::max(-p.quantile * r, (1.0 - p.quantile) * r);
        break;
      case LinearLoss::kHuber:
        sum += size <= p.delta ? 0.5 * r * r : p.delta * size - 0.5 * p.delta * p.delta;
        break;
      default:
        sum += std::exp(z[k]) - y * z[k];
    }
  }
  return sum;
}

double plain_objective(const LinearProblem& p, const std::vector<double>& x) {
  const int64_t outputs = outputs_of(p), features = p.inputs.features();
  double sum = 0.0, total = 0.0;
  for (int64_t i = 0; i < p.inputs.rows(); ++i) {
    std::vector<double> z;
    for (int64_t k = 0; k < outputs; ++k) {
      z.push_back(x[outputs * features + k]);
      for (int64_t j = 0; j < features; ++j) {
        z.back() += double{p.inputs.dense.data<float>()[i * features + j]} * x[k * features + j];
      }
    }
    const double weight = double{p.example_weights.data<float>()[i]};
    sum += weight * plain_loss(p, z, i);
    total += weight;
  }
  double squares = 0.0, sizes = 0.0;
  for (int64_t j = 0; j < outputs * features; ++j) {
    squares += x[j] * x[j];
    sizes += std::abs(x[j]);
  }
  return sum / total + 0.5 * p.l2 * squares + p.l1 * sizes;
}

TEST(LinearObjective, IsWhatItsDefinitionSaysDenseAndSparse) {
  for (const LinearLoss loss : kAllLosses) {
    SCOPED_TRACE(name_of(loss));
    LinearProblem p = weighted_problem(loss);
    const LinearObjective dense(p);
    const std::vector<double> x = some_coefficients(dense.size());
    const double expected = plain_objective(p, x);
    EXPECT_NEAR(dense.value(x.data()), expected, 1e-13 * std::abs(expected));
    p.inputs = sparse_of(p.inputs.dense);
    const LinearObjective sparse(p);
    EXPECT_NEAR(sparse.value(x.data()), expected, 1e-13 * std::abs(expected));
  }
}

// Central differences are off by h²/6 of the third derivative, and by the rounding of numbers up to some 10 / h.
TEST(LinearObjective, GradientIsThatOfTheValue) {
  for (const LinearLoss loss : kAllLosses) {
    SCOPED_TRACE(name_of(loss));
    const LinearObjective objective(weighted_problem(loss));
    std::vector<double> x = some_coefficients(objective.size()), gradient(x.size());
    objective.smooth_part(x.data(), gradient.data());
    for (size_t j = 0; j < x.size(); ++j) {
      constexpr double kH = 1e-6;
      const double at = x[j];
      x[j] = at + kH;
      const double above = objective.smooth_part(x.data());
      x[j] = at - kH;
      const double below = objective.smooth_part(x.data());
      x[j] = at;
      EXPECT_NEAR(gradient[j], (above - below) / (2 * kH), 1e-8) << "coefficient " << j;
    }
  }
}

TEST(LinearObjective, HasNoSlopeForABiasThatIsNotThere) {
  LinearProblem p = weighted_problem(LinearLoss::kSquared);
  p.intercept = false;
  const LinearObjective objective(p);
  std::vector<double> x(static_cast<size_t>(objective.size())), gradient(x.size());
  objective.smooth_part(x.data(), gradient.data());
  EXPECT_EQ(gradient.back(), 0.0);
  EXPECT_NE(gradient.front(), 0.0);
}

TEST(LinearObjective, StaysFiniteForPredictionsThatAreFarOff) {
  for (const LinearLoss loss : {LinearLoss::kLogistic, LinearLoss::kSoftmax}) {
    LinearProblem p = weighted_problem(loss);
    const LinearObjective objective(p);
    std::vector<double> x(static_cast<size_t>(objective.size()), 0.0), gradient(x.size());
    x[0] = 1e6;
    EXPECT_TRUE(std::isfinite(objective.smooth_part(x.data(), gradient.data())));
    for (const double g : gradient) EXPECT_TRUE(std::isfinite(g));
  }
}

TEST(LinearObjective, TheSmallestSubgradientIsZeroInsideThePenaltysKink) {
  LinearProblem p = weighted_problem(LinearLoss::kSquared);
  p.l1 = 0.5;
  const LinearObjective objective(p);
  std::vector<double> x(static_cast<size_t>(objective.size()), 0.0), gradient(x.size(), 0.0);
  gradient[2] = 0.4;
  EXPECT_EQ(objective.largest_slope(x.data(), gradient.data()), 0.0);
  gradient[2] = -0.75;
  EXPECT_EQ(objective.largest_slope(x.data(), gradient.data()), 0.25);
  x[2] = 1.0;
  EXPECT_EQ(objective.largest_slope(x.data(), gradient.data()), 0.25);
  x[2] = -1.0;
  EXPECT_EQ(objective.largest_slope(x.data(), gradient.data()), 1.25);
  gradient.back() = 2.0;  // the bias has no kink
  EXPECT_EQ(objective.largest_slope(x.data(), gradient.data()), 2.0);
}

TEST(LinearObjective, HasTheSameBitsForAnyThreads) {
  LinearProblem p = random_problem(LinearLoss::kLogistic, 5000, 37);
  for (const bool sparse : {false, true}) {
    if (sparse) p.inputs = sparse_of(p.inputs.dense);
    std::vector<std::vector<double>> results;
    for (const int count : {1, 2, 3, 8}) {
      set_threads(count);
      const LinearObjective objective(p);
      const std::vector<double> x = some_coefficients(objective.size());
      std::vector<double> gradient(x.size());
      gradient.push_back(objective.smooth_part(x.data(), gradient.data()));
      for (const GramPrecision precision : {GramPrecision::kF32, GramPrecision::kF64}) {
        const std::vector<double> gram = weighted_gram(p.inputs, nullptr, nullptr, precision);
        for (int64_t i = 0; i < 38; ++i)
          gradient.insert(gradient.end(), gram.data() + i * 38, gram.data() + i * 38 + i + 1);
      }
      results.push_back(gradient);
    }
    set_threads(0);
    for (const auto& other : results) EXPECT_EQ(other, results[0]);
  }
}

TEST(WeightedGram, IsTheSumOverRows) {
  const int64_t rows = 1100;
  for (const int64_t features : {150, 700}) {  // few pairs of tiles, and many
    const int64_t side = features + 1, skipped = features == 150 ? 1 : 61;
    const Tensor x = random_tensor({rows, features}, 5);
    std::vector<double> factors, shift;
    for (int64_t i = 0; i < rows; ++i) factors.push_back(0.1 + 0.01 * static_cast<double>(i % 7));
    for (int64_t j = 0; j < features; ++j) shift.push_back(0.1 * static_cast<double>(j % 5));
    const auto expect = [&](const double* less, double wide, double narrow) {
      std::vector<double> expected(static_cast<size_t>(side * side));
      for (int64_t i = 0; i < rows; ++i) {
        const auto at = [&](int64_t j) {
          if (j == features) return 1.0;
          return double{x.data<float>()[i * features + j]} - (less == nullptr ? 0.0 : less[j]);
        };
        for (int64_t r = 0; r < side; ++r) {
          for (int64_t c = r % skipped; c <= r; c += skipped) expected[r * side + c] += factors[i] * at(r) * at(c);
        }
      }
      const auto expect_near = [&](const std::vector<double>& got, double tolerance) {
        for (int64_t r = 0; r < side; ++r) {
          for (int64_t c = r % skipped; c <= r; c += skipped) {
            ASSERT_NEAR(got[r * side + c], expected[r * side + c], tolerance) << r << ' ' << c;
          }
        }
      };
      expect_near(weighted_gram(x, factors.data(), less, GramPrecision::kF64), wide);
      expect_near(weighted_gram(sparse_of(x), factors.data(), less, GramPrecision::kF64), wide);
      expect_near(weighted_gram(x, factors.data(), less, GramPrecision::kF32), narrow);
    };
    // The diagonal is some 140. In f32 1024 terms at most are added up to some 130, each time off by 4e-6 at most, by
    // 2e-6 below 64: as a random walk by 1e-4.
    expect(nullptr, 1e-11, 2e-4);
    expect(shift.data(), 1e-11, 2e-4);
  }
}

TEST(LinearProblem, SaysWhatIsWrong) {
  const auto error = [](auto&& change) {
    LinearProblem p = random_problem(LinearLoss::kSquared, 4, 2);
    change(p);
    return usage_error_text([&] { check_problem(p); });
  };
  EXPECT_EQ(error([](LinearProblem&) {}), "no error");
  EXPECT_EQ(error([](LinearProblem& p) { p.l1 = -1.0; }), "[linear] l1 is -1; expected a finite number from 0");
  EXPECT_EQ(error([](LinearProblem& p) { p.quantile = 1.0; }),
            "[linear] quantile is 1; expected a number above 0 and below 1");
  EXPECT_EQ(error([](LinearProblem& p) { p.inputs = {}; }),
            "[linear] the inputs are not there; expected contiguous f32 (rows, features)");
  EXPECT_EQ(error([](LinearProblem& p) {
              p.inputs = Tensor::zeros({0, 2});
            }),
            "[linear] the inputs are f32 (0, 2); expected at least one row and one feature");
  EXPECT_EQ(error([](LinearProblem& p) { p.inputs.dense.mutable_data<float>()[5] = NAN; }),
            "[linear] row 2, feature 1 is nan; expected finite numbers");
  EXPECT_EQ(error([](LinearProblem& p) { p.targets = {}; }), "[linear] there are no targets; give one for each row");
  EXPECT_EQ(error([](LinearProblem& p) { p.targets = Tensor::zeros({3}); }),
            "[linear] the targets are f32 (3,); expected f32 (4) or (4, outputs)");
  EXPECT_EQ(error([](LinearProblem& p) {
              p.loss = LinearLoss::kPoisson;
              p.targets = Tensor::full({4}, -1.0);
            }),
            "[linear] a target of row 0 is -1; expected finite numbers from 0 for the poisson loss");
  EXPECT_EQ(error([](LinearProblem& p) { p.loss = LinearLoss::kHinge; }),
            "[linear] classes is 0; expected at least 2 for the hinge loss");
  EXPECT_EQ(error([](LinearProblem& p) {
              p.loss = LinearLoss::kHinge;
              p.classes = 2;
            }),
            "[linear] the targets are f32 (4,); expected i64 (4), the class of each row");
  EXPECT_EQ(error([](LinearProblem& p) {
              p.loss = LinearLoss::kLogistic;
              p.classes = 2;
              p.targets = Tensor::full({4}, 2, DType::kI64);
            }),
            "[linear] the class of row 0 is 2; expected 0 to 1");
  EXPECT_EQ(error([](LinearProblem& p) { p.example_weights = Tensor::zeros({4}); }),
            "[linear] the example weights are all 0; expected one above it");
  EXPECT_EQ(error([](LinearProblem& p) { p.example_weights = Tensor::zeros({3}); }),
            "[linear] the example weights are f32 (3,); expected f32 (4)");
  EXPECT_EQ(error([](LinearProblem& p) { p.example_weights = Tensor::full({4}, -1.0); }),
            "[linear] the weight of row 0 is -1; expected finite numbers from 0");
}

TEST(LinearProblem, SaysWhatIsWrongWithSparseRows) {
  const auto error = [](auto&& change) {
    LinearProblem p = random_problem(LinearLoss::kSquared, 4, 2);
    SparseMatrix x = sparse_of(p.inputs.dense);
    change(x);
    p.inputs = x;
    return usage_error_text([&] { check_problem(p); });
  };
  EXPECT_EQ(error([](SparseMatrix&) {}), "no error");
  EXPECT_EQ(error([](SparseMatrix& x) { x.columns = 0; }),
            "[linear] the inputs are 4 rows and 0 features; expected at least one of each");
  EXPECT_EQ(
      error([](SparseMatrix& x) { x.offsets.pop_back(); }),
      "[linear] sparse inputs of 4 rows have 4 offsets, 8 indices and 8 values; expected rows + 1 offsets from 0 to "
      "the number of values");
  EXPECT_EQ(error([](SparseMatrix& x) { x.offsets[2] = 1; }),
            "[linear] row 1 lies from 2 to 1 of 8 values; expected ascending offsets");
  EXPECT_EQ(error([](SparseMatrix& x) { x.indices[3] = 0; }),
            "[linear] row 1 has feature 0 after 0; expected ascending numbers below 2");
  EXPECT_EQ(error([](SparseMatrix& x) { x.values[5] = HUGE_VALF; }),
            "[linear] row 2, feature 1 is inf; expected finite numbers");
}

}  // namespace linear_objective_test
}  // namespace gradus
