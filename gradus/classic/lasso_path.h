// Linear models for many penalties at once: the lasso, the elastic net, and classification and other regression with
// such penalties.
#pragma once

#include <memory>
#include <vector>

#include "gradus/classic/gram.h"
#include "gradus/classic/linear_solver.h"

namespace gradus {

/// What goes from a point of a path to the next.
enum class PathMethod : uint8_t {
  kCoordinateDescent,  ///< Of the squared, logistic and Poisson loss, with one output.
  kLbfgs,              ///< Of all smooth losses, with any number of outputs.
};

/// l1 is each of a grid in turn, from the one where all weights become 0 down, each from where the one before ended.
/// With l1_ratio below 1 it is a path of the elastic net, whose penalty is
/// a·(l1_ratio·Σ|w| + (1 − l1_ratio)·½‖w‖²), with l1 = a·l1_ratio (as scikit-learn's enet_path and glmnet, which calls
/// it alpha).
struct LassoPathOptions {
  int64_t points = 100;         ///< Of the grid, from 1: a geometric series,
  double smallest = 1e-3;       ///< from the largest l1 to this share of it; in (0, 1].
  std::vector<double> l1 = {};  ///< The grid itself instead, from 0, descending.
  double l1_ratio = 1.0;        ///< In (0, 1].
  /// Each point ends when the largest element of the smallest subgradient is at most this share of the largest l1; > 0.
  /// Of the squared loss by coordinate descent: when the duality gap is at most this share of
  /// ½·Σ cᵢ·(yᵢ − ȳ)² / Σ cᵢ, the objective of weights that are 0 (ȳ the mean; 0 without intercept). It is
  /// scikit-learn's tol halved.
  double tolerance = 1e-5;
  int64_t rounds = 1000;  ///< Of a point, at most; of the other losses Newton's steps, by kLbfgs iterations.
  /// Of the squared loss by coordinate descent; else all is f64.
  GramPrecision precision = GramPrecision::kF32;
  PathMethod method = PathMethod::kCoordinateDescent;
  int64_t history = 10;  ///< Of kLbfgs: see LinearLbfgsOptions.
};

/// A path as a solver, a step of which is a point; it has converged at the last one, where it stays. The gap is that of
/// the squared loss by coordinate descent, where there is no gradient's norm. State: none beside the coefficients; of
/// that squared loss, what was restored is found again, point by point, in the next step. Coefficients to start from
/// have no effect.
class PenaltyPath : public LinearSolver {
 public:
  /// Of the grid.
  virtual int64_t points() const = 0;
  /// Of the point where the last step came to.
  virtual double l1() const = 0;
  virtual double l2() const = 0;

 protected:
  PenaltyPath() : LinearSolver("lasso_path") {}
};

/// The problem's own l1 is not looked at; its l2 is added to that of each point, so that l1 and l2 of an elastic net
/// need not keep a ratio. Throws a usage error for an option out of range, or a loss or outputs that the method has
/// not; the first step one for targets that have no minimum: all of one class, without a class, or all 0.
std::unique_ptr<PenaltyPath> make_penalty_path(const LinearProblem& problem, const LassoPathOptions& options = {});

/// The least l1 for which all weights are 0 (with any l2): the largest element of the smooth part's gradient there.
double largest_l1(const LinearProblem& problem);

struct LassoPath {
  std::vector<double> l1, l2;     ///< (points)
  Tensor weights;                 ///< f64 (points, outputs · F)
  std::vector<double> bias;       ///< (points · outputs)
  std::vector<double> objective;  ///< (points)
  std::vector<double> gap;        ///< (points), or NaN.
};

/// All steps of that.
LassoPath lasso_path(const LinearProblem& problem, const LassoPathOptions& options = {});

}  // namespace gradus
