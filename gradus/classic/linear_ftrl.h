// FTRL-Proximal on linear problems, one example at a time.
#pragma once

#include <memory>

#include "gradus/classic/linear_solver.h"
#include "gradus/classic/linear_stream.h"

namespace gradus {

/// Follow the regularized leader (McMahan and others, "Ad click prediction: a view from the trenches", 2013). Of each
/// coefficient, with n the squares of its slopes g:
///
///     σ = (√(n + g²) − √n) / alpha,  z += g − σ·w,  n += g²
///     w = −sign(z)·max(|z| − l1·t, 0) / ((beta + √n) / alpha + l2·t)
///
/// z begins at 0, or for a start at s at −s·beta / alpha, so that s is the first w.
///
/// The paper's λ₁ and λ₂ are those of one sum over all examples; here the problem's, of the mean, times the examples t
/// so far.
struct LinearFtrlOptions {
  double alpha = 0.1;  ///< > 0.
  double beta = 1.0;   ///< > 0.
  uint64_t seed = 0;
  bool shuffle = true;  ///< Each pass in another order; else 0, 1, ….
};

/// A step is a pass; its objective is as SGD's. Coefficients are f32, and a row costs what it has. State: "sums" (z)
/// and "squares" (n), (outputs, features + 1). Throws a usage error for an option out of range.
std::unique_ptr<LinearSolver> make_linear_ftrl(const LinearProblem& problem, const LinearFtrlOptions& options);
/// The same of rows that need not fit in memory.
std::unique_ptr<LinearSolver> make_linear_ftrl(std::unique_ptr<LinearStream> stream, const LinearFtrlOptions& options);

}  // namespace gradus
