// Layers: norms and what follows them, dropout.
#include <cmath>
#include <utility>
#include <vector>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/compare.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/layer_norm.h"
#include "gradus/tensor/kernels/random.h"
#include "gradus/tensor/matmul.h"

namespace gradus {

namespace {

// A norm's parameters and options as its backward needs them.
struct SavedNorm {
  Saved weight, bias;
  double epsilon;
  bool rms;

  explicit SavedNorm(const NormParameters& norm)
      : weight(norm.weight), bias(norm.bias), epsilon(norm.epsilon), rms(norm.rms) {}
  kernels::LayerNorm operator()(const Tensor& x) const {
    return kernels::layer_norm(x, weight.get(), bias.get(), epsilon, !rms);
  }
};

kernels::LayerNorm normed(const Tensor& x, const NormParameters& norm) {
  return kernels::layer_norm(x, norm.weight, norm.bias, norm.epsilon, !norm.rms);
}

// What follows from the gradient of a norm's result for an op whose first inputs are x, weight and bias. `residual`, if
// defined, is a part of the gradient of x that skips the norm.
void norm_backward(Gradients& g, const Tensor& grad, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                   const SavedNorm& norm, const Tensor& residual = {}) {
  if (g.needs(1)) g.add(1, GradientKind::kScale, kernels::normalized(x, mean, rstd), grad);
  if (g.needs(2)) g.add(2, GradientKind::kBias, Tensor(), grad);
  if (!g.needs(0)) return;
  const Tensor other = residual.defined() ? residual : g.take(0);
  g.add(0, kernels::layer_norm_backward(grad, x, mean, rstd, norm.weight.get(), !norm.rms, other));
}

Tensor norm_op(const char* name, const Tensor& x, const NormParameters& norm) {
  kernels::LayerNorm result = normed(x, norm);
  if (!needs_gradient(x, norm.weight, norm.bias)) return result.y;
  return record(name, std::move(result.y), std::array{&x, &norm.weight, &norm.bias},
                [x = Saved(x), norm = SavedNorm(norm), mean = result.mean, rstd = result.rstd](Gradients& g) {
                  norm_backward(g, g.output(), x.get(), mean, rstd, norm);
                });
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return norm_op("layer_norm", x, {weight, bias, epsilon});
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  static const Tensor none;
  return norm_op("rms_norm", x, {weight, none, epsilon, /*rms=*/true});
}

Tensor norm_linear(const Tensor& x, const NormParameters& norm, const LinearParameters& layer,
                   const Precision& precision) {
  Tensor y = kernels::linear(precision.factor(normed(x, norm).y), layer.weight, layer.bias);
  if (!needs_gradient(x, norm.weight, norm.bias, layer.weight, layer.bias)) return y;
  return record(
      "norm_linear", std::move(y), std::array{&x, &norm.weight, &norm.bias, &layer.weight, &layer.bias},
      [kept = Kept(x, precision), norm = SavedNorm(norm), weight = Saved(layer.weight), precision](Gradients& g) {
        const Tensor input = kept.get();
        kernels::LayerNorm again = norm(input);
        const Tensor of_y = precision.factor(g.output());
        if (g.needs(3)) g.add(3, GradientKind::kLinear, precision.factor(again.y), of_y);
        if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), g.output());
        again.y = Tensor();
        if (!g.needs(0) && !g.needs(1) && !g.needs(2)) return;
        const Tensor grad = kernels::linear_backward_input(of_y, weight.get());
        norm_backward(g, grad, input, again.mean, again.rstd, norm);
      });
}

Tensor norm_feed_forward(const Tensor& x, const NormParameters& norm, const LinearParameters& in,
                         const LinearParameters& out, bool add_input, const Precision& precision) {
  kernels::LinearGelu hidden = kernels::linear_gelu(precision.factor(normed(x, norm).y), in.weight, in.bias);
  const Kept before(std::exchange(hidden.before, {}), precision);
  Tensor y =
      kernels::linear(precision.factor(std::exchange(hidden.y, {})), out.weight, out.bias, add_input ? x : Tensor());
  if (!needs_gradient(x, norm.weight, norm.bias, in.weight, in.bias, out.weight, out.bias)) return y;
  return record("norm_feed_forward", std::move(y),
                std::array{&x, &norm.weight, &norm.bias, &in.weight, &in.bias, &out.weight, &out.bias},
                [kept = Kept(x, precision), norm = SavedNorm(norm), in = Saved(in.weight), out = Saved(out.weight),
                 before, add_input, precision](Gradients& g) {
                  const bool overwrites = before.is_rounded() || !g.retained();
                  const Tensor of_y = precision.factor(g.output());
                  kernels::LinearGelu back = kernels::gelu_linear_backward(of_y, out.get(), before.get(), overwrites);
                  if (g.needs(5)) g.add(5, GradientKind::kLinear, precision.factor(std::exchange(back.y, {})), of_y);
                  if (g.needs(6)) g.add(6, GradientKind::kBias, Tensor(), g.output());
                  const Tensor input = kept.get();
                  kernels::LayerNorm again = norm(input);
                  if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), back.before);
                  const Tensor of_before = precision.factor(std::exchange(back.before, {}));
                  if (g.needs(3))
                    g.add(3, GradientKind::kLinear, precision.factor(std::exchange(again.y, {})), of_before);
                  if (!g.needs(0) && !g.needs(1) && !g.needs(2)) return;
                  const Tensor grad = kernels::linear_backward_input(of_before, in.get());
                  norm_backward(g, grad, input, again.mean, again.rstd, norm, add_input ? g.output() : Tensor());
                });
}

namespace {

void check_rate(const char* name, double rate) {
  if (!(rate >= 0.0 && rate < 1.0)) fail(name, "rate {}; expected 0 <= rate < 1", rate);
}

Tensor tensor_of(std::span<const int64_t> ids) { return Tensor::from(ids, {static_cast<int64_t>(ids.size())}); }

std::span<const int64_t> span_of(const Tensor& ids) { return {ids.data<int64_t>(), static_cast<size_t>(ids.numel())}; }

// What each element is multiplied by: 0 or 1/(1 − rate), in the shape of what is drawn at once, ones behind it.
Tensor drawn_mask(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids, int drawn) {
  Shape shape = x.shape();
  for (int i = drawn; i < x.rank(); ++i) shape[i] = 1;
  return kernels::dropout(Tensor::full(shape, 1.0, x.dtype()), rate, key, example_ids);
}

Tensor masked(const Tensor& x, const Tensor& mask) {
  return kernels::binary("dropout", kernels::Binary::kMultiply, x, mask);
}

// Dropout of whole parts: the first `drawn` dimensions say which.
Tensor dropout_of_parts(const char* name, const Tensor& x, double rate, uint64_t key,
                        std::span<const int64_t> example_ids, int drawn) {
  check_rate(name, rate);
  if (x.rank() < drawn) fail(name, "{}; expected at least {} dimensions", x.describe(), drawn);
  Tensor y = masked(x, drawn_mask(x, rate, key, example_ids, drawn));
  if (!needs_gradient(x)) return y;
  return record(name, std::move(y), std::array{&x}, [rate, key, ids = tensor_of(example_ids), drawn](Gradients& g) {
    g.add(0, masked(g.output(), drawn_mask(g.output(), rate, key, span_of(ids), drawn)));
  });
}

}  // namespace

Tensor dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids) {
  check_rate("dropout", rate);
  Tensor y = kernels::dropout(x, rate, key, example_ids);
  if (!needs_gradient(x)) return y;
  // The mask is not kept: backward draws the same numbers again.
  return record("dropout", std::move(y), std::array{&x}, [rate, key, ids = tensor_of(example_ids)](Gradients& g) {
    g.add(0, kernels::dropout(g.output(), rate, key, span_of(ids)));
  });
}

Tensor channel_dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids) {
  return dropout_of_parts("channel_dropout", x, rate, key, example_ids, 2);
}

Tensor drop_path(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids) {
  return dropout_of_parts("drop_path", x, rate, key, example_ids, 1);
}

Tensor alpha_dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids) {
  check_rate("alpha_dropout", rate);
  // What is dropped becomes selu(−∞) = −λα; then mean 0 and variance 1 are restored.
  constexpr double kDropped = -1.0507009873554804934 * 1.6732632423543772848;
  const double keep = 1.0 - rate, scale = 1.0 / std::sqrt(keep * (1.0 + rate * kDropped * kDropped));
  const double shift = -scale * rate * kDropped;
  const Tensor mask = drawn_mask(x, rate, key, example_ids, x.rank());  // 0 or 1/keep
  const Tensor stays = kernels::compare(kernels::Comparison::kGreater, mask, 0.0);
  const Tensor kept = kernels::where(stays, x, Tensor::full({}, kDropped, x.dtype()));
  using kernels::Binary;
  Tensor y = kernels::binary(Binary::kAdd, kernels::binary(Binary::kMultiply, kept, scale), shift);
  if (!needs_gradient(x)) return y;
  return record("alpha_dropout", std::move(y), std::array{&x},
                [rate, key, ids = tensor_of(example_ids), scale, keep](Gradients& g) {
                  const Tensor again = drawn_mask(g.output(), rate, key, span_of(ids), g.output().rank());
                  g.add(0, kernels::binary(Binary::kMultiply, masked(g.output(), again), scale * keep));
                });
}

}  // namespace gradus
