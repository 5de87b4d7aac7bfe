#include "gradus/tensor/kernels/batch_norm.h"

#include <cmath>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/batch_norm_simd.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus::kernels {
namespace {

void check_input(const Tensor& x) {
  if (!is_float(x.dtype())) fail_not_float("batch_norm", x.dtype());
  if (x.rank() < 2 || x.numel() == 0) {
    fail("batch_norm", "{} has nothing to normalise; expected rows of at least one channel", x.describe());
  }
}

void check_vector(std::string_view name, const Tensor& t, const Tensor& x) {
  if (t.defined() && (t.dtype() != x.dtype() || !(t.shape() == Shape{x.size(-1)}))) {
    fail("batch_norm", "{} {} for {}; expected {} ({},)", name, t.describe(), x.describe(), name_of(x.dtype()),
         x.size(-1));
  }
}

void check_like(std::string_view name, const Tensor& t, const Tensor& x) {
  if (t.defined() && (t.dtype() != x.dtype() || !(t.shape() == x.shape()))) {
    fail("batch_norm", "{} {} for {}; shape and dtype must be equal", name, t.describe(), x.describe());
  }
}

Tensor own(const Tensor& t) { return t.defined() ? contiguous(t) : t; }

// Rows that the second-level cache holds with what belongs to them, read twice.
int64_t rows_at_once(int64_t channels) { return std::clamp<int64_t>(16384 / channels, 1, 512); }

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

// Calls `body(piece, rows that were before)` for pieces of the rows.
template <class T, class Body>
void for_pieces(int64_t count, const BatchNormRows<T>& all, Body&& body) {
  parallel_for(count, rows_at_once(all.channels), [&](int64_t begin, int64_t end) {
    BatchNormRows<T> piece = all;
    piece.rows = end - begin;
    const int64_t offset = begin * all.channels;
    for (const T** p : {&piece.x, &piece.residual, &piece.y, &piece.grad}) {
      if (*p != nullptr) *p += offset;
    }
    for (T** p : {&piece.out, &piece.of_residual}) {
      if (*p != nullptr) *p += offset;
    }
    body(piece, begin);
  });
}

// Two sums for each channel of each piece: (pieces, 2, C).
template <class T>
Tensor sums_of_pieces(int64_t count, const BatchNormRows<T>& rows, void (*run)(const BatchNormRows<T>&)) {
  const int64_t size = rows_at_once(rows.channels), pieces = (count + size - 1) / size;
  Tensor sums = Tensor::empty({pieces, 2, rows.channels}, dtype_of<T>());
  T* const into = sums.mutable_data<T>();
  for_pieces<T>(count, rows, [&](BatchNormRows<T>& piece, int64_t begin) {
    piece.sum = into + begin / size * 2 * rows.channels;
    piece.products = piece.sum + rows.channels;
    run(piece);
  });
  return sums;
}

// What a norm does to a number of each channel.
template <class T>
struct Factors {
  std::vector<T> scale, bias;

  Factors(const BatchNorm& norm, int64_t channels) : scale(static_cast<size_t>(channels)), bias(scale.size()) {
    if (DryRun::is_on()) return;
    const T *variance = norm.variance.data<T>(), *w = data_or_null<T>(norm.weight), *b = data_or_null<T>(norm.bias);
    for (size_t c = 0; c < scale.size(); ++c) {
      const double rstd = 1.0 / std::sqrt(static_cast<double>(variance[c]) + norm.epsilon);
      scale[c] = static_cast<T>(w == nullptr ? rstd : rstd * static_cast<double>(w[c]));
      bias[c] = b == nullptr ? T{0} : b[c];
    }
  }
};

BatchNorm checked(const BatchNorm& norm, const Tensor& x) {
  check_input(x);
  check_vector("weight", norm.weight, x);
  check_vector("bias", norm.bias, x);
  check_vector("mean", norm.mean, x);
  check_vector("variance", norm.variance, x);
  return {own(norm.mean), own(norm.variance), own(norm.weight), own(norm.bias), norm.epsilon, norm.relu};
}

}  // namespace

BatchMoments batch_moments(const Tensor& x) {
  check_input(x);
  const Tensor source = contiguous(x);
  const int64_t channels = x.size(-1), count = x.numel() / channels, size = rows_at_once(channels);
  BatchMoments result{Tensor::empty({channels}, x.dtype()), Tensor::empty({channels}, x.dtype())};
  dispatch_float("batch_norm", x.dtype(), [&]<class T>(T) {
    const Tensor sums = sums_of_pieces<T>(count, {.channels = channels, .x = source.data<T>()}, run_moments<T>);
    const T* of_pieces = sums.data<T>();
    T *mean = result.mean.mutable_data<T>(), *variance = result.variance.mutable_data<T>();
    // Pieces are joined one after another (Chan, Golub, LeVeque, 1979).
    parallel_for(1, 1, [&](int64_t, int64_t) {
      std::vector<double> means(static_cast<size_t>(channels)), squares(means.size());
      for (int64_t i = 0; i < sums.size(0); ++i) {
        const auto before = static_cast<double>(i * size), rows = static_cast<double>(std::min(size, count - i * size));
        const double share = rows / (before + rows);
        const T *piece = of_pieces + 2 * i * channels, *piece_squares = piece + channels;
        for (size_t c = 0; c < means.size(); ++c) {
          const double apart = static_cast<double>(piece[c]) - means[c];
          means[c] += apart * share;
          squares[c] += static_cast<double>(piece_squares[c]) + apart * apart * before * share;
        }
      }
      for (size_t c = 0; c < means.size(); ++c) {
        mean[c] = static_cast<T>(means[c]);
        variance[c] = static_cast<T>(squares[c] / static_cast<double>(count));
      }
    });
  });
  return result;
}

Tensor batch_norm(const Tensor& x, const BatchNorm& any, const Tensor& residual) {
  const BatchNorm norm = checked(any, x);
  check_like("residual", residual, x);
  const Tensor source = contiguous(x), r = own(residual);
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("batch_norm", x.dtype(), [&]<class T>(T) {
    const int64_t channels = x.size(-1);
    const Factors<T> factors(norm, channels);
    for_pieces<T>(x.numel() / channels,
                  {.channels = channels,
                   .relu = norm.relu,
                   .x = source.data<T>(),
                   .residual = data_or_null<T>(r),
                   .mean = norm.mean.data<T>(),
                   .scale = factors.scale.data(),
                   .bias = factors.bias.data(),
                   .out = result.mutable_data<T>()},
                  [](const BatchNormRows<T>& piece, int64_t) { run_batch_norm(piece); });
  });
  return result;
}

// With x̂ = (x − mean)·rstd and g the gradient behind relu: weight Σ g·x̂, bias Σ g, and of x, where the moments follow
// it, weight·rstd·(g − mean(g) − x̂·mean(g·x̂)).
BatchNormGradients batch_norm_backward(const Tensor& grad, const Tensor& x, const Tensor& y, const BatchNorm& any,
                                       bool own_moments, bool needs_x, bool needs_residual) {
  const BatchNorm norm = checked(any, x);
  check_like("a gradient of", grad, x);
  const Tensor source = contiguous(x), g = contiguous(grad), result_y = own(y);
  const int64_t channels = x.size(-1), count = x.numel() / channels;
  BatchNormGradients result;
  result.weight = Tensor::empty({channels}, x.dtype());
  result.bias = Tensor::empty({channels}, x.dtype());
  if (needs_x) result.x = Tensor::empty(x.shape(), x.dtype());
  if (needs_residual) result.residual = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("batch_norm", x.dtype(), [&]<class T>(T) {
    const Factors<T> factors(norm, channels);
    BatchNormRows<T> rows{.channels = channels,
                          .relu = norm.relu,
                          .x = source.data<T>(),
                          .y = data_or_null<T>(result_y),
                          .grad = g.data<T>(),
                          .mean = norm.mean.data<T>(),
                          .scale = factors.scale.data(),
                          .bias = factors.bias.data()};
    const Tensor sums = sums_of_pieces<T>(count, rows, run_batch_norm_sums<T>);
    std::vector<T> centre(static_cast<size_t>(channels)), slope(centre.size());
    T *of_weight = result.weight.mutable_data<T>(), *of_bias = result.bias.mutable_data<T>();
    parallel_for(channels, channels, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        double sum = 0.0, products = 0.0;
        for (int64_t i = 0; i < sums.size(0); ++i) {
          sum += static_cast<double>(sums.data<T>()[2 * i * channels + c]);
          products += static_cast<double>(sums.data<T>()[(2 * i + 1) * channels + c]);
        }
        const double variance = static_cast<double>(norm.variance.data<T>()[c]) + norm.epsilon;
        of_bias[c] = static_cast<T>(sum);
        of_weight[c] = static_cast<T>(products / std::sqrt(variance));
        if (!own_moments) continue;
        const double part = static_cast<double>(factors.scale[static_cast<size_t>(c)]) / static_cast<double>(count);
        centre[static_cast<size_t>(c)] = static_cast<T>(part * sum);
        slope[static_cast<size_t>(c)] = static_cast<T>(part * products / variance);
      }
    });
    if (!needs_x && !needs_residual) return;
    rows.out = needs_x ? result.x.mutable_data<T>() : nullptr;
    rows.of_residual = needs_residual ? result.residual.mutable_data<T>() : nullptr;
    rows.centre = centre.data();
    rows.slope = slope.data();
    for_pieces<T>(count, rows, [](const BatchNormRows<T>& piece, int64_t) { run_batch_norm_backward(piece); });
  });
  return result;
}

}  // namespace gradus::kernels
