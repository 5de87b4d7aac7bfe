// What is watched while training: the loss and the gradient against where they usually are, how far a step moves the
// weights, and units that no longer do anything.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/autograd/tape.h"
#include "gradus/optim/optimizer.h"

namespace gradus {

/// Where a number usually is: its mean and its mean absolute deviation, over all values at first and then with a memory
/// of about 100 values.
struct MovingBand {
  double mean = 0.0;
  double deviation = 0.0;
  int64_t count = 0;
  double peak = 0.0;  ///< The highest that the mean was in size, once 10 values were known.

  void add(double value);
  /// As much of `value` as lies within the band: what is added of one that goes beyond, so that it does not hide the
  /// next.
  double within(double value, double deviations) const;
  /// Whether `value` lies more than `deviations` deviations above the mean, more than the mean's own size, and above a
  /// tenth of `peak`: what is little beside where training began is the noise of a model that has nearly learned it
  /// all. Never before 10 values are known.
  bool is_exceeded_by(double value, double deviations) const;
};

/// What `HealthMonitor` remembers; part of a checkpoint, so that a resumed run warns as one that never stopped.
struct HealthState {
  MovingBand loss;
  MovingBand gradient_norm;
  int64_t clipped_steps = 0;        ///< Updates whose gradient was shortened to `clip_norm`.
  int64_t spikes = 0;               ///< Losses beyond the band that were trained on all the same.
  int64_t large_updates = 0;        ///< How many looks in a row found the weights moving too fast, …
  int64_t small_updates = 0;        ///< … hardly moving at all, …
  int64_t dead_looks = 0;           ///< … and most units of a layer without any effect.
  std::vector<std::string> warned;  ///< Names of the warnings that were given: each is given once.
};

struct HealthWarning {
  std::string name;  ///< "gradient_norm", "zero_gradient", "large_updates", "small_updates", "dead_units",
                     ///< "loss_spike", "weightless".
  std::string text;  ///< What was seen, and what it may mean.
};

/// Counts, for each use of relu in a model, the units (places in the last dimension) that gave 0 for every row it saw.
class DeadUnits : public TapeObserver {
 public:
  /// The next forward pass starts: its first relu is the first again. Passes of one batch add up.
  void next_pass() { use_ = 0; }
  void on_op(const RecordedOp& op) override;
  /// The largest part of a relu's units that were dead, 0 to 1; nothing if there was no relu or fewer than 64 rows, of
  /// which chance alone may leave some at 0.
  std::optional<double> worst_part() const;

 private:
  struct Layer {
    std::vector<uint8_t> alive;
    int64_t rows = 0;
  };
  std::vector<Layer> layers_;
  size_t use_ = 0;
};

/// Looks at every step; says each thing once.
class HealthMonitor {
 public:
  /// Remembers in `state`, which must outlive it.
  explicit HealthMonitor(HealthState& state) : state_(state) {}

  /// Whether the loss is one that this training does not usually have; `deviations` of 0 turn that off.
  bool is_spike(double loss, double deviations) const {
    return deviations > 0.0 && state_.loss.is_exceeded_by(loss, deviations);
  }
  /// Takes in a step that was done. `dead_part` and `report.update_ratio` are there on the steps that looked.
  void on_update(int64_t step, double loss, const StepReport& report, std::optional<double> dead_part);
  /// A step whose batch weighs 0, so that it did nothing.
  void on_weightless(int64_t step);
  /// A spike that is trained on.
  void on_spike(int64_t step, double loss);

  /// The warnings since the last call.
  std::vector<HealthWarning> take_warnings();

 private:
  void warn(const char* name, std::string text);
  void look_at_gradient(int64_t step, const StepReport& report);
  void look_at_update(int64_t step, double ratio);

  HealthState& state_;
  std::vector<HealthWarning> warnings_;
};

}  // namespace gradus
