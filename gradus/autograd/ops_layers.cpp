// Attention and dropout.
#include <vector>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/attention.h"
#include "gradus/tensor/kernels/random.h"

namespace gradus {

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
