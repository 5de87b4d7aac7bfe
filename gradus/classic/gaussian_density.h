// The two halves of expectation-maximization, over blocks of rows.
#pragma once

#include <span>
#include <vector>

#include "gradus/classic/gaussian_mixture.h"

namespace gradus::detail {

/// What densities need of a mixture's parameters: for each component L⁻¹ of its covariance L·Lᵀ, and the logarithm of
/// its weight and of all that does not depend on x. An error of `subject` if a covariance is not positive definite.
class GaussianDensities {
 public:
  GaussianDensities(std::string_view subject, const GaussianMixture& mixture);

  /// out (rows, K) = ln (weight_k · N(x; mean_k, covariance_k)) of some rows (rows, D), on this thread.
  void joint_logs(const float* x, int64_t rows, double* out) const;

 private:
  const GaussianMixture mixture_;
  int64_t components_, columns_;
  std::vector<double> whitening_;  // (K, D, D) L⁻¹, or (K, D) 1 / standard deviation
  std::vector<double> constants_;  // (K)
};

/// Turns the joint logarithms (rows, K) into probabilities that sum to 1, and returns Σ ln Σ_k exp of the rows.
/// `logs`, if not null, gets ln Σ_k exp of each row.
double normalize_logs(int64_t rows, int64_t components, double* joint, double* logs = nullptr);

/// Σ r, Σ r·(x − mean) and Σ r·(x − mean)(x − mean)ᵀ, or the latter's diagonal, by each component's responsibilities r.
struct Moments {
  std::vector<double> counts, firsts, seconds;
  double log_likelihood = 0.0;

  Moments(Covariance covariance, int64_t components, int64_t columns);
  /// Adds some rows (rows, D) with their responsibilities (rows, K).
  void add(const float* x, int64_t rows, const double* means, const double* responsibilities);
  void add(const Moments& other);
};

/// The likeliest mixture by moments about `means`.
GaussianMixture maximize(const Moments& moments, Covariance covariance, const Tensor& means, double regularization);

}  // namespace gradus::detail
