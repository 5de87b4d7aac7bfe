#include "gradus/classic/kmeans_assign.h"

#include <numeric>
#include <utility>

#include "gradus/base/threads.h"
#include "gradus/classic/kernels/nearest.h"
#include "gradus/classic/rows.h"

namespace gradus::detail {
namespace {

// Rows that stay in the cache between finding their centre and being added up.
int64_t rows_together(int64_t columns) {
  constexpr int64_t kBytes = 256 << 10, kFewest = 128, kMost = 4096, kUnit = 32;
  return std::clamp(kBytes / (4 * columns) / kUnit * kUnit, kFewest, kMost);
}

}  // namespace

Clusters assign(const Tensor& x, const Tensor& centers, Tensor& labels, Slacks& slacks) {
  const int64_t rows = x.size(0), columns = x.size(1), k = centers.size(0), size = k * columns;
  const kernels::CenterPanels panels(centers.data<double>(), k, columns);
  const RowBlocks blocks(rows, 8 * (size + k));
  const int64_t together = rows_together(columns);
  // The pool keeps its pages for the next round.
  Tensor sums = Tensor::empty({blocks.count, size}, DType::kF64);
  std::vector<Clusters> parts(static_cast<size_t>(blocks.count));
  double* const all_sums = sums.mutable_data<double>();
  int64_t* const all_labels = labels.mutable_data<int64_t>();
  slacks.resize(rows);
  parallel_for(rows, blocks.length, [&](int64_t begin, int64_t end) {
    const int64_t b = begin / blocks.length;
    Clusters& part = parts[static_cast<size_t>(b)];
    part.counts.resize(static_cast<size_t>(k));
    std::fill_n(all_sums + b * size, size, 0.0);
    for (int64_t row = begin; row < end; row += together) {
      const int64_t count = std::min(together, end - row);
      const float* from = x.data<float>() + row * columns;
      int64_t* own = all_labels + row;
      const std::vector<int64_t> before(own, own + count);
      slacks.find(panels, from, row, count, own);
      part.has_changed = part.has_changed || !std::equal(before.begin(), before.end(), own);
      kernels::add_rows(from, count, columns, own, all_sums + b * size, part.counts.data());
    }
  });
  Clusters all = std::move(parts[0]);
  for (size_t b = 1; b < parts.size(); ++b) {
    for (size_t j = 0; j < all.counts.size(); ++j) all.counts[j] += parts[b].counts[j];
    all.has_changed = all.has_changed || parts[b].has_changed;
  }
  all.sums.assign(all_sums, all_sums + size);
  parallel_for(size, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t b = 1; b < blocks.count; ++b) {
      for (int64_t i = begin; i < end; ++i) all.sums[static_cast<size_t>(i)] += all_sums[b * size + i];
    }
  });
  return all;
}

void relabel(const Tensor& x, const Tensor& centers, Tensor& labels, Slacks& slacks) {
  const int64_t columns = x.size(1);
  const kernels::CenterPanels panels(centers.data<double>(), centers.size(0), columns);
  slacks.resize(x.size(0));
  int64_t* to = labels.mutable_data<int64_t>();
  parallel_for(x.size(0), rows_together(columns), [&](int64_t begin, int64_t end) {
    slacks.find(panels, x.data<float>() + begin * columns, begin, end - begin, to + begin);
  });
}

Tensor labels_of(const Tensor& x, const Tensor& centers) {
  Tensor labels = Tensor::empty({x.size(0)}, DType::kI64);
  Slacks slacks;
  relabel(x, centers, labels, slacks);
  return labels;
}

std::vector<double> distances_of(const Tensor& x, const Tensor& labels, const Tensor& centers) {
  const int64_t columns = x.size(1);
  std::vector<double> distances(static_cast<size_t>(x.size(0)));
  parallel_for(x.size(0), rows_together(columns), [&](int64_t begin, int64_t end) {
    kernels::squared_distances(x.data<float>() + begin * columns, end - begin, columns, labels.data<int64_t>() + begin,
                               centers.data<double>(), distances.data() + begin);
  });
  return distances;
}

double sum_of(const std::vector<double>& values) {
  constexpr size_t kPart = 1024;
  double sum = 0.0;
  for (size_t i = 0; i < values.size(); i += kPart) {
    const size_t end = std::min(values.size(), i + kPart);
    sum += std::accumulate(values.begin() + static_cast<int64_t>(i), values.begin() + static_cast<int64_t>(end), 0.0);
  }
  return sum;
}

double squared_difference(const Tensor& a, const Tensor& b) {
  double sum = 0.0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double difference = a.data<double>()[i] - b.data<double>()[i];
    sum += difference * difference;
  }
  return sum;
}

}  // namespace gradus::detail
