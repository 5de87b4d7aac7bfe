#include "gradus/classic/linear_coordinate_descent.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/linear_quadratic.h"

namespace gradus {
namespace {

// What both kinds of steps need: columns, where there is no Gram matrix.
template <class Base>
class CoordinateDescent : public Base {
 public:
  CoordinateDescent(const LinearProblem& problem, const LinearCoordinateDescentOptions& options)
      : Base("coordinate_descent"), objective_(problem), options_(options) {
    this->make_coefficients(objective_.outputs(), objective_.features(), DType::kF64);
    if (!prefers_gram(objective_.inputs())) columns_ = transpose(objective_.inputs());
  }

 protected:
  std::unique_ptr<Quadratic> quadratic_of(const LeastSquares& squares) const {
    return prefers_gram(objective_.inputs()) ? make_gram_quadratic(squares, GramPrecision::kF64)
                                             : make_column_quadratic(squares, columns_);
  }
  double example_share(int64_t row) const {
    const float* const weights = objective_.example_weights();
    return (weights == nullptr ? 1.0 : double{weights[row]}) / objective_.total_weight();
  }

  LinearObjective objective_;
  LinearCoordinateDescentOptions options_;

 private:
  LinearInputs columns_;
};

class SquaredDescent : public CoordinateDescent<LinearSolver> {
 public:
  using CoordinateDescent::CoordinateDescent;

 private:
  SolverReport do_step() override {
    const LinearProblem& p = objective_.problem();
    const int64_t features = objective_.features();
    if (nets_.empty()) start();
    SolverReport report;
    report.objective = report.gradient_norm = report.gap = 0.0;
    report.converged = true;
    for (int64_t k = 0; k < objective_.outputs(); ++k) {
      ElasticNet& net = nets_[k];
      if (!is_converged(net)) {
        // Without l1 the slope is the measure; with it, a slope that is not worth the name.
        const double slope = p.l1 == 0.0 ? 0.1 * enough_slope(net) : 1e-14 * largest_slope_at_0(net);
        net.round(p.l1, p.l2, {.gap = enough(net), .slope = slope});
        std::copy(net.w().begin(), net.w().end(), x() + k * features);
      }
      // The objective is that with the best bias, also where the weights are at their minimum already.
      x()[objective_.weights_size() + k] = net.quadratic().bias(net.w().data());
      report.objective += net.objective(p.l1, p.l2);
      report.gap += net.gap(p.l1, p.l2);
      report.gradient_norm = std::max(report.gradient_norm, net.largest_slope(p.l1, p.l2));
      report.converged = report.converged && is_converged(net);
    }
    if (p.l1 == 0.0) report.gap = std::numeric_limits<double>::quiet_NaN();
    return report;
  }

  void start() {
    const int64_t rows = objective_.rows(), features = objective_.features();
    for (int64_t k = 0; k < objective_.outputs(); ++k) {
      LeastSquares squares{&objective_.inputs(), std::vector<double>(rows), std::vector<double>(rows),
                           objective_.problem().intercept};
      for (int64_t i = 0; i < rows; ++i) {
        squares.d[i] = example_share(i);
        squares.t[i] = double{objective_.targets(k)[i]};
      }
      nets_.emplace_back(quadratic_of(squares));
      nets_.back().start({x() + k * features, static_cast<size_t>(features)});
    }
  }

  static double largest_slope_at_0(ElasticNet& net) {
    double largest = 0.0;
    for (const double c : net.quadratic().c()) largest = std::max(largest, std::abs(c));
    return largest;
  }
  double enough(ElasticNet& net) const {
    const Quadratic& q = net.quadratic();
    return 0.5 * std::max(options_.tolerance * q.target_squares(), q.target_squares_rounding());
  }
  double enough_slope(ElasticNet& net) const {
    return std::max(options_.tolerance * largest_slope_at_0(net), net.quadratic().slope_rounding());
  }
  bool is_converged(ElasticNet& net) const {
    const LinearProblem& p = objective_.problem();
    if (p.l1 > 0.0) return net.gap(p.l1, p.l2) <= enough(net);
    return net.largest_slope(p.l1, p.l2) <= enough_slope(net);
  }

  void forget() override { nets_.clear(); }

  std::vector<ElasticNet> nets_;
};

class NewtonDescent : public CoordinateDescent<AdjustableSolver> {
 public:
  using CoordinateDescent::CoordinateDescent;

  void set_penalties(double l1, double l2) override {
    objective_.set_penalties(l1, l2);
    forget();
  }

 private:
  SolverReport do_step() override {
    const int64_t size = objective_.size();
    if (gradient_.empty()) evaluate();
    double slope = objective_.largest_slope(x(), gradient_.data());
    bool moves = slope > options_.tolerance;
    if (moves) {
      const std::vector<double> to = minimum_of_model(slope);
      std::vector<double> direction = to;
      kernels::add_scaled(direction.data(), -1.0, x(), size);
      moves = search(direction);
      if (moves) evaluate();
      slope = objective_.largest_slope(x(), gradient_.data());
    }
    SolverReport report;
    report.objective = value_;
    report.gradient_norm = slope;
    report.converged = slope <= options_.tolerance || !moves;
    return report;
  }

  void evaluate() {
    gradient_.resize(static_cast<size_t>(objective_.size()));
    value_ = objective_.smooth_part(x(), gradient_.data()) + objective_.l1_part(x());
  }

  // Where the quadratic model of the loss at x, and the penalties, are least.
  std::vector<double> minimum_of_model(double slope) {
    constexpr double kSmallestCurvature = 1e-9;  // of a row, so that the model's targets are finite
    constexpr int kMostRounds = 50;
    const LinearProblem& p = objective_.problem();
    const int64_t rows = objective_.rows(), features = objective_.features(), outputs = objective_.outputs();
    std::vector<double> z(static_cast<size_t>(outputs * rows)), to(static_cast<size_t>(objective_.size()));
    objective_.predict(x(), z.data());
    for (int64_t k = 0; k < outputs; ++k) {
      LeastSquares squares{&objective_.inputs(), std::vector<double>(rows), std::vector<double>(rows), p.intercept};
      kernels::loss_terms(p.loss, objective_.loss_parameter(), z.data() + k * rows, objective_.targets(k), rows,
                          nullptr, squares.t.data(), squares.d.data());
      for (int64_t i = 0; i < rows; ++i) {
        const double curvature = std::max(squares.d[i], kSmallestCurvature);
        squares.t[i] = z[k * rows + i] - squares.t[i] / curvature;
        squares.d[i] = curvature * example_share(i);
      }
      ElasticNet net(quadratic_of(squares));
      net.start({x() + k * features, static_cast<size_t>(features)});
      const double enough = 0.1 * std::min(slope, std::sqrt(slope) * slope);
      for (int i = 0; i < kMostRounds && net.largest_slope(p.l1, p.l2) > enough; ++i) {
        net.round(p.l1, p.l2, {.gap = 0.0, .slope = 0.3 * enough});
      }
      std::copy(net.w().begin(), net.w().end(), to.begin() + k * features);
      to[objective_.weights_size() + k] = net.quadratic().bias(net.w().data());
    }
    return to;
  }

  // Moves x along the direction; false if nothing lower is found.
  bool search(const std::vector<double>& direction) {
    constexpr int kMostHalvings = 40;
    const int64_t size = objective_.size();
    const std::vector<double> from(x(), x() + size);
    std::vector<double> to = from;
    kernels::add_scaled(to.data(), 1.0, direction.data(), size);
    const double promise = kernels::dot(gradient_.data(), direction.data(), size) + objective_.l1_part(to.data()) -
                           objective_.l1_part(from.data());
    if (!(promise < 0.0)) return false;
    const double noise = 1e-15 * std::abs(value_);
    double t = 1.0;
    for (int i = 0; i < kMostHalvings; ++i, t *= 0.5) {
      std::copy(from.begin(), from.end(), x());
      kernels::add_scaled(x(), t, direction.data(), size);
      if (objective_.value(x()) <= value_ + 1e-4 * t * promise + noise) return true;
    }
    std::copy(from.begin(), from.end(), x());
    return false;
  }

  void forget() override { gradient_.clear(); }

  std::vector<double> gradient_;
  double value_ = 0.0;
};

void check_tolerance(const LinearCoordinateDescentOptions& options) {
  if (options.tolerance > 0.0 && std::isfinite(options.tolerance)) return;
  fail_usage("coordinate_descent", "tolerance is {}; expected a finite number above 0", options.tolerance);
}

}  // namespace

std::unique_ptr<AdjustableSolver> make_linear_newton_descent(const LinearProblem& problem,
                                                             const LinearCoordinateDescentOptions& options) {
  check_tolerance(options);
  if (problem.loss != LinearLoss::kPoisson && problem.loss != LinearLoss::kLogistic) {
    fail_usage("coordinate_descent", "it cannot minimise the {} loss; expected squared, poisson or logistic",
               name_of(problem.loss));
  }
  return std::make_unique<NewtonDescent>(problem, options);
}

std::unique_ptr<LinearSolver> make_linear_coordinate_descent(const LinearProblem& problem,
                                                             const LinearCoordinateDescentOptions& options) {
  check_tolerance(options);
  if (problem.loss == LinearLoss::kSquared) return std::make_unique<SquaredDescent>(problem, options);
  return make_linear_newton_descent(problem, options);
}

}  // namespace gradus
