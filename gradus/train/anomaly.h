// A step that went wrong, and what can be found out about why.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/autograd/parameter.h"
#include "gradus/data/dataset.h"
#include "gradus/nn/context.h"

namespace gradus {

/// What was seen in a step before its update.
struct Anomaly {
  enum class Kind : uint8_t { kLossNotFinite, kGradientNotFinite, kLossSpike };
  Kind kind = Kind::kLossNotFinite;
  int64_t step = 0;
  int64_t batch = 0;  ///< Its place in the order of the data.
  double loss = 0.0;
  double usual_loss = std::numeric_limits<double>::quiet_NaN();  ///< The mean of the losses before; for a spike.
  /// A parameter that already holds NaN or infinity; empty if none does.
  std::string bad_parameter;
  /// The first op of the forward pass whose result is not finite, and the parameter at or before it; empty if none.
  std::string op, op_parameter;
  /// The parameter whose gradient is not finite and that a backward pass reaches first; empty if all are finite.
  std::string gradient;
  int64_t bad_gradients = 0;  ///< How many parameters have such a gradient.
  /// Ids of examples that alone show it, or that have the highest losses for a spike; at most 8.
  std::vector<int64_t> examples;
  bool more_examples = false;  ///< There are more than those, or too many to have looked at each.

  /// What was seen, in a sentence or two.
  std::string text() const;
};

/// How a step is repeated for one example or some, and for looking into it.
struct StepProbe {
  const Parameters& parameters;
  const Dataset& data;
  const std::function<Loss(const Batch& batch, Context& context)>& loss;
  uint64_t key = 0;                   ///< Of the step's random numbers: dropout comes out as it was.
  uint64_t pass_key = 0;              ///< Of the pass over the data (`Dataset::training_batch`).
  std::span<const int64_t> ids = {};  ///< Of the step's batch.
  Precision precision = {};           ///< Of the step.
  /// Whether examples share statistics in training: then one alone is looked at as in evaluation.
  bool shares_statistics = false;
};

/// Repeats the step of `anomaly` in parts to find the tensor, the layer and the examples at fault; fills those fields.
/// Weights are not changed; gradients are given back.
void diagnose(Anomaly& anomaly, const StepProbe& probe);

}  // namespace gradus
