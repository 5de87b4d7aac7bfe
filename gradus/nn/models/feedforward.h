// Models of rows of features: linear ones (linear, logistic, softmax regression, by their objective) and the
// multi-layer perceptron.
#pragma once

#include <optional>
#include <vector>

#include "gradus/nn/layers.h"
#include "gradus/nn/models/model.h"
#include "gradus/nn/objective.h"

namespace gradus {

/// A model of rows of features, f32 (B, inputs), trained for an objective.
class FeatureModel : public Model {
 public:
  explicit FeatureModel(const Objective& objective) : objective_(objective) {}
  /// (B, outputs), of dense or sparse features.
  virtual Tensor outputs(const Batch& batch, Context& context) const = 0;
  Tensor forward(const Tensor& inputs, Context& context) const override { return outputs({.inputs = inputs}, context); }
  Loss loss(const Batch& batch, Context& context) const override;
  void evaluate(const Batch& batch, Context& context, Metrics& metrics) const override;
  const Objective& objective() const { return objective_; }

 private:
  Objective objective_;
};

struct LinearModelOptions {
  int64_t inputs = 1;
  int64_t outputs = 1;
  Objective objective = {};
  /// Of W and b.
  Initializer weight_init = Initializer::normal(1.0), bias_init = Initializer::normal(1.0);
  bool spectral_norm = false;  ///< Of W.
};

/// y = W·x + b: parameters "weight" (outputs, inputs) and "bias" (outputs).
class LinearModel : public FeatureModel {
 public:
  LinearModel(const LinearModelOptions& options, uint64_t seed);
  Tensor outputs(const Batch& batch, Context& context) const override;

 private:
  Linear linear_;
};

/// The ops of these names.
enum class Activation : uint8_t {
  kRelu,
  kTanh,
  kGelu,
  kGeluExact,
  kSilu,
  kSigmoid,
  kLeakyRelu,
  kElu,
  kSelu,
  kSoftplus,
  kMish
};
/// "relu", "tanh", "gelu", "gelu_exact", "silu", "sigmoid", "leaky_relu", "elu", "selu", "softplus" or "mish"; a usage
/// error for any other name.
Activation activation_from_name(std::string_view name);
Tensor activate(Activation activation, const Tensor& x);

/// An input that is the number of a category, of which each has a vector.
struct EmbeddedInput {
  int64_t input = 0;  ///< Its place among the inputs.
  int64_t rows = 1;   ///< Its numbers are 0 to rows − 1.
  int64_t width = 1;  ///< Of the vectors.
};

struct MlpOptions {
  int64_t inputs = 1;  ///< Of dense features.
  int64_t outputs = 1;
  std::vector<int64_t> hidden = {64, 64};  ///< Widths of the hidden layers, each at least 1.
  Activation activation = Activation::kRelu;
  double dropout = 0.0;        ///< After each activation.
  bool alpha_dropout = false;  ///< As in `Dropout`.
  bool spectral_norm = false;  ///< Of all layers' weights.
  std::vector<EmbeddedInput> embeddings = {};  ///< By their places. Not for sparse features.
  Objective objective = {};
  /// Unset: uniform within ±1/√in, as in PyTorch.
  std::optional<Initializer> weight_init = {}, bias_init = {};
};

/// Linear layers "layers.0", "layers.1", … with an activation between. Embedded inputs become the rows of tables,
/// "embeddings.0", …, which start normal with deviation 1, as in PyTorch.
class Mlp : public FeatureModel {
 public:
  Mlp(const MlpOptions& options, uint64_t seed);
  Tensor outputs(const Batch& batch, Context& context) const override;

 private:
  // The inputs with vectors in the places of categories.
  Tensor embedded(const Tensor& inputs) const;

  std::vector<EmbeddedInput> embedded_inputs_;
  std::vector<Embedding> embeddings_;
  std::vector<Linear> layers_;
  Activation activation_;
  Dropout dropout_;
};

}  // namespace gradus
