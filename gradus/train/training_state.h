// Where a run is: everything that later steps depend on beside the weights and the optimizer's tensors.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "gradus/optim/plateau.h"
#include "gradus/train/health.h"
#include "gradus/train/step_record.h"

namespace gradus {

/// What early stopping has seen.
struct PatienceState {
  std::optional<double> best = std::nullopt;  ///< The lowest validation loss that was an improvement.
  int64_t waited = 0;                         ///< Validations in a row that were none.
};

/// What a trainer knows after some updates. With the weights, the optimizer's state, the configuration and the data it
/// determines all that follows, bit for bit.
struct TrainingState {
  int64_t step = 0;  ///< Updates done, which is the number of the next step.
  /// Batches that were left out, as places in the order of the data, ascending; see `Trainer::set_recovery`.
  std::vector<int64_t> skipped;
  int64_t rewinds = 0;
  int64_t undone_steps = 0;  ///< Updates that rewinds took back.
  int64_t examples = 0;      ///< Trained on so far, repeats counted.
  double weight = 0.0;       ///< Elements or tokens trained on so far.
  bool converged = false;    ///< A solver's tolerance is reached.
  double elapsed_s = 0.0;    ///< In the training loop, over all its starts.
  /// The last update's loss; NaN before the first. Steps whose batch weighs 0 are none.
  double last_loss = std::numeric_limits<double>::quiet_NaN();
  uint64_t loss_hash = 0;  ///< Of the losses of all updates, in order.
  std::optional<double> best_validation_loss;
  std::optional<double> last_validation_loss;
  std::vector<Metric> last_metrics;  ///< Beside the last validation loss.
  int64_t best_step = 0;             ///< Updates done when it was seen.
  std::vector<Metric> best_metrics;  ///< Beside it.
  std::vector<double> window;        ///< The losses that `stop_loss` looks back on, oldest first.
  PatienceState patience;
  PlateauState plateau;
  HealthState health;
  /// The last step, if its validation was given up by `Trainer::cancel`: it is made up for before the next step.
  std::optional<StepRecord> unvalidated;

  /// The place in the order of the data that step `n` trains on: n, moved on by the batches left out before it.
  int64_t batch_of(int64_t n) const {
    for (const int64_t batch : skipped) n += batch <= n ? 1 : 0;
    return n;
  }
};

}  // namespace gradus
