// Attention, and the positions that it sees.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/attention.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/rotary.h"

namespace gradus {

namespace {

using kernels::AttentionInputs;

// Queries, keys and values as they lie side by side in qkv: each (B, T, its heads, D).
AttentionInputs parts_of(const Tensor& qkv, int64_t heads, int64_t kv_heads) {
  const int64_t depth = qkv.size(2) / (heads + 2 * kv_heads);
  const Shape& s = qkv.strides();
  const auto part = [&](int64_t count, int64_t first_head) {
    return qkv.view({qkv.size(0), qkv.size(1), count, depth}, {s[0], s[1], s[2] * depth, s[2]},
                    s[2] * first_head * depth);
  };
  return {part(heads, 0), part(kv_heads, heads), part(kv_heads, heads + kv_heads)};
}

kernels::RotaryOptions kernel_options(const RotaryOptions& o) {
  return {o.base, o.first_position, o.neighbours ? kernels::RotaryPairs::kNeighbours : kernels::RotaryPairs::kHalves};
}

// A packed attention as forward and backward see it.
struct Packed {
  int64_t heads, kv_heads;
  kernels::AttentionOptions how;
  std::optional<kernels::RotaryOptions> rotary;

  AttentionInputs inputs(const Tensor& qkv) const {
    AttentionInputs in = parts_of(qkv, heads, kv_heads);
    if (!rotary) return in;
    return {kernels::rotary(in.q, *rotary, false), kernels::rotary(in.k, *rotary, false), in.v};
  }

  Tensor backward(const Tensor& grad, const Tensor& qkv, const kernels::Attention& forward) const {
    Tensor result = Tensor::empty(qkv.shape(), qkv.dtype());
    AttentionInputs packed = parts_of(result, heads, kv_heads);
    if (!rotary) {
      kernels::attention_backward(grad, inputs(qkv), forward, how, packed);
    } else {
      AttentionInputs turned{Tensor::empty(packed.q.shape(), qkv.dtype()), Tensor::empty(packed.k.shape(), qkv.dtype()),
                             packed.v};
      kernels::attention_backward(grad, inputs(qkv), forward, how, turned);
      kernels::copy_into(packed.q, kernels::rotary(turned.q, *rotary, true));
      kernels::copy_into(packed.k, kernels::rotary(turned.k, *rotary, true));
    }
    return result;
  }
};

void take_dropout(const AttentionDropout& dropout, kernels::AttentionOptions& how) {
  how.dropout = dropout.rate;
  how.dropout_key = dropout.key;
  const std::span<const int64_t> ids = dropout.example_ids;
  how.example_ids = Tensor::from(ids, {static_cast<int64_t>(ids.size())});
}

void check_mask(const Tensor& mask) {
  if (needs_gradient(mask)) fail("attention", "the mask asks for a gradient, which is not offered; detach it");
}

Tensor joined_heads(const Tensor& y) {
  return y.view({y.size(0), y.size(1), y.size(2) * y.size(3)},
                contiguous_strides({y.size(0), y.size(1), y.size(2) * y.size(3)}));
}

}  // namespace

Tensor causal_attention(const Tensor& qkv, int64_t heads, const PackedAttentionOptions& options,
                        const Precision& precision) {
  const int64_t kv_heads = options.kv_heads == 0 ? heads : options.kv_heads;
  if (qkv.rank() != 3 || heads < 1 || kv_heads < 1 || heads % kv_heads != 0 ||
      qkv.size(2) % (heads + 2 * kv_heads) != 0) {
    fail("causal_attention",
         "{} with {} heads, {} of keys and values; expected (B, T, (H + 2·G)·D) with H heads and G, a divisor of H",
         qkv.describe(), heads, kv_heads);
  }
  if (!is_float(qkv.dtype())) fail_not_float("causal_attention", qkv.dtype());
  check_mask(options.mask);
  Packed packed{
      heads,
      kv_heads,
      {.causal = options.causal, .window = options.window, .mask = options.mask, .first_keys = options.document_starts},
      {}};
  if (options.dropout.rate != 0.0) take_dropout(options.dropout, packed.how);
  if (options.rotary) packed.rotary = kernel_options(*options.rotary);
  // Forward sees what backward will see: a softmax made again fits its logsumexp only if the scores are the same.
  const Kept kept(qkv, precision);
  kernels::Attention result = kernels::attention(packed.inputs(kept.get()), packed.how);
  const Tensor y = joined_heads(result.y);
  if (!needs_gradient(qkv)) return y;
  return record("causal_attention", y, std::array{&qkv},
                [kept, y = Kept(result.y, precision), logsumexp = result.logsumexp, packed,
                 mask = Saved(options.mask)](Gradients& g) {
                  mask.get();  // unchanged since
                  g.add(0, packed.backward(g.output(), kept.get(), {y.get(), logsumexp}));
                });
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options,
                 const Precision& precision) {
  check_mask(options.mask);
  const Kept kept_q(q, precision), kept_k(k, precision), kept_v(v, precision);
  kernels::AttentionOptions how{.causal = options.causal, .window = options.window, .mask = options.mask};
  if (options.dropout.rate != 0.0) take_dropout(options.dropout, how);
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
  const kernels::RotaryOptions how = kernel_options(options);
  Tensor y = kernels::rotary(x, how, /*backwards=*/false);
  if (!needs_gradient(x)) return y;
  return record("rotary", std::move(y), std::array{&x},
                [how](Gradients& g) { g.add(0, kernels::rotary(g.output(), how, /*backwards=*/true)); });
}

}  // namespace gradus
