#include "gradus/classic/mini_batch_kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/classic/kmeans_assign.h"
#include "gradus/classic/kmeans_start.h"
#include "gradus/classic/rows.h"

namespace gradus {
namespace {

constexpr const char* kMiniBatchKMeans = "mini_batch_kmeans";

// The places in `MiniBatchKMeans::progress_`.
enum Progress : uint8_t { kSteps, kRowsSinceReplacement, kAverage, kLeast, kStepsSinceLeast, kNumbers };

// Rows of x by their numbers.
template <class NumberOf>
Tensor take_rows(const Tensor& x, int64_t count, NumberOf&& number_of) {
  const int64_t columns = x.size(1);
  Tensor rows = Tensor::empty({count, columns});
  float* to = rows.mutable_data<float>();
  for (int64_t i = 0; i < count; ++i) {
    std::copy_n(x.data<float>() + static_cast<int64_t>(number_of(static_cast<uint64_t>(i))) * columns, columns,
                to + i * columns);
  }
  return rows;
}

void check_options(const MiniBatchKMeansOptions& o) {
  if (o.batch_size < 1) fail_usage(kMiniBatchKMeans, "{} rows a batch; expected 1 or more", o.batch_size);
  if (o.start_rows != 0 && o.start_rows < o.clusters) {
    fail_usage(kMiniBatchKMeans,
               "a start from {} rows for {} clusters; expected as many or more, or 0 for the usual number",
               o.start_rows, o.clusters);
  }
  if (!(o.reassign_below >= 0.0 && o.reassign_below < 1.0)) {
    fail_usage(kMiniBatchKMeans, "reassign_below is {}; expected a number from 0, below 1", o.reassign_below);
  }
  if (!(o.tolerance >= 0.0 && std::isfinite(o.tolerance))) {
    fail_usage(kMiniBatchKMeans, "tolerance is {}; expected a finite number from 0", o.tolerance);
  }
  if (o.patience < 0) fail_usage(kMiniBatchKMeans, "patience is {}; expected 1 or more, or 0 for none", o.patience);
  if (o.max_steps < 0)
    fail_usage(kMiniBatchKMeans, "{} steps at most; expected 1 or more, or 0 for 100 epochs", o.max_steps);
}

Tensor start_of(const Tensor& x, const MiniBatchKMeansOptions& o) {
  const KMeansOptions start{
      .clusters = o.clusters, .start = o.start, .centers = o.centers, .trials = o.trials, .seed = o.seed};
  const int64_t usual = 3 * std::max(o.batch_size, o.clusters);
  const int64_t count = o.start_rows > 0 ? o.start_rows : usual;
  if (o.start == KMeansStart::kGiven || count >= x.size(0)) return detail::start_centers(kMiniBatchKMeans, x, start);
  const uint64_t key = mix(o.seed, hash_name("mini_batch_kmeans.start"));
  const Tensor rows =
      take_rows(x, count, [&](uint64_t i) { return permute_index(i, static_cast<uint64_t>(x.size(0)), key); });
  return detail::start_centers(kMiniBatchKMeans, rows, start);
}

}  // namespace

MiniBatchKMeans::MiniBatchKMeans(const Tensor& x, const MiniBatchKMeansOptions& options) : options_(options) {
  check_options(options);
  detail::RowStatistics statistics;
  x_ = detail::checked_rows(kMiniBatchKMeans, x, &statistics);
  centers_ = start_of(x_, options);
  counts_ = Tensor::zeros({options.clusters}, DType::kF64);
  progress_ = Tensor::zeros({kNumbers}, DType::kF64);
  progress_.mutable_data<double>()[kLeast] = std::numeric_limits<double>::infinity();
  tolerance_ = options.tolerance * statistics.squares / static_cast<double>(x_.numel());
}

MiniBatchStep MiniBatchKMeans::step() {
  const RandomStream random(mix(options_.seed, hash_name("mini_batch_kmeans.batch")));
  const auto number = static_cast<uint64_t>(progress_.data<double>()[kSteps]);
  const auto rows = static_cast<double>(x_.size(0));
  return step_on(take_rows(x_, options_.batch_size, [&](uint64_t i) {
    return std::min(x_.size(0) - 1, static_cast<int64_t>(random.uniform(number, i) * rows));
  }));
}

MiniBatchStep MiniBatchKMeans::step_on(const Tensor& any) {
  const Tensor rows = detail::checked_rows(kMiniBatchKMeans, any);
  const int64_t columns = centers_.size(1);
  if (rows.size(1) != columns) {
    fail(kMiniBatchKMeans, "the rows are {}; expected {} columns, as the centres have", rows.describe(), columns);
  }
  Tensor labels = Tensor::full({rows.size(0)}, -1.0, DType::kI64);
  detail::Slacks unused;
  const detail::Clusters clusters = detail::assign(rows, centers_, labels, unused);
  double* progress = progress_.mutable_data<double>();
  MiniBatchStep result{.step = static_cast<int64_t>(++progress[kSteps])};
  result.inertia = detail::sum_of(detail::distances_of(rows, labels, centers_)) / static_cast<double>(rows.size(0));

  double* counts = counts_.mutable_data<double>();
  progress[kRowsSinceReplacement] += static_cast<double>(rows.size(0));
  const bool replaces = std::find(counts, counts + options_.clusters, 0.0) != counts + options_.clusters ||
                        progress[kRowsSinceReplacement] >= 10.0 * static_cast<double>(options_.clusters);
  const Tensor before = centers_.clone();
  double* center = centers_.mutable_data<double>();
  for (int64_t j = 0; j < options_.clusters; ++j) {
    const double added = static_cast<double>(clusters.counts[static_cast<size_t>(j)]), all = counts[j] + added;
    for (int64_t p = 0; p < columns && added > 0.0; ++p) {
      double& value = center[j * columns + p];
      value = (value * counts[j] + clusters.sums[static_cast<size_t>(j * columns + p)]) / all;
    }
    counts[j] = all;
  }
  if (replaces) {
    progress[kRowsSinceReplacement] = 0.0;
    replace_rare(rows);
  }
  result.converged = has_converged(result.inertia, rows.size(0), detail::squared_difference(centers_, before));
  return result;
}

void MiniBatchKMeans::replace_rare(const Tensor& rows) {
  const int64_t columns = centers_.size(1);
  double* counts = counts_.mutable_data<double>();
  const double limit = options_.reassign_below * *std::max_element(counts, counts + options_.clusters);
  std::vector<int64_t> order(static_cast<size_t>(options_.clusters));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return counts[a] < counts[b]; });
  const auto rare = static_cast<size_t>(
      std::partition_point(order.begin(), order.end(), [&](int64_t j) { return counts[j] < limit; }) - order.begin());
  const size_t replaced = std::min(rare, static_cast<size_t>(rows.size(0) / 2));
  if (replaced == 0) return;
  // A count that does not make them rare again at once.
  const double count = counts[order[replaced]];
  const uint64_t key = mix(mix(options_.seed, hash_name("mini_batch_kmeans.replace")),
                           static_cast<uint64_t>(progress_.data<double>()[kSteps]));
  for (size_t i = 0; i < replaced; ++i) {
    const uint64_t row = permute_index(i, static_cast<uint64_t>(rows.size(0)), key);
    std::copy_n(rows.data<float>() + static_cast<int64_t>(row) * columns, columns,
                centers_.mutable_data<double>() + order[i] * columns);
    counts[order[i]] = count;
  }
}

bool MiniBatchKMeans::has_converged(double inertia, int64_t rows, double shift) {
  double* progress = progress_.mutable_data<double>();
  if (progress[kSteps] == 1.0) return false;  // its inertia is the start's
  const double part = std::min(1.0, 2.0 * static_cast<double>(rows) / static_cast<double>(x_.size(0) + 1));
  progress[kAverage] = progress[kSteps] == 2.0 ? inertia : progress[kAverage] * (1.0 - part) + inertia * part;
  if (tolerance_ > 0.0 && shift <= tolerance_) return true;
  if (progress[kAverage] < progress[kLeast]) {
    progress[kLeast] = progress[kAverage];
    progress[kStepsSinceLeast] = 0.0;
  } else {
    ++progress[kStepsSinceLeast];
  }
  return options_.patience > 0 && progress[kStepsSinceLeast] >= static_cast<double>(options_.patience);
}

KMeansResult MiniBatchKMeans::result() const {
  KMeansResult result{.centers = centers_.clone(), .labels = detail::labels_of(x_, centers_)};
  result.inertia = detail::sum_of(detail::distances_of(x_, result.labels, centers_));
  result.rounds = static_cast<int64_t>(progress_.data<double>()[kSteps]);
  return result;
}

NamedTensors MiniBatchKMeans::state() const {
  return {{"centers", centers_.clone()}, {"counts", counts_.clone()}, {"progress", progress_.clone()}};
}

void MiniBatchKMeans::restore(const NamedTensors& state) {
  Tensor centers = detail::find_state(kMiniBatchKMeans, state, "centers", centers_);
  Tensor counts = detail::find_state(kMiniBatchKMeans, state, "counts", counts_);
  progress_ = detail::find_state(kMiniBatchKMeans, state, "progress", progress_);
  centers_ = std::move(centers);
  counts_ = std::move(counts);
}

KMeansResult fit_mini_batch_kmeans(const Tensor& x, const MiniBatchKMeansOptions& options) {
  MiniBatchKMeans learner(x, options);
  const int64_t epochs = std::max<int64_t>(1, 100 * x.size(0) / options.batch_size);
  const int64_t most = options.max_steps > 0 ? options.max_steps : epochs;
  MiniBatchStep step;
  while (step.step < most && !step.converged) step = learner.step();
  KMeansResult result = learner.result();
  result.converged = step.converged;
  return result;
}

}  // namespace gradus
