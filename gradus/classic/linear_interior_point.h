// An interior point method: for losses with kinks, to any accuracy.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"

namespace gradus {

/// The losses are the largest of α·(target − prediction) over αᵢ in an interval, so the problem is a linear program, or
/// a quadratic one with l2; l1 is such a loss of each weight. A primal-dual method with a predictor and a corrector
/// (Mehrotra, 1992) takes both to their optimum; of each iteration the work is one weighted Gram matrix and its
/// Cholesky factor. Source: Portnoy, Koenker, "The Gaussian hare and the Laplacian tortoise", 1997.
struct LinearInteriorPointOptions {
  /// Each output ends where its duality gap is at most this share of its least objective of weights that are 0, or what
  /// the sum over the rows is off by through rounding: rows·2⁻⁵² of the mean |target| (of classes: of 1).
  double tolerance = 1e-8;
};

/// A step is an iteration; some 10 to 40 are needed. For absolute, quantile and hinge, with any penalties, and few
/// features: time grows with N·F² / 2 and F³ / 3. State, of each output, for rows whose weight is above 0 and then
/// weights: "from_low" and "to_high" (how far α is from its ends), "above" and "below" (how far targets are above
/// predictions and below). Throws a usage error for what it cannot do.
std::unique_ptr<LinearSolver> make_linear_interior_point(const LinearProblem& problem,
                                                         const LinearInteriorPointOptions& options);

}  // namespace gradus
