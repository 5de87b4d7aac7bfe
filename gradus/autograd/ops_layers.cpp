// Layers: norms and what follows them, attention, dropout.
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

Tensor norm_linear(const Tensor& x, const NormParameters& norm, const LinearParameters& layer) {
  Tensor y = kernels::linear(kernels::layer_norm(x, norm.weight, norm.bias, norm.epsilon).y, layer.weight, layer.bias);
  if (!needs_gradient(x, norm.weight, norm.bias, layer.weight, layer.bias)) return y;
  return record("norm_linear", std::move(y), std::array{&x, &norm.weight, &norm.bias, &layer.weight, &layer.bias},
                [x = Saved(x), scale = Saved(norm.weight), shift = Saved(norm.bias), epsilon = norm.epsilon,
                 weight = Saved(layer.weight)](Gradients& g) {
                  kernels::LayerNorm again = kernels::layer_norm(x.get(), scale.get(), shift.get(), epsilon);
                  if (g.needs(3)) g.add(3, GradientKind::kLinear, again.y, g.output());
                  if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), g.output());
                  again.y = Tensor();
                  if (!g.needs(0) && !g.needs(1) && !g.needs(2)) return;
                  const Tensor grad = kernels::linear_backward_input(g.output(), weight.get());
                  Tensor of_x = norm_backward(g, grad, x.get(), again.mean, again.rstd, scale.get());
                  if (of_x.defined()) g.add(0, std::move(of_x));
                });
}

Tensor norm_feed_forward(const Tensor& x, const NormParameters& norm, const LinearParameters& in,
                         const LinearParameters& out, bool add_input) {
  kernels::LinearGelu hidden =
      kernels::linear_gelu(kernels::layer_norm(x, norm.weight, norm.bias, norm.epsilon).y, in.weight, in.bias);
  Tensor y = kernels::linear(hidden.y, out.weight, out.bias, add_input ? x : Tensor());
  if (!needs_gradient(x, norm.weight, norm.bias, in.weight, in.bias, out.weight, out.bias)) return y;
  return record(
      "norm_feed_forward", std::move(y),
      std::array{&x, &norm.weight, &norm.bias, &in.weight, &in.bias, &out.weight, &out.bias},
      [x = Saved(x), scale = Saved(norm.weight), shift = Saved(norm.bias), epsilon = norm.epsilon,
       in = Saved(in.weight), out = Saved(out.weight), before = std::move(hidden.before), add_input](Gradients& g) {
        kernels::LinearGelu back = kernels::gelu_linear_backward(g.output(), out.get(), before, !g.retained());
        if (g.needs(5)) g.add(5, GradientKind::kLinear, back.y, g.output());
        if (g.needs(6)) g.add(6, GradientKind::kBias, Tensor(), g.output());
        back.y = Tensor();
        kernels::LayerNorm again = kernels::layer_norm(x.get(), scale.get(), shift.get(), epsilon);
        if (g.needs(3)) g.add(3, GradientKind::kLinear, again.y, back.before);
        if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), back.before);
        again.y = Tensor();
        if (!g.needs(0) && !g.needs(1) && !g.needs(2)) return;
        const Tensor grad = kernels::linear_backward_input(back.before, in.get());
        back.before = Tensor();
        Tensor of_x = norm_backward(g, grad, x.get(), again.mean, again.rstd, scale.get());
        if (!of_x.defined()) return;
        if (add_input) kernels::accumulate(of_x, kernels::contiguous(g.output()));
        g.add(0, std::move(of_x));
      });
}

Tensor causal_attention(const Tensor& qkv, int64_t heads) {
  kernels::Attention result = kernels::causal_attention(qkv, heads);
  if (!needs_gradient(qkv)) return result.y;
  return record("causal_attention", result.y, std::array{&qkv},
                [qkv = Saved(qkv), y = Saved(result.y), logsumexp = result.logsumexp, heads](Gradients& g) {
                  g.add(0, kernels::causal_attention_backward(g.output(), qkv.get(), y.get(), logsumexp, heads));
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
