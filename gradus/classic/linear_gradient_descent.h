// Gradient descent over the whole data.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"

namespace gradus {

/// x ← prox(x − η·g): g is the gradient of all rows, prox the soft threshold of the weights by η·l1 (proximal gradient
/// descent). By itself η is searched: it is doubled after a step and halved until the objective's smooth part lies
/// below its quadratic model of curvature 1/η (Beck, Teboulle, 2009).
struct LinearGradientDescentOptions {
  double learning_rate = 0.0;  ///< η, the same in each step; 0: searched, for smooth losses.
  /// Nesterov's momentum (FISTA), which starts anew where it would lead upwards (O'Donoghue, Candès, 2015).
  bool accelerate = false;
  /// Ends where the largest element of the smallest subgradient is no larger.
  double tolerance = 1e-6;
};

/// A step is an iteration: a pass over the data, more where η is searched. State: "rate" (η, 0 at the start), and with
/// `accelerate` "last" (the coefficients before) and "momentum". Throws a usage error for an option out of range.
std::unique_ptr<LinearSolver> make_linear_gradient_descent(const LinearProblem& problem,
                                                           const LinearGradientDescentOptions& options);

}  // namespace gradus
