// Layers: parameters and the op that uses them. Copying a layer shares its parameters.
#pragma once

#include <array>

#include "gradus/nn/context.h"
#include "gradus/nn/parameters.h"
#include "gradus/tensor/batch.h"
#include "gradus/tensor/convolution_options.h"

namespace gradus {

struct LinearOptions {
  bool bias = true;
  /// Unset: uniform within ±1/√in for weight and bias, as in PyTorch.
  const Initializer* weight_init = nullptr;
  const Initializer* bias_init = nullptr;
  bool spectral_norm = false;  ///< The weight is divided by its largest singular value; see the op.
};

/// y = x · weightᵀ + bias, with the weight as it is or its `spectral_norm`.
struct Linear {
  Linear(const ParameterBuilder& p, int64_t in, int64_t out, const LinearOptions& options = {});
  /// x (…, in) → (…, out).
  Tensor operator()(const Tensor& x, const Precision& precision = {}) const;
  /// Of a batch's inputs, dense or sparse; the latter are f32 in any precision.
  Tensor operator()(const Batch& batch, const Precision& precision = {}) const;
  /// What x is multiplied with: the weight, or its `spectral_norm`.
  Tensor matrix() const;

  Tensor weight;  ///< (out, in)
  Tensor bias;    ///< (out), or undefined
  bool normalizes_weight;
};

/// A table of vectors by id.
struct Embedding {
  Embedding(const ParameterBuilder& p, int64_t rows, int64_t width, const Initializer& init = Initializer::normal(1.0));
  /// ids (…), i64, in [0, rows) → (…, width).
  Tensor operator()(const Tensor& ids) const;

  Tensor weight;  ///< (rows, width)
};

struct NormOptions {
  double epsilon = 1e-5;
  bool rms = false;  ///< Without centring: `rms_norm`, which has no bias.
};

/// Normalises the last dimension, then scales and shifts it.
struct LayerNorm {
  LayerNorm(const ParameterBuilder& p, int64_t width, bool with_bias = true, const NormOptions& norm_options = {});
  Tensor operator()(const Tensor& x) const;

  Tensor weight;  ///< (width), starts at 1
  Tensor bias;    ///< (width), starts at 0; or undefined
  NormOptions options;
};

/// A convolution of channels-last images; weight and bias start uniform within ±1/√(inputs of one output), as in
/// PyTorch, or the weight as `weight_init` says.
struct Conv2d {
  /// `kernel` is (down, across).
  Conv2d(const ParameterBuilder& p, int64_t in, int64_t out, std::array<int64_t, 2> kernel,
         const Convolution2dOptions& conv_options = {}, bool with_bias = true,
         const Initializer* weight_init = nullptr);
  /// x (N, H, W, in) → (N, H', W', out); `residual`, of the result's shape, is added before relu.
  Tensor operator()(const Tensor& x, const Precision& precision = {}, const Tensor& residual = {}) const;

  Tensor weight;  ///< (out, kh, kw, in/groups)
  Tensor bias;    ///< (out), or undefined
  Convolution2dOptions options;
  bool normalizes_weight = false;  ///< Whether `spectral_norm(weight)` is used, of the matrix (out, all else).
};

/// The same of sequences.
struct Conv1d {
  Conv1d(const ParameterBuilder& p, int64_t in, int64_t out, int64_t kernel,
         const Convolution1dOptions& conv_options = {}, bool with_bias = true);
  /// x (N, T, in) → (N, T', out).
  Tensor operator()(const Tensor& x, const Precision& precision = {}) const;

  Tensor weight;  ///< (out, k, in/groups)
  Tensor bias;    ///< (out), or undefined
  Convolution1dOptions options;
  bool normalizes_weight = false;  ///< As in `Conv2d`.
};

struct BatchNormSettings {
  double epsilon = 1e-5;
  double momentum = 0.1;  ///< What a batch's statistics count in the running ones.
  bool relu = false;      ///< max(·, 0) of the result.
};

/// Normalises each channel, the last dimension, over all others, then scales and shifts it: in training by the
/// statistics of the batch, of which running means are kept, else by those. The names are PyTorch's.
struct BatchNorm {
  BatchNorm(const ParameterBuilder& p, int64_t width, const BatchNormSettings& norm_settings = {});
  /// x (…, width), in training more than one row; `residual` is added before relu. A forward pass in training moves
  /// the running statistics, but not one that is done again for backward.
  Tensor operator()(const Tensor& x, const Context& context, const Tensor& residual = {}) const;

  Tensor weight;            ///< (width), starts at 1
  Tensor bias;              ///< (width), starts at 0
  Tensor running_mean;      ///< (width), starts at 0
  Tensor running_variance;  ///< "running_var" (width), of N − 1, starts at 1
  BatchNormSettings settings;
};

/// One convolution that does what both do in evaluation, relu included.
Conv2d folded(const Conv2d& convolution, const BatchNorm& norm);

/// Normalises each example's channels in groups, then scales and shifts each channel.
struct GroupNorm {
  GroupNorm(const ParameterBuilder& p, int64_t groups, int64_t width, double epsilon = 1e-5);
  /// x (N, …, width).
  Tensor operator()(const Tensor& x) const;

  Tensor weight;  ///< (width), starts at 1
  Tensor bias;    ///< (width), starts at 0
  int64_t groups;
  double epsilon;
};

/// Recurrent layers: x (B, T, in) → (B, T, hidden). The parameters have PyTorch's names of layer `layer`,
/// "weight_ih_l0" and so on, and its start: uniform within ±1/√hidden.
struct Lstm {
  Lstm(const ParameterBuilder& p, int64_t in, int64_t hidden, int64_t layer = 0);
  Tensor operator()(const Tensor& x) const;

  Tensor weight_ih, weight_hh;  ///< (4·hidden, in), (4·hidden, hidden)
  Tensor bias_ih, bias_hh;      ///< (4·hidden)
  bool normalizes_weights = false;  ///< Whether the `spectral_norm` of both is used.
};
struct Gru {
  Gru(const ParameterBuilder& p, int64_t in, int64_t hidden, int64_t layer = 0);
  Tensor operator()(const Tensor& x) const;

  Tensor weight_ih, weight_hh;  ///< (3·hidden, in), (3·hidden, hidden)
  Tensor bias_ih, bias_hh;      ///< (3·hidden)
  bool normalizes_weights = false;  ///< As in `Lstm`.
};

/// While training, sets elements to 0 with probability `rate` and scales the others by 1 / (1 − rate); with `alpha` it
/// is `alpha_dropout`.
struct Dropout {
  Tensor operator()(const Tensor& x, Context& context) const;

  double rate = 0.0;  ///< In [0, 1).
  bool alpha = false;
};

/// The same for whole channels, the last dimension: of an example at all places. Tompson et al., 2015 (spatial
/// dropout).
struct ChannelDropout {
  /// x (N, …, C).
  Tensor operator()(const Tensor& x, Context& context) const;

  double rate = 0.0;  ///< In [0, 1).
};

/// The same for whole examples: of the branch beside a residual connection it is stochastic depth (Huang et al., 2016).
struct DropPath {
  Tensor operator()(const Tensor& branch, Context& context) const;

  double rate = 0.0;  ///< In [0, 1).
};

/// The rate of block `block` of `blocks`, rising on a line from 0 for the first to `last` for the last; of a single one
/// `last`.
double drop_path_rate(double last, int64_t block, int64_t blocks);

}  // namespace gradus
