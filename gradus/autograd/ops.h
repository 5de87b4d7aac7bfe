// The differentiable ops. Each runs at once and, while a `Tape` lives, records its backward. All work in f32 and f64;
// two tensors of different dtypes are an error. Results are new tensors; views share storage only where it says so.
#pragma once

#include <optional>
#include <span>

#include "gradus/autograd/precision.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

// Arithmetic, with NumPy's broadcasting. A scalar takes the tensor's dtype.
Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor divide(const Tensor& a, const Tensor& b);
Tensor add(const Tensor& a, double b);
Tensor subtract(double a, const Tensor& b);
Tensor multiply(const Tensor& a, double b);
Tensor divide(double a, const Tensor& b);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return subtract(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return multiply(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return divide(a, b); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, b); }
inline Tensor operator+(double a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, double b) { return add(a, -b); }
inline Tensor operator-(double a, const Tensor& b) { return subtract(a, b); }
inline Tensor operator*(const Tensor& a, double b) { return multiply(a, b); }
inline Tensor operator*(double a, const Tensor& b) { return multiply(b, a); }
inline Tensor operator/(const Tensor& a, double b) { return multiply(a, 1.0 / b); }
inline Tensor operator/(double a, const Tensor& b) { return divide(a, b); }

// Elementwise. The gradient of relu at 0 is 0, as in PyTorch.
Tensor negate(const Tensor& x);
inline Tensor operator-(const Tensor& x) { return negate(x); }
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor relu(const Tensor& x);
/// The tanh form that GPT-2 uses: x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))). Hendrycks, Gimpel, 2016.
Tensor gelu(const Tensor& x);

// Reductions. Without an axis, over all elements to rank 0. The mean of no elements is NaN.
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, int axis, bool keep_dims = false);
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, int axis, bool keep_dims = false);
/// log Σ exp over the last dimension, without it.
Tensor logsumexp(const Tensor& x);
/// Over the last dimension.
Tensor softmax(const Tensor& x);

// Shape. reshape, permute, transpose, slice and expand give views where they can.
/// One size may be −1: it follows from the others.
Tensor reshape(const Tensor& x, const Shape& shape);
/// `axes` names, for each result dimension, the dimension of x.
Tensor permute(const Tensor& x, const Shape& axes);
Tensor transpose(const Tensor& x, int axis_a, int axis_b);
/// Indices [begin, end) of one axis; negative ones count from the end.
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);
/// Broadcasts x to `shape`.
Tensor expand(const Tensor& x, const Shape& shape);
Tensor concat(std::span<const Tensor> parts, int axis);
Tensor concat(std::initializer_list<Tensor> parts, int axis);

// Look-ups.
/// out[i][j][k] = x[i][index[i][j][k]][k] for axis 1: as torch.gather. `index` is i64.
Tensor gather(const Tensor& x, int axis, const Tensor& index);
/// Rows of `table` (V, C) by ids (…), i64: (…, C).
Tensor embedding(const Tensor& table, const Tensor& ids);

// Products.
/// (…, m, k) × (…, k, n) → (…, m, n); leading dimensions broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
/// x (…, in) · weight (out, in)ᵀ + bias (out) + residual (…, out). `bias` and `residual` may be undefined.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual = {},
              const Precision& precision = {});

// Layers' ops.
/// (x − mean)/√(variance + epsilon) · weight + bias over the last dimension; weight and bias (C) may be undefined.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon = 1e-5);
/// The parameters of a layer; `bias` may be undefined, and so may a norm's `weight`.
struct LinearParameters {
  const Tensor &weight, &bias;
};
struct NormParameters {
  const Tensor &weight, &bias;
  double epsilon = 1e-5;
};
/// linear(layer_norm(x, norm), …) of which only x is kept for backward: the norm is made again there.
Tensor norm_linear(const Tensor& x, const NormParameters& norm, const LinearParameters& layer,
                   const Precision& precision = {});
/// A transformer's feed-forward branch: linear(gelu(linear(layer_norm(x, norm), in)), out), plus x with `add_input`.
/// Only x and what gelu is applied to are kept; norm and gelu are made again in backward.
Tensor norm_feed_forward(const Tensor& x, const NormParameters& norm, const LinearParameters& in,
                         const LinearParameters& out, bool add_input, const Precision& precision = {});
/// Softmax(Q·Kᵀ/√D, each token seeing itself and those before)·V for `heads` heads. qkv (B, T, 3C) holds Q, K and V,
/// each C = heads·D wide, side by side, as GPT-2 does; the result is (B, T, C). No T×T matrix is kept: backward
/// computes it again block by block (Dao et al., "FlashAttention", 2022). Its own products are f32 in any precision.
Tensor causal_attention(const Tensor& qkv, int64_t heads, const Precision& precision = {});
/// x · mask / (1 − rate); an element stays with probability 1 − rate. Dimension 0 is the example: what happens to an
/// element depends on (key, example id, place in the example) alone. 0 ≤ rate < 1.
Tensor dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids);

// Losses.
enum class Reduction : uint8_t { kMean, kSum };
/// The mean (or sum) of (prediction − target)² over all elements; equal shapes. The target gets a gradient too if
/// asked.
Tensor mse(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::kMean);
/// The mean (or sum) over tokens of −log softmax(logits)[target]. logits (…, V), targets (…) i64 in [0, V).
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, Reduction reduction = Reduction::kMean);
/// cross_entropy(linear(x, weight, {}), targets) for x (…, C), weight (V, C) and targets (…): the logits of all tokens
/// never exist at once. The gradients are made with the loss, so they take memory from then on, and are the parameter's
/// whole ones: an `ExampleNormSink` refuses them.
Tensor linear_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets,
                            Reduction reduction = Reduction::kMean, const Precision& precision = {});

}  // namespace gradus
