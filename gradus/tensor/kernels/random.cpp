#include "gradus/tensor/kernels/random.h"

#include <cmath>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random_simd.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

// The largest number of the dtype below `high`: rounding to it must not leave [low, high).
double last_below(double high, DType dtype) {
  if (dtype == DType::kF64) return std::nextafter(high, -HUGE_VAL);
  return static_cast<double>(std::nextafter(static_cast<float>(high), -HUGE_VALF));
}

}  // namespace

uint32_t keep_threshold(double rate) { return static_cast<uint32_t>(std::min(std::ceil(rate * 0x1p32), 0x1p32 - 1)); }

Tensor random_uniform(const Shape& shape, double low, double high, uint64_t key, DType dtype) {
  if (!is_float(dtype)) fail_not_float("random_uniform", dtype);
  if (!(low < high) || !std::isfinite(high - low)) {
    fail("random_uniform", "the range {} to {}; expected two finite numbers, the lower one first", low, high);
  }
  Tensor result = Tensor::empty(shape, dtype);
  std::byte* out = result.mutable_bytes();
  const double limit = last_below(high, dtype);
  parallel_for(result.numel(), kCostlyGrain, [=](int64_t begin, int64_t end) {
    run_uniform(dtype, key, begin, end - begin, high - low, low, limit, out + begin * size_of(dtype));
  });
  return result;
}

Tensor random_normal(const Shape& shape, double mean, double deviation, uint64_t key, DType dtype) {
  if (!is_float(dtype)) fail_not_float("random_normal", dtype);
  if (!(deviation >= 0) || !std::isfinite(deviation) || !std::isfinite(mean)) {
    fail("random_normal", "mean {} and deviation {}; expected finite numbers, the deviation not negative", mean,
         deviation);
  }
  Tensor result = Tensor::empty(shape, dtype);
  std::byte* out = result.mutable_bytes();
  parallel_for(result.numel(), kCostlyGrain, [=](int64_t begin, int64_t end) {
    run_normal(dtype, key, begin, end - begin, deviation, mean, out + begin * size_of(dtype));
  });
  return result;
}

Tensor dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids) {
  if (!is_float(x.dtype())) fail_not_float("dropout", x.dtype());
  if (!(rate >= 0 && rate < 1)) fail("dropout", "rate {}; expected at least 0 and below 1", rate);
  if (x.rank() == 0 || static_cast<int64_t>(example_ids.size()) != x.shape()[0]) {
    fail("dropout", "{} example ids for {}; expected one for each index of dimension 0", example_ids.size(),
         x.describe());
  }
  const Tensor source = contiguous(x);
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  if (result.numel() == 0) return result;
  const int64_t length = x.numel() / x.shape()[0], bytes = size_of(x.dtype());
  const std::byte* from = source.bytes();
  std::byte* to = result.mutable_bytes();
  const uint32_t threshold = keep_threshold(rate);
  parallel_rows(x.shape()[0], length, kCostlyGrain, [&](int64_t row, int64_t begin, int64_t end) {
    const int64_t offset = (row * length + begin) * bytes;
    run_dropout(x.dtype(), key, static_cast<uint64_t>(example_ids[static_cast<size_t>(row)]), begin, end - begin,
                threshold, 1.0 / (1.0 - rate), from + offset, to + offset);
  });
  return result;
}

}  // namespace gradus::kernels
