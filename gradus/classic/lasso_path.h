// The coefficients of the lasso and the elastic net, and of logistic and Poisson regression with such penalties, for
// many penalties at once.
#pragma once

#include <vector>

#include "gradus/classic/gram.h"
#include "gradus/classic/linear_problem.h"

namespace gradus {

/// A squared, logistic or Poisson loss of one output; l1 is each of a grid in turn, from the one where all weights
/// become 0 down, each from where the one before ended. With l1_ratio below 1 it is a path of the elastic net, whose
/// penalty is a·(l1_ratio·Σ|w| + (1 − l1_ratio)·½‖w‖²), with l1 = a·l1_ratio (as scikit-learn's enet_path and glmnet,
/// which calls it alpha).
struct LassoPathOptions {
  int64_t points = 100;         ///< Of the grid, from 1: a geometric series,
  double smallest = 1e-3;       ///< from the largest l1 to this share of it; in (0, 1].
  std::vector<double> l1 = {};  ///< The grid itself instead, from 0, descending.
  double l1_ratio = 1.0;        ///< In (0, 1].
  /// Each point ends when the duality gap is at most this share of ½·Σ cᵢ·(yᵢ − ȳ)² / Σ cᵢ, the objective of weights
  /// that are 0 (ȳ the mean; 0 without intercept); > 0. It is scikit-learn's tol halved. Of the other losses: when the
  /// largest element of the smallest subgradient is at most this share of the largest l1.
  double tolerance = 1e-5;
  int64_t rounds = 1000;                          ///< Of a point, at most; of the other losses Newton's steps.
  GramPrecision precision = GramPrecision::kF32;  ///< Of the squared loss; of the others it is f64.
};

struct LassoPath {
  std::vector<double> l1, l2;           ///< (points)
  Tensor weights;                       ///< f64 (points, F)
  std::vector<double> bias, objective;  ///< (points)
  std::vector<double> gap;              ///< (points) of the squared loss, else NaN.
};

/// The least l1 for which all weights are 0 (with any l2): the largest element of the smooth part's gradient there.
double largest_l1(const LinearProblem& problem);

/// The problem's own l1 is not looked at; its l2 is added to that of each point, so that l1 and l2 of an elastic net
/// need not keep a ratio. Throws a usage error for an option out of range, another loss, or targets that are all one
/// class or 0, which have no minimum.
LassoPath lasso_path(const LinearProblem& problem, const LassoPathOptions& options = {});

}  // namespace gradus
