// The loss and the metrics of a model on a data set.
#pragma once

#include <functional>
#include <optional>

#include "gradus/data/dataset.h"
#include "gradus/nn/metrics.h"
#include "gradus/nn/models/model.h"

namespace gradus {

/// Adds a batch to the metrics.
using EvaluationFunction = std::function<void(const Batch& batch, Context& context, Metrics& metrics)>;

/// A model's own loss and metrics as a function; the model must outlive it.
EvaluationFunction evaluation_of(const Model& model);

struct EvaluationOptions {
  int64_t batch_size = 64;  ///< Examples at once; bounds memory only, unless the loss compares those of a batch.
  Precision precision = {};
  MetricUnits units = {};
  /// Shuffles the examples, by this key, for losses that compare those of a batch; unset, they are taken as they lie.
  std::optional<uint64_t> order = {};
  /// Asked before each batch; true gives up.
  std::function<bool()> is_cancelled = {};
};

/// Adds the whole data set to the metrics, without recording anything; false if it was given up. `options.units` is not
/// looked at.
bool evaluate_into(Metrics& metrics, const EvaluationFunction& evaluation, const Dataset& data,
                   const EvaluationOptions& options);
/// The metrics of the whole data set; nothing if it was given up.
std::optional<Metrics> evaluate(const EvaluationFunction& evaluation, const Dataset& data,
                                const EvaluationOptions& options);

}  // namespace gradus
