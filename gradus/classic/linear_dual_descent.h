// Dual coordinate descent: the linear support vector machine.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"

namespace gradus {

/// Maximises the dual over one example's α after the other, w = Σ αᵢ·sᵢ·xᵢ following (Hsieh, Chang, Lin, Keerthi,
/// Sundararajan, "A dual coordinate descent method for large-scale linear SVM", 2008: LIBLINEAR's). There the bias has
/// a penalty of its own, which this objective does not have: it is ½·l2·(b − center)² here, and the center follows the
/// bias, so that the penalty is 0 at the end (the proximal point method: Rockafellar, 1976).
struct LinearDualDescentOptions {
  /// Ends where the duality gap is at most this share of the objective.
  double tolerance = 1e-4;
  uint64_t seed = 0;  ///< Of the order of the examples, another in each pass.
};

/// A step is a pass over the examples, and another for the gap. For hinge and squared_hinge with l2 > 0, no l1. Classes
/// are spread over threads. State: "dual" (outputs, N), each αᵢ divided by its largest value, the example's share of
/// the loss (of squared_hinge it may be above 1); "center" (outputs). Throws a usage error for what it cannot do.
std::unique_ptr<LinearSolver> make_linear_dual_descent(const LinearProblem& problem,
                                                       const LinearDualDescentOptions& options);

}  // namespace gradus
