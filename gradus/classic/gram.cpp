#include "gradus/classic/gram.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/tensor/matmul.h"

namespace gradus {
namespace {

constexpr int64_t kOneTile = 128;       // features that are one
constexpr int64_t kFeatureTile = 96;    // else features on a side: oneDNN's products are made of 24 or 48
constexpr int64_t kProductRows = 1024;  // of a product at most, before its sums go to f64
constexpr int64_t kPieceRows = 512;
constexpr int64_t kWantedUnits = 32;  // that threads can take
constexpr int64_t kMostGramPieces = 16;

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

struct Weighting {
  const double* factors;
  const double* shift;
};

// Rows less the shift, times the root of their factor, contiguous: their products with each other are what is wanted.
template <class T>
void copy_rows(const float* x, int64_t begin, int64_t end, int64_t columns, const Weighting& weighting, T* to) {
  std::vector<T> shift(static_cast<size_t>(columns));
  if (weighting.shift != nullptr) std::copy_n(weighting.shift, columns, shift.begin());
  for (int64_t i = begin; i < end; ++i) {
    const T root = weighting.factors == nullptr ? T{1} : static_cast<T>(std::sqrt(weighting.factors[i]));
    const float* const row = x + i * columns;
    for (int64_t j = 0; j < columns; ++j) to[j] = root * (static_cast<T>(row[j]) - shift[j]);
    to += columns;
  }
}

// sum (m, n), rows `side` apart, += the product of two tiles of columns of some rows, `width` apart. It is one of so
// many `together`.
template <class T>
void add_tile(const T* x, int64_t rows, int64_t width, int64_t row_tile, int64_t column_tile, int64_t m, int64_t n,
              double* sum, int64_t side, int64_t together) {
  std::vector<T> product(static_cast<size_t>(m * n));
  for (int64_t at = 0; at < rows; at += kProductRows) {
    const T* const from = x + at * width;
    kernels::product<T>(m, n, std::min(kProductRows, rows - at), {from + row_tile, 1, width},
                        {from + column_tile, width, 1}, product.data(), n, false, {}, together);
    for (int64_t i = 0; i < m; ++i) kernels::add_scaled(sum + i * side, 1.0, product.data() + i * n, n);
  }
}

// The features in tiles, and pairs of those up to the diagonal.
struct Tiles {
  int64_t features;
  int64_t side = features <= kOneTile ? kOneTile : kFeatureTile;
  int64_t count() const { return (features + side - 1) / side; }
  int64_t pairs() const { return count() * (count() + 1) / 2; }
  std::pair<int64_t, int64_t> place_of(int64_t pair) const {
    int64_t row = 0;
    for (; pair > row; ++row) pair -= row + 1;
    return {row * side, pair * side};
  }
  int64_t width(int64_t at) const { return std::min(side, features - at); }
};

// A panel of rows at a time: all its pairs of tiles are units of work, which add to their place in the matrix; or,
// where the pairs are few, pieces of its rows for each pair, which have sums of their own over all panels.
template <class T>
void dense_gram(const Tensor& x, const Weighting& weighting, double* gram) {
  const int64_t rows = x.size(0), features = x.size(1), side = features + 1;
  const Tiles tiles{features};
  const int64_t pairs = tiles.pairs(), pieces = std::min((kWantedUnits + pairs - 1) / pairs, kMostGramPieces);
  const int64_t panel_rows = std::min(rows, std::max(pieces * kPieceRows, kProductRows));
  Tensor panel_memory = Tensor::empty({panel_rows, features}, dtype_of<T>());
  T* const panel = panel_memory.mutable_data<T>();
  std::vector<std::vector<double>> sums(static_cast<size_t>(pieces == 1 ? 0 : pairs * pieces));
  for (int64_t at = 0; at < rows; at += panel_rows) {
    const int64_t count = std::min(panel_rows, rows - at), length = (count + pieces - 1) / pieces;
    parallel_for(count, 64, [&](int64_t begin, int64_t end) {
      copy_rows<T>(x.data<float>(), at + begin, at + end, features, weighting, panel + begin * features);
    });
    parallel_for(pairs * pieces, 1, [&](int64_t first, int64_t last) {
      for (int64_t unit = first; unit < last; ++unit) {
        const auto [row, column] = tiles.place_of(unit / pieces);
        const int64_t m = tiles.width(row), n = tiles.width(column), begin = unit % pieces * length;
        if (pieces > 1) sums[unit].resize(static_cast<size_t>(m * n));
        if (begin >= count) continue;
        double* const sum = pieces > 1 ? sums[unit].data() : gram + row * side + column;
        add_tile<T>(panel + begin * features, std::min(length, count - begin), features, row, column, m, n, sum,
                    pieces > 1 ? n : side, pairs * pieces);
      }
    });
  }
  for (size_t unit = 0; unit < sums.size(); ++unit) {  // of few pairs
    const auto [row, column] = tiles.place_of(static_cast<int64_t>(unit) / pieces);
    const int64_t n = tiles.width(column);
    for (int64_t i = 0; i < tiles.width(row); ++i) {
      kernels::add_scaled(gram + (row + i) * side + column, 1.0, sums[unit].data() + i * n, n);
    }
  }
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

// Pieces with a matrix each.
Cut cut_sparse(int64_t rows, int64_t elements) {
  constexpr int64_t kNumbers = int64_t{1} << 24;  // of all of them
  return cut_rows(rows, std::clamp<int64_t>(kNumbers / elements, 1, kMostGramPieces), kPieceRows);
}

void sparse_gram(const SparseMatrix& x, const double* factors, double* gram) {
  const int64_t side = x.columns + 1, elements = side * side;
  const Cut cut = cut_sparse(x.rows, elements);
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

int64_t sparse_gram_bytes(int64_t rows, int64_t columns) {
  const int64_t elements = (columns + 1) * (columns + 1), pieces = cut_sparse(rows, elements).pieces;
  return static_cast<int64_t>(sizeof(double)) * elements * (pieces == 1 ? 1 : 1 + pieces);
}

std::vector<std::vector<double>> weighted_sums(const LinearInputs& inputs, std::span<const double* const> factors) {
  const int64_t features = inputs.features(), block = rows_of_a_block(inputs), side = features + 1;
  const int64_t kinds = static_cast<int64_t>(factors.size());
  const Cut cut = cut_rows(inputs.rows(), kMostGramPieces, block);
  const std::vector<double> ones(static_cast<size_t>(block), 1.0);
  std::vector<double> sums(cut.pieces * kinds * side);
  parallel_for(inputs.rows(), cut.rows, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += block) {
      const int64_t stop = std::min(at + block, end);
      for (int64_t k = 0; k < kinds; ++k) {
        double* const sum = sums.data() + (begin / cut.rows * kinds + k) * side;
        const double* const own = factors[k] == nullptr ? ones.data() : factors[k] + at;
        add_rows(inputs, at, stop, own, sum);
        sum[features] = std::accumulate(own, own + (stop - at), sum[features]);
      }
    }
  });
  std::vector<std::vector<double>> all(factors.size(), std::vector<double>(static_cast<size_t>(side)));
  for (int64_t p = 0; p < cut.pieces; ++p) {
    for (int64_t k = 0; k < kinds; ++k) {
      kernels::add_scaled(all[k].data(), 1.0, sums.data() + (p * kinds + k) * side, side);
    }
  }
  return all;
}

std::vector<double> weighted_sums(const LinearInputs& inputs, const double* factors) {
  return std::move(weighted_sums(inputs, {{factors}})[0]);
}

std::vector<double> weighted_gram(const LinearInputs& inputs, const double* factors, const double* shift,
                                  GramPrecision precision, std::span<const double> known_sums) {
  const int64_t features = inputs.features(), side = features + 1;
  std::vector<double> sums(known_sums.begin(), known_sums.end());
  if (sums.empty()) sums = weighted_sums(inputs, factors);
  std::vector<double> gram(static_cast<size_t>(side * side)), rest(static_cast<size_t>(features));
  if (shift != nullptr) std::copy_n(shift, features, rest.begin());
  if (inputs.is_sparse()) {
    sparse_gram(*inputs.sparse, factors, gram.data());
  } else if (precision == GramPrecision::kF32) {
    dense_gram<float>(inputs.dense, {factors, shift}, gram.data());
    // What has been taken off is the shift in f32.
    for (int64_t j = 0; j < features && shift != nullptr; ++j) {
      const double taken = double{static_cast<float>(shift[j])};
      rest[j] -= taken;
      sums[j] -= sums.back() * taken;
    }
  } else {
    dense_gram<double>(inputs.dense, {factors, shift}, gram.data());
    if (shift != nullptr) kernels::add_scaled(sums.data(), -sums.back(), shift, features);
    std::fill(rest.begin(), rest.end(), 0.0);
  }
  if (shift != nullptr) apply_shift(sums, rest.data(), gram.data());
  double* const last = gram.data() + features * side;
  std::copy(sums.begin(), sums.end(), last);
  kernels::add_scaled(last, -sums.back(), rest.data(), features);
  return gram;
}

}  // namespace gradus
