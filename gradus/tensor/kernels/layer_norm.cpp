#include "gradus/tensor/kernels/layer_norm.h"

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/layer_norm_simd.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

void check_input(const Tensor& x) {
  if (!is_float(x.dtype())) fail_not_float("layer_norm", x.dtype());
  if (x.rank() == 0 || x.shape().back() == 0) {
    fail("layer_norm", "{} has nothing to normalise; the last dimension must be at least 1", x.describe());
  }
}

// A contiguous (C) of x's dtype, or undefined.
Tensor checked_parameter(std::string_view name, const Tensor& parameter, const Tensor& x) {
  if (!parameter.defined()) return {};
  if (parameter.dtype() != x.dtype() || !(parameter.shape() == Shape{x.shape().back()})) {
    fail("layer_norm", "{} {} for {}; expected {} ({},)", name, parameter.describe(), x.describe(), name_of(x.dtype()),
         x.shape().back());
  }
  return contiguous(parameter);
}

void check_statistics(const Tensor& x, const Tensor& mean, const Tensor& rstd) {
  check_input(x);
  for (const Tensor* t : {&mean, &rstd}) {
    if (t->dtype() != x.dtype() || !t->is_contiguous() || t->numel() != x.numel() / x.shape().back()) {
      fail("layer_norm", "statistics {} for {}; expected one value a row", t->describe(), x.describe());
    }
  }
}

const std::byte* bytes_or_null(const Tensor& t) { return t.defined() ? t.bytes() : nullptr; }

// The backward passes only read the statistics, through the same description.
std::byte* readable(const Tensor& t) { return const_cast<std::byte*>(t.bytes()); }

// Calls `body` with pieces of the rows.
template <class Body>
void for_pieces(const Tensor& x, LayerNormRows all, Body&& body) {
  const int64_t bytes = size_of(x.dtype());
  all.length = x.shape().back();
  parallel_for(x.numel() / all.length, std::max<int64_t>(1, kCostlyGrain / all.length),
               [&](int64_t begin, int64_t end) {
                 LayerNormRows piece = all;
                 const int64_t offset = begin * all.length * bytes;
                 piece.rows = end - begin;
                 piece.x += offset;
                 piece.out += offset;
                 if (piece.grad != nullptr) piece.grad += offset;
                 if (piece.residual != nullptr) piece.residual += offset;
                 piece.mean += begin * bytes;
                 piece.rstd += begin * bytes;
                 body(piece);
               });
}

}  // namespace

LayerNorm layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon, bool centred) {
  check_input(x);
  const Tensor source = contiguous(x), w = checked_parameter("weight", weight, x),
               b = checked_parameter("bias", bias, x);
  Shape rows = x.shape();
  rows.erase(x.rank() - 1);
  LayerNorm result{Tensor::empty(x.shape(), x.dtype()), Tensor::empty(rows, x.dtype()), Tensor::empty(rows, x.dtype())};
  for_pieces(source,
             {.centred = centred,
              .x = source.bytes(),
              .weight = bytes_or_null(w),
              .bias = bytes_or_null(b),
              .mean = result.mean.mutable_bytes(),
              .rstd = result.rstd.mutable_bytes(),
              .out = result.y.mutable_bytes()},
             [&](const LayerNormRows& piece) { run_layer_norm(x.dtype(), piece, epsilon); });
  return result;
}

Tensor layer_norm_backward(const Tensor& grad, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                           const Tensor& weight, bool centred, const Tensor& residual) {
  check_statistics(x, mean, rstd);
  for (const Tensor* t : {&grad, &residual}) {
    if (t == &residual && !t->defined()) continue;
    if (t->dtype() != x.dtype() || !(t->shape() == x.shape())) {
      fail("layer_norm", "a gradient of {} for {}; shape and dtype must be equal", t->describe(), x.describe());
    }
  }
  const Tensor source = contiguous(x), g = contiguous(grad), w = checked_parameter("weight", weight, x);
  const Tensor added = residual.defined() ? contiguous(residual) : residual;
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  for_pieces(source,
             {.centred = centred,
              .x = source.bytes(),
              .weight = bytes_or_null(w),
              .grad = g.bytes(),
              .residual = bytes_or_null(added),
              .mean = readable(mean),
              .rstd = readable(rstd),
              .out = result.mutable_bytes()},
             [&](const LayerNormRows& piece) { run_layer_norm_backward(x.dtype(), piece); });
  return result;
}

Tensor normalized(const Tensor& x, const Tensor& mean, const Tensor& rstd) {
  check_statistics(x, mean, rstd);
  const Tensor source = contiguous(x);
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  for_pieces(source,
             {.x = source.bytes(), .mean = readable(mean), .rstd = readable(rstd), .out = result.mutable_bytes()},
             [&](const LayerNormRows& piece) { run_normalized(x.dtype(), piece); });
  return result;
}

}  // namespace gradus::kernels
