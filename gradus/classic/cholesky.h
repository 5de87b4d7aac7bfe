// Linear systems with symmetric positive definite matrices.
#pragma once

#include <cstdint>
#include <vector>

namespace gradus {

/// Factors A = L·Lᵀ in place. `a` (n, n) is row-major, and only its lower triangle is read and written. False, with `a`
/// half written, if a pivot is not above `smallest`: A is not positive definite, as far as f64 can tell. Blocks are cut
/// by n alone, so threads change no bit.
bool cholesky_factor(double* a, int64_t n, double smallest = 0.0);

/// Solves L·Lᵀ·x = b in place of b (n), with L from `cholesky_factor`.
void cholesky_solve(const double* l, int64_t n, double* b);

/// Solves A·x = b where A is symmetric and positive semidefinite. It is scaled to a diagonal of ones first. Where it is
/// singular, as much is added to the diagonal as a factor needs (from 1e-12 of it), so that x solves a system beside it
/// and stays small.
class SemidefiniteSolver {
 public:
  /// Of A (n, n), row-major, of which the lower triangle is read.
  SemidefiniteSolver(std::vector<double> a, int64_t n);
  /// In place of b (n).
  void solve(double* b) const;

 private:
  std::vector<double> factor_, scale_;
};

}  // namespace gradus
