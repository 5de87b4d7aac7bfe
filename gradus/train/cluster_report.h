// All that is to be said of how good the clusters of a run are on a part of the data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/dataset.h"
#include "gradus/nn/metrics.h"
#include "gradus/train/trained_run.h"

namespace gradus {

struct ClusterReport {
  int64_t examples = 0;
  std::vector<int64_t> sizes = {};  ///< The examples of each cluster.
  /// loss; of k-means inertia; of a mixture mean_log_likelihood, bic and aic; silhouette, calinski_harabasz and
  /// davies_bouldin; and where classes are known adjusted_rand, adjusted_mutual_information,
  /// normalized_mutual_information, homogeneity, completeness and v_measure. Measures that the examples leave undefined
  /// are left out.
  std::vector<Metric> measures = {};
  int64_t silhouette_examples = 0;  ///< A sample, if they are fewer than all.
};

/// Measures the clusters of these examples; a usage error for a model of anything else.
ClusterReport make_cluster_report(const TrainedRun& run, const Dataset& part);

/// For people.
std::string cluster_report_table(const ClusterReport& report);
/// One JSON object: {"data": `data`, "examples", each measure, "silhouette_examples", "clusters": [sizes]}.
std::string cluster_report_json(const ClusterReport& report, std::string_view data);

/// The silhouettes' mean of x f32 (N, D) by labels i64 (N), or of kMostSilhouettes rows of it, always the same ones,
/// since it takes the square of their number. NaN if all of them are in one cluster.
double sampled_silhouette(const Tensor& x, const Tensor& labels);
constexpr int64_t kMostSilhouettes = 5000;

}  // namespace gradus
