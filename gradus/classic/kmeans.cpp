#include "gradus/classic/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/classic/kmeans_assign.h"
#include "gradus/classic/kmeans_start.h"
#include "gradus/classic/rows.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

using detail::Clusters;

// Gives each empty cluster one of the rows farthest from their centres, if any is away from it.
void refill(const Tensor& x, const Tensor& labels, const Tensor& centers, Clusters& clusters) {
  std::vector<size_t> empty;
  for (size_t j = 0; j < clusters.counts.size(); ++j) {
    if (clusters.counts[j] == 0) empty.push_back(j);
  }
  if (empty.empty()) return;
  const std::vector<double> distances = detail::distances_of(x, labels, centers);
  std::vector<int64_t> farthest(distances.size());
  std::iota(farthest.begin(), farthest.end(), 0);
  const auto is_farther = [&](int64_t a, int64_t b) {
    const double da = distances[static_cast<size_t>(a)], db = distances[static_cast<size_t>(b)];
    return da > db || (da == db && a < b);
  };
  std::partial_sort(farthest.begin(), farthest.begin() + static_cast<int64_t>(empty.size()), farthest.end(),
                    is_farther);
  if (distances[static_cast<size_t>(farthest[0])] == 0.0) return;
  const size_t columns = static_cast<size_t>(x.size(1));
  for (size_t e = 0; e < empty.size(); ++e) {
    const float* row = x.data<float>() + farthest[e] * x.size(1);
    const size_t from = static_cast<size_t>(labels.data<int64_t>()[farthest[e]]), to = empty[e];
    for (size_t p = 0; p < columns; ++p) {
      clusters.sums[from * columns + p] -= static_cast<double>(row[p]);
      clusters.sums[to * columns + p] = static_cast<double>(row[p]);
    }
    --clusters.counts[from];
    clusters.counts[to] = 1;
  }
}

// The mean of each cluster; an empty one has that of the largest.
Tensor means_of(const Clusters& clusters, int64_t columns) {
  const auto& counts = clusters.counts;
  const size_t largest = static_cast<size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  Tensor means = Tensor::empty({static_cast<int64_t>(counts.size()), columns}, DType::kF64);
  double* to = means.mutable_data<double>();
  for (size_t j = 0; j < counts.size(); ++j) {
    const size_t from = counts[j] > 0 ? j : largest;
    for (size_t p = 0; p < static_cast<size_t>(columns); ++p) {
      *to++ = clusters.sums[from * static_cast<size_t>(columns) + p] / static_cast<double>(counts[from]);
    }
  }
  return means;
}

// Σ ‖x − its centre‖² by the sums alone, where Σ ‖x − mean‖² is known: Σ −2·(c − mean)·(sum − count·mean) +
// count·‖c − mean‖² is what the centres change of it.
double inertia_by_sums(const Clusters& clusters, const Tensor& centers, const Tensor& means, double squares) {
  const double *c = centers.data<double>(), *sum = clusters.sums.data();
  double change = 0.0;
  for (const int64_t members : clusters.counts) {
    const double count = static_cast<double>(members);
    for (int64_t p = 0; p < centers.size(1); ++p) {
      const double mean = means.data<double>()[p], off = *c++ - mean;
      change += off * (count * off - 2.0 * (*sum++ - count * mean));
    }
  }
  return std::max(0.0, squares + change);
}

Tensor new_labels(int64_t rows) { return Tensor::full({rows}, -1.0, DType::kI64); }

}  // namespace

KMeans::KMeans(const Tensor& x, const KMeansOptions& options) {
  if (!(options.tolerance >= 0.0 && std::isfinite(options.tolerance))) {
    fail_usage("kmeans", "tolerance is {}; expected a finite number from 0", options.tolerance);
  }
  detail::RowStatistics statistics;
  x_ = detail::checked_rows("kmeans", x, &statistics);
  centers_ = detail::start_centers("kmeans", x_, options);
  labels_ = new_labels(x_.size(0));
  means_ = Tensor::from(statistics.means, {x_.size(1)});
  squares_ = statistics.squares;
  tolerance_ = options.tolerance * squares_ / static_cast<double>(x_.numel());
}

KMeansRound KMeans::step() {
  Clusters clusters = detail::assign(x_, centers_, labels_, slacks_);
  KMeansRound round{.round = ++round_};
  round.inertia = inertia_by_sums(clusters, centers_, means_, squares_);
  refill(x_, labels_, centers_, clusters);
  Tensor moved = means_of(clusters, x_.size(1));
  round.shift = detail::squared_difference(moved, centers_);
  round.converged = !clusters.has_changed || round.shift <= tolerance_;
  slacks_.note_moves(centers_, moved);
  centers_ = std::move(moved);
  return round;
}

KMeansResult KMeans::result() const {
  KMeansResult result{.centers = centers_.clone(), .labels = labels_.clone(), .rounds = round_};
  detail::Slacks slacks = slacks_;
  detail::relabel(x_, centers_, result.labels, slacks);
  result.inertia = detail::sum_of(detail::distances_of(x_, result.labels, centers_));
  return result;
}

NamedTensors KMeans::state() const {
  return {{"centers", centers_.clone()},
          {"labels", labels_.clone()},
          {"round", Tensor::from(std::vector<int64_t>{round_}, {})}};
}

void KMeans::restore(const NamedTensors& state) {
  Tensor centers = detail::find_state("kmeans", state, "centers", centers_);
  Tensor labels = detail::find_state("kmeans", state, "labels", labels_);
  round_ = detail::find_state("kmeans", state, "round", Tensor::zeros({}, DType::kI64)).values<int64_t>()[0];
  centers_ = std::move(centers);
  labels_ = std::move(labels);
  slacks_ = {};
}

KMeansResult fit_kmeans(const Tensor& x, const KMeansOptions& options) {
  if (options.max_rounds < 1) fail_usage("kmeans", "{} rounds at most; expected 1 or more", options.max_rounds);
  if (options.starts < 1) fail_usage("kmeans", "{} starts; expected 1 or more", options.starts);
  KMeansResult best{.inertia = std::numeric_limits<double>::infinity()};
  for (int64_t i = 0; i < options.starts; ++i) {
    KMeansOptions own = options;
    if (i > 0) own.seed = mix(options.seed, static_cast<uint64_t>(i));
    KMeans learner(x, own);
    KMeansRound round;
    while (round.round < options.max_rounds && !round.converged) round = learner.step();
    KMeansResult result = learner.result();
    result.converged = round.converged;
    result.seed = own.seed;
    if (result.inertia < best.inertia) best = std::move(result);
  }
  return best;
}

Tensor nearest_centers(const Tensor& x, const Tensor& centers) {
  const Tensor rows = detail::checked_rows("nearest_centers", x);
  return detail::labels_of(rows, detail::checked_centers("nearest_centers", centers, rows.size(1)));
}

double inertia_of(const Tensor& x, const Tensor& labels, const Tensor& centers) {
  const Tensor rows = detail::checked_rows("inertia_of", x);
  const Tensor own = detail::checked_centers("inertia_of", centers, rows.size(1));
  const Tensor of = kernels::contiguous(labels);
  if (of.dtype() != DType::kI64 || !(of.shape() == Shape{rows.size(0)})) {
    fail("inertia_of", "the labels are {}; expected i64 ({},)", labels.describe(), rows.size(0));
  }
  for (int64_t i = 0; i < of.numel(); ++i) {
    const int64_t label = of.data<int64_t>()[i];
    if (label < 0 || label >= own.size(0)) {
      fail("inertia_of", "the label of row {} is {}; expected 0 to {}", i, label, own.size(0) - 1);
    }
  }
  return detail::sum_of(detail::distances_of(rows, of, own));
}

}  // namespace gradus
