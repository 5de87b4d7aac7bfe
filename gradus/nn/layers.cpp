#include "gradus/nn/layers.h"

#include <algorithm>
#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"

namespace gradus {

Linear::Linear(const ParameterBuilder& p, int64_t in, int64_t out, const LinearOptions& options)
    : normalizes_weight(options.spectral_norm) {
  const Initializer usual = Initializer::uniform(1.0 / std::sqrt(static_cast<double>(in)));
  weight = p.add("weight", {out, in}, options.weight_init != nullptr ? *options.weight_init : usual);
  if (options.bias) bias = p.add("bias", {out}, options.bias_init != nullptr ? *options.bias_init : usual);
}

Tensor Linear::operator()(const Tensor& x, const Precision& precision) const {
  return linear(x, normalizes_weight ? spectral_norm(weight) : weight, bias, {}, precision);
}

Tensor Linear::operator()(const Batch& batch, const Precision& precision) const {
  if (batch.sparse == nullptr) return (*this)(batch.inputs, precision);
  return sparse_linear(batch.sparse, normalizes_weight ? spectral_norm(weight) : weight, bias);
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
               const Convolution2dOptions& conv_options, bool with_bias)
    : options(conv_options) {
  const int64_t of_group = group_inputs(in, options.groups);
  const Initializer usual = usual_for(kernel[0] * kernel[1] * of_group);
  weight = p.add("weight", {out, kernel[0], kernel[1], of_group}, usual);
  if (with_bias) bias = p.add("bias", {out}, usual);
}

Tensor Conv2d::operator()(const Tensor& x, const Precision& precision) const {
  return conv2d(x, weight, bias, options, {}, precision);
}

Conv1d::Conv1d(const ParameterBuilder& p, int64_t in, int64_t out, int64_t kernel,
               const Convolution1dOptions& conv_options, bool with_bias)
    : options(conv_options) {
  const int64_t of_group = group_inputs(in, options.groups);
  const Initializer usual = usual_for(kernel * of_group);
  weight = p.add("weight", {out, kernel, of_group}, usual);
  if (with_bias) bias = p.add("bias", {out}, usual);
}

Tensor Conv1d::operator()(const Tensor& x, const Precision& precision) const {
  return conv1d(x, weight, bias, options, precision);
}

Tensor Dropout::operator()(const Tensor& x, Context& context) const {
  if (!context.training || rate == 0.0) return x;
  return dropout(x, rate, context.next_key(), context.example_ids);
}

}  // namespace gradus
