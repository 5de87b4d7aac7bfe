#include "gradus/classic/linear_sgd.h"

#include <algorithm>

#include "gradus/base/threads.h"
#include "gradus/classic/row_order.h"
#include "tests/classic/linear_problems.h"

namespace gradus {
namespace linear_sgd_test {

// The updates as the header states them, in f64, for losses of one output.
struct PlainSgd {
  PlainSgd(const LinearProblem& problem, const LinearSgdOptions& options)
      : p(problem), o(options), w(p.inputs.features()) {}

  double slope(double z, int64_t i) const {
    if (p.loss == LinearLoss::kSquared) return z - p.targets.data<float>()[i];
    const double s = p.targets.data<int64_t>()[i] == 1 ? 1.0 : -1.0;
    return p.loss == LinearLoss::kHinge ? (s * z < 1.0 ? -s : 0.0) : -s / (1.0 + std::exp(s * z));
  }
  double rate() const {
    return o.rate == LinearSgdRate::kConstant ? o.learning_rate
                                              : o.learning_rate / std::pow(static_cast<double>(update), o.power);
  }
  void pass(int64_t number) {
    const int64_t rows = p.inputs.rows(), columns = p.inputs.features();
    std::vector<int32_t> order;
    shuffle_rows(in_order_of, number, order);
    for (int64_t at = 0; at < rows; at += o.batch_size) {
      const int64_t count = std::min(o.batch_size, rows - at);
      ++update;
      std::vector<double> gradient(w.size());
      double bias_gradient = 0.0;
      for (int64_t k = at; k < at + count; ++k) {
        const float* const x = p.inputs.dense.data<float>() + order[k] * columns;
        double z = bias;
        for (int64_t j = 0; j < columns; ++j) z += double{x[j]} * w[j];
        const double weight = p.example_weights.defined() ? p.example_weights.data<float>()[order[k]] : 1.0;
        const double g = weight * slope(z, order[k]) / static_cast<double>(count);
        for (int64_t j = 0; j < columns; ++j) gradient[j] += g * double{x[j]};
        bias_gradient += g;
      }
      for (size_t j = 0; j < w.size(); ++j) {
        const double v = (1.0 - rate() * p.l2) * w[j] - rate() * gradient[j];
        w[j] = std::copysign(std::max(std::abs(v) - rate() * p.l1, 0.0), v);
      }
      if (p.intercept) bias -= o.bias_rate * rate() * bias_gradient;
      if (o.average_from == 0 || update < o.average_from) continue;
      sum.resize(w.size() + 1);
      for (size_t j = 0; j < w.size(); ++j) sum[j] += w[j];
      sum.back() += bias;
      ++averaged;
    }
  }
  std::vector<double> coefficients() const {
    std::vector<double> all = w;
    all.push_back(bias);
    if (averaged > 0) {
      for (size_t j = 0; j < all.size(); ++j) all[j] = sum[j] / averaged;
    }
    return all;
  }

  LinearProblem p;
  LinearSgdOptions o;
  RowOrder in_order_of = row_order(p.inputs, o.seed);
  std::vector<double> w, sum;
  double bias = 0.0, averaged = 0.0;
  int64_t update = 0;
};

void expect_near(const std::vector<double>& got, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t j = 0; j < got.size(); ++j) EXPECT_NEAR(got[j], expected[j], tolerance) << "coefficient " << j;
}

// Some thousand updates in f32, whose roundings, 6e-8 of numbers up to 2, are forgotten as fast as the weights settle.
constexpr double kF32 = 2e-5;

TEST(LinearSgd, IsTheChainOfUpdatesThatItIsDefinedBy) {
  for (const LinearLoss loss : {LinearLoss::kSquared, LinearLoss::kLogistic, LinearLoss::kHinge}) {
    for (const int64_t features : {1, 7, 50}) {
      SCOPED_TRACE(fmt::format("{}, {} features", name_of(loss), features));
      LinearProblem p = random_problem(loss, 603, features);
      p.l2 = 0.01;
      const LinearSgdOptions options{.rate = LinearSgdRate::kConstant, .learning_rate = 0.02, .seed = 3};
      PlainSgd plain(p, options), in_sparse_order(p, options);
      const auto dense = make_linear_sgd(p, options);
      LinearProblem sparse_problem = p;
      sparse_problem.inputs = sparse_of(p.inputs.dense);
      in_sparse_order.in_order_of = row_order(sparse_problem.inputs, options.seed);
      const auto sparse = make_linear_sgd(sparse_problem, options);
      for (int64_t pass = 0; pass < 3; ++pass) {
        plain.pass(pass);
        in_sparse_order.pass(pass);
        dense->step();
        sparse->step();
      }
      // A hinge's slope jumps: where a rounding decides for another side, the weights differ by a step until they
      // forget.
      const double tolerance = loss == LinearLoss::kHinge ? 1e-3 : kF32;
      expect_near(coefficients_of(*dense), plain.coefficients(), tolerance);
      expect_near(coefficients_of(*sparse), in_sparse_order.coefficients(), tolerance);
    }
  }
}

TEST(LinearSgd, DoesWhatItsOptionsSay) {
  LinearProblem p = random_problem(LinearLoss::kLogistic, 500, 9);
  p.l2 = 0.05;
  std::vector<float> weights;
  for (int i = 0; i < 500; ++i) weights.push_back(static_cast<float>(i % 3));  // their mean is 0.998
  const LinearSgdOptions falling{.rate = LinearSgdRate::kInverseScaling, .learning_rate = 0.3, .power = 0.4};
  const auto expect_as_defined = [](const LinearProblem& problem, const LinearSgdOptions& options, const char* what) {
    SCOPED_TRACE(what);
    PlainSgd plain(problem, options);
    const auto solver = make_linear_sgd(problem, options);
    for (int64_t pass = 0; pass < 4; ++pass) {
      plain.pass(pass);
      solver->step();
    }
    expect_near(coefficients_of(*solver), plain.coefficients(), kF32);
  };
  expect_as_defined(p, falling, "a rate that falls");
  LinearProblem without = p;
  without.intercept = false;
  expect_as_defined(without, falling, "no intercept");
  LinearSgdOptions slow_bias = falling;
  slow_bias.bias_rate = 0.1;
  expect_as_defined(p, slow_bias, "a bias of its own rate");
  slow_bias.batch_size = 7;
  expect_as_defined(p, slow_bias, "batches and a bias of its own rate");
  LinearSgdOptions averaged = falling;
  averaged.average_from = 1;
  expect_as_defined(p, averaged, "an average");
  averaged.average_from = 730;
  expect_as_defined(p, averaged, "an average from the second pass on");
  LinearSgdOptions batches = falling;
  batches.batch_size = 32;
  expect_as_defined(p, batches, "batches");
  LinearProblem shrunk = p;
  shrunk.l1 = 0.01;
  expect_as_defined(shrunk, batches, "batches with l1");
  batches.average_from = 20;
  expect_as_defined(p, batches, "batches with an average");
  p.l2 = 3.0;  // the common factor is multiplied in many times a pass
  expect_as_defined(p, falling, "much l2");
}

TEST(LinearSgd, ExampleWeightsCountByTheirMean) {
  LinearProblem p = random_problem(LinearLoss::kLogistic, 300, 5);
  std::vector<float> weights;
  for (int i = 0; i < 300; ++i) weights.push_back(static_cast<float>(i % 3));  // mean 1
  p.example_weights = Tensor::from(weights, {300});
  const LinearSgdOptions options{.rate = LinearSgdRate::kConstant, .learning_rate = 0.05};
  PlainSgd plain(p, options);
  plain.pass(0);
  const auto solver = make_linear_sgd(p, options);
  solver->step();
  expect_near(coefficients_of(*solver), plain.coefficients(), kF32);
  for (float& w : weights) w *= 7.0F;
  p.example_weights = Tensor::from(weights, {300});
  const auto scaled = make_linear_sgd(p, options);
  scaled->step();
  expect_near(coefficients_of(*scaled), plain.coefficients(), kF32);
}

// With a rate that falls as 1/t the objective comes near its minimum, which Newton's method would find.
TEST(LinearSgd, ComesNearTheMinimumForEachLoss) {
  for (const LinearLoss loss : {LinearLoss::kSquared, LinearLoss::kHuber, LinearLoss::kPoisson, LinearLoss::kLogistic,
                                LinearLoss::kSoftmax, LinearLoss::kSquaredHinge}) {
    SCOPED_TRACE(name_of(loss));
    LinearProblem p = random_problem(loss, 2000, 4, loss == LinearLoss::kSoftmax ? 3 : 1);
    p.l2 = 0.1;
    // The first steps of the optimal rate would be too long for an exponential.
    const auto rate = loss == LinearLoss::kPoisson ? LinearSgdRate::kInverseScaling : LinearSgdRate::kOptimal;
    const int64_t batch = loss == LinearLoss::kSoftmax ? 10 : 1;
    const auto solver = make_linear_sgd(p, {.batch_size = batch, .rate = rate, .average_from = 1000});
    solve(*solver, {.steps = 10});
    const LinearObjective objective(p);
    const std::vector<double> x = coefficients_of(*solver);
    std::vector<double> gradient(x.size());
    objective.smooth_part(x.data(), gradient.data());
    EXPECT_LT(objective.largest_slope(x.data(), gradient.data()), 0.03);
  }
}

TEST(LinearSgd, GoesOnFromItsStateToTheSameBitsForAnyThreads) {
  LinearProblem p = random_problem(LinearLoss::kHinge, 400, 6, 4);
  p.l2 = 0.01;
  for (const int64_t batch : {1, 16}) {
    const LinearSgdOptions options{.batch_size = batch, .average_from = 30, .seed = 5};
    const auto straight = make_linear_sgd(p, options);
    for (int i = 0; i < 5; ++i) straight->step();
    for (const int count : {1, 3}) {
      set_threads(count);
      const auto first = make_linear_sgd(p, options);
      first->step();
      first->step();
      const auto second = make_linear_sgd(p, options);
      second->restore(first->state());
      EXPECT_EQ(second->steps(), 2);
      for (int i = 0; i < 3; ++i) second->step();
      EXPECT_EQ(coefficients_of(*second), coefficients_of(*straight));
      EXPECT_EQ(second->report().objective, straight->report().objective);
    }
    set_threads(0);
  }
}

TEST(LinearSgd, AnAverageStartsFromOtherCoefficientsToo) {
  LinearProblem p = random_problem(LinearLoss::kSquared, 50, 3);
  for (const int64_t batch : {1, 5}) {
    const auto last = make_linear_sgd(p, {.batch_size = batch, .rate = LinearSgdRate::kConstant});
    const auto average =
        make_linear_sgd(p, {.batch_size = batch, .rate = LinearSgdRate::kConstant, .average_from = 1000});
    for (LinearSolver* solver : {last.get(), average.get()}) {
      solver->start_from(Tensor::full({1, 3}, 2.0), Tensor::full({1}, -1.0));
      solver->step();
    }
    expect_near(coefficients_of(*average), coefficients_of(*last), 1e-6);  // the average has not begun
  }
}

TEST(LinearSgd, EndsWhenTheObjectiveFallsNoMore) {
  LinearProblem p = random_problem(LinearLoss::kSquared, 300, 3);
  const auto solver = make_linear_sgd(
      p, {.rate = LinearSgdRate::kInverseScaling, .learning_rate = 0.1, .tolerance = 1e-3, .patience = 3});
  EXPECT_EQ(solve(*solver, {.steps = 200}), SolveEnd::kConverged);
  EXPECT_LT(solver->steps(), 200);
}

TEST(LinearSgd, SaysWhatIsWrong) {
  LinearProblem p = random_problem(LinearLoss::kSquared, 4, 2);
  const auto error = [&](const LinearSgdOptions& options) {
    return usage_error_text([&] { make_linear_sgd(p, options); });
  };
  EXPECT_EQ(error({}), "[sgd] l2 is 0; expected a number above 0 for the optimal rate: use another rate");
  EXPECT_EQ(error({.batch_size = 0}), "[sgd] batch_size is 0; expected at least 1");
  EXPECT_EQ(error({.rate = LinearSgdRate::kConstant, .learning_rate = 0.0}),
            "[sgd] learning_rate is 0; expected a finite number above 0");
  p.l1 = 0.5;
  EXPECT_EQ(error({.rate = LinearSgdRate::kConstant}),
            "[sgd] l1 is 0.5; expected 0: use batch_size from 2, ftrl or coordinate_descent");
}

TEST(LinearSolver, RefusesAnothersState) {
  LinearProblem p = random_problem(LinearLoss::kSquared, 4, 2);
  p.l2 = 1.0;
  const auto solver = make_linear_sgd(p, {});
  const auto averaging = make_linear_sgd(p, {.average_from = 1});
  EXPECT_EQ(error_text([&] { averaging->restore(solver->state()); }),
            "[sgd] the state has no \"last_weights\"; it is of another kind of solver, or of another version");
  EXPECT_EQ(error_text([&] { solver->restore(averaging->state()); }),
            "[sgd] the state has 7 tensors; expected 4: it is of another kind of solver, or of another version");
  const auto wider = make_linear_sgd(random_problem(LinearLoss::kSquared, 4, 3), {.rate = LinearSgdRate::kConstant});
  EXPECT_EQ(error_text([&] { solver->restore(wider->state()); }),
            "[sgd] \"weights\" of the state is f32 (1, 3); expected f32 (1, 2), as the problem is");
  EXPECT_EQ(usage_error_text([&] { solver->start_from(wider->weights(), wider->bias()); }),
            "[sgd] the weights to start from are f32 (1, 3); expected f32 (1, 2)");
}

}  // namespace linear_sgd_test
}  // namespace gradus
