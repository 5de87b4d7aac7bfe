// The objective of a linear problem and its gradient, over all rows: the same bits for any number of threads.
#pragma once

#include <vector>

#include "gradus/classic/linear_problem.h"

namespace gradus {

/// A problem made ready for passes over its rows. Coefficients are one vector in f64: the weights (outputs, features),
/// then the bias (outputs), which stays 0 without an intercept.
class LinearObjective {
 public:
  /// Throws what `check_problem` throws.
  explicit LinearObjective(const LinearProblem& problem);

  const LinearProblem& problem() const { return problem_; }
  /// From here on the penalties are these, each from 0.
  void set_penalties(double l1, double l2) {
    problem_.l1 = l1;
    problem_.l2 = l2;
  }
  const LinearInputs& inputs() const { return problem_.inputs; }
  int64_t rows() const { return problem_.inputs.rows(); }
  int64_t features() const { return problem_.inputs.features(); }
  int64_t outputs() const { return outputs_; }
  /// The number of coefficients: outputs · (features + 1).
  int64_t size() const { return outputs_ * (features() + 1); }
  int64_t weights_size() const { return outputs_ * features(); }
  /// The sum of the example weights.
  double total_weight() const { return total_weight_; }
  /// (N) example weights, or nullptr where all are 1.
  const float* example_weights() const {
    return problem_.example_weights.defined() ? problem_.example_weights.data<float>() : nullptr;
  }
  /// (N) targets of one output; of classes +1 or −1. Not for softmax.
  const float* targets(int64_t output) const { return targets_.data() + output * rows(); }
  /// (N) classes, for softmax.
  const int32_t* classes() const { return classes_.data(); }
  /// τ or δ.
  double loss_parameter() const { return gradus::loss_parameter(problem_); }

  /// The objective without l1·Σ|W|. If `gradient` is not nullptr, its derivatives (size()) are written there: one from
  /// the side where the loss is least, where that is not smooth.
  double smooth_part(const double* coefficients, double* gradient = nullptr) const;
  /// l1·Σ|W|.
  double l1_part(const double* coefficients) const;
  /// Both.
  double value(const double* coefficients) const { return smooth_part(coefficients) + l1_part(coefficients); }

  /// The largest size of an element of the objective's smallest subgradient, given the smooth part's gradient: 0 where
  /// all coefficients are the best.
  double largest_slope(const double* coefficients, const double* gradient) const;

  /// Predictions of all rows: z (outputs, N).
  void predict(const double* coefficients, double* z) const;
  /// The curvature of the loss in each row's prediction, times its example weight, divided by the sum of those: z and
  /// `curvature` (N) of one output. Not for softmax.
  void curvatures(int64_t output, const double* z, double* curvature) const;

 private:
  struct Pass;
  double rows_part(const double* coefficients, int64_t begin, int64_t end, double* gradient) const;

  LinearProblem problem_;
  int64_t outputs_;
  double total_weight_;
  std::vector<float> targets_;
  std::vector<int32_t> classes_;
};

/// Bytes that `smooth_part` takes for a gradient of so many coefficients: one for each piece of the rows.
int64_t gradient_bytes(const LinearInputs& inputs, int64_t size);

}  // namespace gradus
