// What all optimizers have in common: measuring and clipping gradients, parameter groups, averages, state.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gradus/autograd/parameter.h"
#include "gradus/optim/gradient_noise.h"
#include "gradus/optim/proximal.h"
#include "gradus/tensor/kernels/update.h"

namespace gradus {

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
  /// The largest size of an element of the gradient, penalties included; larger ones are cut off, before the norm is
  /// limited. 0 for no limit.
  double clip_value = 0.0;
  PenaltyOptions penalty = {};
  ProximalOptions proximal = {};    ///< Not for optimizers with a `no_proximal_reason`.
  GradientNoiseOptions noise = {};  ///< Not for optimizers that `needs_evaluation`.
  /// For optimizers that `needs_evaluation`: the loss whose gradients the parameters have, divided by
  /// `gradient_divisor`, without penalties; and a function that computes both again where the parameters are by then.
  double loss = std::numeric_limits<double>::quiet_NaN();
  std::function<double()> evaluate = {};
  bool measure_update = false;  ///< Fills `StepReport::update_ratio`, for two more passes over the parameters.
};

struct StepReport {
  /// Global L2 norm after division, noise and penalties that enter it included, before clipping.
  double gradient_norm = 0.0;
  /// l1·‖θ‖₁ + ½·l2·‖θ‖² of the parameters with a gradient, before the update, and that of proximal steps.
  double penalty = 0.0;
  bool finite = true;    ///< False if the norm is NaN or infinite: then nothing was changed.
  bool clipped = false;  ///< The gradient was longer than `clip_norm`, or an element larger than `clip_value`.
  /// The parameters whose gradient is NaN or infinite, and the last of them in the list: a backward pass reaches it
  /// first.
  int64_t not_finite = 0;
  const Parameter* last_not_finite = nullptr;
  /// With `measure_update`: ‖change of θ‖ / ‖θ after it‖ over all parameters that had a gradient; else NaN.
  double update_ratio = std::numeric_limits<double>::quiet_NaN();
};

/// What holds for the parameters whose names fit a pattern; what is not given is as for all others.
struct ParameterGroup {
  std::string pattern;                                        ///< `*` stands for any text, `?` for any one character.
  std::optional<double> learning_rate_factor = std::nullopt;  ///< Multiplies the learning rate; from 0.
  std::optional<double> weight_decay = std::nullopt;          ///< In place of the optimizer's own; from 0.
  std::optional<bool> freeze = std::nullopt;  ///< They are not updated, and their gradients are in no norm.
  std::optional<bool> muon = std::nullopt;    ///< Of Muon: false leaves their matrices to AdamW.
};

/// Whether `pattern`, as in ParameterGroup, fits the whole of `name`.
bool fits_pattern(std::string_view pattern, std::string_view name);

/// One tensor of an optimizer's state.
struct StateSlot {
  std::string name;  ///< "<parameter>.<what>"
  /// Its place in the list of parameters; their number for what belongs to all. Slots of one are all taken, or none.
  size_t parameter;
  Tensor* tensor;  ///< Undefined until it is taken.
  Shape shape;
  DType dtype;
};

/// One parameter's part of a step.
struct ParameterStep {
  kernels::UpdateArrays arrays;  ///< The parameter and its gradient.
  kernels::GradientMix mix;      ///< What the rule has to use in place of the gradient.
  double learning_rate;
  double weight_decay;
  bool changes_after;  ///< A proximal step follows: an average of θ has to wait for `move_average`.
};

/// Owns the state that belongs to the parameters, which is taken at a parameter's first gradient. Parameters without a
/// gradient are left alone.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// To be called before the first step. Where several groups fit a parameter, the last that gives a value holds. Usage
  /// errors: a pattern that fits no parameter, a value out of range, and that all parameters are frozen.
  void set_groups(const std::vector<ParameterGroup>& groups);
  bool is_frozen(size_t index) const { return settings_[index].frozen; }
  /// To be called before the first step: keeps an exponential moving average of each parameter,
  /// average ← average + (1 − decay)·(θ − average) after each update, from the parameter's start. `decay` is in (0, 1).
  void set_ema(double decay);
  /// What the model is to be validated and used with in place of its parameters, in their order: the moving average, or
  /// the average that the rule itself makes; the parameter itself where there is none yet. Empty if the optimizer makes
  /// none. Handles, or new tensors.
  Parameters averages();

  bool makes_averages() const { return ema_decay_ > 0.0 || has_average(); }

  /// Measures the gradients, then updates every parameter that has one and gives its gradient back, also when the norm
  /// is not finite. Takes no memory in a steady step. Options out of range are usage errors, before anything is
  /// changed; so it is if no parameter has a gradient.
  StepReport step(const StepOptions& options);

  /// Whether a step has to look at other weights too (`StepOptions::evaluate`), each time with all examples.
  virtual bool needs_evaluation() const { return false; }
  /// Why weights may not change after an update by this rule, for the error of one who wants a proximal step; nullptr
  /// where they may.
  virtual const char* no_proximal_reason() const { return nullptr; }
  /// Bytes that a step takes beside the state, and gives back.
  virtual int64_t step_bytes() const { return 0; }
  /// Bytes that the update of one parameter takes at most, when activations are gone: here those of the parameter as it
  /// was, where what changes is measured.
  virtual int64_t update_bytes() const;

  /// The number of updates done; one that was not finite does not count.
  int64_t steps() const { return steps_; }
  /// The state tensors by name ("h.0.attn.c_attn.weight.momentum"), for checkpoints: handles, not copies, of what has
  /// been taken so far.
  Parameters state();
  /// Bytes of the state once every parameter has had a gradient.
  int64_t state_bytes();
  /// For a dry run: takes the memory of that state. Its values are undefined, so no step may follow.
  void plan_state();
  /// Puts back what `state` gave after `steps` updates; what is not there is as it was before a parameter's first
  /// gradient. The values are copied. A name, shape or dtype that does not fit, or a part of a parameter's state, is an
  /// error that calls their origin `source`, before anything is changed.
  void restore(int64_t steps, const std::vector<std::pair<std::string, Tensor>>& state, std::string_view source);

 protected:
  /// Parameters must be contiguous, f32 or f64, and no tensor may be listed twice. `state` is kF32, or kBF16 where all
  /// parameters are f32; anything else is a usage error of optimizer `name`. `weight_decay` holds where no group says
  /// otherwise.
  Optimizer(Parameters parameters, std::string_view name, DType state, double weight_decay);

  /// Changes parameter `index` and its state, in one pass over memory where the rule allows it.
  virtual void update(size_t index, const ParameterStep& step) = 0;

  /// The α of a proximal step after the next `update` of parameter `index`: what that multiplies its direction by,
  /// where the rule has its own factor beside the learning rate.
  virtual double proximal_rate(size_t /*index*/, double learning_rate) const { return learning_rate; }
  /// Takes θ into an average of the rule's own, after a proximal step.
  virtual void move_average(size_t /*index*/) {}

  /// What a step changed and left, in squares; for `StepReport::update_ratio`.
  struct UpdateSums {
    double change_squares = 0.0, value_squares = 0.0;
  };
  /// Changes all parameters that have a gradient, by `update`; rules that look at all at once do otherwise. `clip` is
  /// what clipping the norm multiplies gradients by, `penalty` that of StepReport. `sums` may be nullptr.
  virtual void update_all(const StepOptions& options, double clip, double penalty, UpdateSums* sums);
  /// Takes the gradients of the live parameters, penalties included, into new tensors; returns the penalty.
  double take_gradients(const StepOptions& options, std::vector<Tensor>& gradients);

  /// All that the rule can keep, taken or not.
  virtual std::vector<StateSlot> slots() = 0;

  /// Whether the rule makes an average of its own; then `average` gives that of a parameter, undefined before its first
  /// gradient.
  virtual bool has_average() const { return false; }
  virtual Tensor average(size_t /*index*/) { return {}; }
  /// A usage error for a group that the rule cannot keep to.
  virtual void check_group(const ParameterGroup& group) const;
  /// Takes over what a group says beyond what all rules understand.
  virtual void apply_group(size_t /*index*/, const ParameterGroup& /*group*/) {}

  const Parameters& parameters() const { return parameters_; }
  /// The dtype of the state of parameter `index`: its own, unless state is stored in bf16.
  DType state_dtype(size_t index) const;
  /// How that is stored, for this parameter's update number `update`.
  kernels::StateStorage storage_of(size_t index, int64_t update) const;
  /// `state` if it is defined; at first it becomes zeros in the shape of parameter `index`. Returns its bytes.
  std::byte* bytes_of(size_t index, Tensor& state) const;
  /// Slots of a tensor like parameter `index`, and of a number.
  StateSlot array_slot(size_t index, const char* what, Tensor* tensor) const;
  StateSlot number_slot(size_t index, const char* what, Tensor* tensor, DType dtype) const;
  /// Adds one to the count in a slot of kI64, which is 0 at first.
  static int64_t count_in(Tensor& count);
  static int64_t count_of(const Tensor& count) { return count.defined() ? *count.data<int64_t>() : 0; }
  const std::string& name() const { return name_; }

 private:
  struct Settings {
    double learning_rate_factor = 1.0, weight_decay = 0.0;
    bool frozen = false;
  };

  void check_step(const StepOptions& options) const;
  StepReport measure(const StepOptions& options, double& clip);
  void update_one(size_t index, const StepOptions& options, double clip, UpdateSums* sums);
  std::vector<StateSlot> all_slots();

  Parameters parameters_;
  std::string name_;
  DType state_;
  std::vector<Settings> settings_;  // one a parameter
  double ema_decay_ = 0.0;
  std::vector<Tensor> ema_;
  int64_t steps_ = 0;
};

}  // namespace gradus
