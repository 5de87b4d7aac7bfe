#include "gradus/classic/linear_lbfgs.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/classic/linear_objective.h"

namespace gradus {
namespace {

using Vector = std::vector<double>;

constexpr double kNoise = 1e-16;  // of the objective: less than its last digit

double dot(const Vector& x, const Vector& y) {
  return kernels::dot(x.data(), y.data(), static_cast<int64_t>(x.size()));
}

class LinearLbfgs : public AdjustableSolver {
 public:
  LinearLbfgs(const LinearProblem& problem, const LinearLbfgsOptions& options)
      : AdjustableSolver("lbfgs"), objective_(problem), options_(options) {
    make_coefficients(objective_.outputs(), objective_.features(), DType::kF64);
    const Shape pairs{options.history, objective_.size()};
    steps_ = add_state("history.steps", pairs, DType::kF64);
    changes_ = add_state("history.changes", pairs, DType::kF64);
    numbers_ = add_state("history.numbers", {2}, DType::kI64);
  }

  void set_penalties(double l1, double l2) override {
    objective_.set_penalties(l1, l2);
    forget();
  }

 private:
  // A place, its objective with l1, and the gradient of the smooth part.
  struct Point {
    Vector x, gradient;
    double value;
  };
  enum Number : uint8_t { kPairs, kNext };  // of `numbers_`: how many pairs there are, and the row of the next

  Point point_at(Vector x) const {
    Point point{std::move(x), Vector(static_cast<size_t>(objective_.size())), 0.0};
    point.value = objective_.smooth_part(point.x.data(), point.gradient.data()) + objective_.l1_part(point.x.data());
    return point;
  }

  double l1_of(int64_t j) const { return j < objective_.weights_size() ? objective_.problem().l1 : 0.0; }

  // The subgradient of the smallest size: of a weight that is 0, what is beyond l1.
  Vector subgradient(const Point& point) const {
    Vector g = point.gradient;
    if (objective_.problem().l1 == 0.0) return g;
    for (int64_t j = 0; j < objective_.weights_size(); ++j) {
      const double l1 = l1_of(j);
      if (point.x[j] != 0.0) {
        g[j] += std::copysign(l1, point.x[j]);
      } else {
        g[j] = std::copysign(std::max(std::abs(g[j]) - l1, 0.0), g[j]);
      }
    }
    return g;
  }

  const double* row(const Tensor& pairs, int64_t k) const { return pairs.data<double>() + k * objective_.size(); }

  // −H·g by the two loops over the pairs, newest first and then oldest first.
  Vector direction(const Vector& g) const {
    const int64_t count = numbers_.data<int64_t>()[kPairs], next = numbers_.data<int64_t>()[kNext];
    const int64_t history = options_.history, size = objective_.size();
    Vector q(g.size()), factors(static_cast<size_t>(count)), curvatures(static_cast<size_t>(count));
    std::transform(g.begin(), g.end(), q.begin(), [](double v) { return -v; });
    for (int64_t i = 0; i < count; ++i) {
      const int64_t k = (next - 1 - i + history) % history;
      curvatures[i] = kernels::dot(row(steps_, k), row(changes_, k), size);
      factors[i] = kernels::dot(row(steps_, k), q.data(), size) / curvatures[i];
      kernels::add_scaled(q.data(), -factors[i], row(changes_, k), size);
    }
    if (count > 0) {
      const double* const newest = row(changes_, (next - 1 + history) % history);
      const double scale = curvatures[0] / kernels::dot(newest, newest, size);
      for (double& v : q) v *= scale;
    }
    for (int64_t i = count; i-- > 0;) {
      const int64_t k = (next - 1 - i + history) % history;
      const double factor = kernels::dot(row(changes_, k), q.data(), size) / curvatures[i];
      kernels::add_scaled(q.data(), factors[i] - factor, row(steps_, k), size);
    }
    return q;
  }

  void remember(const Point& from, const Point& to) {
    Vector step = to.x, change = to.gradient;
    kernels::add_scaled(step.data(), -1.0, from.x.data(), objective_.size());
    kernels::add_scaled(change.data(), -1.0, from.gradient.data(), objective_.size());
    constexpr double kSmallestCurvature = 2.2e-16;  // of what the change says; below it H would be nothing but rounding
    if (dot(step, change) <= kSmallestCurvature * dot(change, change)) return;
    int64_t* const numbers = numbers_.mutable_data<int64_t>();
    const int64_t at = numbers[kNext] * objective_.size();
    std::copy(step.begin(), step.end(), steps_.mutable_data<double>() + at);
    std::copy(change.begin(), change.end(), changes_.mutable_data<double>() + at);
    numbers[kNext] = (numbers[kNext] + 1) % options_.history;
    numbers[kPairs] = std::min(numbers[kPairs] + 1, options_.history);
  }

  // Where the weak conditions of Wolfe hold, by bisection; the lowest point if they cannot be met; none if none is
  // lower.
  std::optional<Point> search(const Point& from, const Vector& direction, double t) const {
    constexpr int kMostLooks = 40;
    const double slope = dot(from.gradient, direction);
    if (!(slope < 0.0)) return std::nullopt;
    double low = 0.0, high = HUGE_VAL;
    std::optional<Point> best;
    for (int i = 0; i < kMostLooks; ++i) {
      Vector x = from.x;
      kernels::add_scaled(x.data(), t, direction.data(), objective_.size());
      Point point = point_at(std::move(x));
      const bool is_low = point.value <= from.value + 1e-4 * t * slope;
      const bool is_flat = is_low && dot(point.gradient, direction) >= 0.9 * slope;
      if (is_low) best = std::move(point);
      if (is_flat) break;
      (is_low ? low : high) = t;
      t = std::isfinite(high) ? 0.5 * (low + high) : 2.0 * t;
    }
    return best;
  }

  // The same within the orthant that x, and where it is 0 the direction down, points to.
  std::optional<Point> search_in_orthant(const Point& from, const Vector& g, Vector direction, double t) const {
    constexpr int kMostLooks = 40;
    for (int64_t j = 0; j < objective_.weights_size(); ++j) {
      if (direction[j] * g[j] >= 0.0) direction[j] = 0.0;
    }
    if (!(dot(g, direction) < 0.0)) return std::nullopt;
    for (int i = 0; i < kMostLooks; ++i, t *= 0.5) {
      Vector x = from.x;
      kernels::add_scaled(x.data(), t, direction.data(), objective_.size());
      double promise = 0.0;
      for (int64_t j = 0; j < objective_.size(); ++j) {
        const double side = from.x[j] != 0.0 ? from.x[j] : -g[j];
        if (j < objective_.weights_size() && x[j] * side <= 0.0) x[j] = 0.0;
        promise += g[j] * (x[j] - from.x[j]);
      }
      Point point = point_at(std::move(x));
      if (promise < 0.0 && point.value <= from.value + 1e-4 * promise) return point;
    }
    return std::nullopt;
  }

  std::optional<Point> next_point(const Vector& g) {
    const bool is_first = numbers_.data<int64_t>()[kPairs] == 0;
    double sizes = 0.0;
    for (const double v : g) sizes += std::abs(v);
    const double t = is_first ? std::min(1.0, 1.0 / sizes) : 1.0;
    const Vector way = direction(g);
    return objective_.problem().l1 == 0.0 ? search(*point_, way, t) : search_in_orthant(*point_, g, way, t);
  }

  SolverReport do_step() override {
    if (!point_) point_ = point_at(Vector(x(), x() + objective_.size()));
    SolverReport report;
    report.gradient_norm = slope();
    if (report.gradient_norm > options_.tolerance) {
      std::optional<Point> next = next_point(subgradient(*point_));
      if (!next && numbers_.data<int64_t>()[kPairs] > 0) {  // what is remembered leads nowhere
        numbers_.mutable_data<int64_t>()[kPairs] = 0;
        next = next_point(subgradient(*point_));
      }
      report.converged = !next;
      if (next) {
        const bool is_noise = point_->value - next->value <= kNoise * std::abs(next->value);
        const bool is_led = numbers_.data<int64_t>()[kPairs] > 0;
        remember(*point_, *next);
        point_ = std::move(next);
        std::copy(point_->x.begin(), point_->x.end(), x());
        const bool stays = is_noise && slope() > 0.5 * report.gradient_norm;
        // What is remembered can lead across so many orthants that next to nothing is left of a step.
        if (stays && is_led) numbers_.mutable_data<int64_t>()[kPairs] = 0;
        report.converged = stays && !is_led;
      }
      report.gradient_norm = slope();
    }
    report.objective = point_->value;
    report.converged = report.converged || report.gradient_norm <= options_.tolerance;
    return report;
  }

  double slope() const { return objective_.largest_slope(point_->x.data(), point_->gradient.data()); }

  void forget() override { point_.reset(); }

  LinearObjective objective_;
  LinearLbfgsOptions options_;
  Tensor steps_, changes_, numbers_;
  std::optional<Point> point_;
};

}  // namespace

std::unique_ptr<AdjustableSolver> make_linear_lbfgs(const LinearProblem& problem, const LinearLbfgsOptions& options) {
  constexpr int64_t kMost = 1000;
  if (options.history < 1 || options.history > kMost) {
    fail_usage("lbfgs", "history is {}; expected 1 to {}", options.history, kMost);
  }
  if (!is_smooth(problem.loss)) {
    fail_usage("lbfgs", "the {} loss has kinks, which it cannot follow; use interior_point or sgd",
               name_of(problem.loss));
  }
  return std::make_unique<LinearLbfgs>(problem, options);
}

}  // namespace gradus
