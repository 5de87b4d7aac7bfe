// Stochastic gradient descent on linear problems.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"
#include "gradus/classic/linear_stream.h"

namespace gradus {

/// The learning rate η of update t, counted from 1 over all passes.
enum class LinearSgdRate : uint8_t {
  kConstant,  ///< learning_rate
  kOptimal,   ///< 1 / (l2·(t₀ + t − 1)), t₀ so that the first steps are of the size weights are expected to have
              ///< (Bottou; scikit-learn's "optimal"); needs l2 > 0.
  kInverseScaling,  ///< learning_rate / t^power
};

/// For each batch of B examples, in an order that is a function of seed and pass:
///
///     w ← (1 − η·l2)·w − η·Σ cᵢ·loss'(zᵢ, yᵢ)·xᵢ / B,  then  w ← sign(w)·max(|w| − η·l1, 0)
///
/// and the same for the bias, without penalties. With B = 1 (Robbins, Monro, 1951) the updates are a chain, each of one
/// row's numbers: the penalty is a factor that all weights have in common, so l1 must be 0. Example weights cᵢ are
/// divided by their mean.
struct LinearSgdOptions {
  int64_t batch_size = 1;  ///< B, from 1.
  LinearSgdRate rate = LinearSgdRate::kOptimal;
  double learning_rate = 0.01;  ///< > 0, and learning_rate·l2 < 1.
  double power = 0.5;           ///< Of kInverseScaling; from 0.
  /// The bias has η times this, > 0. Each example has a bias and few have a weight of sparse data: with 0.01, as in
  /// scikit-learn then, it does not swing.
  double bias_rate = 1.0;
  /// The coefficients are the mean of all w since update `average_from` (Polyak, Juditsky, 1992), counted from 1; 0:
  /// the last w.
  int64_t average_from = 0;
  uint64_t seed = 0;
  bool shuffle = true;  ///< Each pass in another order; else 0, 1, ….
  /// Ends when the objective has not fallen by `tolerance` below its best for `patience` passes in a row; 0: never.
  double tolerance = 0.0;
  int64_t patience = 5;
};

/// A step is a pass over the data. Its objective is the mean of the losses of each example before its own update, and
/// the penalties at the end: no pass of its own is spent on it. Coefficients are f32. Outputs that do not depend on
/// each other are spread over threads. State: "last_weights", "last_bias" and "average_count" (with an average), "best"
/// (the best objective, and how many passes did not reach it). Throws a usage error for an option out of range.
std::unique_ptr<LinearSolver> make_linear_sgd(const LinearProblem& problem, const LinearSgdOptions& options);
/// The same of rows that need not fit in memory. A batch lies in one piece of them, so that the last of each piece may
/// be shorter.
std::unique_ptr<LinearSolver> make_linear_sgd(std::unique_ptr<LinearStream> stream, const LinearSgdOptions& options);

}  // namespace gradus
