// The differentiable ops. Each runs at once and, while a `Tape` lives, records its backward. All work in f32 and f64;
// two tensors of different dtypes are an error. Results are new tensors; views share storage only where it says so.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gradus/autograd/precision.h"
#include "gradus/tensor/convolution_options.h"
#include "gradus/tensor/sparse.h"
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
Tensor divide(const Tensor& a, double b);
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
inline Tensor operator/(const Tensor& a, double b) { return divide(a, b); }
inline Tensor operator/(double a, const Tensor& b) { return divide(a, b); }

/// The larger or smaller of two, NaN if either is. The gradient goes to it; half to each where both are equal.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
/// aᵇ, computed in f64 for f32 too; NaN where a is negative and b no whole number.
Tensor pow(const Tensor& a, const Tensor& b);
/// silu(gate)·x, of one shape: the gate of a SwiGLU feed-forward (Shazeer, 2020).
Tensor swiglu(const Tensor& gate, const Tensor& x);

// Functions of one number. Gradients at kinks are PyTorch's: 0 for abs and relu at 0, and for clamp at its ends.
Tensor negate(const Tensor& x);
inline Tensor operator-(const Tensor& x) { return negate(x); }
Tensor abs(const Tensor& x);
/// −1, 0 or 1; 0 for NaN. The gradient is 0, as that of floor.
Tensor sign(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor sqrt(const Tensor& x);
/// 1/√x.
Tensor rsqrt(const Tensor& x);
/// xᵖ; products for whole p up to 16, roots for ±½, else in f64.
Tensor pow(const Tensor& x, double exponent);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
/// x within [low, high]; NaN stays. The gradient is 0 outside.
Tensor clamp(const Tensor& x, double low, double high);
/// 1/(1 + exp(−x)).
Tensor sigmoid(const Tensor& x);
/// x·sigmoid(x), also called swish.
Tensor silu(const Tensor& x);
Tensor relu(const Tensor& x);
/// x above 0, else slope·x.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
/// x above 0, else alpha·(exp(x) − 1). Clevert et al., 2016.
Tensor elu(const Tensor& x, double alpha = 1.0);
/// 1.0507·elu(x, 1.6733): what comes out of many such layers keeps mean 0 and variance 1, if weights start with
/// variance 1/inputs. Klambauer et al., 2017.
Tensor selu(const Tensor& x);
/// The tanh form that GPT-2 uses: x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))). Hendrycks, Gimpel, 2016.
Tensor gelu(const Tensor& x);
/// x·Φ(x), with the normal distribution itself.
Tensor gelu_exact(const Tensor& x);
/// log(1 + exp(x)).
Tensor softplus(const Tensor& x);
/// x·tanh(softplus(x)). Misra, 2020.
Tensor mish(const Tensor& x);

// Comparisons: bool, with NumPy's broadcasting, for tensors of one dtype or a tensor and a number. No gradient.
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);
Tensor equal(const Tensor& x, double value);
Tensor not_equal(const Tensor& x, double value);
Tensor less(const Tensor& x, double value);
Tensor less_equal(const Tensor& x, double value);
Tensor greater(const Tensor& x, double value);
Tensor greater_equal(const Tensor& x, double value);
/// a where `condition` (bool) holds, else b; all three broadcast.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

// Reductions. Without an axis, over all elements to rank 0. The mean of no elements is NaN.
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, int axis, bool keep_dims = false);
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, int axis, bool keep_dims = false);
/// log Σ exp over the last dimension, without it.
Tensor logsumexp(const Tensor& x);
/// Over the last dimension.
Tensor softmax(const Tensor& x);
/// x − logsumexp(x), over the last dimension.
Tensor log_softmax(const Tensor& x);
/// Σ (x − mean)² / (n − correction), and its root; of all elements, or along an axis. The gradient of a deviation of 0
/// is 0.
Tensor var(const Tensor& x, double correction = 1.0);
Tensor var(const Tensor& x, int axis, double correction = 1.0, bool keep_dims = false);
Tensor stddev(const Tensor& x, double correction = 1.0);
Tensor stddev(const Tensor& x, int axis, double correction = 1.0, bool keep_dims = false);

// Order, along an axis that is not empty. NaN counts as the largest and the smallest of all. Of equal elements the
// first one is taken, and gets the gradient.
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
Tensor max(const Tensor& x, int axis, bool keep_dims = false);
Tensor min(const Tensor& x, int axis, bool keep_dims = false);
/// The index (i64) of the extreme; no gradient.
Tensor argmax(const Tensor& x, int axis, bool keep_dims = false);
Tensor argmin(const Tensor& x, int axis, bool keep_dims = false);
struct ValuesAndIndices {
  Tensor values;
  Tensor indices;  ///< i64: where along the axis each value was.
};
/// Equal elements keep their order; NaN comes last, or first if descending.
ValuesAndIndices sort(const Tensor& x, int axis = -1, bool descending = false);
/// The k largest (or smallest), in order.
ValuesAndIndices top_k(const Tensor& x, int64_t k, int axis = -1, bool largest = true);
/// Running sums, added up in f64.
Tensor cumsum(const Tensor& x, int axis);

// Shape. reshape, permute, transpose, slice, diagonal and expand give views where they can.
/// One size may be −1: it follows from the others.
Tensor reshape(const Tensor& x, const Shape& shape);
/// `axes` names, for each result dimension, the dimension of x.
Tensor permute(const Tensor& x, const Shape& axes);
Tensor transpose(const Tensor& x, int axis_a, int axis_b);
/// Indices [begin, end) of one axis; negative ones count from the end.
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);
/// The elements of equal indices of two axes, along a new last dimension in place of both; for an offset above 0 those
/// whose index of axis_b is larger by so much, below 0 smaller: as torch.diagonal.
Tensor diagonal(const Tensor& x, int64_t offset = 0, int axis_a = 0, int axis_b = 1);
/// Broadcasts x to `shape`; a size of −1 stays what it is.
Tensor expand(const Tensor& x, const Shape& shape);
Tensor concat(std::span<const Tensor> parts, int axis);
Tensor concat(std::initializer_list<Tensor> parts, int axis);
/// Tensors of one shape side by side along a new axis.
Tensor stack(std::span<const Tensor> parts, int axis);
/// Pieces of `size` along an axis, the last one smaller if need be: views. Of no elements, one without any.
std::vector<Tensor> split(const Tensor& x, int64_t size, int axis);
/// x (…, N, M) with zeros above or below a diagonal: tril keeps column − row ≤ diagonal, triu ≥.
Tensor tril(const Tensor& x, int64_t diagonal = 0);
Tensor triu(const Tensor& x, int64_t diagonal = 0);

// Look-ups.
/// out[i][j][k] = x[i][index[i][j][k]][k] for axis 1: as torch.gather. `index` is i64.
Tensor gather(const Tensor& x, int axis, const Tensor& index);
/// x with each element of `source` added at its place in `index`, in order: out[i][index[i][j][k]][k] +=
/// source[i][j][k] for axis 1, as torch.scatter_add.
Tensor scatter_add(const Tensor& x, int axis, const Tensor& index, const Tensor& source);
/// ids (…), i64 in [0, classes): (…, classes) with a 1 in the place of each id, else 0. No gradient.
Tensor one_hot(const Tensor& ids, int64_t classes, DType dtype = DType::kF32);
/// Rows of `table` (V, C) by ids (…), i64: (…, C).
Tensor embedding(const Tensor& table, const Tensor& ids);

// Products.
/// (…, m, k) × (…, k, n) → (…, m, n); leading dimensions broadcast. A vector is a row on the left and a column on the
/// right, and the result is without that dimension.
Tensor matmul(const Tensor& a, const Tensor& b);
/// Sums of products by names of dimensions: "bij,bjk->bik". Each letter is a dimension; one that is not in the result is
/// summed over, one that stands twice in a tensor is its diagonal, and "..." are any dimensions, which broadcast, as
/// sizes of 1 do. Without an arrow the result has those of "...", and the letters that stand once, in alphabetical
/// order. Of more than two tensors the first two are multiplied first. As torch.einsum.
Tensor einsum(std::string_view formula, std::span<const Tensor> tensors);
Tensor einsum(std::string_view formula, const Tensor& a, const Tensor& b);
Tensor einsum(std::string_view formula, const Tensor& a);
/// x (N, in) · weight (out, in)ᵀ + bias (out): (N, out). `bias` may be undefined. Sums are f64, rounded once.
Tensor sparse_linear(const std::shared_ptr<const SparseMatrix>& x, const Tensor& weight, const Tensor& bias);
/// x (…, in) · weight (out, in)ᵀ + bias (out) + residual (…, out). `bias` and `residual` may be undefined.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual = {},
              const Precision& precision = {});

// Convolutions and pooling of channels-last images (N, H, W, C) and sequences (N, T, C).
/// x (N, H, W, C) convolved (not turned: a correlation) with weight (out, kh, kw, C/groups) + bias (out) + residual, of
/// the result's shape; the last two may be undefined. The result is (N, H', W', out) with
/// H' = (H + 2·padding − dilation·(kh − 1) − 1)/stride + 1, rounded down.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Convolution2dOptions& options = {},
              const Tensor& residual = {}, const Precision& precision = {});
/// x (N, T, C) with weight (out, k, C/groups) + bias (out): (N, T', out). `bias` may be undefined.
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Convolution1dOptions& options = {},
              const Precision& precision = {});
/// The largest number of each window, NaN if any is; padding is never the largest. Of equal ones the first gets the
/// gradient.
Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options = {});
Tensor max_pool1d(const Tensor& x, const Pool1dOptions& options = {});
/// The mean of each window, padding counted as zeros.
Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options = {});
Tensor avg_pool1d(const Tensor& x, const Pool1dOptions& options = {});
/// The mean over all places, x (N, …, C): (N, C).
Tensor global_avg_pool(const Tensor& x);

// Layers' ops.
/// (x − mean)/√(variance + epsilon) · weight + bias over the last dimension; weight and bias (C) may be undefined.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon = 1e-5);
/// x/√(mean(x²) + epsilon) · weight over the last dimension; weight (C) may be undefined. Zhang, Sennrich, 2019.
Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon = 1e-5);
struct BatchNormOptions {
  double epsilon = 1e-5;
  bool relu = false;  ///< max(·, 0) of the result, made with it.
};
/// Of each channel: (C).
struct BatchStatistics {
  Tensor mean;
  Tensor variance;  ///< Over N, not N − 1.
};
/// (x − mean)/√(variance + epsilon) · weight + bias + residual for x (…, C), with mean and variance over all but the
/// last dimension; weight and bias (C) and residual, of x's shape, may be undefined. At least one row. The statistics
/// are written to `statistics` if it is given. Ioffe, Szegedy, 2015.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const BatchNormOptions& options = {},
                  const Tensor& residual = {}, BatchStatistics* statistics = nullptr);
/// The same with statistics that are given, and are constants to the gradient: for evaluation.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const BatchStatistics& given,
                  const BatchNormOptions& options = {}, const Tensor& residual = {});
/// (x − mean)/√(variance + epsilon) · weight + bias for x (N, …, C), where mean and variance are those of a group: an
/// example's channels, C/groups side by side, at all places. weight and bias (C) may be undefined. Wu, He, 2018.
Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double epsilon = 1e-5);
/// The parameters of a recurrent layer of H units with G gates: weight_ih (G·H, C), weight_hh (G·H, H), biases (G·H),
/// which may be undefined.
struct RecurrentParameters {
  const Tensor &weight_ih, &weight_hh, &bias_ih, &bias_hh;
};
/// x (B, T, C) → h (B, T, H), from h = c = 0 on. With the gates (i, f, g, o) of a step from
/// weight_ih·x + bias_ih + weight_hh·h + bias_hh of the step before, σ(i), σ(f), tanh(g) and σ(o):
/// c = f∘c + i∘g, h = o∘tanh(c). Hochreiter, Schmidhuber, 1997; as in PyTorch.
Tensor lstm(const Tensor& x, const RecurrentParameters& parameters);
/// The same with the gates (r, z, n): r = σ(…) and z = σ(…) as above, n = tanh(weight_in·x + bias_in +
/// r∘(weight_hn·h + bias_hn)), h = (1 − z)∘n + z∘h. Cho et al., 2014; as in PyTorch.
Tensor gru(const Tensor& x, const RecurrentParameters& parameters);
/// weight / σ, where σ = uᵀ·W·v is the largest singular value of the weight as a matrix W (size(0), all else), so that
/// x ↦ W·x/σ lengthens no vector. Miyato et al., "Spectral normalization for generative adversarial networks", 2018. u
/// and v are found anew by power iteration, from a fixed start, until they stand still or after 1000 rounds, each of
/// which reads W twice; PyTorch's layer keeps them and does one round a step. They are constants to the gradient. A
/// weight of zeros gives NaN, as in PyTorch.
Tensor spectral_norm(const Tensor& weight);
/// The parameters of a layer; `bias` may be undefined, and so may a norm's `weight`.
struct LinearParameters {
  const Tensor &weight, &bias;
};
struct NormParameters {
  const Tensor &weight, &bias;
  double epsilon = 1e-5;
  bool rms = false;  ///< rms_norm in place of layer_norm.
};
/// linear(layer_norm(x, norm), …) of which only x is kept for backward: the norm is made again there.
Tensor norm_linear(const Tensor& x, const NormParameters& norm, const LinearParameters& layer,
                   const Precision& precision = {});
/// A transformer's feed-forward branch: linear(gelu(linear(layer_norm(x, norm), in)), out), plus x with `add_input`.
/// Only x and what gelu is applied to are kept; norm and gelu are made again in backward.
Tensor norm_feed_forward(const Tensor& x, const NormParameters& norm, const LinearParameters& in,
                         const LinearParameters& out, bool add_input, const Precision& precision = {});
/// Of the probabilities of attention: as `dropout` of (B, H, T, S) while none of these is made. Vaswani et al., 2017,
/// as in PyTorch.
struct AttentionDropout {
  double rate = 0.0;  ///< In [0, 1).
  uint64_t key = 0;
  std::span<const int64_t> example_ids = {};  ///< (B); may end after the call.
};
struct AttentionOptions {
  /// Whether a query sees no key behind its own place. With more keys than queries, as when generating, the last
  /// query's place is that of the last key.
  bool causal = true;
  int64_t window = 0;  ///< Above 0, with `causal`: a query sees so many keys, up to its own.
  /// Undefined, or of a shape that broadcasts to (B, H, T, S): bool (true is seen), or numbers that are added to the
  /// scaled scores. It gets no gradient.
  Tensor mask = {};
  AttentionDropout dropout = {};
};
/// Softmax(q·kᵀ/√D, of what each query may see)·v for q (B, T, H, D) and k, v (B, S, G, D): (B, T, H, D). H is a
/// multiple of G: so many query heads share a head of keys and values (Ainslie et al., "GQA", 2023). A query that sees
/// nothing gives 0. In tiles, as `causal_attention`.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options = {},
                 const Precision& precision = {});
struct RotaryOptions {
  double base = 10000.0;
  int64_t first_position = 0;  ///< Of the first token.
  /// Which elements turn together: 2i and 2i + 1 (the paper, GPT-J), or i and i + D/2 (GPT-NeoX, Llama).
  bool neighbours = false;
};
/// Rotary positions: x (B, T, H, D) with pair i of the token at position p turned by p·base^(−2i/D). Su et al., 2021.
Tensor rotary(const Tensor& x, const RotaryOptions& options = {});
struct PackedAttentionOptions {
  int64_t kv_heads = 0;  ///< Heads of keys and values, a divisor of the queries' heads; 0 for as many.
  int64_t window = 0;    ///< As in `AttentionOptions`.
  /// i64 (B, T): the first token that each sees, at most itself and never falling (`Batch::document_starts`). Undefined
  /// for the first of all.
  Tensor document_starts = {};
  std::optional<RotaryOptions> rotary = {};  ///< Turns queries and keys first.
  bool causal = true;                        ///< As in `AttentionOptions`.
  Tensor mask = {};                          ///< As in `AttentionOptions`.
  AttentionDropout dropout = {};
};
/// `attention` of each token to itself and those before, or with `causal` off to all. qkv (B, T, (H + 2G)·D) holds the
/// queries of `heads` = H heads, the keys and the values of G, side by side, as GPT-2 does; the result is (B, T, H·D).
/// No T×T matrix is kept: backward computes it again block by block (Dao et al., "FlashAttention", 2022). Its own
/// products are f32 in any precision.
Tensor causal_attention(const Tensor& qkv, int64_t heads, const PackedAttentionOptions& options = {},
                        const Precision& precision = {});
/// x · mask / (1 − rate); an element stays with probability 1 − rate. Dimension 0 is the example: what happens to an
/// element depends on (key, example id, place in the example) alone. 0 ≤ rate < 1.
Tensor dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids);
/// The same for whole channels: x (B, C, …), and all of x[b][c] stays or goes. Tompson et al., 2015.
Tensor channel_dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids);
/// The same for whole examples: stochastic depth, for the branch beside a residual connection. Huang et al., 2016.
Tensor drop_path(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids);
/// For networks of selu units: what is dropped becomes −1.7581, and the result keeps mean 0 and variance 1. Klambauer
/// et al., 2017.
Tensor alpha_dropout(const Tensor& x, double rate, uint64_t key, std::span<const int64_t> example_ids);

// Losses.
enum class Reduction : uint8_t {
  kMean,
  kSum,
  kRows,  ///< (N): the sums of the terms with the same index of dimension 0, an example's.
};
/// The mean (or sum) of (prediction − target)² over all elements; equal shapes. The target gets a gradient too if
/// asked.
Tensor mse(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::kMean);
/// |d| with d = prediction − target, as in all that follows.
Tensor mae(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::kMean);
/// d²/2 up to |d| = delta, then delta·(|d| − delta/2). Huber, 1964.
Tensor huber(const Tensor& prediction, const Tensor& target, double delta = 1.0,
             Reduction reduction = Reduction::kMean);
/// log cosh d.
Tensor log_cosh(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::kMean);
/// The pinball loss, whose least value is at the quantile (0 < quantile < 1): quantile·(−d) or (1 − quantile)·d.
Tensor quantile_loss(const Tensor& prediction, const Tensor& target, double quantile,
                     Reduction reduction = Reduction::kMean);
/// exp(log_rate) − count·log_rate: a Poisson distribution's negative log-likelihood, without its constant.
Tensor poisson_loss(const Tensor& log_rate, const Tensor& count, Reduction reduction = Reduction::kMean);
/// max(0, 1 − score·target), and its square; targets are −1 or 1.
Tensor hinge(const Tensor& score, const Tensor& target, Reduction reduction = Reduction::kMean);
Tensor squared_hinge(const Tensor& score, const Tensor& target, Reduction reduction = Reduction::kMean);

/// The mean (or sum) over tokens of −log softmax(logits)[target]. logits (…, V), targets (…) i64 in [0, V).
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, Reduction reduction = Reduction::kMean);
struct CrossEntropyOptions {
  Reduction reduction = Reduction::kMean;  ///< kMean divides by the sum of the rows' weights.
  double label_smoothing = 0.0;  ///< So much of each label is spread evenly over all classes. Szegedy et al., 2016.
  std::optional<int64_t> ignore_index = {};  ///< Rows with this target do not count.
  Tensor class_weights = {};                 ///< (V): how much a row of each class counts; no gradient.
};
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options);
/// The same for labels that are probabilities, of the logits' shape.
Tensor soft_cross_entropy(const Tensor& logits, const Tensor& probabilities, Reduction reduction = Reduction::kMean);
/// −log of the probability that sigmoid(logit) gives to the target, which is 0, 1 or a probability; a target of 1
/// counts `positive_weight` times.
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& target, double positive_weight = 1.0,
                            Reduction reduction = Reduction::kMean);
/// binary_cross_entropy · (1 − p)^gamma · alpha (1 − alpha for targets of 0), with p the target's probability: what is
/// right already counts little. Lin et al., 2017.
Tensor focal_loss(const Tensor& logits, const Tensor& target, double gamma = 2.0, double alpha = 0.25,
                  Reduction reduction = Reduction::kMean);
/// Σ target·(log target − log_probability); kMean divides by the size of dimension 0.
Tensor kl_divergence(const Tensor& log_probabilities, const Tensor& target, Reduction reduction = Reduction::kMean);

/// a·b / (‖a‖·‖b‖) over the last dimension, each norm at least epsilon.
Tensor cosine_similarity(const Tensor& a, const Tensor& b, double epsilon = 1e-8);
/// For rows (N, C): 1 − similarity where the target (N) is 1, max(0, similarity − margin) where it is −1.
Tensor cosine_loss(const Tensor& a, const Tensor& b, const Tensor& target, double margin = 0.0,
                   Reduction reduction = Reduction::kMean);
/// max(0, ‖anchor − positive‖ − ‖anchor − negative‖ + margin) for rows (N, C). Schroff et al., 2015.
Tensor triplet_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin = 1.0,
                    Reduction reduction = Reduction::kMean);
/// cross_entropy of the rows' cosine similarities over temperature, (N, N): each query's own key against all others.
/// van den Oord et al., 2018.
Tensor info_nce(const Tensor& queries, const Tensor& keys, double temperature = 0.07,
                Reduction reduction = Reduction::kMean);
/// cross_entropy(linear(x, weight, {}), targets), with its label_smoothing, for x (…, C), weight (V, C) and targets
/// (…): the logits of all tokens never exist at once. The gradients are made with the loss, so they take memory from
/// then on, and are the parameter's whole ones: an `ExampleNormSink` refuses them.
Tensor linear_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets,
                            Reduction reduction = Reduction::kMean, const Precision& precision = {},
                            double label_smoothing = 0.0);

}  // namespace gradus
