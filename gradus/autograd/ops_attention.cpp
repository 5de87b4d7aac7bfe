// Attention, and the positions that it sees.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/attention.h"
#include "gradus/tensor/kernels/rotary.h"

namespace gradus {

namespace {

using kernels::AttentionInputs;

// Queries, keys and values as they lie side by side in qkv (B, T, 3C): each (B, T, heads, D).
AttentionInputs parts_of(const Tensor& qkv, int64_t heads) {
  const int64_t channels = qkv.size(2) / 3, depth = channels / heads;
  const Shape shape{qkv.size(0), qkv.size(1), heads, depth};
  const Shape& s = qkv.strides();
  const Shape strides{s[0], s[1], s[2] * depth, s[2]};
  return {qkv.view(shape, strides), qkv.view(shape, strides, s[2] * channels),
          qkv.view(shape, strides, s[2] * 2 * channels)};
}

Tensor joined_heads(const Tensor& y) {
  return y.view({y.size(0), y.size(1), y.size(2) * y.size(3)},
                contiguous_strides({y.size(0), y.size(1), y.size(2) * y.size(3)}));
}

}  // namespace

Tensor causal_attention(const Tensor& qkv, int64_t heads, const Precision& precision) {
  if (qkv.rank() != 3 || heads < 1 || qkv.size(2) % (3 * heads) != 0) {
    fail("causal_attention", "{} with {} heads; expected (B, T, 3·C) with C divisible by the heads", qkv.describe(),
         heads);
  }
  if (!is_float(qkv.dtype())) fail_not_float("causal_attention", qkv.dtype());
  // Forward sees what backward will see: a softmax made again fits its logsumexp only if the scores are the same.
  const Kept kept(qkv, precision);
  kernels::Attention result = kernels::attention(parts_of(kept.get(), heads), {});
  const Tensor y = joined_heads(result.y);
  if (!needs_gradient(qkv)) return y;
  return record("causal_attention", y, std::array{&qkv},
                [kept, y = Kept(result.y, precision), logsumexp = result.logsumexp, heads](Gradients& g) {
                  const Tensor input = kept.get();
                  Tensor grad = Tensor::empty(input.shape(), input.dtype());
                  AttentionInputs gradients = parts_of(grad, heads);
                  kernels::attention_backward(g.output(), parts_of(input, heads), {y.get(), logsumexp}, {}, gradients);
                  gradients = {};  // the gradient has one owner again
                  g.add(0, std::move(grad));
                });
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options,
                 const Precision& precision) {
  if (needs_gradient(options.mask)) fail("attention", "the mask asks for a gradient, which is not offered; detach it");
  const Kept kept_q(q, precision), kept_k(k, precision), kept_v(v, precision);
  const kernels::AttentionOptions how{options.causal, options.window, options.mask};
  kernels::Attention result = kernels::attention({kept_q.get(), kept_k.get(), kept_v.get()}, how);
  if (!needs_gradient(q, k, v)) return result.y;
  return record("attention", result.y, std::array{&q, &k, &v},
                [kept_q, kept_k, kept_v, y = Kept(result.y, precision), logsumexp = result.logsumexp, how,
                 mask = Saved(options.mask)](Gradients& g) {
                  mask.get();  // unchanged since
                  const AttentionInputs inputs{kept_q.get(), kept_k.get(), kept_v.get()};
                  const auto like = [](const Tensor& x) { return Tensor::empty(x.shape(), x.dtype()); };
                  AttentionInputs gradients{like(inputs.q), like(inputs.k), like(inputs.v)};
                  kernels::attention_backward(g.output(), inputs, {y.get(), logsumexp}, how, gradients);
                  if (g.needs(0)) g.add(0, std::move(gradients.q));
                  if (g.needs(1)) g.add(1, std::move(gradients.k));
                  if (g.needs(2)) g.add(2, std::move(gradients.v));
                });
}

Tensor rotary(const Tensor& x, const RotaryOptions& options) {
  const kernels::RotaryOptions how{
      options.base, options.first_position,
      options.neighbours ? kernels::RotaryPairs::kNeighbours : kernels::RotaryPairs::kHalves};
  Tensor y = kernels::rotary(x, how, /*backwards=*/false);
  if (!needs_gradient(x)) return y;
  return record("rotary", std::move(y), std::array{&x},
                [how](Gradients& g) { g.add(0, kernels::rotary(g.output(), how, /*backwards=*/true)); });
}

}  // namespace gradus
