#include "gradus/classic/rows.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/classic/kernels/nearest.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus::detail {
namespace {

[[noreturn]] void fail_not_finite(std::string_view subject, const Tensor& x) {
  const float* values = x.data<float>();
  int64_t i = 0;
  while (std::isfinite(values[i])) ++i;
  fail(subject, "row {}, column {} is {}; expected finite numbers: leave such rows out, or fill them in first",
       i / x.size(1), i % x.size(1), values[i]);
}

// Σ over rows of each column.
std::vector<double> column_sums(const Tensor& x) {
  const int64_t rows = x.size(0), columns = x.size(1);
  const RowBlocks blocks(rows, 8 * columns);
  std::vector<double> parts(static_cast<size_t>(blocks.count * columns));
  const std::vector<int64_t> labels(static_cast<size_t>(blocks.length));
  parallel_for(rows, blocks.length, [&](int64_t begin, int64_t end) {
    int64_t count = 0;
    kernels::add_rows(x.data<float>() + begin * columns, end - begin, columns, labels.data(),
                      parts.data() + begin / blocks.length * columns, &count);
  });
  std::vector<double> sums(static_cast<size_t>(columns));
  for (size_t i = 0; i < parts.size(); ++i) sums[i % sums.size()] += parts[i];
  return sums;
}

double squares_about(const Tensor& x, const std::vector<double>& center) {
  const int64_t columns = x.size(1);
  const RowBlocks blocks(x.size(0), 8);
  std::vector<double> parts(static_cast<size_t>(blocks.count));
  parallel_for(x.size(0), blocks.length, [&](int64_t begin, int64_t end) {
    std::vector<double> squares(static_cast<size_t>(end - begin));
    kernels::squared_distances(x.data<float>() + begin * columns, end - begin, columns, nullptr, center.data(),
                               squares.data());
    parts[static_cast<size_t>(begin / blocks.length)] = std::accumulate(squares.begin(), squares.end(), 0.0);
  });
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

}  // namespace

Tensor checked_rows(std::string_view subject, const Tensor& x, RowStatistics* statistics) {
  if (x.rank() != 2 || x.dtype() != DType::kF32 || x.size(0) < 1 || x.size(1) < 1) {
    fail(subject, "the data is {}; expected f32 (rows, columns), one or more of each", x.describe());
  }
  const Tensor rows = kernels::contiguous(x);
  std::vector<double> means = column_sums(rows);
  for (double& mean : means) {
    if (!std::isfinite(mean)) fail_not_finite(subject, rows);
    mean /= static_cast<double>(rows.size(0));
  }
  if (statistics != nullptr) {
    statistics->squares = squares_about(rows, means);
    statistics->means = std::move(means);
  }
  return rows;
}

Tensor find_state(std::string_view subject, const NamedTensors& state, std::string_view name, const Tensor& as) {
  for (const auto& [key, tensor] : state) {
    if (key == name && tensor.shape() == as.shape() && tensor.dtype() == as.dtype()) return tensor.clone();
  }
  fail(subject, "the state has no \"{}\" of {}; expected the state of a learner with this data and these options", name,
       as.describe());
}

}  // namespace gradus::detail
