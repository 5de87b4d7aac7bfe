#include "gradus/classic/choose_clusters.h"

#include <cmath>

#include "gradus/base/error.h"

namespace gradus {

ClusterChoice choose_clusters(std::span<const int64_t> numbers, Better better,
                              const std::function<double(int64_t)>& score) {
  if (numbers.empty()) fail_usage("choose_clusters", "there is no number of clusters to try; give one or more");
  ClusterChoice choice;
  double best = 0.0;
  for (const int64_t clusters : numbers) {
    const double value = score(clusters);
    if (std::isnan(value)) {
      fail("choose_clusters", "the score of {} clusters is not a number; expected one that can be compared", clusters);
    }
    choice.table.push_back({clusters, value});
    if (choice.table.size() == 1 || (better == Better::kHigher ? value > best : value < best)) {
      best = value;
      choice.clusters = clusters;
    }
  }
  return choice;
}

ClusterChoice choose_clusters(const ClusterRange& range, Better better, const std::function<double(int64_t)>& score) {
  if (range.first < 1 || range.last < range.first || range.step < 1) {
    fail_usage("choose_clusters", "{} to {} clusters by steps of {}; expected an ascending range from 1", range.first,
               range.last, range.step);
  }
  std::vector<int64_t> numbers;
  for (int64_t clusters = range.first; clusters <= range.last; clusters += range.step) numbers.push_back(clusters);
  return choose_clusters(numbers, better, score);
}

ClusterChoice choose_kmeans(const Tensor& x, const ClusterRange& range, const KMeansOptions& options, Better better,
                            const LabelScore& score) {
  return choose_clusters(range, better, [&](int64_t clusters) {
    KMeansOptions own = options;
    own.clusters = clusters;
    return score(x, fit_kmeans(x, own).labels);
  });
}

ClusterChoice choose_gaussian_mixture(const Tensor& x, const ClusterRange& range,
                                      const GaussianMixtureOptions& options) {
  return choose_clusters(range, Better::kLower, [&](int64_t components) {
    GaussianMixtureOptions own = options;
    own.components = components;
    return fit_gaussian_mixture(x, own).mixture.bic(x);
  });
}

}  // namespace gradus
