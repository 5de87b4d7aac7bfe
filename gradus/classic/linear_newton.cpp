#include "gradus/classic/linear_newton.h"

#include <algorithm>
#include <cmath>
#include <functional>
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
constexpr int64_t kSampleFactor = 16;       // rows a feature of the smallest sample

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

// The inverse Hessian of an objective at a point, of each output.
class InverseHessian {
 public:
  InverseHessian(const LinearObjective& objective, const double* x, GramPrecision precision)
      : features_(objective.features()), intercept_(objective.problem().intercept) {
    const int64_t rows = objective.rows(), outputs = objective.outputs(), side = features_ + 1;
    std::vector<double> z(static_cast<size_t>(outputs * rows)), curvature(static_cast<size_t>(rows));
    objective.predict(x, z.data());
    for (int64_t k = 0; k < outputs; ++k) {
      objective.curvatures(k, z.data() + k * rows, curvature.data());
      std::vector<double> hessian = weighted_gram(objective.inputs(), curvature.data(), nullptr, precision);
      for (int64_t j = 0; j < features_; ++j) hessian[j * side + j] += objective.problem().l2;
      if (!intercept_) {  // a row of nothing but 1 on the diagonal
        std::fill(hessian.end() - side, hessian.end(), 0.0);
        hessian.back() = 1.0;
      }
      solvers_.emplace_back(std::move(hessian), side);
    }
  }

  // −H⁻¹·gradient.
  std::vector<double> direction(const std::vector<double>& gradient) const {
    const int64_t outputs = static_cast<int64_t>(solvers_.size());
    std::vector<double> direction(gradient.size()), b(static_cast<size_t>(features_ + 1));
    for (int64_t k = 0; k < outputs; ++k) {
      const int64_t bias = outputs * features_ + k;
      std::transform(&gradient[k * features_], &gradient[k * features_] + features_, b.begin(), std::negate<>());
      b.back() = intercept_ ? -gradient[bias] : 0.0;
      solvers_[k].solve(b.data());
      std::copy_n(b.begin(), features_, direction.begin() + k * features_);
      direction[bias] = b.back();
    }
    return direction;
  }

 private:
  int64_t features_;
  bool intercept_;
  std::vector<SemidefiniteSolver> solvers_;
};

// Half of Newton's decrement, what a step promises; and the point that it leads to, if there is a lower one.
struct NewtonIteration {
  double promise = 0.0;
  std::optional<Point> next = std::nullopt;
};

NewtonIteration iterate(const LinearObjective& objective, const InverseHessian& inverse, const Point& from,
                        double enough) {
  constexpr int kMostHalvings = 40;
  const std::vector<double> direction = inverse.direction(from.gradient);
  const int64_t size = objective.size();
  const double slope = kernels::dot(from.gradient.data(), direction.data(), size);
  NewtonIteration result{-0.5 * slope};
  if (!(result.promise > enough)) return result;
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
    hessian_at_ = add_state("hessian_at", {objective_.size()}, DType::kF64);
  }

 private:
  int64_t& hessian_rows() { return hessian_rows_.mutable_data<int64_t>()[0]; }
  int64_t smallest_sample() const { return kSampleFactor * (objective_.features() + 1); }

  // The objective whose Hessian leads the way.
  const LinearObjective& led_by() {
    const int64_t rows = hessian_rows();
    if (2 * rows > objective_.rows()) return objective_;
    if (!sample_ || sample_->rows() != rows) {
      sample_.emplace(take_rows(objective_.problem(), sampled_rows(objective_.rows(), rows)));
    }
    return *sample_;
  }

  // The inverse Hessian at `hessian_at`. That of a sample need not be exact.
  const InverseHessian& inverse() {
    if (!inverse_) {
      const LinearObjective& leader = led_by();
      const bool is_whole = &leader == &objective_;
      inverse_.emplace(leader, hessian_at_.data<double>(), is_whole ? GramPrecision::kF64 : GramPrecision::kF32);
    }
    return *inverse_;
  }
  void take_hessian_at(const std::vector<double>& point) {
    std::copy(point.begin(), point.end(), hessian_at_.mutable_data<double>());
    inverse_.reset();
  }

  // To the minimum over samples, each four times as large as the one before and as near as it is like all rows. The
  // last leads further; where all rows are not many more, they do.
  void start(std::vector<double>& from) {
    constexpr int kMostIterations = 8;
    const int64_t rows = objective_.rows(), largest = std::max(4 * smallest_sample(), rows / 16);
    const bool samples = options_.sample && 8 * smallest_sample() <= rows;
    hessian_rows() = samples ? smallest_sample() : rows;
    take_hessian_at(from);
    while (2 * hessian_rows() <= rows) {
      const LinearObjective& sample = led_by();
      // What the minimum over a sample is above that over all rows is size / (2·rows) of a likelihood.
      const double enough = static_cast<double>(sample.size()) / static_cast<double>(sample.rows());
      Point point = point_at(sample, from);
      for (int i = 0; i < kMostIterations; ++i) {
        NewtonIteration done = iterate(sample, inverse(), point, 0.1 * enough);
        if (!done.next) break;
        point = *std::move(done.next);
        if (done.promise <= 4.0 * enough) break;  // the next step would promise its square
        take_hessian_at(point.x);
      }
      from = point.x;
      if (hessian_rows() >= largest) break;
      hessian_rows() = std::min(4 * hessian_rows(), largest);
      take_hessian_at(from);
    }
    if (8 * hessian_rows() <= rows) return;
    hessian_rows() = rows;
    take_hessian_at(from);
  }

  SolverReport do_step() override {
    if (!point_) {
      std::vector<double> from(x(), x() + objective_.size());
      if (steps() == 0) start(from);
      point_ = point_at(objective_, std::move(from));
    }
    const double before = slope_at(*point_);
    double after = before;
    bool ends = before <= options_.tolerance;
    if (!ends) {
      const bool is_fresh = std::equal(point_->x.begin(), point_->x.end(), hessian_at_.data<double>());
      NewtonIteration done = iterate(objective_, inverse(), *point_, 0.0);
      // Below the rounding of the objective only the gradient says whether a step leads anywhere.
      const bool is_noise = done.promise <= kSmallestPromise * std::abs(point_->value);
      const double next = done.next ? slope_at(*done.next) : before;
      const bool leads_best = is_fresh && led_by().rows() == objective_.rows();
      ends = (is_noise && next > 0.5 * before) || (leads_best && !done.next);
      if (done.next && !(is_noise && next > before)) {
        point_ = *std::move(done.next);
        after = next;
      }
      if (after > before / 10.0) refresh(is_fresh && after > before / 3.0);
    }
    std::copy(point_->x.begin(), point_->x.end(), x());
    SolverReport report;
    report.objective = point_->value;
    report.gradient_norm = after;
    report.converged = ends || after <= options_.tolerance;
    return report;
  }

  // The Hessian where the next step begins; of more rows if one that was as new has been of little use.
  void refresh(bool grows) {
    if (grows) hessian_rows() = std::min(4 * hessian_rows(), objective_.rows());
    take_hessian_at(point_->x);
  }

  double slope_at(const Point& point) const { return objective_.largest_slope(point.x.data(), point.gradient.data()); }

  void forget() override {
    point_.reset();
    inverse_.reset();
  }

  LinearObjective objective_;
  LinearNewtonOptions options_;
  Tensor hessian_rows_, hessian_at_;
  std::optional<LinearObjective> sample_;
  std::optional<InverseHessian> inverse_;
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
