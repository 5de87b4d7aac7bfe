#include "gradus/classic/linear_newton.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/classic/cholesky.h"
#include "gradus/classic/gram.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/classic/linear_objective.h"

namespace gradus {
namespace {

constexpr int64_t kMostFeatures = 1 << 14;
constexpr double kSmallestPromise = 1e-14;  // of the objective, that a step is worth
constexpr int64_t kSampleFactor = 64;       // rows a feature of the smallest sample

// A point, the smooth objective there and its gradient.
struct Point {
  std::vector<double> x, gradient;
  double value = 0.0;
};

Point point_at(const LinearObjective& objective, std::vector<double> x) {
  Point point{std::move(x), std::vector<double>(static_cast<size_t>(objective.size())), 0.0};
  point.value = objective.smooth_part(point.x.data(), point.gradient.data());
  return point;
}

// −H⁻¹·gradient, with the Hessian of `sample` at x.
std::vector<double> direction_at(const LinearObjective& sample, const Point& point) {
  const int64_t features = sample.features(), outputs = sample.outputs(), side = features + 1;
  const bool intercept = sample.problem().intercept;
  std::vector<double> direction(point.gradient.size()), z(outputs * sample.rows()), curvature(sample.rows());
  sample.predict(point.x.data(), z.data());
  for (int64_t k = 0; k < outputs; ++k) {
    sample.curvatures(k, z.data() + k * sample.rows(), curvature.data());
    std::vector<double> hessian = weighted_gram(sample.inputs(), curvature.data(), GramPrecision::kF64);
    for (int64_t j = 0; j < features; ++j) hessian[j * side + j] += sample.problem().l2;
    std::vector<double> b(side);
    std::transform(point.gradient.begin() + k * features, point.gradient.begin() + (k + 1) * features, b.begin(),
                   [](double g) { return -g; });
    if (intercept) {
      b[features] = -point.gradient[sample.weights_size() + k];
    } else {  // a row and column of nothing but 1 on the diagonal
      std::fill(hessian.end() - side, hessian.end(), 0.0);
      hessian.back() = 1.0;
    }
    solve_semidefinite(hessian.data(), side, b.data());
    std::copy_n(b.begin(), features, direction.begin() + k * features);
    direction[sample.weights_size() + k] = intercept ? b[features] : 0.0;
  }
  return direction;
}

// Half of Newton's decrement, what the step promises; and the point that it leads to, if there is a lower one.
struct Iteration {
  double promise = 0.0;
  std::optional<Point> next = std::nullopt;
};

Iteration iterate(const LinearObjective& objective, const LinearObjective& sample, const Point& from) {
  constexpr int kMostHalvings = 40;
  const std::vector<double> direction = direction_at(sample, from);
  const int64_t size = objective.size();
  const double slope = kernels::dot(from.gradient.data(), direction.data(), size);
  Iteration result{-0.5 * slope};
  if (!(slope < 0.0)) return result;
  const double noise = kSmallestPromise * std::abs(from.value);
  double t = 1.0;
  for (int i = 0; i < kMostHalvings; ++i, t *= 0.5) {
    std::vector<double> x = from.x;
    kernels::add_scaled(x.data(), t, direction.data(), size);
    Point next = point_at(objective, std::move(x));
    if (next.value <= from.value + 1e-4 * t * slope + noise) {
      result.next = std::move(next);
      return result;
    }
  }
  return result;
}

// So many rows in ascending order, one from each stretch of equal length.
std::vector<int64_t> sampled_rows(int64_t rows, int64_t count) {
  const uint64_t key = hash_name("newton.sample");
  std::vector<int64_t> sample(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = i * rows / count, end = (i + 1) * rows / count;
    sample[i] = begin + static_cast<int64_t>(mix(key, static_cast<uint64_t>(i)) % static_cast<uint64_t>(end - begin));
  }
  return sample;
}

class Newton : public LinearSolver {
 public:
  Newton(const LinearProblem& problem, const LinearNewtonOptions& options)
      : LinearSolver("newton"), objective_(problem), options_(options) {
    make_coefficients(objective_.outputs(), objective_.features(), DType::kF64);
    hessian_rows_ = add_state("hessian_rows", {1}, DType::kI64);
  }

 private:
  int64_t smallest_sample() const { return kSampleFactor * (objective_.features() + 1); }
  bool samples() const { return options_.sample && 4 * smallest_sample() <= objective_.rows(); }

  // The objective whose Hessian leads the way.
  const LinearObjective& led_by() {
    const int64_t rows = hessian_rows_.data<int64_t>()[0];
    if (2 * rows > objective_.rows()) return objective_;
    if (!sample_ || sample_->rows() != rows) {
      sample_.emplace(take_rows(objective_.problem(), sampled_rows(objective_.rows(), rows)));
    }
    return *sample_;
  }

  // To the minimum over a sample, as far as the sample is like all rows.
  void start(std::vector<double>& x) {
    const int64_t rows = objective_.rows(), first = smallest_sample();
    int64_t& hessian_rows = hessian_rows_.mutable_data<int64_t>()[0];
    hessian_rows = samples() ? first : rows;
    const int64_t last = samples() ? std::max(first, rows / 16) : rows;
    while (2 * hessian_rows <= rows) {
      const LinearObjective& sample = led_by();
      Point point = point_at(sample, x);
      const double enough = 0.1 * static_cast<double>(sample.size()) / static_cast<double>(sample.rows());
      for (int i = 0; i < 20; ++i) {
        Iteration done = iterate(sample, sample, point);
        if (!done.next) break;
        point = *std::move(done.next);
        if (done.promise <= enough) break;
      }
      x = point.x;
      if (hessian_rows == last) break;
      hessian_rows = last;
    }
  }

  SolverReport do_step() override {
    if (!point_) {
      std::vector<double> from(x(), x() + objective_.size());
      if (steps() == 0) start(from);
      point_ = point_at(objective_, std::move(from));
    }
    const double slope = objective_.largest_slope(point_->x.data(), point_->gradient.data());
    bool ends = slope <= options_.tolerance;
    if (!ends) {
      Iteration done = iterate(objective_, led_by(), *point_);
      ends = done.promise <= kSmallestPromise * std::abs(point_->value);
      if (done.next) point_ = *std::move(done.next);
      int64_t& hessian_rows = hessian_rows_.mutable_data<int64_t>()[0];
      const double now = objective_.largest_slope(point_->x.data(), point_->gradient.data());
      if (now > slope / 3.0) hessian_rows = std::min(4 * hessian_rows, objective_.rows());
    }
    std::copy(point_->x.begin(), point_->x.end(), x());
    SolverReport report;
    report.objective = point_->value;
    report.gradient_norm = objective_.largest_slope(point_->x.data(), point_->gradient.data());
    report.converged = ends || report.gradient_norm <= options_.tolerance;
    return report;
  }

  void forget() override { point_.reset(); }

  LinearObjective objective_;
  LinearNewtonOptions options_;
  Tensor hessian_rows_;
  std::optional<LinearObjective> sample_;
  std::optional<Point> point_;
};

}  // namespace

std::unique_ptr<LinearSolver> make_linear_newton(const LinearProblem& problem, const LinearNewtonOptions& options) {
  const LinearLoss loss = problem.loss;
  if (loss != LinearLoss::kSquared && loss != LinearLoss::kPoisson && loss != LinearLoss::kLogistic &&
      loss != LinearLoss::kSquaredHinge) {
    fail_usage("newton",
               "it cannot minimise the {} loss; use lbfgs, or one of squared, poisson, logistic and "
               "squared_hinge",
               name_of(loss));
  }
  refuse_l1("newton", problem, "use coordinate_descent");
  auto solver = std::make_unique<Newton>(problem, options);
  if (problem.inputs.features() > kMostFeatures) {
    fail_usage("newton", "{} features; expected at most {}: use lbfgs", problem.inputs.features(), kMostFeatures);
  }
  return solver;
}

}  // namespace gradus
