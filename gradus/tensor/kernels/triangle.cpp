#include "gradus/tensor/kernels/triangle.h"

#include <cstring>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {

Tensor triangle(Triangle which, const Tensor& x, int64_t diagonal) {
  const bool lower = which == Triangle::kLower;
  if (x.rank() < 2) fail(lower ? "tril" : "triu", "{}; expected at least two dimensions", x.describe());
  const Tensor source = contiguous(x);
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  const int64_t rows = x.size(-2), columns = x.size(-1), bytes = size_of(x.dtype());
  const std::byte* from = source.bytes();
  std::byte* to = result.mutable_bytes();
  const int64_t count = columns > 0 ? x.numel() / columns : 0;
  parallel_for(count, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, columns)), [=](int64_t begin, int64_t end) {
    const auto size = [bytes](int64_t elements) { return static_cast<size_t>(elements * bytes); };
    for (int64_t i = begin; i < end; ++i) {
      // Columns [first, last) stay.
      const int64_t edge = std::clamp<int64_t>(i % rows + diagonal + (lower ? 1 : 0), 0, columns);
      const int64_t first = lower ? 0 : edge, last = lower ? edge : columns;
      std::byte* row = to + i * columns * bytes;
      std::memset(row, 0, size(first));
      std::memcpy(row + first * bytes, from + (i * columns + first) * bytes, size(last - first));
      std::memset(row + last * bytes, 0, size(columns - last));
    }
  });
  return result;
}

}  // namespace gradus::kernels
