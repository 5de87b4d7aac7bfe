#include "gradus/classic/gram.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/tensor/matmul.h"

namespace gradus {
namespace {

constexpr int64_t kTile = 128;        // features on a side
constexpr int64_t kRows = 512;        // of a product, before its sums go to f64
constexpr int64_t kWantedUnits = 32;  // that threads can take
constexpr int64_t kMostPieces = 16;

struct Cut {
  int64_t pieces;
  int64_t rows;  // of a piece
};
// So many pieces of the rows, each a multiple of `block` long.
Cut cut_rows(int64_t rows, int64_t wanted, int64_t block) {
  const int64_t blocks = (rows + block - 1) / block;
  const int64_t length = (blocks + wanted - 1) / wanted * block;
  return {(rows + length - 1) / length, length};
}

// A tile of columns of some rows, less the shift and times the row's factor, contiguous.
template <class T>
void copy_tile(const float* x, int64_t stride, int64_t rows, int64_t columns, const double* factors,
               const double* shift, T* to) {
  for (int64_t i = 0; i < rows; ++i, x += stride, to += columns) {
    const T factor = factors == nullptr ? T{1} : static_cast<T>(factors[i]);
    if (shift == nullptr) {
      for (int64_t j = 0; j < columns; ++j) to[j] = factor * static_cast<T>(x[j]);
    } else {
      for (int64_t j = 0; j < columns; ++j) to[j] = factor * static_cast<T>(double{x[j]} - shift[j]);
    }
  }
}

struct Weighting {
  const double* factors;
  const double* shift;
};

// sum (m, n) += the product of two tiles of columns, over the rows from `begin` to `end`.
template <class T>
void add_tile(const Tensor& x, const Weighting& weighting, int64_t begin, int64_t end, int64_t row_tile,
              int64_t column_tile, int64_t m, int64_t n, double* sum) {
  const auto [factors, shift] = weighting;
  const int64_t width = x.size(1);
  std::vector<T> a(kRows * m), b(kRows * n), product(m * n);
  for (int64_t at = begin; at < end; at += kRows) {
    const int64_t rows = std::min(kRows, end - at);
    const float* const from = x.data<float>() + at * width;
    const auto shift_of = [&](int64_t tile) { return shift == nullptr ? nullptr : shift + tile; };
    copy_tile(from + row_tile, width, rows, m, factors == nullptr ? nullptr : factors + at, shift_of(row_tile),
              a.data());
    copy_tile(from + column_tile, width, rows, n, nullptr, shift_of(column_tile), b.data());
    kernels::product<T>(m, n, rows, {a.data(), 1, m}, {b.data(), n, 1}, product.data(), n, false, {});
    for (int64_t i = 0; i < m * n; ++i) sum[i] += double{product[i]};
  }
}

template <class T>
void dense_gram(const Tensor& x, const Weighting& weighting, double* gram) {
  const int64_t rows = x.size(0), features = x.size(1), side = features + 1;
  const int64_t tiles = (features + kTile - 1) / kTile, pairs = tiles * (tiles + 1) / 2;
  const Cut cut = cut_rows(rows, std::min((kWantedUnits + pairs - 1) / pairs, kMostPieces), kRows);
  const auto place_of = [&](int64_t pair) {
    int64_t row = 0;
    for (; pair > row; ++row) pair -= row + 1;
    return std::pair(row * kTile, pair * kTile);
  };
  std::vector<std::vector<double>> sums(pairs * cut.pieces);
  parallel_for(pairs * cut.pieces, 1, [&](int64_t first, int64_t last) {
    for (int64_t unit = first; unit < last; ++unit) {
      const auto [row, column] = place_of(unit / cut.pieces);
      const int64_t m = std::min(kTile, features - row), n = std::min(kTile, features - column);
      const int64_t begin = unit % cut.pieces * cut.rows;
      sums[unit].assign(m * n, 0.0);
      add_tile<T>(x, weighting, begin, std::min(begin + cut.rows, rows), row, column, m, n, sums[unit].data());
    }
  });
  parallel_for(pairs, 1, [&](int64_t first, int64_t last) {
    for (int64_t pair = first; pair < last; ++pair) {
      const auto [row, column] = place_of(pair);
      const int64_t n = std::min(kTile, features - column);
      for (int64_t p = 0; p < cut.pieces; ++p) {
        const std::vector<double>& sum = sums[pair * cut.pieces + p];
        for (size_t i = 0; i < sum.size(); ++i) {
          const int64_t at = static_cast<int64_t>(i);
          gram[(row + at / n) * side + column + at % n] += sum[i];
        }
      }
    }
  });
}

void add_sparse_rows(const SparseMatrix& x, const double* factors, int64_t begin, int64_t end, int64_t side,
                     double* gram) {
  for (int64_t i = begin; i < end; ++i) {
    const double factor = factors == nullptr ? 1.0 : factors[i];
    if (factor == 0.0) continue;
    for (int64_t p = x.offsets[i]; p < x.offsets[i + 1]; ++p) {
      double* const row = gram + x.indices[p] * side;
      const double value = factor * double{x.values[p]};
      for (int64_t q = x.offsets[i]; q <= p; ++q) row[x.indices[q]] += value * double{x.values[q]};
    }
  }
}

void sparse_gram(const SparseMatrix& x, const double* factors, double* gram) {
  constexpr int64_t kNumbers = int64_t{1} << 24;  // of the pieces' own matrices
  const int64_t side = x.columns + 1, elements = side * side;
  const Cut cut = cut_rows(x.rows, std::clamp<int64_t>(kNumbers / elements, 1, kMostPieces), kRows);
  if (cut.pieces == 1) return add_sparse_rows(x, factors, 0, x.rows, side, gram);
  std::vector<double> grams(cut.pieces * elements);
  parallel_for(x.rows, cut.rows, [&](int64_t begin, int64_t end) {
    add_sparse_rows(x, factors, begin, end, side, grams.data() + begin / cut.rows * elements);
  });
  parallel_for(elements, int64_t{1} << 13, [&](int64_t begin, int64_t end) {
    for (int64_t p = 0; p < cut.pieces; ++p) {
      kernels::add_scaled(gram + begin, 1.0, grams.data() + p * elements + begin, end - begin);
    }
  });
}

// Σ f·(x − s)·(x − s)ᵀ and Σ f·(x − s) of what has no shift; `sums` are Σ f·x and Σ f.
void apply_shift(const std::vector<double>& sums, const double* shift, double* gram) {
  const int64_t features = static_cast<int64_t>(sums.size()) - 1, side = features + 1;
  const double total = sums.back();
  parallel_for(features, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        gram[i * side + j] += (total * shift[i] - sums[i]) * shift[j] - shift[i] * sums[j];
      }
    }
  });
}

}  // namespace

std::vector<double> weighted_sums(const LinearInputs& inputs, const double* factors) {
  const int64_t features = inputs.features(), block = rows_of_a_block(inputs);
  const Cut cut = cut_rows(inputs.rows(), kMostPieces, block);
  const std::vector<double> ones(factors == nullptr ? block : 0, 1.0);
  std::vector<double> sums(cut.pieces * (features + 1)), all(features + 1);
  parallel_for(inputs.rows(), cut.rows, [&](int64_t begin, int64_t end) {
    double* const sum = sums.data() + begin / cut.rows * (features + 1);
    for (int64_t at = begin; at < end; at += block) {
      const int64_t stop = std::min(at + block, end);
      const double* const own = factors == nullptr ? ones.data() : factors + at;
      add_rows(inputs, at, stop, own, sum);
      sum[features] = std::accumulate(own, own + (stop - at), sum[features]);
    }
  });
  for (int64_t p = 0; p < cut.pieces; ++p) {
    kernels::add_scaled(all.data(), 1.0, sums.data() + p * (features + 1), features + 1);
  }
  return all;
}

std::vector<double> weighted_gram(const LinearInputs& inputs, const double* factors, const double* shift,
                                  GramPrecision precision) {
  const int64_t features = inputs.features(), side = features + 1;
  const std::vector<double> sums = weighted_sums(inputs, factors);
  std::vector<double> gram(side * side);
  if (inputs.is_sparse()) {
    sparse_gram(*inputs.sparse, factors, gram.data());
    if (shift != nullptr) apply_shift(sums, shift, gram.data());
  } else if (precision == GramPrecision::kF32) {
    dense_gram<float>(inputs.dense, {factors, shift}, gram.data());
  } else {
    dense_gram<double>(inputs.dense, {factors, shift}, gram.data());
  }
  double* const last = gram.data() + features * side;
  std::copy(sums.begin(), sums.end(), last);
  if (shift != nullptr) kernels::add_scaled(last, -sums.back(), shift, features);
  return gram;
}

}  // namespace gradus
