// Layers: norms and what follows them, attention, dropout.
#include <utility>
#include <vector>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/attention.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/layer_norm.h"
#include "gradus/tensor/kernels/random.h"
#include "gradus/tensor/matmul.h"

namespace gradus {

namespace {

// What follows from the gradient of a norm's result for an op whose first inputs are x, weight and bias. Returns the
// gradient of x, undefined if it is not asked for: more may be added to it.
Tensor norm_backward(Gradients& g, const Tensor& grad, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                     const Tensor& weight) {
  if (g.needs(1)) g.add(1, GradientKind::kScale, kernels::normalized(x, mean, rstd), grad);
  if (g.needs(2)) g.add(2, GradientKind::kBias, Tensor(), grad);
  return g.needs(0) ? kernels::layer_norm_backward(grad, x, mean, rstd, weight) : Tensor();
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  kernels::LayerNorm result = kernels::layer_norm(x, weight, bias, epsilon);
  if (!needs_gradient(x, weight, bias)) return result.y;
  return record("layer_norm", std::move(result.y), std::array{&x, &weight, &bias},
                [x = Saved(x), weight = Saved(weight), mean = result.mean, rstd = result.rstd](Gradients& g) {
                  Tensor of_x = norm_backward(g, g.output(), x.get(), mean, rstd, weight.get());
                  if (of_x.defined()) g.add(0, std::move(of_x));
                });
}

Tensor norm_linear(const Tensor& x, const NormParameters& norm, const LinearParameters& layer,
                   const Precision& precision) {
  Tensor y = kernels::linear(precision.factor(kernels::layer_norm(x, norm.weight, norm.bias, norm.epsilon).y),
                             layer.weight, layer.bias);
  if (!needs_gradient(x, norm.weight, norm.bias, layer.weight, layer.bias)) return y;
  return record("norm_linear", std::move(y), std::array{&x, &norm.weight, &norm.bias, &layer.weight, &layer.bias},
                [kept = Kept(x, precision), scale = Saved(norm.weight), shift = Saved(norm.bias),
                 epsilon = norm.epsilon, weight = Saved(layer.weight), precision](Gradients& g) {
                  const Tensor input = kept.get();
                  kernels::LayerNorm again = kernels::layer_norm(input, scale.get(), shift.get(), epsilon);
                  const Tensor of_y = precision.factor(g.output());
                  if (g.needs(3)) g.add(3, GradientKind::kLinear, precision.factor(again.y), of_y);
                  if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), g.output());
                  again.y = Tensor();
                  if (!g.needs(0) && !g.needs(1) && !g.needs(2)) return;
                  const Tensor grad = kernels::linear_backward_input(of_y, weight.get());
                  Tensor of_x = norm_backward(g, grad, input, again.mean, again.rstd, scale.get());
                  if (of_x.defined()) g.add(0, std::move(of_x));
                });
}

Tensor norm_feed_forward(const Tensor& x, const NormParameters& norm, const LinearParameters& in,
                         const LinearParameters& out, bool add_input, const Precision& precision) {
  kernels::LinearGelu hidden = kernels::linear_gelu(
      precision.factor(kernels::layer_norm(x, norm.weight, norm.bias, norm.epsilon).y), in.weight, in.bias);
  const Kept before(std::exchange(hidden.before, {}), precision);
  Tensor y =
      kernels::linear(precision.factor(std::exchange(hidden.y, {})), out.weight, out.bias, add_input ? x : Tensor());
  if (!needs_gradient(x, norm.weight, norm.bias, in.weight, in.bias, out.weight, out.bias)) return y;
  return record(
      "norm_feed_forward", std::move(y),
      std::array{&x, &norm.weight, &norm.bias, &in.weight, &in.bias, &out.weight, &out.bias},
      [kept = Kept(x, precision), scale = Saved(norm.weight), shift = Saved(norm.bias), epsilon = norm.epsilon,
       in = Saved(in.weight), out = Saved(out.weight), before, add_input, precision](Gradients& g) {
        const bool overwrites = before.is_rounded() || !g.retained();
        const Tensor of_y = precision.factor(g.output());
        kernels::LinearGelu back = kernels::gelu_linear_backward(of_y, out.get(), before.get(), overwrites);
        if (g.needs(5)) g.add(5, GradientKind::kLinear, precision.factor(std::exchange(back.y, {})), of_y);
        if (g.needs(6)) g.add(6, GradientKind::kBias, Tensor(), g.output());
        const Tensor input = kept.get();
        kernels::LayerNorm again = kernels::layer_norm(input, scale.get(), shift.get(), epsilon);
        if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), back.before);
        const Tensor of_before = precision.factor(std::exchange(back.before, {}));
        if (g.needs(3)) g.add(3, GradientKind::kLinear, precision.factor(std::exchange(again.y, {})), of_before);
        if (!g.needs(0) && !g.needs(1) && !g.needs(2)) return;
        const Tensor grad = kernels::linear_backward_input(of_before, in.get());
        Tensor of_x = norm_backward(g, grad, input, again.mean, again.rstd, scale.get());
        if (!of_x.defined()) return;
        if (add_input) kernels::accumulate(of_x, kernels::contiguous(g.output()));
        g.add(0, std::move(of_x));
      });
}

Tensor causal_attention(const Tensor& qkv, int64_t heads, const Precision& precision) {
  // Forward sees what backward will see: a softmax made again fits its logsumexp only if the scores are the same.
  const Kept kept(qkv, precision);
  kernels::Attention result = kernels::causal_attention(kept.get(), heads);
  if (!needs_gradient(qkv)) return result.y;
  return record("causal_attention", result.y, std::array{&qkv},
                [kept, y = Kept(result.y, precision), logsumexp = result.logsumexp, heads](Gradients& g) {
                  g.add(0, kernels::causal_attention_backward(g.output(), kept.get(), y.get(), logsumexp, heads));
                });
}

Tensor dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids) {
  if (!(rate >= 0.0 && rate < 1.0)) fail("dropout", "rate {}; expected 0 <= rate < 1", rate);
  Tensor y = kernels::dropout(x, rate, key, example_ids);
  if (!needs_gradient(x)) return y;
  // The mask is not kept: backward draws the same numbers again.
  Tensor ids = Tensor::from(example_ids, {static_cast<int64_t>(example_ids.size())});
  return record("dropout", std::move(y), std::array{&x}, [rate, key, ids = std::move(ids)](Gradients& g) {
    const std::span<const int64_t> examples(ids.data<int64_t>(), static_cast<size_t>(ids.numel()));
    g.add(0, kernels::dropout(g.output(), rate, key, examples));
  });
}

}  // namespace gradus
