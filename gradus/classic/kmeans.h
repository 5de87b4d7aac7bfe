// k-means clustering: Lloyd's rounds over all rows, and single steps on a few.
#pragma once

#include <cstdint>

#include "gradus/classic/kmeans_assign.h"
#include "gradus/tensor/safetensors.h"

namespace gradus {

/// Where the centres of the first round come from.
enum class KMeansStart : uint8_t {
  kPlusPlus,  ///< k-means++: rows, each drawn by its squared distance to the nearest drawn so far.
              ///< Source: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
  kRandom,    ///< Different rows, drawn with equal probability.
  kGiven,     ///< `centers`.
};

struct KMeansOptions {
  int64_t clusters = 8;  ///< k, from 1 to the number of rows.
  KMeansStart start = KMeansStart::kPlusPlus;
  Tensor centers = {};  ///< For `kGiven`: (clusters, D), f32 or f64.
  int64_t trials = 0;   ///< Of k-means++: how many rows are drawn for each centre, of which the one that leaves the
                        ///< smallest inertia is taken. 1 is the paper's rule; 0 takes scikit-learn's 2 + ⌊ln k⌋.
  double tolerance = 1e-4;  ///< A round that moves the centres by Σ ‖shift‖² ≤ tolerance · (mean variance of the
                            ///< columns) is the last. With 0, only unchanged labels end the rounds.
  int64_t max_rounds = 300;
  int64_t starts = 1;  ///< How many starts `fit_kmeans` tries, of which the one with the least inertia is kept.
  uint64_t seed = 0;
};

struct KMeansRound {
  int64_t round = 0;       ///< From 1.
  double inertia = 0.0;    ///< Σ ‖x − its centre‖² of the centres before the round.
  double shift = 0.0;      ///< Σ ‖new − old‖² over the centres.
  bool converged = false;  ///< No label has changed, or the shift is within the tolerance.
};

struct KMeansResult {
  Tensor centers = {};   ///< (k, D) f64.
  Tensor labels = {};    ///< (N) i64: the nearest of these centres.
  double inertia = 0.0;  ///< Σ ‖x − its centre‖² over all rows.
  int64_t rounds = 0;
  bool converged = false;  ///< Rather than stopped by `max_rounds`.
  uint64_t seed = 0;       ///< Of the start that `fit_kmeans` kept: with it, one start comes to the same.
};

/// Lloyd's algorithm. Source: Lloyd, "Least squares quantization in PCM", 1982. Each row belongs to the nearest centre,
/// of equally near ones to the first; distances are those of f64, sums are f64 and in a fixed order, so threads and
/// instruction sets change no label. A cluster without rows takes the row that is farthest from its centre (the next
/// one the next farthest), out of the cluster where that was, as in scikit-learn; where every row is at its centre, it
/// takes the largest cluster's centre.
class KMeans {
 public:
  /// Keeps `x`, f32 (N, D), and chooses the start; what is not finite in it, or more clusters than rows, is an error.
  KMeans(const Tensor& x, const KMeansOptions& options);

  /// One round: labels by the centres, then centres by the labels.
  KMeansRound step();
  /// Centres, and labels and inertia by them, as they are now.
  KMeansResult result() const;
  /// As they are now, (k, D) f64.
  const Tensor& centers() const { return centers_; }

  /// What later rounds depend on: "centers" (k, D) f64, "labels" (N) i64 of the last round, −1 before the first, and
  /// "round" i64.
  NamedTensors state() const;
  /// Goes on from there; an error if names, shapes or dtypes are others.
  void restore(const NamedTensors& state);

 private:
  Tensor x_, centers_, labels_, means_;
  double squares_, tolerance_;  // Σ ‖x − mean‖²; of Σ ‖shift‖²
  int64_t round_ = 0;
  detail::Slacks slacks_;
};

/// Rounds until one has converged or `max_rounds` are done, from each of `starts` starts.
KMeansResult fit_kmeans(const Tensor& x, const KMeansOptions& options);

/// The labels (N) i64 of the nearest of `centers` (k, D), f32 or f64, for the rows of x (N, D) f32, ties to the lowest.
Tensor nearest_centers(const Tensor& x, const Tensor& centers);

/// Σ ‖x_i − center of its label‖².
double inertia_of(const Tensor& x, const Tensor& labels, const Tensor& centers);

}  // namespace gradus
