// How good clusters are by the points alone: whether they are dense and lie apart.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradus {

// `points` are (N, features), row-major; distances are Euclidean, in f64. `labels` names each point's cluster by any
// number. All of these throw unless there are labels for as many points and all numbers are finite. They need from 2 to
// N − 1 clusters and are NaN otherwise.

/// (b − a) / max(a, b) of each point, in [-1, 1]: a is its mean distance from the others of its cluster, b the least
/// of its mean distances from another cluster's points. 0 of a point that is alone in its cluster. Takes N² distances,
/// of which only some rows are held at a time, and gives the same bits for any number of threads.
/// Source: Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", Journal
/// of Computational and Applied Mathematics 20, 1987.
std::vector<double> silhouettes(std::span<const float> points, int64_t features, std::span<const int64_t> labels);
/// Their mean.
double silhouette_score(std::span<const float> points, int64_t features, std::span<const int64_t> labels);

/// The ratio of the variance between clusters to the variance within, each by its degrees of freedom; the higher the
/// better. 1 where all points of each cluster are equal.
/// Source: Caliński, Harabasz, "A dendrite method for cluster analysis", Communications in Statistics 3, 1974.
double calinski_harabasz(std::span<const float> points, int64_t features, std::span<const int64_t> labels);

/// The mean over the clusters of the highest (sᵢ + sⱼ) / dᵢⱼ of another: s is a cluster's mean distance from its mean,
/// d the distance of two means; 0 or more, the lower the better. Clusters whose means are equal are not compared. 0
/// where all s, or all d, are below 1e-8. Source: Davies, Bouldin, "A cluster separation measure", IEEE PAMI 1, 1979.
double davies_bouldin(std::span<const float> points, int64_t features, std::span<const int64_t> labels);

}  // namespace gradus
