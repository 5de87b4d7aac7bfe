// Optimizers: one step turns gradients into new parameters in one pass over memory.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gradus/autograd/parameter.h"
#include "gradus/tensor/kernels/update.h"

namespace gradus {

/// Stochastic gradient descent as in PyTorch: g = gradient + weight_decay·θ; with momentum v = μ·v + g (the first v is
/// g); θ −= learning_rate·v, or ·(g + μ·v) with Nesterov's.
struct SgdOptions {
  double weight_decay = 0.0;  ///< The gradient of ½·weight_decay·‖θ‖², on every parameter; not clipped.
  double momentum = 0.0;      ///< In [0, 1).
  bool nesterov = false;      ///< Needs momentum > 0.
  DType state = DType::kF32;  ///< See AdamWOptions.
};

/// AdamW (Loshchilov, Hutter, 2019) as in PyTorch: θ ·= 1 − learning_rate·weight_decay, then
/// θ −= learning_rate · m̂ / (√v̂ + epsilon), with m̂ and v̂ corrected for their start at 0 by the number of this
/// parameter's own updates.
struct AdamWOptions {
  double weight_decay = 0.0;  ///< Decoupled, on every parameter.
  double beta1 = 0.9;         ///< In [0, 1).
  double beta2 = 0.999;       ///< In [0, 1).
  double epsilon = 1e-8;      ///< > 0.
  /// How the state of f32 parameters is stored, kF32 or kBF16. In bf16 it takes half the memory, and is rounded up or
  /// down at random, by parameter, update and place, so that changes too small for its 8 bits are not lost.
  DType state = DType::kF32;
};

/// Penalties added to what is minimised, but not to the logged loss: l1·‖θ‖₁ + ½·l2·‖θ‖². The slope of |θ| at 0 is 0.
struct PenaltyOptions {
  double l1 = 0.0;
  double l2 = 0.0;
  bool all = false;  ///< Also parameters with fewer than two dimensions (biases, norm weights); else matrices only.
};

struct StepOptions {
  double learning_rate = 0.0;
  /// What gradients are divided by: the total weight of the step's losses, e.g. its number of tokens.
  double gradient_divisor = 1.0;
  /// The largest global L2 norm of the gradient, penalties included; 0 for no limit. As in PyTorch the factor is
  /// clip_norm / (norm + 1e-6), at most 1.
  double clip_norm = 0.0;
  PenaltyOptions penalty = {};
  bool measure_update = false;  ///< Fills `StepReport::update_ratio`, for two more passes over the parameters.
};

struct StepReport {
  double gradient_norm = 0.0;  ///< Global L2 norm after division, penalties included, before clipping.
  double penalty = 0.0;  ///< l1·‖θ‖₁ + ½·l2·‖θ‖² of the parameters with a gradient, before the update.
  bool finite = true;    ///< False if the norm is NaN or infinite: then nothing was changed.
  bool clipped = false;  ///< The gradient was longer than `clip_norm`.
  /// The parameters whose gradient is NaN or infinite, and the last of them in the list: a backward pass reaches it
  /// first.
  int64_t not_finite = 0;
  const Parameter* last_not_finite = nullptr;
  /// With `measure_update`: ‖change of θ‖ / ‖θ after it‖ over all parameters that had a gradient; else NaN.
  double update_ratio = std::numeric_limits<double>::quiet_NaN();
};

/// One tensor of an optimizer's state.
struct StateSlot {
  std::string name;  ///< "<parameter>.<what>"
  size_t parameter;  ///< Its place in the list of parameters. Slots of one parameter are all taken, or none.
  Tensor* tensor;    ///< Undefined until it is taken.
  Shape shape;
  DType dtype;
};

/// Owns the state that belongs to the parameters, which is taken at a parameter's first gradient. Parameters without a
/// gradient are left alone.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Measures the gradients, then updates every parameter that has one and gives its gradient back, also when the norm
  /// is not finite. Takes no memory in a steady step. Options out of range are usage errors, before anything is
  /// changed; so it is if no parameter has a gradient.
  StepReport step(const StepOptions& options);

  /// The number of updates done; one that was not finite does not count.
  int64_t steps() const { return steps_; }
  /// The state tensors by name ("h.0.attn.c_attn.weight.momentum"), for checkpoints: handles, not copies, of what has
  /// been taken so far.
  Parameters state();
  /// Bytes of the state once every parameter has had a gradient.
  int64_t state_bytes();
  /// Puts back what `state` gave after `steps` updates; what is not there is as it was before a parameter's first
  /// gradient. The values are copied. A name, shape or dtype that does not fit, or a part of a parameter's state, is an
  /// error that calls their origin `source`, before anything is changed.
  void restore(int64_t steps, const std::vector<std::pair<std::string, Tensor>>& state, std::string_view source);

 protected:
  /// Parameters must be contiguous, f32 or f64, and no tensor may be listed twice. `state` is kF32, or kBF16 where all
  /// parameters are f32; anything else is a usage error of optimizer `name`.
  Optimizer(Parameters parameters, std::string_view name, DType state);

  /// Changes parameter `index` and its state, in one pass over memory. `arrays` are the parameter and its gradient;
  /// `mix` says what the rule has to use in place of the gradient.
  virtual void update(size_t index, const kernels::UpdateArrays& arrays, const kernels::GradientMix& mix,
                      double learning_rate) = 0;

  /// All that the rule can keep, taken or not.
  virtual std::vector<StateSlot> slots() = 0;

  const Parameters& parameters() const { return parameters_; }
  /// The dtype of the state of parameter `index`: its own, unless state is stored in bf16.
  DType state_dtype(size_t index) const;
  /// How that is stored, for this parameter's update number `update`.
  kernels::StateStorage storage_of(size_t index, int64_t update) const;
  /// `state` if it is defined; at first it becomes zeros in the shape of parameter `index`. Returns its bytes.
  std::byte* bytes_of(size_t index, Tensor& state) const;

 private:
  StepReport measure(const StepOptions& options);
  void update_one(size_t index, const StepOptions& options, double clip, double* change_squares, double* value_squares);

  Parameters parameters_;
  DType state_;
  int64_t steps_ = 0;
};

/// Throw a usage error for options out of range. State: "<parameter>.momentum", if there is momentum.
std::unique_ptr<Optimizer> make_sgd(Parameters parameters, const SgdOptions& options);
/// State: "<parameter>.moment1" (m), "<parameter>.moment2" (v) and "<parameter>.steps" (i64, the parameter's updates).
std::unique_ptr<Optimizer> make_adamw(Parameters parameters, const AdamWOptions& options);

}  // namespace gradus
