// AdaGrad on linear problems, one example at a time.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"
#include "gradus/classic/linear_stream.h"

namespace gradus {

/// A learning rate for each coefficient, which falls with the squares of its slopes g; penalties are those of all
/// examples so far, t, so that weights become exactly 0 (Duchi, Hazan, Singer, "Adaptive subgradient methods", 2011:
/// the primal-dual update). It is
///
///     w = −sign(u)·max(|u| − l1·t, 0) / ((√(Σ g²) + epsilon) / learning_rate + l2·t),  u = Σ g
///
/// for a start at 0; for one at s, u is Σ g less s times the first term below the line, so that s is the first w.
struct LinearAdagradOptions {
  double learning_rate = 0.1;  ///< > 0.
  double epsilon = 1e-6;       ///< > 0.
  uint64_t seed = 0;
  bool shuffle = true;  ///< Each pass in another order; else 0, 1, ….
};

/// A step is a pass; its objective is as SGD's. Coefficients are f32, and a row costs what it has. State: "sums",
/// "squares" and "starts" (outputs, features + 1). Throws a usage error for an option out of range.
std::unique_ptr<LinearSolver> make_linear_adagrad(const LinearProblem& problem, const LinearAdagradOptions& options);
/// The same of rows that need not fit in memory.
std::unique_ptr<LinearSolver> make_linear_adagrad(std::unique_ptr<LinearStream> stream,
                                                  const LinearAdagradOptions& options);

}  // namespace gradus
