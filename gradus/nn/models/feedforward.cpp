#include "gradus/nn/models/feedforward.h"

#include <algorithm>
#include <iterator>

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/nn/models/feature_inputs.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {

Loss FeatureModel::loss(const Batch& batch, Context& context) const {
  return objective_loss(objective_, outputs(batch, context), batch.targets, batch.weights);
}

void FeatureModel::evaluate(const Batch& batch, Context& context, Metrics& metrics) const {
  const Tensor outputs = this->outputs(batch, context);
  metrics.add(objective_loss(objective_, outputs, batch.targets, batch.weights));
  if (is_of_embeddings(objective_.kind)) {
    metrics.add_embeddings(objective_prediction(objective_, outputs), batch.targets);
  } else if (is_of_classes(objective_.kind)) {
    metrics.add_classes(outputs, classes_of_targets(batch.targets));
  } else if (objective_.kind != ObjectiveKind::kCosine) {  // whose lengths mean nothing
    metrics.add_numbers(objective_prediction(objective_, outputs), batch.targets);
  }
}

LinearModel::LinearModel(const LinearModelOptions& o, uint64_t seed)
    : FeatureModel(o.objective),
      linear_(
          ParameterBuilder(parameters_, seed), o.inputs, o.outputs,
          {.bias = true, .weight_init = &o.weight_init, .bias_init = &o.bias_init, .spectral_norm = o.spectral_norm}) {}

namespace {

// Examples that are no rows, such as pictures, as rows of all their numbers.
Batch rows_of(const Batch& batch) {
  Batch rows = batch;
  if (rows.inputs.defined()) rows.inputs = rows_of(rows.inputs);
  return rows;
}

}  // namespace

Tensor LinearModel::outputs(const Batch& batch, Context& context) const {
  return linear_(rows_of(batch), context.precision);
}

Activation activation_from_name(std::string_view name) {
  constexpr std::string_view kNames[] = {"relu",       "tanh", "gelu", "gelu_exact", "silu", "sigmoid",
                                         "leaky_relu", "elu",  "selu", "softplus",   "mish"};
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) fail_usage("activation", "there is no activation \"{}\"", name);
  return static_cast<Activation>(found - std::begin(kNames));
}

Tensor activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::kRelu:
      return relu(x);
    case Activation::kTanh:
      return tanh(x);
    case Activation::kGelu:
      return gelu(x);
    case Activation::kGeluExact:
      return gelu_exact(x);
    case Activation::kSilu:
      return silu(x);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kLeakyRelu:
      return leaky_relu(x);
    case Activation::kElu:
      return elu(x);
    case Activation::kSelu:
      return selu(x);
    case Activation::kSoftplus:
      return softplus(x);
    case Activation::kMish:
      return mish(x);
  }
  fail("activate", "an activation of number {}, which there is not", static_cast<int>(activation));
}

Mlp::Mlp(const MlpOptions& o, uint64_t seed)
    : FeatureModel(o.objective),
      embedded_inputs_(o.embeddings),
      activation_(o.activation),
      dropout_{o.dropout, o.alpha_dropout} {
  const ParameterBuilder tables = ParameterBuilder(parameters_, seed) / "embeddings";
  const ParameterBuilder layers = ParameterBuilder(parameters_, seed) / "layers";
  const auto or_null = [](const std::optional<Initializer>& init) { return init ? &*init : nullptr; };
  const LinearOptions options{
      .weight_init = or_null(o.weight_init), .bias_init = or_null(o.bias_init), .spectral_norm = o.spectral_norm};
  int64_t width = o.inputs;
  for (const EmbeddedInput& e : o.embeddings) {
    embeddings_.emplace_back(tables / static_cast<int64_t>(embeddings_.size()), e.rows, e.width);
    width += e.width - 1;
  }
  for (const int64_t next : o.hidden) {
    layers_.emplace_back(layers / static_cast<int64_t>(layers_.size()), width, next, options);
    width = next;
  }
  layers_.emplace_back(layers / static_cast<int64_t>(layers_.size()), width, o.outputs, options);
}

Tensor Mlp::embedded(const Tensor& inputs) const {
  std::vector<Tensor> parts;
  int64_t done = 0;
  const auto take_numbers = [&](int64_t end) {
    if (end > done) parts.push_back(slice(inputs, 1, done, end));
  };
  for (size_t i = 0; i < embeddings_.size(); ++i) {
    const int64_t at = embedded_inputs_[i].input;
    take_numbers(at);
    const Tensor numbers = kernels::contiguous(slice(inputs, 1, at, at + 1));
    parts.push_back(embeddings_[i](kernels::cast(numbers, DType::kI64).view({inputs.size(0)}, {1})));
    done = at + 1;
  }
  take_numbers(inputs.size(1));
  return concat(parts, 1);
}

Tensor Mlp::outputs(const Batch& batch, Context& context) const {
  Tensor x = embeddings_.empty() ? layers_[0](rows_of(batch), context.precision)
                                 : layers_[0](embedded(batch.inputs), context.precision);
  for (size_t i = 1; i < layers_.size(); ++i) {
    x = layers_[i](dropout_(activate(activation_, x), context), context.precision);
  }
  return x;
}

}  // namespace gradus
