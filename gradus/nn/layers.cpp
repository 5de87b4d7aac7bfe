#include "gradus/nn/layers.h"

#include <algorithm>
#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/recompute.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"

namespace gradus {

Linear::Linear(const ParameterBuilder& p, int64_t in, int64_t out, const LinearOptions& options)
    : normalizes_weight(options.spectral_norm) {
  const Initializer usual = Initializer::uniform(1.0 / std::sqrt(static_cast<double>(in)));
  weight = p.add_weight("weight", {out, in}, options.weight_init != nullptr ? *options.weight_init : usual);
  if (options.bias) bias = p.add_bias("bias", {out}, options.bias_init != nullptr ? *options.bias_init : usual);
}

namespace {

Tensor normalized_if(bool normalizes, const Tensor& weight) { return normalizes ? spectral_norm(weight) : weight; }

}  // namespace

Tensor Linear::matrix() const { return normalized_if(normalizes_weight, weight); }

Tensor Linear::operator()(const Tensor& x, const Precision& precision) const {
  return linear(x, matrix(), bias, {}, precision);
}

Tensor Linear::operator()(const Batch& batch, const Precision& precision) const {
  if (batch.sparse == nullptr) return (*this)(batch.inputs, precision);
  return sparse_linear(batch.sparse, matrix(), bias);
}

Embedding::Embedding(const ParameterBuilder& p, int64_t rows, int64_t width, const Initializer& init)
    : weight(p.add("weight", {rows, width}, init)) {}

Tensor Embedding::operator()(const Tensor& ids) const { return embedding(weight, ids); }

LayerNorm::LayerNorm(const ParameterBuilder& p, int64_t width, bool with_bias, const NormOptions& norm_options)
    : weight(p.add("weight", {width}, Initializer::constant(1.0))), options(norm_options) {
  if (with_bias && !options.rms) bias = p.add("bias", {width}, Initializer::constant(0.0));
}

Tensor LayerNorm::operator()(const Tensor& x) const {
  return options.rms ? rms_norm(x, weight, options.epsilon) : layer_norm(x, weight, bias, options.epsilon);
}

namespace {

// The bound of PyTorch's start for a weight whose outputs have so many inputs each.
Initializer usual_for(int64_t inputs) {
  return Initializer::uniform(1.0 / std::sqrt(static_cast<double>(std::max<int64_t>(1, inputs))));
}

int64_t group_inputs(int64_t in, int64_t groups) {
  if (groups < 1 || in % groups != 0) fail("convolution", "{} groups of {} channels; expected a divisor", groups, in);
  return in / groups;
}

}  // namespace

Conv2d::Conv2d(const ParameterBuilder& p, int64_t in, int64_t out, std::array<int64_t, 2> kernel,
               const Convolution2dOptions& conv_options, bool with_bias, const Initializer* weight_init)
    : options(conv_options) {
  const int64_t of_group = group_inputs(in, options.groups);
  const Initializer usual = usual_for(kernel[0] * kernel[1] * of_group);
  weight = p.add_weight("weight", {out, kernel[0], kernel[1], of_group}, weight_init != nullptr ? *weight_init : usual);
  if (with_bias) bias = p.add_bias("bias", {out}, usual);
}

Tensor Conv2d::operator()(const Tensor& x, const Precision& precision, const Tensor& residual) const {
  return conv2d(x, normalized_if(normalizes_weight, weight), bias, options, residual, precision);
}

Conv1d::Conv1d(const ParameterBuilder& p, int64_t in, int64_t out, int64_t kernel,
               const Convolution1dOptions& conv_options, bool with_bias)
    : options(conv_options) {
  const int64_t of_group = group_inputs(in, options.groups);
  const Initializer usual = usual_for(kernel * of_group);
  weight = p.add_weight("weight", {out, kernel, of_group}, usual);
  if (with_bias) bias = p.add_bias("bias", {out}, usual);
}

Tensor Conv1d::operator()(const Tensor& x, const Precision& precision) const {
  return conv1d(x, normalized_if(normalizes_weight, weight), bias, options, precision);
}

BatchNorm::BatchNorm(const ParameterBuilder& p, int64_t width, const BatchNormSettings& norm_settings)
    : weight(p.add("weight", {width}, Initializer::constant(1.0))),
      bias(p.add("bias", {width}, Initializer::constant(0.0))),
      running_mean(p.add_buffer("running_mean", {width}, 0.0)),
      running_variance(p.add_buffer("running_var", {width}, 1.0)),
      settings(norm_settings) {}

namespace {

// running += momentum · (batch − running), the batch's value times `factor`.
void move_towards(const Tensor& running, const Tensor& batch, double momentum, double factor) {
  Tensor into = running;
  dispatch_float("batch_norm", running.dtype(), [&]<class T>(T) {
    T* r = into.mutable_data<T>();
    const T* b = batch.data<T>();
    for (int64_t i = 0; i < into.numel(); ++i) {
      const auto old = static_cast<double>(r[i]);
      r[i] = static_cast<T>((1.0 - momentum) * old + momentum * factor * static_cast<double>(b[i]));
    }
  });
}

}  // namespace

Tensor BatchNorm::operator()(const Tensor& x, const Context& context, const Tensor& residual) const {
  const BatchNormOptions options{settings.epsilon, settings.relu};
  if (!context.training) return batch_norm(x, weight, bias, {running_mean, running_variance}, options, residual);
  const int64_t rows = x.size(-1) > 0 ? x.numel() / x.size(-1) : 0;
  if (rows < 2) fail("batch_norm", "{} has one row of each channel; training needs two or more", x.describe());
  BatchStatistics statistics;
  Tensor y = batch_norm(x, weight, bias, options, residual, &statistics);
  if (DryRun::is_on() || Recomputing::is_on()) return y;
  const auto n = static_cast<double>(rows);
  move_towards(running_mean, statistics.mean, settings.momentum, 1.0);
  move_towards(running_variance, statistics.variance, settings.momentum, n / (n - 1.0));
  return y;
}

Conv2d folded(const Conv2d& convolution, const BatchNorm& norm) {
  const NoGrad no_grad;
  Conv2d result = convolution;
  const Tensor scale = norm.weight * rsqrt(norm.running_variance + norm.settings.epsilon);
  result.weight = normalized_if(convolution.normalizes_weight, convolution.weight) * reshape(scale, {-1, 1, 1, 1});
  result.normalizes_weight = false;
  const Tensor shift = norm.bias - norm.running_mean * scale;
  result.bias = convolution.bias.defined() ? shift + convolution.bias * scale : shift;
  result.options.relu = norm.settings.relu;
  return result;
}

GroupNorm::GroupNorm(const ParameterBuilder& p, int64_t norm_groups, int64_t width, double norm_epsilon)
    : weight(p.add("weight", {width}, Initializer::constant(1.0))),
      bias(p.add("bias", {width}, Initializer::constant(0.0))),
      groups(norm_groups),
      epsilon(norm_epsilon) {}

Tensor GroupNorm::operator()(const Tensor& x) const { return group_norm(x, groups, weight, bias, epsilon); }

namespace {

template <class Layer>
void add_recurrent(Layer& into, const ParameterBuilder& p, int64_t gates, int64_t in, int64_t hidden, int64_t layer) {
  const Initializer usual = usual_for(hidden);
  const auto name = [layer](const char* part) { return fmt::format("{}_l{}", part, layer); };
  into.weight_ih = p.add_weight(name("weight_ih"), {gates * hidden, in}, usual, gates);
  into.weight_hh = p.add_weight(name("weight_hh"), {gates * hidden, hidden}, usual, gates);
  into.bias_ih = p.add_bias(name("bias_ih"), {gates * hidden}, usual);
  into.bias_hh = p.add_bias(name("bias_hh"), {gates * hidden}, usual);
}

// Calls `op` with the parameters as the layer uses them.
template <class Layer, class Op>
Tensor run_recurrent(const Layer& layer, const Tensor& x, Op&& op) {
  const Tensor ih = normalized_if(layer.normalizes_weights, layer.weight_ih);
  const Tensor hh = normalized_if(layer.normalizes_weights, layer.weight_hh);
  return op(x, RecurrentParameters{ih, hh, layer.bias_ih, layer.bias_hh});
}

}  // namespace

Lstm::Lstm(const ParameterBuilder& p, int64_t in, int64_t hidden, int64_t layer) {
  add_recurrent(*this, p, 4, in, hidden, layer);
}

Tensor Lstm::operator()(const Tensor& x) const { return run_recurrent(*this, x, lstm); }

Gru::Gru(const ParameterBuilder& p, int64_t in, int64_t hidden, int64_t layer) {
  add_recurrent(*this, p, 3, in, hidden, layer);
}

Tensor Gru::operator()(const Tensor& x) const { return run_recurrent(*this, x, gru); }

Tensor Dropout::operator()(const Tensor& x, Context& context) const {
  if (!context.training || rate == 0.0) return x;
  return (alpha ? alpha_dropout : dropout)(x, rate, context.next_key(), context.example_ids);
}

Tensor ChannelDropout::operator()(const Tensor& x, Context& context) const {
  if (!context.training || rate == 0.0) return x;
  if (x.rank() < 2) fail("channel_dropout", "{}; expected (N, …, C)", x.describe());
  const int64_t examples = x.size(0), channels = x.size(-1);
  const Tensor ones = Tensor::full({examples, channels}, 1.0, x.dtype());
  Shape beside = x.shape();
  for (int i = 1; i + 1 < x.rank(); ++i) beside[i] = 1;
  return x * reshape(dropout(ones, rate, context.next_key(), context.example_ids), beside);
}

Tensor DropPath::operator()(const Tensor& branch, Context& context) const {
  if (!context.training || rate == 0.0) return branch;
  return drop_path(branch, rate, context.next_key(), context.example_ids);
}

double drop_path_rate(double last, int64_t block, int64_t blocks) {
  return blocks > 1 ? last * static_cast<double>(block) / static_cast<double>(blocks - 1) : last;
}

}  // namespace gradus
