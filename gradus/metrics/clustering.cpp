#include "gradus/metrics/clustering.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/metrics/examples.h"
#include "gradus/metrics/groups.h"

namespace gradus {
namespace {

using detail::Groups;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kSilhouette = "silhouette";

/// Points and their clusters, checked.
class Clusters {
 public:
  Clusters(const char* measure, std::span<const float> points, int64_t features, std::span<const int64_t> labels)
      : groups(labels), features_(static_cast<size_t>(features)), points_(points) {
    if (features < 1) fail_usage(measure, "{} features; expected 1 or more", features);
    if (points.size() / features_ != labels.size() || points.size() % features_ != 0) {
      fail(measure, "{} numbers for {} labels; expected {} a point", points.size(), labels.size(), features);
    }
    detail::check_finite(measure, "feature", points, features);
  }

  size_t points() const { return groups.of.size(); }
  size_t features() const { return features_; }
  std::span<const float> point(size_t i) const { return points_.subspan(i * features_, features_); }
  bool can_be_compared() const { return groups.count() >= 2 && groups.count() < points(); }

  /// (clusters, features)
  std::vector<double> means() const {
    std::vector<double> means(groups.count() * features_);
    for (size_t i = 0; i < points(); ++i) {
      for (size_t f = 0; f < features_; ++f) means[groups.of[i] * features_ + f] += point(i)[f];
    }
    for (size_t c = 0; c < groups.count(); ++c) {
      for (size_t f = 0; f < features_; ++f) means[c * features_ + f] /= static_cast<double>(groups.sizes[c]);
    }
    return means;
  }

  const Groups groups;

 private:
  size_t features_;
  std::span<const float> points_;
};

template <class A, class B>
double squared_distance(std::span<const A> a, std::span<const B> b) {
  double sum = 0.0;
  for (size_t f = 0; f < a.size(); ++f) {
    const double difference = static_cast<double>(a[f]) - static_cast<double>(b[f]);
    sum += difference * difference;
  }
  return sum;
}

/// Points by their clusters, in tiles of 16 whose numbers lie feature by feature: the compiler makes vectors of that.
class Tiles {
 public:
  static constexpr size_t kWidth = 16;
  using Distances = std::array<double, kWidth>;

  explicit Tiles(const Clusters& clusters)
      : order(clusters.points()), features_(clusters.features()), values_(count() * kWidth * features_) {
    std::iota(order.begin(), order.end(), size_t{0});
    const std::vector<size_t>& of = clusters.groups.of;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return of[a] < of[b]; });
    for (size_t i = 0; i < order.size(); ++i) {
      float* tile = values_.data() + i / kWidth * kWidth * features_;
      for (size_t f = 0; f < features_; ++f) tile[f * kWidth + i % kWidth] = clusters.point(order[i])[f];
    }
  }

  size_t count() const { return (order.size() + kWidth - 1) / kWidth; }

  /// From `point` to the points of a tile; in the last there may be fewer.
  void distances(std::span<const float> point, size_t tile, Distances& distances) const {
    const float* values = values_.data() + tile * kWidth * features_;
    Distances sums{};
    for (size_t f = 0; f < features_; ++f) {
      const double own = point[f];
      for (size_t t = 0; t < kWidth; ++t) {
        const double difference = own - static_cast<double>(values[f * kWidth + t]);
        sums[t] += difference * difference;
      }
    }
    for (size_t t = 0; t < kWidth; ++t) distances[t] = std::sqrt(sums[t]);
  }

  std::vector<size_t> order;  ///< The point at each place.

 private:
  size_t features_;
  std::vector<float> values_;
};

// From the sums of a point's distances to the points of each cluster.
double silhouette(std::span<const double> sums, const Groups& groups, size_t own) {
  if (groups.sizes[own] == 1) return 0.0;
  const double a = sums[own] / static_cast<double>(groups.sizes[own] - 1);
  double b = std::numeric_limits<double>::infinity();
  for (size_t c = 0; c < sums.size(); ++c) {
    if (c != own) b = std::min(b, sums[c] / static_cast<double>(groups.sizes[c]));
  }
  const double larger = std::max(a, b);
  return larger == 0.0 ? 0.0 : (b - a) / larger;
}

}  // namespace

std::vector<double> silhouettes(std::span<const float> points, int64_t features, std::span<const int64_t> labels) {
  const Clusters clusters(kSilhouette, points, features, labels);
  const Groups& groups = clusters.groups;
  std::vector<double> values(clusters.points(), kNaN);
  if (!clusters.can_be_compared()) return values;
  const Tiles tiles(clusters);
  constexpr int64_t kRows = 32;  // that a tile is compared with while it is in cache
  parallel_for(static_cast<int64_t>(clusters.points()), kRows, [&](int64_t begin, int64_t end) {
    std::vector<double> sums(static_cast<size_t>(end - begin) * groups.count());
    Tiles::Distances distances;
    const auto first = static_cast<size_t>(begin), rows = static_cast<size_t>(end - begin);
    for (size_t tile = 0; tile < tiles.count(); ++tile) {
      const size_t start = tile * Tiles::kWidth, filled = std::min(Tiles::kWidth, clusters.points() - start);
      for (size_t row = 0; row < rows; ++row) {
        tiles.distances(clusters.point(tiles.order[first + row]), tile, distances);
        double* row_sums = sums.data() + row * groups.count();
        for (size_t t = 0; t < filled; ++t) row_sums[groups.of[tiles.order[start + t]]] += distances[t];
      }
    }
    for (size_t row = 0; row < rows; ++row) {
      const size_t point = tiles.order[first + row];
      const std::span<const double> row_sums = std::span(sums).subspan(row * groups.count(), groups.count());
      values[point] = silhouette(row_sums, groups, groups.of[point]);
    }
  });
  return values;
}

double silhouette_score(std::span<const float> points, int64_t features, std::span<const int64_t> labels) {
  const std::vector<double> values = silhouettes(points, features, labels);
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double calinski_harabasz(std::span<const float> points, int64_t features, std::span<const int64_t> labels) {
  const Clusters clusters("calinski_harabasz", points, features, labels);
  if (!clusters.can_be_compared()) return kNaN;
  const Groups& groups = clusters.groups;
  const std::vector<double> means = clusters.means();
  const auto mean_of = [&](size_t c) { return std::span(means).subspan(c * clusters.features(), clusters.features()); };
  std::vector<double> centre(clusters.features());
  for (size_t i = 0; i < clusters.points(); ++i) {
    for (size_t f = 0; f < centre.size(); ++f) centre[f] += clusters.point(i)[f];
  }
  const auto count = static_cast<double>(clusters.points()), k = static_cast<double>(groups.count());
  for (double& x : centre) x /= count;
  double between = 0.0, within = 0.0;
  for (size_t c = 0; c < groups.count(); ++c) {
    between += static_cast<double>(groups.sizes[c]) * squared_distance(mean_of(c), std::span<const double>(centre));
  }
  for (size_t i = 0; i < clusters.points(); ++i) {
    within += squared_distance(clusters.point(i), mean_of(groups.of[i]));
  }
  return within == 0.0 ? 1.0 : between * (count - k) / (within * (k - 1.0));
}

double davies_bouldin(std::span<const float> points, int64_t features, std::span<const int64_t> labels) {
  constexpr double kNothing = 1e-8;
  const Clusters clusters("davies_bouldin", points, features, labels);
  if (!clusters.can_be_compared()) return kNaN;
  const Groups& groups = clusters.groups;
  const std::vector<double> means = clusters.means();
  const auto mean_of = [&](size_t c) { return std::span(means).subspan(c * clusters.features(), clusters.features()); };
  std::vector<double> spread(groups.count()), worst(groups.count()), farthest(groups.count());
  for (size_t i = 0; i < clusters.points(); ++i) {
    spread[groups.of[i]] += std::sqrt(squared_distance(clusters.point(i), mean_of(groups.of[i])));
  }
  for (size_t c = 0; c < groups.count(); ++c) spread[c] /= static_cast<double>(groups.sizes[c]);
  parallel_for(static_cast<int64_t>(groups.count()), 16, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      for (size_t j = 0; j < groups.count(); ++j) {
        const double distance = std::sqrt(squared_distance(mean_of(i), mean_of(j)));
        if (distance > 0.0) worst[i] = std::max(worst[i], (spread[i] + spread[j]) / distance);
        farthest[i] = std::max(farthest[i], distance);
      }
    }
  });
  const auto is_nothing = [](double x) { return x <= kNothing; };
  if (std::all_of(spread.begin(), spread.end(), is_nothing)) return 0.0;
  if (std::all_of(farthest.begin(), farthest.end(), is_nothing)) return 0.0;
  return std::accumulate(worst.begin(), worst.end(), 0.0) / static_cast<double>(groups.count());
}

}  // namespace gradus
