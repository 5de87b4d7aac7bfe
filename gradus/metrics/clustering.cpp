#include "gradus/metrics/clustering.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/metrics/distance_simd.h"
#include "gradus/metrics/examples.h"
#include "gradus/metrics/groups.h"

namespace gradus {
namespace {

using detail::Groups;
using detail::kTileRows;
using detail::kTileWidth;

using detail::kNaN;
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

/// The points by their clusters, and the sums of distances from them.
class Tiles {
 public:
  explicit Tiles(const Clusters& clusters)
      : order_(clusters.points()), cluster_(clusters.points()), clusters_(clusters) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    const std::vector<size_t>& of = clusters.groups.of;
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return of[a] < of[b]; });
    values_.resize((order_.size() + kTileWidth - 1) / kTileWidth * kTileWidth * clusters.features());
    for (size_t i = 0; i < order_.size(); ++i) {
      cluster_[i] = of[order_[i]];
      float* tile = values_.data() + i / kTileWidth * kTileWidth * clusters.features();
      for (size_t f = 0; f < clusters.features(); ++f) {
        tile[f * kTileWidth + i % kTileWidth] = clusters.point(order_[i])[f];
      }
    }
  }

  /// The point at a place.
  size_t point(size_t place) const { return order_[place]; }

  /// The sums of distances to the points of each cluster, (count, clusters), of the points at `count` places.
  std::vector<double> distance_sums(size_t first, size_t count) const {
    const size_t features = clusters_.features(), clusters = clusters_.groups.count();
    // Points stand together in fours, of which the last may be filled up with zeros.
    const size_t fours = (count + kTileRows - 1) / kTileRows;
    std::vector<double> rows(fours * kTileRows * features), sums(count * clusters);
    for (size_t i = 0; i < count; ++i) {
      double* four = rows.data() + i / kTileRows * kTileRows * features;
      for (size_t f = 0; f < features; ++f) four[f * kTileRows + i % kTileRows] = clusters_.point(order_[first + i])[f];
    }
    std::array<double, kTileRows * kTileWidth> distances;
    for (size_t start = 0; start < order_.size(); start += kTileWidth) {
      const size_t end = std::min(start + kTileWidth, order_.size());
      for (size_t i = 0; i < count; ++i) {
        if (i % kTileRows == 0) {
          detail::tile_distances(rows.data() + i * features, values_.data() + start * features, features,
                                 distances.data());
        }
        add(std::span(distances).subspan(i % kTileRows * kTileWidth), start, end, sums.data() + i * clusters);
      }
    }
    return sums;
  }

 private:
  // Adds the distances of the places [start, end) to the sums of their clusters.
  void add(std::span<const double> distances, size_t start, size_t end, double* sums) const {
    for (size_t i = start; i < end;) {
      const size_t cluster = cluster_[i];
      double sum = 0.0;
      for (; i < end && cluster_[i] == cluster; ++i) sum += distances[i - start];
      sums[cluster] += sum;
    }
  }

  std::vector<size_t> order_, cluster_;  // the point, and its cluster, at each place
  const Clusters& clusters_;
  std::vector<float> values_;  // tiles of (features, kTileWidth); what is beyond the last point is 0
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
    const auto first = static_cast<size_t>(begin), count = static_cast<size_t>(end - begin);
    const std::vector<double> sums = tiles.distance_sums(first, count);
    for (size_t i = 0; i < count; ++i) {
      const size_t point = tiles.point(first + i);
      const auto own_sums = std::span(sums).subspan(i * groups.count(), groups.count());
      values[point] = silhouette(own_sums, groups, groups.of[point]);
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
