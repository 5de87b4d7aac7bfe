#include "gradus/classic/choose_clusters.h"

#include <limits>

#include "tests/classic/clustering_data.h"

namespace gradus {
namespace choose_clusters_test {

// Calinski and Harabasz's ratio, from the inertia alone.
double variance_ratio(const Tensor& x, const Tensor& labels) {
  const double rows = static_cast<double>(x.size(0));
  int64_t clusters = 0;
  for (const int64_t label : labels.values<int64_t>()) clusters = std::max(clusters, label + 1);
  std::vector<double> sums(static_cast<size_t>(clusters * x.size(1))), counts(static_cast<size_t>(clusters));
  for (int64_t i = 0; i < x.size(0); ++i) {
    const int64_t label = labels.data<int64_t>()[i];
    ++counts[static_cast<size_t>(label)];
    for (int64_t p = 0; p < x.size(1); ++p) {
      sums[static_cast<size_t>(label * x.size(1) + p)] += static_cast<double>(x.data<float>()[i * x.size(1) + p]);
    }
  }
  for (size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i / static_cast<size_t>(x.size(1))];
  const double within = inertia_of(x, labels, Tensor::from(sums, {clusters, x.size(1)}));
  const double total = fit_kmeans(x, {.clusters = 1}).inertia;
  const double k = static_cast<double>(clusters);
  return (total - within) / (k - 1) / (within / (rows - k));
}

TEST(ChooseClusters, TakesTheBestOfARange) {
  const auto square = [](int64_t k) { return static_cast<double>((k - 5) * (k - 5)); };
  const ClusterChoice lowest = choose_clusters({.first = 2, .last = 9, .step = 2}, Better::kLower, square);
  EXPECT_EQ(lowest.clusters, 4) << "the smaller of two equal ones";
  ASSERT_EQ(lowest.table.size(), 4U);
  EXPECT_EQ(lowest.table[3].clusters, 8);
  EXPECT_EQ(lowest.table[3].score, 9.0);
  EXPECT_EQ(choose_clusters({.first = 2, .last = 9}, Better::kHigher, square).clusters, 9);
  const std::vector<int64_t> numbers = {9, 3, 7, 1};
  EXPECT_EQ(choose_clusters(numbers, Better::kLower, square).clusters, 3) << "the first of two equal ones";
}

TEST(ChooseClusters, FindsTheBlobs) {
  const Tensor x = clustering_data("apart");
  EXPECT_EQ(choose_kmeans(x, {2, 7}, {.seed = 3}, Better::kHigher, variance_ratio).clusters, 4);
  for (const Covariance covariance : {Covariance::kFull, Covariance::kDiagonal}) {
    EXPECT_EQ(choose_gaussian_mixture(x, {1, 7}, {.covariance = covariance, .seed = 3}).clusters, 4);
  }
}

TEST(ChooseClusters, RefusesWhatCannotBeCompared) {
  const auto score = [](int64_t) { return std::numeric_limits<double>::quiet_NaN(); };
  EXPECT_EQ(usage_error_text([&] { choose_clusters(std::span<const int64_t>(), Better::kLower, score); }),
            "[choose_clusters] there is no number of clusters to try; give one or more");
  EXPECT_EQ(usage_error_text([&] {
              choose_clusters({3, 2}, Better::kLower, score);
            }),
            "[choose_clusters] 3 to 2 clusters by steps of 1; expected an ascending range from 1");
  EXPECT_EQ(error_text([&] {
              choose_clusters({3, 4}, Better::kLower, score);
            }),
            "[choose_clusters] the score of 3 clusters is not a number; expected one that can be compared");
}

}  // namespace choose_clusters_test
}  // namespace gradus
