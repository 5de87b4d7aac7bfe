// Weighted least squares with an elastic net's penalty, a coordinate at a time: what coordinate descent solves, as it
// is for the squared loss and once for each model of another.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "gradus/classic/gram.h"
#include "gradus/classic/linear_inputs.h"

namespace gradus {

/// ½·Σᵢ dᵢ·(tᵢ − b − xᵢ·w)², over w and, with an intercept, b: that is ½·wᵀGw − cᵀw + ½·t² of the features and targets
/// less their weighted means, if there is an intercept.
struct LeastSquares {
  const LinearInputs* inputs;  ///< Outlives what is made of it.
  std::vector<double> d;       ///< (N), from 0.
  std::vector<double> t;       ///< (N)
  bool intercept;
};

/// A quadratic in w: G and c in one form or another, of which q = c − G·w is wanted.
class Quadratic {
 public:
  virtual ~Quadratic() = default;
  /// q for all coordinates, in f64 and anew from w.
  virtual void slopes(const double* w, double* q) = 0;
  /// Passes over the coordinates `active`, to the minimum in each, until none changes by more than `tolerance` divided
  /// by its curvature, at most `passes` times; w and, for `active` alone, q follow. Changes well below that may be left
  /// out, but not those to 0. `active` is that of the last call, with more behind it, or `begins` is true.
  virtual void descend(std::span<const int32_t> active, bool begins, double l1, double l2, double tolerance,
                       int64_t passes, double* w, double* q) = 0;

  int64_t size() const { return static_cast<int64_t>(c_.size()); }
  const std::vector<double>& c() const { return c_; }
  /// Σ dᵢ·tᵢ² of the targets less their mean.
  double target_squares() const { return target_squares_; }
  /// What `target_squares` can be by rounding alone, where all targets are the same: of equal terms each is rounded to
  /// the same side, so that their mean is off by up to rows·2⁻⁵² of it.
  double target_squares_rounding() const { return rows_ * rows_ * kEpsilon * kEpsilon * raw_target_squares_; }
  /// What an element of c can be by rounding alone, where a column says nothing of the targets: √rows·2⁻⁵² of the size
  /// of its sum's terms.
  double slope_rounding() const { return std::sqrt(rows_ * raw_target_squares_ * largest_raw_square_) * kEpsilon; }
  /// The best b for w.
  double bias(const double* w) const;

 protected:
  /// Takes the means. `d` and `t` are (N).
  explicit Quadratic(const LeastSquares& problem);
  const std::vector<double>& means() const { return means_; }
  /// Σ dᵢ·xᵢ and Σ dᵢ.
  std::span<const double> sums() const { return sums_; }
  double target_mean() const { return target_mean_; }
  double total() const { return sums_.back(); }
  /// `square`, Σ dᵢ·(xᵢⱼ − mⱼ)², or 0 if it is nothing but rounding: the column is constant, and its weight stays.
  double curvature_of(int64_t j, double square) const;
  /// Takes note of that `square`, for `slope_rounding`.
  void see_square(int64_t j, double square) {
    largest_raw_square_ = std::max(largest_raw_square_, square + total() * means_[j] * means_[j]);
  }

  std::vector<double> c_;

 private:
  static constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

  bool intercept_;
  std::vector<double> sums_, means_;  // the means are 0 without an intercept
  double target_mean_ = 0.0, target_squares_ = 0.0;
  double raw_target_squares_ = 0.0, largest_raw_square_ = 0.0;  // with their means
  double rows_;
};

/// G as a matrix: for features that are fewer than rows and not many.
std::unique_ptr<Quadratic> make_gram_quadratic(const LeastSquares& problem, GramPrecision precision);
/// G as columns and residuals. `columns` is the transposed inputs, and outlives the quadratic.
std::unique_ptr<Quadratic> make_column_quadratic(const LeastSquares& problem, const LinearInputs& columns);
/// Whether the first of the two is quicker.
bool prefers_gram(const LinearInputs& inputs);

/// The minimum of a quadratic and an elastic net's penalty, l1·Σ|w| + ½·l2·‖w‖², by coordinate descent on a working set
/// that grows by what violates the conditions of a minimum most. Source: Friedman, Hastie, Tibshirani, "Regularization
/// paths for generalized linear models via coordinate descent", 2010.
class ElasticNet {
 public:
  explicit ElasticNet(std::unique_ptr<Quadratic> quadratic);

  Quadratic& quadratic() { return *quadratic_; }
  const std::vector<double>& w() const { return w_; }
  /// Begins at w.
  void start(std::span<const double> w);
  /// Begins at w + factor·(w − before), the line through two minima.
  void extrapolate(std::span<const double> before, std::span<const double> slopes_before, double factor);
  const std::vector<double>& slopes() const { return q_; }

  /// When a round ends, and how it begins.
  struct Round {
    double gap;    ///< The working set is solved until its own gap is half of this or less,
    double slope;  ///< or no step changes a slope by more.
    /// The working set is that of the last round and what enters it; else what is not 0 and what enters it, so that a
    /// round is a function of w.
    bool keeps_set = false;
    /// From 0: coordinates whose slope has at least this size enter, all of them. Else at most as many as are not 0, or
    /// 64, of those whose slope is larger than l1.
    double entry = -1.0;
  };
  /// One round: coordinates enter the working set, it is solved, and all slopes are made anew.
  void round(double l1, double l2, const Round& options);
  /// How far the objective is above its minimum, at most; infinite where l1 is 0.
  double gap(double l1, double l2) const { return gap_over(all_, l1, l2); }
  /// The largest element of the smallest subgradient.
  double largest_slope(double l1, double l2) const { return slope_over(all_, l1, l2); }
  /// ½·Σ dᵢ·rᵢ² and the penalties.
  double objective(double l1, double l2) const;

 private:
  double gap_over(std::span<const int32_t> coordinates, double l1, double l2) const;
  double slope_over(std::span<const int32_t> coordinates, double l1, double l2) const;
  void enter(double l1, double l2, const Round& options);

  std::unique_ptr<Quadratic> quadratic_;
  std::vector<double> w_, q_;
  std::vector<int32_t> all_, active_;
  std::vector<bool> is_active_;
};

}  // namespace gradus
