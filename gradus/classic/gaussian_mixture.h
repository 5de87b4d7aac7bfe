// Gaussian mixtures, fitted by expectation-maximization.
#pragma once

#include <cstdint>

#include "gradus/tensor/safetensors.h"

namespace gradus {

enum class Covariance : uint8_t {
  kFull,      ///< A matrix (D, D) for each component.
  kDiagonal,  ///< A variance for each column of each component.
};

/// Rows that a thread takes at once: their differences from a mean stay in the cache.
inline constexpr int64_t kMixtureRowsTogether = 256;

/// p(x) = Σ_k weight_k · N(x; mean_k, covariance_k). Everything is f64; `x` is f32 (N, D), as in training.
struct GaussianMixture {
  Covariance covariance = Covariance::kFull;
  Tensor weights = {};      ///< (K), their sum is 1.
  Tensor means = {};        ///< (K, D).
  Tensor covariances = {};  ///< (K, D, D), or (K, D) if diagonal.

  /// ln p of each row, (N).
  Tensor log_likelihoods(const Tensor& x) const;
  /// The mean of those.
  double score(const Tensor& x) const;
  /// How likely each component is to have made each row, (N, K); rows sum to 1.
  Tensor probabilities(const Tensor& x) const;
  /// The likeliest component of each row, (N) i64, ties to the lowest.
  Tensor predict(const Tensor& x) const;
  /// Of weights (whose sum is given), means and covariances.
  int64_t free_parameters() const;
  /// −2·ln p(all rows) + free parameters · ln N: lower is better. Source: Schwarz, "Estimating the dimension of a
  /// model", 1978.
  double bic(const Tensor& x) const;
  /// −2·ln p(all rows) + 2 · free parameters. Source: Akaike, "A new look at the statistical model identification",
  /// 1974.
  double aic(const Tensor& x) const;
};

/// Where the first parameters come from: a maximization step by responsibilities that are …
enum class MixtureStart : uint8_t {
  kKMeans,            ///< … 1 for a row's cluster by k-means from k-means++, 0 for the others.
  kPlusPlus,          ///< … 1 for the nearest of rows that k-means++ draws, 0 for the others.
  kRandom,            ///< … 1 for the nearest of different rows, drawn with equal probability, 0 for the others.
  kMeans,             ///< … 1 for the nearest of `means`, 0 for the others.
  kResponsibilities,  ///< … given.
};

struct GaussianMixtureOptions {
  int64_t components = 1;  ///< K, from 1 to the number of rows.
  Covariance covariance = Covariance::kFull;
  MixtureStart start = MixtureStart::kKMeans;
  Tensor means = {};             ///< For `kMeans`: (components, D), f32 or f64.
  Tensor responsibilities = {};  ///< For `kResponsibilities`: (N, components), f32 or f64, each row's sum 1.
  double regularization = 1e-6;  ///< Added to the variances, the covariances' diagonals.
  double tolerance = 1e-3;       ///< The rounds end when the lower bound changes by less.
  int64_t max_rounds = 100;
  int64_t starts = 1;  ///< How many starts `fit_gaussian_mixture` tries, of which that with the highest bound is kept.
  uint64_t seed = 0;
};

struct MixtureRound {
  int64_t round = 0;         ///< From 1.
  double lower_bound = 0.0;  ///< The mean of ln p of the rows, by the parameters before the round.
  bool converged = false;    ///< It has changed by less than the tolerance.
};

/// Expectation-maximization, a round a step. Source: Dempster, Laird and Rubin, "Maximum likelihood from incomplete
/// data via the EM algorithm", 1977. A covariance that is not positive definite is an error that names the component.
/// Sums are in a fixed order, so threads change no bit.
class ExpectationMaximization {
 public:
  ExpectationMaximization(const Tensor& x, const GaussianMixtureOptions& options);

  MixtureRound step();
  /// The parameters as they are now.
  GaussianMixture mixture() const;

  /// What later rounds depend on: "weights", "means", "covariances", "lower_bound" and "round".
  NamedTensors state() const;
  /// Goes on from there; an error if names, shapes or dtypes are others.
  void restore(const NamedTensors& state);

 private:
  Tensor x_;
  double regularization_, tolerance_;
  GaussianMixture mixture_;
  double lower_bound_;
  int64_t round_ = 0;
};

struct GaussianMixtureResult {
  GaussianMixture mixture = {};
  double lower_bound = 0.0;  ///< Of the last round, before its maximization.
  int64_t rounds = 0;
  bool converged = false;  ///< Rather than stopped by `max_rounds`.
  uint64_t seed = 0;       ///< Of the start that was kept: with it, one start comes to the same.
};

/// Rounds until one has converged or `max_rounds` are done, from each of `starts` starts.
GaussianMixtureResult fit_gaussian_mixture(const Tensor& x, const GaussianMixtureOptions& options);

}  // namespace gradus
