// Sums that were added up apart, so that the cut and the order do not depend on the number of threads.
#pragma once

#include <algorithm>

#include "gradus/base/threads.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// result = sums[0] + sums[1] + …, in this order; sums (ranges, numbers of the result).
template <class T>
void sum_of_ranges(const Tensor& sums, Tensor& result) {
  const int64_t ranges = sums.size(0), size = result.numel();
  const T* from = sums.data<T>();
  T* to = result.mutable_data<T>();
  parallel_for(size, 16384, [&](int64_t begin, int64_t end) {
    std::copy(from + begin, from + end, to + begin);
    for (int64_t r = 1; r < ranges; ++r) {
      for (int64_t i = begin; i < end; ++i) to[i] += from[r * size + i];
    }
  });
}

}  // namespace gradus::kernels
