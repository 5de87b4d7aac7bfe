// Coordinate descent: for l1, whose coefficients it makes exactly 0.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"

namespace gradus {

/// Of the squared loss a step is a round: the weights that are not 0, and as many again as violate the conditions of a
/// minimum most, are each minimised in turn until they stay (with their Gram matrix where there are at most 2048
/// features and more rows, else by columns and residuals); then all slopes and the duality gap are computed anew.
///
/// Of another loss a step is Newton's: the quadratic model at the weights, with l1, is minimised in that way, and a
/// line search (Armijo's condition with 1e-4) goes towards its minimum. Source: Yuan, Ho, Lin, "An improved GLMNET for
/// L1-regularized logistic regression", 2012.
struct LinearCoordinateDescentOptions {
  /// Of the squared loss with l1, ends where the gap is at most this share of the objective of weights that are 0. In
  /// the other cases, where the largest element of the smallest subgradient is at most this number (of the squared
  /// loss: times the largest where the weights are 0). Of the squared loss what rounding leaves of targets that are all
  /// the same is enough in any case: of the gap and of slopes what `Quadratic` says.
  double tolerance = 1e-6;
};

/// For squared, poisson and logistic. State: none beside the coefficients. Throws a usage error for another loss.
std::unique_ptr<LinearSolver> make_linear_coordinate_descent(const LinearProblem& problem,
                                                             const LinearCoordinateDescentOptions& options);

/// The latter kind: for poisson and logistic.
std::unique_ptr<AdjustableSolver> make_linear_newton_descent(const LinearProblem& problem,
                                                             const LinearCoordinateDescentOptions& options);

}  // namespace gradus
