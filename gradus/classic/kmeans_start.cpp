#include "gradus/classic/kmeans_start.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/classic/kernels/nearest.h"
#include "gradus/classic/rows.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus::detail {
namespace {

void copy_row(const Tensor& x, int64_t row, double* to) {
  const float* from = x.data<float>() + row * x.size(1);
  std::copy_n(from, x.size(1), to);
}

void draw_rows(const Tensor& x, uint64_t seed, Tensor& centers) {
  const uint64_t key = mix(seed, hash_name("kmeans.random"));
  for (int64_t j = 0; j < centers.size(0); ++j) {
    const uint64_t row = permute_index(static_cast<uint64_t>(j), static_cast<uint64_t>(x.size(0)), key);
    copy_row(x, static_cast<int64_t>(row), centers.mutable_data<double>() + j * x.size(1));
  }
}

// b = the smaller of a and b; returns the sum, in four parts that do not wait for each other.
double keep_smaller(int64_t count, const double* a, double* b) {
  double sums[4] = {};
  for (int64_t i = 0; i < count; ++i) {
    b[i] = std::min(a[i], b[i]);
    sums[i % 4] += b[i];
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// k-means++ with some candidates for each centre.
class PlusPlus {
 public:
  PlusPlus(const Tensor& x, int64_t trials, uint64_t seed)
      : x_(x),
        rows_(x.size(0)),
        trials_(trials),
        blocks_(rows_, 8 * trials),
        random_(mix(seed, hash_name("kmeans.plus_plus"))),
        distances_(static_cast<size_t>(rows_)),
        tried_(static_cast<size_t>(rows_ * trials)) {}

  void run(Tensor& centers) {
    const int64_t columns = x_.size(1);
    double* to = centers.mutable_data<double>();
    const int64_t first = std::min(rows_ - 1, static_cast<int64_t>(random_.uniform(0, 0) * static_cast<double>(rows_)));
    std::fill(distances_.begin(), distances_.end(), std::numeric_limits<double>::infinity());
    copy_row(x_, take({first}), to);
    for (int64_t j = 1; j < centers.size(0); ++j) {
      std::vector<int64_t> candidates;
      for (int64_t t = 0; t < trials_; ++t) {
        candidates.push_back(draw(random_.uniform(static_cast<uint64_t>(j), static_cast<uint64_t>(t))));
      }
      copy_row(x_, take(candidates), to + j * columns);
    }
  }

 private:
  // The row at this part of the sum of all distances; row 0 if every row is a centre already.
  int64_t draw(double part) const {
    double rest = part * std::accumulate(block_sums_.begin(), block_sums_.end(), 0.0);
    size_t block = 0;
    while (block + 1 < block_sums_.size() && rest >= block_sums_[block]) rest -= block_sums_[block++];
    int64_t row = static_cast<int64_t>(block) * blocks_.length, last = 0;
    for (const int64_t end = std::min(rows_, row + blocks_.length); row < end; ++row) {
      const double distance = distances_[static_cast<size_t>(row)];
      if (distance > 0.0) last = row;  // rounding may leave a rest at the end
      if (rest < distance) return row;
      rest -= distance;
    }
    return last;
  }

  // Adds the candidate that leaves the smallest sum of distances, the first of equal ones, to the centres.
  int64_t take(const std::vector<int64_t>& candidates) {
    const size_t count = candidates.size();
    std::vector<double> sums(static_cast<size_t>(blocks_.count) * count);
    parallel_for(rows_, blocks_.length, [&](int64_t begin, int64_t end) {
      try_block(candidates, begin, end, sums.data() + static_cast<size_t>(begin / blocks_.length) * count);
    });
    std::vector<double> totals(count);
    for (size_t i = 0; i < sums.size(); ++i) totals[i % count] += sums[i];
    const size_t best = static_cast<size_t>(std::min_element(totals.begin(), totals.end()) - totals.begin());
    std::copy_n(tried_.begin() + static_cast<int64_t>(best) * rows_, rows_, distances_.begin());
    block_sums_.clear();
    for (size_t i = best; i < sums.size(); i += count) block_sums_.push_back(sums[i]);
    return candidates[best];
  }

  void try_block(const std::vector<int64_t>& candidates, int64_t begin, int64_t end, double* sums) {
    constexpr int64_t kTogether = 256;  // stay in the cache for all candidates
    const int64_t columns = x_.size(1);
    std::vector<double> centers(candidates.size() * static_cast<size_t>(columns));
    for (size_t t = 0; t < candidates.size(); ++t) {
      copy_row(x_, candidates[t], centers.data() + t * static_cast<size_t>(columns));
    }
    for (int64_t row = begin; row < end; row += kTogether) {
      const int64_t count = std::min(kTogether, end - row);
      kernels::squared_distances_to_all(x_.data<float>() + row * columns, count, columns, centers.data(),
                                        static_cast<int64_t>(candidates.size()), tried_.data() + row, rows_);
      for (size_t t = 0; t < candidates.size(); ++t) {
        double* tried = tried_.data() + static_cast<int64_t>(t) * rows_ + row;
        sums[t] += keep_smaller(count, distances_.data() + row, tried);
      }
    }
  }

  const Tensor& x_;
  int64_t rows_, trials_;
  RowBlocks blocks_;
  RandomStream random_;
  std::vector<double> distances_;  // of each row to the nearest centre, squared
  std::vector<double> tried_;      // (trials, rows): the same if the candidate were one
  std::vector<double> block_sums_;
};

}  // namespace

Tensor checked_centers(std::string_view subject, const Tensor& centers, int64_t columns) {
  if (!centers.defined() || centers.rank() != 2 || centers.size(0) < 1 || centers.size(1) != columns ||
      !is_float(centers.dtype())) {
    fail(subject, "the centres are {}; expected f32 or f64 (clusters, {})",
         centers.defined() ? centers.describe() : "undefined", columns);
  }
  Tensor result = kernels::contiguous(kernels::cast(centers, DType::kF64));
  for (int64_t i = 0; i < result.numel(); ++i) {
    const double value = result.data<double>()[i];
    if (!std::isfinite(value)) {
      fail(subject, "centre {}, column {} is {}; expected finite numbers", i / columns, i % columns, value);
    }
  }
  return result;
}

Tensor start_centers(std::string_view subject, const Tensor& x, const KMeansOptions& options) {
  const int64_t clusters = options.clusters, rows = x.size(0);
  if (clusters < 1) fail_usage(subject, "{} clusters; expected 1 or more", clusters);
  if (clusters > rows) {
    fail_usage(subject, "{} clusters for {} rows; expected no more clusters than rows", clusters, rows);
  }
  if (options.trials < 0) fail_usage(subject, "{} trials; expected 1 or more, or 0 for 2 + ln k", options.trials);
  if (options.start == KMeansStart::kGiven) {
    const Tensor given = checked_centers(subject, options.centers, x.size(1));
    if (given.size(0) != clusters) {
      fail_usage(subject, "{} centres are given for {} clusters; expected as many", given.size(0), clusters);
    }
    return given.clone();
  }
  Tensor centers = Tensor::empty({clusters, x.size(1)}, DType::kF64);
  if (options.start == KMeansStart::kRandom) {
    draw_rows(x, options.seed, centers);
  } else {
    const int64_t usual = 2 + static_cast<int64_t>(std::log(static_cast<double>(clusters)));
    PlusPlus(x, options.trials > 0 ? options.trials : usual, options.seed).run(centers);
  }
  return centers;
}

}  // namespace gradus::detail
