// Linear regression and the multi-layer perceptron, trained by mean squared error.
#pragma once

#include <optional>
#include <vector>

#include "gradus/nn/layers.h"
#include "gradus/nn/models/model.h"

namespace gradus {

/// A model of real outputs whose loss is the squared error, weighted by elements.
class RegressionModel : public Model {
 public:
  Loss loss(const Tensor& inputs, const Tensor& targets, Context& context) const override;
};

struct LinearModelOptions {
  enum class Init : uint8_t { kNormal, kZeros, kUniform };
  int64_t inputs = 1;
  int64_t outputs = 1;
  Init init = Init::kNormal;  ///< kNormal: standard normal; kUniform: within ±1/√inputs, as in PyTorch.
};

/// y = W·x + b: parameters "weight" (outputs, inputs) and "bias" (outputs).
class LinearModel : public RegressionModel {
 public:
  LinearModel(const LinearModelOptions& options, uint64_t seed);
  Tensor forward(const Tensor& inputs, Context& context) const override;

 private:
  Linear linear_;
};

enum class Activation : uint8_t { kRelu, kTanh, kGelu };
Tensor activate(Activation activation, const Tensor& x);

struct MlpOptions {
  int64_t inputs = 1;
  int64_t outputs = 1;
  std::vector<int64_t> hidden = {64, 64};  ///< Widths of the hidden layers, each at least 1.
  Activation activation = Activation::kRelu;
  double dropout = 0.0;  ///< After each activation.
};

/// Linear layers "layers.0", "layers.1", … with an activation between.
class Mlp : public RegressionModel {
 public:
  Mlp(const MlpOptions& options, uint64_t seed);
  Tensor forward(const Tensor& inputs, Context& context) const override;

 private:
  std::vector<Linear> layers_;
  Activation activation_;
  Dropout dropout_;
};

}  // namespace gradus
