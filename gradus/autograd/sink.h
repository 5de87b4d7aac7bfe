// Gradient sinks: where the gradients of parameters go as a backward pass reaches them.
#pragma once

#include <vector>

#include "gradus/tensor/tensor.h"

namespace gradus {

/// How a parameter's gradient follows from what its layer saw.
enum class GradientKind : uint8_t {
  kLinear,  ///< weight (out, in): input (…, in), output gradient (…, out); the gradient is gradᵀ · input.
  kBias,    ///< bias (C), or a scale by products that are made: (…, C), summed over all but the last dimension.
  kScale,   ///< scale (C): input x̂ (…, C), output gradient (…, C); Σ x̂ · grad.
  kLookup,  ///< table (V, C): input ids (…), output gradient (…, C); rows added at their ids.
  kDense,   ///< any use: the output gradient is the parameter's gradient itself.
};

/// "linear", "bias", …
std::string_view name_of(GradientKind kind);

/// One use of one parameter in a backward pass. Dimension 0 of `input` and `output_gradient` is the example (but for
/// kDense). Valid only during the call of `GradientSink::accept`.
struct ParameterGradient {
  GradientKind kind;
  const Tensor& parameter;
  const Tensor& input;  ///< Undefined for kBias and kDense. Of kLinear, it and the next may be bf16.
  const Tensor& output_gradient;
};

/// The parameter's whole gradient, contracted over examples, in the parameter's shape.
Tensor contract(const ParameterGradient& gradient);

/// Receives each pair as soon as the backward function of its layer has run, last layer first.
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  virtual void accept(const ParameterGradient& gradient) = 0;
};

/// The default: contracts each pair at once and adds it to `parameter.grad()`.
class AccumulatingSink : public GradientSink {
 public:
  void accept(const ParameterGradient& gradient) override;
};

/// Sums, for every example, the squared L2 norm of its own gradient over all parameters, without forming the whole
/// per-example gradients at once: what private training clips by. Leaves `grad()` alone.
/// A parameter that is used twice in a pass, or by an op that only gives kDense, is an error: its norm does not follow
/// from one pair. Dimension 0 of what layers see must be the example; a look-up by position, say, with as many
/// positions as there are examples, cannot be told apart and gives wrong norms.
class ExampleNormSink : public GradientSink {
 public:
  /// A usage error for fewer than one example.
  explicit ExampleNormSink(int64_t examples);
  void accept(const ParameterGradient& gradient) override;
  /// One value an example.
  const std::vector<double>& squared_norms() const { return squared_norms_; }

 private:
  std::vector<double> squared_norms_;
  std::vector<Tensor> seen_;
};

/// `into += gradient`, in place when no one else sees `into`; takes the handle when `into` is undefined.
void add_gradient(Tensor& into, Tensor gradient);

}  // namespace gradus
