// L-BFGS, with orthants for l1: for smooth losses and any number of features.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"

namespace gradus {

/// x moves along −H·g, where H comes of the last `history` steps (Liu, Nocedal, 1989), to where the weak conditions of
/// Wolfe hold (with 1e-4 and 0.9; by bisection: Lewis, Overton, 2013). With l1 it is OWL-QN (Andrew, Gao, "Scalable
/// training of L1-regularized log-linear models", 2007): g is the smallest subgradient, no weight changes its sign
/// within a step, and t is halved until Armijo's condition holds.
struct LinearLbfgsOptions {
  int64_t history = 10;  ///< From 1 to 1000.
  /// Ends where the largest element of the smallest subgradient is no larger, or where, without a history, the objective
  /// does not fall any more and the gradient does not become half, which is what f64 can do.
  double tolerance = 1e-6;
};

/// A step is an iteration: a pass over the data, and one for each further look of the line search. For smooth losses:
/// all but absolute, quantile and hinge. State: "history.steps" and "history.changes" (history, coefficients),
/// "history.numbers". Throws a usage error for an option out of range or another loss.
std::unique_ptr<AdjustableSolver> make_linear_lbfgs(const LinearProblem& problem, const LinearLbfgsOptions& options);

}  // namespace gradus
