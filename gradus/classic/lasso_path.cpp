#include "gradus/classic/lasso_path.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradus/base/error.h"
#include "gradus/classic/linear_coordinate_descent.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/linear_quadratic.h"

namespace gradus {
namespace {

void check_options(const LassoPathOptions& o) {
  const auto check = [](bool valid, const char* what, double value, const char* expected) {
    if (!valid) fail_usage("lasso_path", "{} is {}; expected {}", what, value, expected);
  };
  check(o.points >= 1, "points", static_cast<double>(o.points), "at least 1");
  check(o.smallest > 0.0 && o.smallest <= 1.0, "smallest", o.smallest, "a number above 0, at most 1");
  check(o.l1_ratio > 0.0 && o.l1_ratio <= 1.0, "l1_ratio", o.l1_ratio, "a number above 0, at most 1");
  check(o.tolerance > 0.0 && std::isfinite(o.tolerance), "tolerance", o.tolerance, "a finite number above 0");
  check(o.rounds >= 1, "rounds", static_cast<double>(o.rounds), "at least 1");
  double last = HUGE_VAL;
  for (const double l1 : o.l1) {
    check(l1 >= 0.0 && l1 <= last && std::isfinite(l1), "an l1 of the grid", l1,
          "finite numbers from 0, none larger than the one before");
    last = l1;
  }
}

void check_loss(const LinearProblem& problem) {
  if (problem.loss != LinearLoss::kSquared && problem.loss != LinearLoss::kLogistic &&
      problem.loss != LinearLoss::kPoisson) {
    fail_usage("lasso_path", "the loss is {}; expected squared, logistic or poisson", name_of(problem.loss));
  }
  if (outputs_of(problem) != 1) {
    fail_usage("lasso_path", "the targets have {} columns; expected one", outputs_of(problem));
  }
}

LeastSquares least_squares(const LinearObjective& objective) {
  LeastSquares all{&objective.inputs(), {}, {}, objective.problem().intercept};
  for (int64_t i = 0; i < objective.rows(); ++i) {
    const float* const weights = objective.example_weights();
    all.d.push_back((weights == nullptr ? 1.0 : double{weights[i]}) / objective.total_weight());
    all.t.push_back(double{objective.targets(0)[i]});
  }
  return all;
}

std::vector<double> grid_of(const LassoPathOptions& options, double largest) {
  if (!options.l1.empty()) return options.l1;
  std::vector<double> grid;
  for (int64_t i = 0; i < options.points; ++i) {
    const double share = options.points == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(options.points - 1);
    grid.push_back(largest * std::pow(options.smallest, share));
  }
  return grid;
}

// The points, without what is found there.
LassoPath empty_path(const LinearProblem& problem, const LassoPathOptions& options, double largest) {
  LassoPath path;
  path.l1 = grid_of(options, largest);
  for (const double l1 : path.l1) path.l2.push_back(problem.l2 + l1 * (1.0 - options.l1_ratio) / options.l1_ratio);
  path.weights = Tensor::empty({static_cast<int64_t>(path.l1.size()), problem.inputs.features()}, DType::kF64);
  return path;
}

double largest_of(const std::vector<double>& c) {
  double largest = 0.0;
  for (const double v : c) largest = std::max(largest, std::abs(v));
  return largest;
}

// The bias, where all weights are 0, that is best for a loss that is not squared.
double best_bias(const LinearObjective& objective) {
  if (!objective.problem().intercept) return 0.0;
  const bool is_logistic = objective.problem().loss == LinearLoss::kLogistic;
  double sum = 0.0;
  for (int64_t i = 0; i < objective.rows(); ++i) {
    const double weight = objective.example_weights() == nullptr ? 1.0 : double{objective.example_weights()[i]};
    const double target = double{objective.targets(0)[i]};  // of classes 1 or −1
    sum += weight * (is_logistic ? 0.5 * (1.0 + target) : target);
  }
  const double mean = sum / objective.total_weight();
  const double bias = is_logistic ? std::log(mean / (1.0 - mean)) : std::log(mean);
  if (!std::isfinite(bias)) {
    fail_usage("lasso_path", "the targets are all {}; expected some that differ", is_logistic ? "of one class" : "0");
  }
  return bias;
}

double largest_slope(const LinearObjective& objective, double bias) {
  std::vector<double> x(static_cast<size_t>(objective.size())), gradient(x.size());
  x.back() = bias;
  objective.smooth_part(x.data(), gradient.data());
  gradient.pop_back();
  return largest_of(gradient);
}

LassoPath newton_path(const LinearProblem& problem, const LassoPathOptions& options) {
  const LinearObjective objective(problem);
  const double bias = best_bias(objective), largest = largest_slope(objective, bias);
  const int64_t features = objective.features();
  const double enough = std::max(options.tolerance * largest, std::numeric_limits<double>::min());
  const auto solver = make_linear_newton_descent(problem, {.tolerance = enough});
  solver->start_from(Tensor::zeros({1, features}, DType::kF64), Tensor::full({1}, bias, DType::kF64));
  LassoPath path = empty_path(problem, options, largest);
  for (int64_t k = 0; k < path.weights.size(0); ++k) {
    solver->set_penalties(path.l1[k], path.l2[k]);
    for (int64_t i = 0; i < options.rounds && !solver->step().converged; ++i) {
    }
    std::copy_n(solver->weights().data<double>(), features, path.weights.mutable_data<double>() + k * features);
    path.bias.push_back(*solver->bias().data<double>());
    path.objective.push_back(solver->report().objective);
    path.gap.push_back(std::numeric_limits<double>::quiet_NaN());
  }
  return path;
}

}  // namespace

double largest_l1(const LinearProblem& problem) {
  const LinearObjective objective(problem);
  check_loss(problem);
  if (problem.loss != LinearLoss::kSquared) return largest_slope(objective, best_bias(objective));
  class Sums : public Quadratic {
   public:
    using Quadratic::Quadratic;
    explicit Sums(const LeastSquares& p) : Quadratic(p) {}
    void slopes(const double*, double*) override {}
    void descend(std::span<const int32_t>, bool, double, double, double, int64_t, double*, double*) override {}
  };
  return largest_of(Sums(least_squares(objective)).c());
}

LassoPath lasso_path(const LinearProblem& problem, const LassoPathOptions& options) {
  const LinearObjective objective(problem);
  check_options(options);
  check_loss(problem);
  if (problem.loss != LinearLoss::kSquared) return newton_path(problem, options);
  const LeastSquares squares = least_squares(objective);
  LinearInputs columns;
  if (!prefers_gram(problem.inputs)) columns = transpose(problem.inputs);
  ElasticNet net(prefers_gram(problem.inputs) ? make_gram_quadratic(squares, options.precision)
                                              : make_column_quadratic(squares, columns));
  const double largest = largest_of(net.quadratic().c()), scale = 0.5 * net.quadratic().target_squares();
  LassoPath path = empty_path(problem, options, largest);
  const int64_t features = objective.features();
  std::vector<double> w_before, q_before, w_now = net.w(), q_now = net.slopes();
  double before = HUGE_VAL, now = std::max(largest, path.l1[0]);
  for (int64_t k = 0; k < path.weights.size(0); ++k) {
    const double l1 = path.l1[k], l2 = path.l2[k];
    if (!w_before.empty() && before > now) net.extrapolate(w_before, q_before, (l1 - now) / (now - before));
    const double enough = options.tolerance * scale;
    const double slope = 1e-10 * largest;  // below it there is nothing to gain
    double gap = HUGE_VAL;
    for (int64_t i = 0; i < options.rounds; ++i) {
      // The sequential strong rule (Tibshirani and others, 2012): slopes change little slower than l1.
      const double entry = i == 0 ? std::clamp(2.0 * l1 - now, 0.0, l1) : -1.0;
      net.round(l1, l2, {.gap = enough, .slope = slope, .keeps_set = true, .entry = entry});
      gap = net.gap(l1, l2);
      if (gap <= enough || net.largest_slope(l1, l2) <= slope) break;
    }
    w_before = std::move(w_now);
    q_before = std::move(q_now);
    w_now = net.w();
    q_now = net.slopes();
    before = now;
    now = l1;
    std::copy(w_now.begin(), w_now.end(), path.weights.mutable_data<double>() + k * features);
    path.bias.push_back(net.quadratic().bias(w_now.data()));
    path.objective.push_back(net.objective(l1, l2));
    path.gap.push_back(gap);
  }
  return path;
}

}  // namespace gradus
