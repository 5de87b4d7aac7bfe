// The number of clusters: some are tried, and the best by a score is taken.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "gradus/classic/gaussian_mixture.h"
#include "gradus/classic/kmeans.h"

namespace gradus {

/// The numbers of clusters to try: `first`, `first + step`, … up to `last`.
struct ClusterRange {
  int64_t first = 2, last = 10, step = 1;
};

enum class Better : uint8_t { kHigher, kLower };

struct ClusterScore {
  int64_t clusters = 0;
  double score = 0.0;
};

struct ClusterChoice {
  std::vector<ClusterScore> table;  ///< In the order in which they were tried.
  int64_t clusters = 0;             ///< That with the best score, the first of equal ones.
};

/// Calls `score(clusters)` for each of the numbers, in their order. No number, or a score that is NaN, is an error.
ClusterChoice choose_clusters(std::span<const int64_t> numbers, Better better,
                              const std::function<double(int64_t)>& score);
/// The same for each number in the range. An empty range is an error.
ClusterChoice choose_clusters(const ClusterRange& range, Better better, const std::function<double(int64_t)>& score);

/// A score of a clustering of x (N, D) by labels (N) i64, such as the silhouette.
using LabelScore = std::function<double(const Tensor& x, const Tensor& labels)>;
/// Fits k-means with each number of clusters; `options.clusters` is not used.
ClusterChoice choose_kmeans(const Tensor& x, const ClusterRange& range, const KMeansOptions& options, Better better,
                            const LabelScore& score);

/// Fits a mixture with each number of components, and takes that with the lowest BIC; `options.components` is not used.
ClusterChoice choose_gaussian_mixture(const Tensor& x, const ClusterRange& range,
                                      const GaussianMixtureOptions& options);

}  // namespace gradus
