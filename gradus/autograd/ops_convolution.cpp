// Convolutions and pooling of channels-last images and sequences.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/convolution.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/pooling.h"

namespace gradus {
namespace {

// A factor rounded as a layer's precision says; the products are f32 all the same.
Tensor rounded(const Tensor& x, const Precision& precision) {
  return x.dtype() == DType::kF32 ? kernels::cast(precision.factor(x), DType::kF32) : x;
}

Tensor convolution(const char* name, const Tensor& x_any, const Tensor& weight_any, const Tensor& bias,
                   const Convolution2dOptions& options, const Tensor& residual, const Precision& precision) {
  const Tensor x = rounded(x_any, precision), weight = rounded(weight_any, precision);
  Tensor y = kernels::convolution(name, x, weight, bias, residual, options);
  if (!needs_gradient(x_any, weight_any, bias, residual)) return y;
  const Saved result(options.relu ? y : Tensor());
  return record(
      name, std::move(y), std::array{&x_any, &weight_any, &bias, &residual},
      [x = Kept(x, precision), weight = Saved(weight), shape = x.shape(), result, options, precision](Gradients& g) {
        Tensor grad = g.give_output();
        if (options.relu) grad = kernels::unary_backward(kernels::Unary::kRelu, result.get(), std::move(grad));
        if (g.needs(2)) g.add(2, GradientKind::kBias, Tensor(), grad);
        const Tensor factor = rounded(grad, precision);
        if (g.needs(1)) {
          g.add(1, kernels::convolution_backward_weight(factor, x.get(), weight.get().shape(), options));
        }
        if (g.needs(0)) g.add(0, kernels::convolution_backward_input(factor, weight.get(), shape, options));
        if (g.needs(3)) g.add(3, std::move(grad));
      });
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Convolution2dOptions& options,
              const Tensor& residual, const Precision& precision) {
  return convolution("conv2d", x, weight, bias, options, residual, precision);
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Convolution1dOptions& options,
              const Precision& precision) {
  if (x.rank() != 3 || weight.rank() != 3) {
    fail("conv1d", "input {} and weight {}: expected (N, T, C) and (out, k, C/groups)", x.describe(),
         weight.describe());
  }
  // An image of one line.
  const auto lines = [](const Tensor& t) { return reshape(t, {t.size(0), 1, t.size(1), t.size(2)}); };
  const Tensor y = convolution("conv1d", lines(x), lines(weight), bias,
                               {.stride = {1, options.stride},
                                .padding = {0, options.padding},
                                .dilation = {1, options.dilation},
                                .groups = options.groups,
                                .relu = options.relu},
                               {}, precision);
  return reshape(y, {y.size(0), y.size(2), y.size(3)});
}

namespace {

Tensor pool(const char* name, kernels::Pool kind, const Tensor& x, const Pool2dOptions& options) {
  const bool records = needs_gradient(x);
  auto [y, taps] = kernels::pool(name, kind, x, options, records);
  if (!records) return y;
  return record(name, std::move(y), std::array{&x},
                [kind, shape = x.shape(), taps = Saved(taps), options](Gradients& g) {
                  g.add(0, kernels::pool_backward(kind, g.output(), shape, taps.get(), options));
                });
}

Tensor pool1d(const char* name, kernels::Pool kind, const Tensor& x, const Pool1dOptions& o) {
  if (x.rank() != 3) fail(name, "input {}: expected (N, T, C)", x.describe());
  const Tensor lines = reshape(x, {x.size(0), 1, x.size(1), x.size(2)});
  const Tensor y = pool(name, kind, lines,
                        {.kernel = {1, o.kernel}, .stride = {1, o.stride}, .padding = {0, o.padding}, .relu = o.relu});
  return reshape(y, {y.size(0), y.size(2), y.size(3)});
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options) {
  return pool("max_pool2d", kernels::Pool::kMax, x, options);
}
Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options) {
  return pool("avg_pool2d", kernels::Pool::kAverage, x, options);
}
Tensor max_pool1d(const Tensor& x, const Pool1dOptions& options) {
  return pool1d("max_pool1d", kernels::Pool::kMax, x, options);
}
Tensor avg_pool1d(const Tensor& x, const Pool1dOptions& options) {
  return pool1d("avg_pool1d", kernels::Pool::kAverage, x, options);
}

Tensor global_avg_pool(const Tensor& x) {
  if (x.rank() < 3) fail("global_avg_pool", "input {}: expected (N, …, C)", x.describe());
  const int64_t examples = x.size(0), channels = x.size(-1);
  int64_t places = 1;
  for (int i = 1; i + 1 < x.rank(); ++i) places *= x.size(i);
  return mean(reshape(x, {examples, places, channels}), 1);
}

}  // namespace gradus
