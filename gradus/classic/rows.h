// What learners without a tape share: tables of numbers, checked, summed up and cut into blocks; and their states.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "gradus/tensor/safetensors.h"

namespace gradus::detail {

/// The means of the columns, (D), and Σ ‖x_i − mean‖² over all rows.
struct RowStatistics {
  std::vector<double> means;
  double squares = 0.0;
};

/// `x` as contiguous f32 (N, D), N and D at least 1, every number finite; anything else is an error of `subject` that
/// says what was found, and in which row and column. Sets `statistics` if it is not null.
Tensor checked_rows(std::string_view subject, const Tensor& x, RowStatistics* statistics = nullptr);

/// A copy of the tensor of that name in a learner's state, of the shape and dtype of `as`; an error of `subject` if
/// there is none.
Tensor find_state(std::string_view subject, const NamedTensors& state, std::string_view name, const Tensor& as);

/// The cut of N rows into blocks over which sums are taken, to be added in the order of the blocks: by the sizes alone,
/// never by the number of threads.
struct RowBlocks {
  /// For sums of `sum_bytes` a block: few blocks where those are large.
  RowBlocks(int64_t rows, int64_t sum_bytes) {
    constexpr int64_t kFewest = 4, kMost = 32, kMostBytes = int64_t{128} << 20, kLeastRows = 256;
    const int64_t wanted = std::clamp(kMostBytes / std::max<int64_t>(1, sum_bytes), kFewest, kMost);
    length = std::max(kLeastRows, (rows + wanted - 1) / wanted);
    count = (rows + length - 1) / length;
  }
  int64_t length;  ///< Rows of a block; the last may have fewer.
  int64_t count;
};

}  // namespace gradus::detail
