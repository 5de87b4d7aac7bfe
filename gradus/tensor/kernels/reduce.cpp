#include "gradus/tensor/kernels/reduce.h"

#include <cstring>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/reduce_simd.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

constexpr int64_t kRowBlock = 128;  // the same for sums over rows

DType sum_type(BlockSum what, DType dtype) { return what == BlockSum::kSquares ? DType::kF64 : dtype; }

// Writes the sum of `count` elements to `out`, which holds one element of `sum_type`.
void sum_run(BlockSum what, DType dtype, const std::byte* x, int64_t count, std::byte* out) {
  const DType type = sum_type(what, dtype);
  if (count <= kSumBlock) {
    if (count == 0) std::memset(out, 0, static_cast<size_t>(size_of(type)));
    return run_block_sums(what, dtype, x, count, kSumBlock, out);
  }
  const int64_t blocks = (count + kSumBlock - 1) / kSumBlock;
  Tensor partials = Tensor::empty({blocks}, type);
  std::byte* partial = partials.mutable_bytes();
  parallel_for(blocks, kGrain / kSumBlock, [=](int64_t begin, int64_t end) {
    run_block_sums(what, dtype, x + begin * kSumBlock * size_of(dtype),
                   std::min(end * kSumBlock, count) - begin * kSumBlock, kSumBlock, partial + begin * size_of(type));
  });
  sum_run(BlockSum::kSum, type, partial, blocks, out);
}

// out[row] = the sum of each row of (rows, length).
void sum_rows(BlockSum what, DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* out) {
  const int64_t in_bytes = size_of(dtype) * length, out_bytes = size_of(sum_type(what, dtype));
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, length));
  parallel_for(rows, grain, [=](int64_t begin, int64_t end) {
    if (length > 0 && length <= kSumBlock) {
      return run_block_sums(what, dtype, x + begin * in_bytes, (end - begin) * length, length, out + begin * out_bytes);
    }
    for (int64_t row = begin; row < end; ++row) {
      sum_run(what, dtype, x + row * in_bytes, length, out + row * out_bytes);
    }
  });
}

void sum_columns(DType dtype, const ColumnTerms& x, int64_t rows, int64_t width, std::byte* out);

constexpr int64_t kNarrow = 32;

// Narrow rows are read `fold` at a time as one row, so that vectors are full; then the folds and the rest are added.
void sum_narrow_columns(DType dtype, const ColumnTerms& x, int64_t rows, int64_t width, std::byte* out) {
  const int64_t fold = 2 * kNarrow / width, rest = rows % fold, row_bytes = width * size_of(dtype);
  Tensor partials = Tensor::empty({fold + rest, width}, dtype);
  std::byte* partial = partials.mutable_bytes();
  sum_columns(dtype, x, rows / fold, fold * width, partial);
  for (int64_t i = 0; i < rest; ++i) {
    run_column_sums(dtype, x.at((rows - rest + i) * row_bytes), 1, width, width, partial + (fold + i) * row_bytes);
  }
  run_column_sums(dtype, {partial}, fold + rest, width, width, out);
}

// out[j] = Σ over rows of the terms [row][j], of a contiguous (rows, width).
void sum_columns(DType dtype, const ColumnTerms& x, int64_t rows, int64_t width, std::byte* out) {
  const int64_t bytes = size_of(dtype);
  if (rows * width <= kSumBlock) return run_column_sums(dtype, x, rows, width, width, out);
  if (width <= kNarrow) return sum_narrow_columns(dtype, x, rows, width, out);
  const int64_t blocks = (rows + kRowBlock - 1) / kRowBlock;
  Tensor partials = blocks > 1 ? Tensor::empty({blocks, width}, dtype) : Tensor();
  std::byte* partial = blocks > 1 ? partials.mutable_bytes() : out;
  // At least so many columns that rows are read in long runs, at most so many that the sums stay in the near cache.
  const int64_t grain = std::max<int64_t>(1024, kGrain / std::min(rows, kRowBlock));
  parallel_rows(blocks, width, grain, [=](int64_t block, int64_t begin, int64_t end) {
    const int64_t first = block * kRowBlock;
    run_column_sums(dtype, x.at((first * width + begin) * bytes), std::min(kRowBlock, rows - first), width, end - begin,
                    partial + (block * width + begin) * bytes);
  });
  if (blocks > 1) sum_columns(dtype, {partial}, blocks, width, out);
}

// (outer, length, inner) summed over the middle.
void sum_middle(DType dtype, const std::byte* x, int64_t outer, int64_t length, int64_t inner, std::byte* out) {
  const int64_t plane = length * inner, bytes = size_of(dtype);
  const auto run = [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      sum_columns(dtype, {x + i * plane * bytes}, length, inner, out + i * inner * bytes);
    }
  };
  constexpr int64_t kManyPlanes = 16;
  if (plane >= kGrain && outer < kManyPlanes) {
    run(0, outer);  // each plane is cut in itself
  } else {
    parallel_for(outer, std::max<int64_t>(1, kGrain / plane), run);
  }
}

void check_float(std::string_view op, const Tensor& x) {
  if (!is_float(x.dtype())) fail_not_float(op, x.dtype());
}

Tensor reshaped(const Tensor& x, const Shape& shape) {
  return x.shape() == shape ? x : x.view(shape, contiguous_strides(shape));
}

Tensor sum_all_as(BlockSum what, const Tensor& x) {
  check_float("sum", x);
  const Tensor source = contiguous(x);
  Tensor result = Tensor::empty({}, sum_type(what, x.dtype()));
  sum_run(what, x.dtype(), source.bytes(), source.numel(), result.mutable_bytes());
  return result;
}

}  // namespace

Tensor sum_all(const Tensor& x) { return sum_all_as(BlockSum::kSum, x); }

Tensor sum_axis(const Tensor& x, int axis, bool keep_dims) {
  check_float("sum", x);
  const Shape shape = reduced_shape(x.shape(), axis, keep_dims);
  int64_t outer = 1, inner = 1;
  const int64_t length = x.shape()[axis];
  for (int i = 0; i < axis; ++i) outer *= x.shape()[i];
  for (int i = axis + 1; i < x.rank(); ++i) inner *= x.shape()[i];
  if (outer * inner == 0 || length == 0) return Tensor::zeros(shape, x.dtype());
  const Tensor source = contiguous(x);
  Tensor result = Tensor::empty(shape, x.dtype());
  if (inner == 1) {
    sum_rows(BlockSum::kSum, x.dtype(), source.bytes(), outer, length, result.mutable_bytes());
  } else {
    sum_middle(x.dtype(), source.bytes(), outer, length, inner, result.mutable_bytes());
  }
  return result;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int missing = x.rank() - shape.rank();
  const auto is_summed = [&](int i) { return i < missing || (shape[i - missing] == 1 && x.shape()[i] != 1); };
  bool fits = missing >= 0;
  for (int i = std::max(missing, 0); fits && i < x.rank(); ++i)
    fits = is_summed(i) || shape[i - missing] == x.shape()[i];
  if (!fits) fail("sum_to", "{} is not a broadcast of {}", to_string(x.shape()), to_string(shape));
  // Neighbouring dimensions of one kind become one; then every second one is summed.
  Shape merged;
  bool summed = false;
  for (int i = 0; i < x.rank(); ++i) {
    if (x.shape()[i] == 1) continue;
    if (merged.rank() == 0 || is_summed(i) != summed) {
      merged.push_back(x.shape()[i]);
    } else {
      merged[merged.rank() - 1] *= x.shape()[i];
    }
    summed = is_summed(i);
  }
  Tensor result = reshaped(contiguous(x), merged);
  for (int axis = merged.rank() - 1; axis >= 0; --axis, summed = !summed) {
    if (summed) result = sum_axis(result, axis, false);
  }
  return reshaped(result, shape);
}

Tensor sum_of_products(const Tensor& a, const Tensor& b) {
  check_float("sum_of_products", a);
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape()) || a.rank() == 0) {
    fail("sum_of_products", "{} and {}; both must be of one dtype and one shape with a dimension", a.describe(),
         b.describe());
  }
  const Tensor x = contiguous(a), y = contiguous(b);
  const int64_t width = a.size(-1);
  if (a.numel() == 0) return Tensor::zeros({width}, a.dtype());
  Tensor result = Tensor::empty({width}, a.dtype());
  sum_columns(a.dtype(), {x.bytes(), y.bytes()}, a.numel() / width, width, result.mutable_bytes());
  return result;
}

double squared_norm(const Tensor& x) { return sum_all_as(BlockSum::kSquares, x).item(); }

Tensor squared_norm_rows(const Tensor& x) {
  check_float("squared_norm", x);
  if (x.rank() == 0) fail("squared_norm_rows", "a tensor of no dimensions; expected dimension 0 to be the example");
  const Tensor source = contiguous(x);
  const int64_t rows = x.shape()[0];
  Tensor result = Tensor::empty({rows}, DType::kF64);
  sum_rows(BlockSum::kSquares, x.dtype(), source.bytes(), rows, rows == 0 ? 0 : x.numel() / rows,
           result.mutable_bytes());
  return result;
}

bool all_finite(const Tensor& x) { return sum_all_as(BlockSum::kZeros, x).item() == 0.0; }

}  // namespace gradus::kernels
