// Newton's method with a line search: for smooth losses and few features.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"

namespace gradus {

/// x −= t·H⁻¹·g: for the squared loss the closed form of ridge regression, for logistic and Poisson iteratively
/// reweighted least squares. H is solved by Cholesky's factor; where it is singular (columns that are equal or
/// constant) by that of a matrix beside it. t is 1, or as much smaller as the objective needs to fall (Armijo's
/// condition with 1e-4).
///
/// H only leads the way, the gradient is that of all rows. So H is kept while each step makes the gradient 10 times
/// smaller; and of many rows it is that of a sample. The first step starts from the minimum over samples; where a new H
/// makes the gradient less than 3 times smaller, the sample grows to four times its rows. Source: Roosta-Khorasani,
/// Mahoney, "Sub-sampled Newton methods", 2019.
struct LinearNewtonOptions {
  /// Ends where the largest element of the gradient is no larger; or where a step promises less than 1e-14 of the
  /// objective and the gradient has not become half, which is what f64 can do.
  double tolerance = 1e-6;
  bool sample = true;  ///< May use samples.
};

/// A step is an iteration: a pass over all rows, more where the line search goes back. For squared, poisson, logistic
/// and squared_hinge; no l1. Time grows with N·F² / 2 and F³ / 3, memory with F². State: "hessian_rows",
/// "hessian_at". Throws a usage
/// error for what it cannot do.
std::unique_ptr<LinearSolver> make_linear_newton(const LinearProblem& problem, const LinearNewtonOptions& options);

}  // namespace gradus
