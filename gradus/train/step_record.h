// What is told of a step.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gradus/nn/metrics.h"

namespace gradus {

/// What is known of a step once it is done. The loss of step n (from 0) is that of its batch before update n.
struct StepRecord {
  int64_t step = 0;
  int64_t batch = 0;   ///< Its place in the order of the data: `step`, moved on by the batches left out.
  double epoch = 0.0;  ///< Passes over the data done before this step.
  double loss = 0.0;   ///< Mean over the batch's weight, without penalties; NaN where that is 0.
  double learning_rate = 0.0;
  double gradient_norm = 0.0;  ///< Before clipping, penalties included; NaN if there was no update.
  double penalty = 0.0;
  std::optional<double> l1;                ///< Its factor, where a solver has another in each step.
  std::optional<int64_t> nonzero_weights;  ///< There: how many weights are not 0, without the bias.
  /// ‖change of the weights‖ / ‖weights‖; measured on the steps that `log_every` divides.
  std::optional<double> update_ratio;
  /// The largest part of a relu layer's units that gave 0 for all of the batch; there too, and if there is a relu.
  std::optional<double> dead_units;
  int64_t examples = 0;  ///< In this step.
  double weight = 0.0;   ///< Elements or tokens in this step; of 0 there was no update.
  /// The validation loss with the weights after update n, where step n validated.
  std::optional<double> validation_loss;
  std::vector<Metric> validation_metrics;  ///< Beside it.
  bool best = false;                       ///< The validation loss is the lowest so far.
  double elapsed_s = 0.0;                  ///< In the loop, over all its starts; measured only where `logged`.
  bool end_only = false;                   ///< Logged for no other reason than that the run ends here.
  bool logged = false;  ///< On `log_every`, on a step that validated, and where the run ends before its planned steps.
};

}  // namespace gradus
