#include "gradus/nn/models/regression.h"

#include "gradus/autograd/ops.h"

namespace gradus {
namespace {

Linear make_linear(const ParameterBuilder& p, const LinearModelOptions& options) {
  const Initializer normal = Initializer::normal(1.0), zeros = Initializer::constant(0.0);
  const Initializer* init = options.init == LinearModelOptions::Init::kNormal  ? &normal
                            : options.init == LinearModelOptions::Init::kZeros ? &zeros
                                                                               : nullptr;
  return Linear(p, options.inputs, options.outputs, {.bias = true, .weight_init = init, .bias_init = init});
}

}  // namespace

Loss RegressionModel::loss(const Tensor& inputs, const Tensor& targets, Context& context) const {
  return {mse(forward(inputs, context), targets, Reduction::kSum), static_cast<double>(targets.numel())};
}

LinearModel::LinearModel(const LinearModelOptions& options, uint64_t seed)
    : linear_(make_linear(ParameterBuilder(parameters_, seed), options)) {}

Tensor LinearModel::forward(const Tensor& inputs, Context& context) const { return linear_(inputs, context.precision); }

Tensor activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::kRelu:
      return relu(x);
    case Activation::kTanh:
      return tanh(x);
    case Activation::kGelu:
      break;
  }
  return gelu(x);
}

Mlp::Mlp(const MlpOptions& options, uint64_t seed) : activation_(options.activation), dropout_{options.dropout} {
  const ParameterBuilder layers = ParameterBuilder(parameters_, seed) / "layers";
  int64_t width = options.inputs;
  for (const int64_t next : options.hidden) {
    layers_.emplace_back(layers / static_cast<int64_t>(layers_.size()), width, next);
    width = next;
  }
  layers_.emplace_back(layers / static_cast<int64_t>(layers_.size()), width, options.outputs);
}

Tensor Mlp::forward(const Tensor& inputs, Context& context) const {
  Tensor x = inputs;
  for (size_t i = 0; i + 1 < layers_.size(); ++i)
    x = dropout_(activate(activation_, layers_[i](x, context.precision)), context);
  return layers_.back()(x, context.precision);
}

}  // namespace gradus
