// A linear model's problem: data, loss and penalties.
#pragma once

#include "gradus/classic/linear_inputs.h"
#include "gradus/classic/linear_loss.h"

namespace gradus {

/// What all solvers of linear models minimise over the weights W (outputs, features) and the bias b (outputs):
///
///     Σᵢ cᵢ·loss(W·xᵢ + b, yᵢ) / Σᵢ cᵢ  +  ½·l2·‖W‖²  +  l1·Σ|W|
///
/// the mean loss of the examples, with weights cᵢ, and penalties, which the bias has no part in. Of several outputs
/// the losses are added, so that they are problems of their own for each but softmax. In scikit-learn's terms: alpha
/// of SGDClassifier and PoissonRegressor is l2, that of Lasso and QuantileRegressor l1, that of Ridge N·l2; C of
/// LogisticRegression and of the support vector machines is 1 / (N·l2).
struct LinearProblem {
  LinearInputs inputs;  ///< N rows.
  /// Numbers: f32 (N) or (N, outputs), for Poisson from 0. Classes: i64 (N) in [0, classes).
  Tensor targets;
  Tensor example_weights = {};  ///< f32 (N), from 0, not all 0; undefined: all 1.
  LinearLoss loss = LinearLoss::kSquared;
  double quantile = 0.5;  ///< τ of the quantile loss, in (0, 1).
  double delta = 1.35;    ///< δ of the huber loss, > 0.
  int64_t classes = 0;    ///< Of a classification: at least 2, for the logistic loss 2.
  double l1 = 0.0;        ///< From 0.
  double l2 = 0.0;        ///< From 0.
  bool intercept = true;  ///< Without, the bias is 0.
};

/// How many outputs the model of a problem has: of numbers, the columns of the targets; of classes, their number, or
/// 1 for the losses that tell 2 classes by a sign.
int64_t outputs_of(const LinearProblem& problem);

/// τ or δ, where the loss has one.
double loss_parameter(const LinearProblem& problem);

/// Throws a usage error, "[linear] …", if any part of the problem is not as said above.
void check_problem(const LinearProblem& problem);

/// The problem of some of the rows, in their order.
LinearProblem take_rows(const LinearProblem& problem, std::span<const int64_t> rows);

}  // namespace gradus
