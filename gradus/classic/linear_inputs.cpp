#include "gradus/classic/linear_inputs.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_rows_simd.h"

namespace gradus {
namespace {

constexpr int64_t kCheckGrain = int64_t{1} << 16;

// The place of the first number that is not finite; `count` if all are.
int64_t first_not_finite(const float* x, int64_t count) {
  std::atomic<int64_t> first = count;
  parallel_for(count, kCheckGrain, [&](int64_t begin, int64_t end) {
    constexpr uint32_t kExponent = 0x7F800000;
    uint32_t found = 0;  // without an end inside, the loop is vectors
    for (int64_t i = begin; i < end; ++i) found += (std::bit_cast<uint32_t>(x[i]) & kExponent) == kExponent;
    if (found == 0) return;
    const int64_t at = std::find_if(x + begin, x + end, [](float v) { return !std::isfinite(v); }) - x;
    for (int64_t known = first.load(); at < known && !first.compare_exchange_weak(known, at);) {
    }
  });
  return first.load();
}

void check_dense(const Tensor& x) {
  if (!x.defined() || x.rank() != 2 || x.dtype() != DType::kF32 || !x.is_contiguous()) {
    fail_usage("linear", "the inputs are {}; expected contiguous f32 (rows, features)",
               x.defined() ? x.describe() : "not there");
  }
  if (x.numel() == 0)
    fail_usage("linear", "the inputs are {}; expected at least one row and one feature", x.describe());
  const int64_t at = first_not_finite(x.data<float>(), x.numel());
  if (at < x.numel()) {
    fail_usage("linear", "row {}, feature {} is {}; expected finite numbers", at / x.size(1), at % x.size(1),
               x.data<float>()[at]);
  }
}

void check_sparse(const SparseMatrix& x) {
  if (x.rows < 1 || x.columns < 1) {
    fail_usage("linear", "the inputs are {} rows and {} features; expected at least one of each", x.rows, x.columns);
  }
  const auto stored = static_cast<int64_t>(x.values.size());
  if (static_cast<int64_t>(x.offsets.size()) != x.rows + 1 || x.offsets.front() != 0 || x.offsets.back() != stored ||
      x.indices.size() != x.values.size()) {
    fail_usage("linear",
               "sparse inputs of {} rows have {} offsets, {} indices and {} values; expected rows + 1 offsets "
               "from 0 to the number of values",
               x.rows, x.offsets.size(), x.indices.size(), stored);
  }
  for (int64_t i = 0; i < x.rows; ++i) {
    if (x.offsets[i] > x.offsets[i + 1] || x.offsets[i + 1] > stored) {
      fail_usage("linear", "row {} lies from {} to {} of {} values; expected ascending offsets", i, x.offsets[i],
                 x.offsets[i + 1], stored);
    }
    int64_t last = -1;
    for (int64_t at = x.offsets[i]; at < x.offsets[i + 1]; last = x.indices[at++]) {
      if (x.indices[at] > last && x.indices[at] < x.columns) continue;
      fail_usage("linear", "row {} has feature {} after {}; expected ascending numbers below {}", i, x.indices[at],
                 last, x.columns);
    }
  }
  const int64_t at = first_not_finite(x.values.data(), stored);
  if (at < stored) {
    const auto row = std::upper_bound(x.offsets.begin(), x.offsets.end(), at) - x.offsets.begin() - 1;
    fail_usage("linear", "row {}, feature {} is {}; expected finite numbers", row, x.indices[at], x.values[at]);
  }
}

SparseMatrix transpose_sparse(const SparseMatrix& x) {
  SparseMatrix columns;
  columns.rows = x.columns;
  columns.columns = x.rows;
  columns.offsets.assign(static_cast<size_t>(x.columns) + 1, 0);
  for (const int32_t j : x.indices) ++columns.offsets[j + 1];
  for (int64_t j = 0; j < x.columns; ++j) columns.offsets[j + 1] += columns.offsets[j];
  columns.indices.resize(x.indices.size());
  columns.values.resize(x.values.size());
  std::vector<int64_t> next(columns.offsets.begin(), columns.offsets.end() - 1);
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t at = x.offsets[i]; at < x.offsets[i + 1]; ++at) {
      const int64_t to = next[x.indices[at]]++;
      columns.indices[to] = static_cast<int32_t>(i);
      columns.values[to] = x.values[at];
    }
  }
  return columns;
}

Tensor transpose_dense(const Tensor& x) {
  const int64_t rows = x.size(0), columns = x.size(1);
  Tensor to = Tensor::empty({columns, rows});
  const float* const from = x.data<float>();
  float* const out = to.mutable_data<float>();
  constexpr int64_t kTile = 32;  // a tile of both lies in the cache
  parallel_for((columns + kTile - 1) / kTile, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < rows; i += kTile) {
      for (int64_t j = begin * kTile; j < std::min(end * kTile, columns); ++j) {
        for (int64_t k = i; k < std::min(i + kTile, rows); ++k) out[j * rows + k] = from[k * columns + j];
      }
    }
  });
  return to;
}

}  // namespace

void check_inputs(const LinearInputs& inputs) {
  inputs.is_sparse() ? check_sparse(*inputs.sparse) : check_dense(inputs.dense);
}

void row_products(const LinearInputs& inputs, int64_t begin, int64_t end, const double* w, double bias, double* out) {
  if (!inputs.is_sparse()) {
    const int64_t columns = inputs.dense.size(1);
    return kernels::row_products(inputs.dense.data<float>() + begin * columns, end - begin, columns, w, bias, out);
  }
  const SparseMatrix& x = *inputs.sparse;
  for (int64_t i = begin; i < end; ++i) {
    double sum = bias;
    for (int64_t at = x.offsets[i]; at < x.offsets[i + 1]; ++at) sum += double{x.values[at]} * w[x.indices[at]];
    out[i - begin] = sum;
  }
}

void add_rows(const LinearInputs& inputs, int64_t begin, int64_t end, const double* factors, double* sum) {
  if (!inputs.is_sparse()) {
    const int64_t columns = inputs.dense.size(1);
    return kernels::add_rows(inputs.dense.data<float>() + begin * columns, end - begin, columns, factors, sum);
  }
  const SparseMatrix& x = *inputs.sparse;
  for (int64_t i = begin; i < end; ++i) {
    const double factor = factors[i - begin];
    if (factor == 0.0) continue;
    for (int64_t at = x.offsets[i]; at < x.offsets[i + 1]; ++at) sum[x.indices[at]] += factor * double{x.values[at]};
  }
}

LinearInputs take_rows(const LinearInputs& inputs, std::span<const int64_t> rows) {
  if (inputs.is_sparse()) return take_rows(*inputs.sparse, rows);
  const int64_t columns = inputs.dense.size(1), count = static_cast<int64_t>(rows.size());
  Tensor taken = Tensor::empty({count, columns});
  const float* const from = inputs.dense.data<float>();
  float* const to = taken.mutable_data<float>();
  parallel_for(count, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) std::copy_n(from + rows[i] * columns, columns, to + i * columns);
  });
  return taken;
}

LinearInputs transpose(const LinearInputs& inputs) {
  if (inputs.is_sparse()) return transpose_sparse(*inputs.sparse);
  return transpose_dense(inputs.dense);
}

int64_t rows_of_a_block(const LinearInputs& inputs) {
  constexpr int64_t kNumbers = 32768;  // of a block: 128 KiB
  const int64_t a_row = std::max<int64_t>(1, inputs.stored() / inputs.rows());
  return std::clamp<int64_t>(kNumbers / a_row, 8, 512);
}

}  // namespace gradus
