#include "gradus/classic/cholesky.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/tensor/matmul.h"

namespace gradus {
namespace {

constexpr int64_t kBlock = 64;
constexpr int64_t kRowTile = 256;  // of rows, below a block, that one thread works on

// L of the diagonal block, row by row; the columns before `from` are done with.
bool factor_block(double* a, int64_t n, int64_t from, int64_t to, double smallest) {
  for (int64_t i = from; i < to; ++i) {
    for (int64_t j = from; j < i; ++j) {
      a[i * n + j] = (a[i * n + j] - kernels::dot(a + i * n + from, a + j * n + from, j - from)) / a[j * n + j];
    }
    const double pivot = a[i * n + i] - kernels::dot(a + i * n + from, a + i * n + from, i - from);
    if (!(pivot > smallest)) return false;
    a[i * n + i] = std::sqrt(pivot);
  }
  return true;
}

}  // namespace

bool cholesky_factor(double* a, int64_t n, double smallest) {
  for (int64_t from = 0; from < n; from += kBlock) {
    const int64_t to = std::min(from + kBlock, n), width = to - from;
    if (!factor_block(a, n, from, to, smallest)) return false;
    parallel_for(n - to, kRowTile, [&](int64_t begin, int64_t end) {
      for (int64_t i = to + begin; i < to + end; ++i) {
        for (int64_t j = from; j < to; ++j) {
          a[i * n + j] = (a[i * n + j] - kernels::dot(a + i * n + from, a + j * n + from, j - from)) / a[j * n + j];
        }
      }
    });
    // What is below and to the right loses the block's columns times their transpose.
    std::vector<double> negative(static_cast<size_t>((n - to) * width));
    for (int64_t i = to; i < n; ++i) {
      std::transform(a + i * n + from, a + i * n + to, negative.begin() + (i - to) * width,
                     [](double v) { return -v; });
    }
    parallel_for(n - to, kRowTile, [&](int64_t begin, int64_t end) {
      kernels::product<double>(end - begin, end, width, {a + (to + begin) * n + from, n, 1},
                               {negative.data(), 1, width}, a + (to + begin) * n + to, n, true, {});
    });
  }
  return true;
}

void cholesky_solve(const double* l, int64_t n, double* b) {
  for (int64_t i = 0; i < n; ++i) b[i] = (b[i] - kernels::dot(l + i * n, b, i)) / l[i * n + i];
  for (int64_t i = n; i-- > 0;) {
    b[i] /= l[i * n + i];
    kernels::add_scaled(b, -b[i], l + i * n, i);
  }
}

SemidefiniteSolver::SemidefiniteSolver(std::vector<double> a, int64_t n) : scale_(static_cast<size_t>(n)) {
  for (int64_t i = 0; i < n; ++i) scale_[i] = a[i * n + i] > 0.0 ? 1.0 / std::sqrt(a[i * n + i]) : 1.0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < i; ++j) a[i * n + j] *= scale_[i] * scale_[j];
    a[i * n + i] = 1.0;
  }
  constexpr double kSmallestPivot = 1e-13;
  factor_ = a;
  for (double added = 1e-12; !cholesky_factor(factor_.data(), n, kSmallestPivot); added *= 100.0) {
    factor_ = a;
    for (int64_t i = 0; i < n; ++i) factor_[i * n + i] += added;
  }
}

void SemidefiniteSolver::solve(double* b) const {
  const int64_t n = static_cast<int64_t>(scale_.size());
  for (int64_t i = 0; i < n; ++i) b[i] *= scale_[i];
  cholesky_solve(factor_.data(), n, b);
  for (int64_t i = 0; i < n; ++i) b[i] *= scale_[i];
}

}  // namespace gradus
