// Attention in tiles, f32 and f64: no T×S matrix in memory.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// q (B, T, H, D), k and v (B, S, G, D) with H a multiple of G; any strides, but D's should be 1.
struct AttentionInputs {
  Tensor q, k, v;
};

/// See `gradus::attention`.
struct AttentionOptions {
  bool causal = true;
  int64_t window = 0;
  Tensor mask = {};
  /// i64 (B, T), only with causal and as many keys as queries: the first key that each query sees, at most its own place
  /// and never falling. Undefined for key 0.
  Tensor first_keys = {};
  /// Of the probabilities: drops as `dropout` does on (B, H, T, S), with this key and i64 ids (B).
  double dropout = 0.0;
  uint64_t dropout_key = 0;
  Tensor example_ids = {};
};

struct Attention {
  Tensor y;          ///< (B, T, H, D)
  Tensor logsumexp;  ///< (B, H, T): of the scaled scores of each query; what backward needs of the softmax.
};

Attention attention(const AttentionInputs& inputs, const AttentionOptions& options);
/// Writes the gradients of q, k and v into `gradients`, tensors of their shapes and dtype with a stride of 1 for D. `y`
/// and `logsumexp` are those that `attention` gave.
void attention_backward(const Tensor& grad, const AttentionInputs& inputs, const Attention& forward,
                        const AttentionOptions& options, AttentionInputs& gradients);

}  // namespace gradus::kernels
