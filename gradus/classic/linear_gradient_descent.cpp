#include "gradus/classic/linear_gradient_descent.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/classic/linear_objective.h"

namespace gradus {
namespace {

using Vector = std::vector<double>;

class GradientDescent : public LinearSolver {
 public:
  GradientDescent(const LinearProblem& problem, const LinearGradientDescentOptions& options)
      : LinearSolver("gradient_descent"), objective_(problem), options_(options) {
    make_coefficients(objective_.outputs(), objective_.features(), DType::kF64);
    rate_ = add_state("rate", {1}, DType::kF64);
    if (!options.accelerate) return;
    last_ = add_state("last", {objective_.size()}, DType::kF64);
    momentum_ = add_state("momentum", {1}, DType::kF64);
  }

 private:
  // The smooth part at x and its gradient.
  struct Slope {
    double value;
    Vector gradient;
  };
  Slope slope_at(const Vector& x) const {
    Slope slope{0.0, Vector(x.size())};
    slope.value = objective_.smooth_part(x.data(), slope.gradient.data());
    return slope;
  }

  Vector moved(const Vector& from, const Slope& slope, double rate) const {
    Vector to = from;
    kernels::add_scaled(to.data(), -rate, slope.gradient.data(), objective_.size());
    const double threshold = rate * objective_.problem().l1;
    for (int64_t j = 0; threshold > 0.0 && j < objective_.weights_size(); ++j) {
      to[j] = std::copysign(std::max(std::abs(to[j]) - threshold, 0.0), to[j]);
    }
    return to;
  }

  // Whether the smooth part at `to` lies below its model; in the objective's rounding all that is not higher does.
  static bool is_below_model(const Vector& from, const Slope& slope, const Vector& to, double value, double rate) {
    double linear = 0.0, squares = 0.0;
    for (size_t j = 0; j < from.size(); ++j) {
      const double step = to[j] - from[j];
      linear += slope.gradient[j] * step;
      squares += step * step;
    }
    return value <= slope.value + linear + squares / (2.0 * rate) + 1e-15 * std::abs(slope.value);
  }

  // Where the momentum leads from x.
  Vector start() {
    Vector from(x(), x() + objective_.size());
    if (!options_.accelerate) return from;
    double& t = momentum_.mutable_data<double>()[0];
    const double next = 0.5 * (1.0 + std::sqrt(1.0 + 4.0 * t * t));
    const double share = t == 0.0 ? 0.0 : (t - 1.0) / next;
    const double* const last = last_.data<double>();
    for (size_t j = 0; j < from.size(); ++j) from[j] += share * (from[j] - last[j]);
    t = next;
    return from;
  }

  SolverReport do_step() override {
    const Vector from = start();
    const Slope slope = slope_at(from);
    double& rate = rate_.mutable_data<double>()[0];
    Vector to;
    if (options_.learning_rate > 0.0) {
      rate = options_.learning_rate;
      to = moved(from, slope, rate);
    } else {
      constexpr int kMostHalvings = 100;
      rate = rate == 0.0 ? 1.0 : (options_.accelerate ? rate : 2.0 * rate);
      for (int i = 0; i < kMostHalvings; ++i, rate *= 0.5) {
        to = moved(from, slope, rate);
        const double value = objective_.smooth_part(to.data());
        if (is_below_model(from, slope, to, value, rate)) break;
      }
    }
    if (options_.accelerate) take_momentum(from, to);
    std::copy(to.begin(), to.end(), x());
    const Slope end = slope_at(to);
    SolverReport report;
    report.objective = end.value + objective_.l1_part(to.data());
    report.gradient_norm = objective_.largest_slope(to.data(), end.gradient.data());
    report.converged = report.gradient_norm <= options_.tolerance;
    return report;
  }

  void take_momentum(const Vector& from, const Vector& to) {
    double* const last = last_.mutable_data<double>();
    double along = 0.0;  // (from − to)·(to − x): above 0 the momentum points upwards
    for (size_t j = 0; j < to.size(); ++j) along += (from[j] - to[j]) * (to[j] - x()[j]);
    std::copy(x(), x() + objective_.size(), last);
    if (along > 0.0) momentum_.mutable_data<double>()[0] = 0.0;
  }

  void forget() override {}

  LinearObjective objective_;
  LinearGradientDescentOptions options_;
  Tensor rate_, last_, momentum_;
};

}  // namespace

std::unique_ptr<LinearSolver> make_linear_gradient_descent(const LinearProblem& problem,
                                                           const LinearGradientDescentOptions& options) {
  const double rate = options.learning_rate;
  if (!(rate >= 0.0 && std::isfinite(rate))) {
    fail_usage("gradient_descent", "learning_rate is {}; expected a finite number from 0", rate);
  }
  if (rate == 0.0 && !is_smooth(problem.loss)) {
    fail_usage("gradient_descent", "learning_rate is 0; expected one above it, since the {} loss has kinks",
               name_of(problem.loss));
  }
  return std::make_unique<GradientDescent>(problem, options);
}

}  // namespace gradus
