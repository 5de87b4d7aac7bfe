#include "gradus/classic/lasso_path.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/classic/linear_coordinate_descent.h"
#include "gradus/classic/linear_lbfgs.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/linear_quadratic.h"
#include "gradus/classic/path_start.h"

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

void check_loss(const LinearProblem& problem, PathMethod method) {
  const LinearLoss loss = problem.loss;
  if (method == PathMethod::kLbfgs) {
    if (!is_smooth(loss)) fail_usage("lasso_path", "the loss is {}; expected one without kinks", name_of(loss));
    return;
  }
  if (loss != LinearLoss::kSquared && loss != LinearLoss::kLogistic && loss != LinearLoss::kPoisson) {
    fail_usage("lasso_path", "the loss is {}; expected squared, logistic or poisson", name_of(loss));
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

double largest_of(const std::vector<double>& c) {
  double largest = 0.0;
  for (const double v : c) largest = std::max(largest, std::abs(v));
  return largest;
}

// The series of penalties, and how far it has come.
class Path : public PenaltyPath {
 public:
  Path(const LinearProblem& problem, const LassoPathOptions& options)
      : problem_(problem),
        options_(options),
        points_(options.l1.empty() ? options.points : static_cast<int64_t>(options.l1.size())) {
    make_coefficients(outputs_of(problem), problem.inputs.features(), DType::kF64);
  }

  int64_t points() const override { return points_; }
  double l1() const override { return l1_of(std::max<int64_t>(0, std::min(steps(), points_) - 1)); }
  double l2() const override { return l2_of(l1()); }

 protected:
  const LinearProblem& problem() const { return problem_; }
  const LassoPathOptions& options() const { return options_; }
  double largest() const { return largest_; }
  double l1_of(int64_t point) const { return grid_.empty() ? 0.0 : grid_[static_cast<size_t>(point)]; }
  double l2_of(double l1) const { return problem_.l2 + l1 * (1.0 - options_.l1_ratio) / options_.l1_ratio; }

  /// Makes ready what does not depend on the state; returns the largest l1.
  virtual double prepare() = 0;
  /// The minimum at a point: into the coefficients.
  virtual SolverReport find(int64_t point) = 0;

 private:
  SolverReport do_step() override {
    if (grid_.empty()) {
      largest_ = prepare();
      grid_ = grid_of(options_, largest_);
    }
    const int64_t point = std::clamp<int64_t>(steps(), 0, points_ - 1);
    SolverReport report = find(point);
    report.converged = point == points_ - 1;
    return report;
  }

  LinearProblem problem_;
  LassoPathOptions options_;
  int64_t points_;
  double largest_ = 0.0;
  std::vector<double> grid_;
};

// From where the point before ended, by a solver that is told the penalties. Of that point it keeps the coefficients
// alone, so that they are all of the state.
class SolverPath : public Path {
 public:
  using Path::Path;

 private:
  double prepare() override {
    start_ = path_start(LinearObjective(problem()));
    const double enough = std::max(options().tolerance * start_.l1, std::numeric_limits<double>::min());
    solver_ = options().method == PathMethod::kLbfgs
                  ? make_linear_lbfgs(problem(), {.history = options().history, .tolerance = enough})
                  : make_linear_newton_descent(problem(), {.tolerance = enough});
    return start_.l1;
  }

  SolverReport find(int64_t point) override {
    if (point == 0) std::copy(start_.x.begin(), start_.x.end(), x());
    solver_->start_from(weights(), bias());
    solver_->set_penalties(l1_of(point), l2_of(l1_of(point)));
    solve(*solver_, {.steps = options().rounds});
    std::copy_n(solver_->weights().data<double>(), solver_->weights().numel(), x());
    std::copy_n(solver_->bias().data<double>(), solver_->bias().numel(), x() + solver_->weights().numel());
    return solver_->report();
  }

  void forget() override {}

  PathStart start_;
  std::unique_ptr<AdjustableSolver> solver_;
};

// Of the squared loss, by coordinate descent: each point starts on the line through the last two, and from the set of
// weights that the last one worked on.
class SquaredPath : public Path {
 public:
  using Path::Path;

 private:
  double prepare() override {
    const LinearObjective objective(problem());
    const LeastSquares squares = least_squares(objective);
    const bool has_gram = prefers_gram(problem().inputs);
    if (!has_gram) columns_ = transpose(problem().inputs);
    net_.emplace(has_gram ? make_gram_quadratic(squares, options().precision)
                          : make_column_quadratic(squares, columns_));
    return largest_of(net_->quadratic().c());
  }

  SolverReport find(int64_t point) override {
    if (!net_) prepare();
    while (found_ <= point) go_to(found_++);
    const std::vector<double>& w = net_->w();
    std::copy(w.begin(), w.end(), x());
    x()[w.size()] = net_->quadratic().bias(w.data());
    SolverReport report;
    report.objective = net_->objective(l1_of(point), l2_of(l1_of(point)));
    report.gap = gap_;
    return report;
  }

  void go_to(int64_t point) {
    const double l1 = l1_of(point), l2 = l2_of(l1);
    if (point == 0) {
      w_before_.clear();
      w_now_ = net_->w();
      q_now_ = net_->slopes();
      now_ = std::max(largest(), l1);
    }
    if (!w_before_.empty() && before_ > now_) net_->extrapolate(w_before_, q_before_, (l1 - now_) / (now_ - before_));
    const double enough = options().tolerance * 0.5 * net_->quadratic().target_squares();
    const double slope = 1e-10 * largest();  // below it there is nothing to gain
    for (int64_t i = 0; i < options().rounds; ++i) {
      // The sequential strong rule (Tibshirani and others, 2012): slopes change little slower than l1.
      const double entry = i == 0 ? std::clamp(2.0 * l1 - now_, 0.0, l1) : -1.0;
      net_->round(l1, l2, {.gap = enough, .slope = slope, .keeps_set = true, .entry = entry});
      gap_ = net_->gap(l1, l2);
      if (gap_ <= enough || net_->largest_slope(l1, l2) <= slope) break;
    }
    w_before_ = std::move(w_now_);
    q_before_ = std::move(q_now_);
    w_now_ = net_->w();
    q_now_ = net_->slopes();
    before_ = now_;
    now_ = l1;
  }

  void forget() override {
    net_.reset();
    found_ = 0;
  }

  LinearInputs columns_;
  std::optional<ElasticNet> net_;
  int64_t found_ = 0;  // points that the net has come through
  std::vector<double> w_before_, q_before_, w_now_, q_now_;
  double before_ = HUGE_VAL, now_ = HUGE_VAL, gap_ = HUGE_VAL;
};

}  // namespace

std::unique_ptr<PenaltyPath> make_penalty_path(const LinearProblem& problem, const LassoPathOptions& options) {
  check_options(options);
  check_problem(problem);
  check_loss(problem, options.method);
  if (options.method == PathMethod::kCoordinateDescent && problem.loss == LinearLoss::kSquared) {
    return std::make_unique<SquaredPath>(problem, options);
  }
  return std::make_unique<SolverPath>(problem, options);
}

double largest_l1(const LinearProblem& problem) {
  const LinearObjective objective(problem);
  check_loss(problem, PathMethod::kLbfgs);
  return path_start(objective).l1;
}

LassoPath lasso_path(const LinearProblem& problem, const LassoPathOptions& options) {
  const std::unique_ptr<PenaltyPath> steps = make_penalty_path(problem, options);
  const int64_t size = steps->weights().numel();
  LassoPath path;
  path.weights = Tensor::empty({steps->points(), size}, DType::kF64);
  for (int64_t k = 0; k < steps->points(); ++k) {
    const SolverReport& report = steps->step();
    path.l1.push_back(steps->l1());
    path.l2.push_back(steps->l2());
    std::copy_n(steps->weights().data<double>(), size, path.weights.mutable_data<double>() + k * size);
    const std::vector<double> bias = steps->bias().values<double>();
    path.bias.insert(path.bias.end(), bias.begin(), bias.end());
    path.objective.push_back(report.objective);
    path.gap.push_back(report.gap);
  }
  return path;
}

}  // namespace gradus
