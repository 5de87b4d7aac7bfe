// Causal self-attention in tiles, f32 and f64: no T×T matrix in memory.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

struct Attention {
  Tensor y;          ///< (B, T, C)
  Tensor logsumexp;  ///< (B, H, T): of the scaled scores of each token's row; what backward needs of the softmax.
};

/// qkv (B, T, 3C) with C = heads·D. See `gradus::causal_attention`.
Attention causal_attention(const Tensor& qkv, int64_t heads);
/// The gradient for qkv.
Tensor causal_attention_backward(const Tensor& grad, const Tensor& qkv, const Tensor& y, const Tensor& logsumexp,
                                 int64_t heads);

}  // namespace gradus::kernels
