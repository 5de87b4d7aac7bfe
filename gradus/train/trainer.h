// The training loop: data in the sampler's order, micro-batches, optimizer, schedule, stopping rules, validation.
//
//     TensorDataset data(x, y);
//     LinearModel model({}, /*seed=*/1);
//     auto optimizer = make_sgd(model.parameters(), {});
//     Trainer trainer({.steps = 1000}, model.parameters(), loss_of(model), data, *optimizer, ConstantSchedule{0.01});
//     TrainingSummary summary = trainer.run();
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/data/dataset.h"
#include "gradus/data/loader.h"
#include "gradus/data/sampler.h"
#include "gradus/nn/models/model.h"
#include "gradus/optim/optimizer.h"
#include "gradus/optim/plateau.h"
#include "gradus/optim/schedule.h"
#include "gradus/train/anomaly.h"
#include "gradus/train/evaluation.h"
#include "gradus/train/training_state.h"

namespace gradus {

/// The loss of a micro-batch, recorded on the tape of the calling thread. One of weight 0 adds nothing to its step, and
/// a step whose weight is 0 changes nothing, buffers neither; it counts as a step, and its loss is NaN.
using LossFunction = std::function<Loss(const Batch& batch, Context& context)>;

/// A model's own loss as a function; the model must outlive it.
LossFunction loss_of(const Model& model);

struct TrainerOptions {
  int64_t steps = 0;       ///< Updates at most; 0 for no limit. `steps` or `epochs` must be given.
  double epochs = 0.0;     ///< Passes over the data at most; 0 for no limit. The first limit reached ends the run.
  int64_t batch_size = 0;  ///< Examples a step; 0 for all.
  int64_t micro_batch_size = 0;  ///< Examples a pass of the tape; 0 for the whole batch. Part of the result's rounding.
  int workers = 0;               ///< Threads that make batches ahead, of data that is costly (`Loader`).
  Sampling sampling = Sampling::kShuffle;
  uint64_t seed = 0;
  /// Ends the run before the update of the first step at which the mean loss over `stop_window` steps is at or below
  /// it.
  std::optional<double> stop_loss = std::nullopt;
  int64_t stop_window = 0;          ///< Steps; 0: 1 for whole-batch training, else 100.
  bool stop_on_validation = false;  ///< `stop_loss` compares the validation loss, after the step that validated.
  /// Early stopping: the run ends after so many validations in a row that are not lower than the lowest of those that
  /// were, by more than `min_delta`; 0 for never. Only validations of `validation_every` count, not one at the end.
  int64_t patience = 0;
  double min_delta = 0.0;
  /// What the schedule is multiplied with, by the same validations.
  std::optional<PlateauOptions> plateau = std::nullopt;
  double max_time_s = 0.0;  ///< Seconds in the loop; 0 for no limit. Looked at after each step.
  double clip_norm = 0.0;   ///< See StepOptions.
  double clip_value = 0.0;  ///< See StepOptions.
  PenaltyOptions penalty = {};
  ProximalOptions proximal = {};             ///< See StepOptions.
  GradientNoiseOptions gradient_noise = {};  ///< See StepOptions; its seed is `seed`.
  int64_t validation_every = 0;              ///< Steps between validations; 0 for the one at the end alone.
  int64_t validation_batch_size = 64;        ///< See EvaluationOptions, which has `validation_order`, too.
  std::optional<uint64_t> validation_order = std::nullopt;
  int64_t log_every = 1;                     ///< Steps between `StepRecord`s with `logged` set.
  /// A loss that lies more than so many mean absolute deviations above the mean of the last 100 or so, and above twice
  /// that mean, is a spike; 0 turns that off. The first 10 steps have nothing to compare with.
  double spike_deviations = 50.0;
  Precision precision = {};   ///< Of training and of validation.
  bool stop_on_spike = true;  ///< Otherwise a spike is trained on, counted and warned of.
};

/// The updates that `steps` and `epochs` allow on this data; the largest int64 if only other rules end the run.
int64_t planned_steps(const TrainerOptions& options, const Dataset& data);

enum class StopReason : uint8_t {
  kMaxSteps,
  kMaxEpochs,
  kLossThreshold,
  kMaxTime,
  kNoImprovement,
  kNonFinite,
  kLossSpike,
  kInterrupted,
  kConverged  ///< A solver's tolerance is reached.
};
/// "max_steps", "max_epochs", "loss_threshold", "max_time", "no_improvement", "non_finite", "loss_spike",
/// "interrupted", "converged".
std::string_view name_of(StopReason reason);

struct TrainingSummary {
  int64_t steps = 0;  ///< Updates done, over all starts of a run that was resumed.
  StopReason stop_reason = StopReason::kMaxSteps;
  /// The last step's loss; NaN if no step was begun.
  double final_loss = std::numeric_limits<double>::quiet_NaN();
  std::optional<double> best_validation_loss;
  double elapsed_s = 0.0;          ///< The loop alone, over all its starts.
  std::optional<Anomaly> anomaly;  ///< What ended the run, with `kNonFinite` and `kLossSpike`.
};

/// What an iteration of a solver, which goes through the data by itself, leaves behind.
struct Iteration {
  double loss = 0.0;  ///< The mean loss, without penalties, behind it.
  double penalty = 0.0;
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();
  int64_t examples = 0;  ///< Of the data, as often as the iteration saw it.
  bool converged = false;
  std::optional<double> l1 = {};                ///< The penalty's factor, where each iteration has one of its own;
  std::optional<int64_t> nonzero_weights = {};  ///< and how many weights are not 0 there.
  std::string_view advice = "scale the data";   ///< Where the loss is not finite.
};

/// Trains. One run a trainer. Everything passed by reference must outlive it.
class Trainer {
 public:
  /// Throws a usage error for options out of range or an undefined schedule, before anything is trained.
  Trainer(const TrainerOptions& options, const Parameters& parameters, LossFunction loss, const Dataset& data,
          Optimizer& optimizer, const Schedule& schedule);

  /// Needed when `validation_every` is set; otherwise it is at the end alone. Where the optimizer makes averages, they
  /// are what is validated. Without an `evaluation` there is the loss alone.
  void set_validation(const Dataset& data, EvaluationFunction evaluation = {}, const MetricUnits& units = {});
  /// What a validation on other data would give now; nothing if it is cancelled.
  std::optional<Metrics> metrics_of(const Dataset& data, const EvaluationFunction& evaluation,
                                    const MetricUnits& units = {});
  /// The model's buffers: a step that is given up before the weights change leaves them as they were.
  void set_buffers(const Parameters& buffers) { buffers_ = buffers; }
  /// Called after every step, on the thread of `run`. Exceptions end the run and pass through it.
  void set_callback(std::function<void(const StepRecord&)> callback) { callback_ = std::move(callback); }
  /// Ends the run after the step in progress, as `kInterrupted`; a validation in progress is given up. Safe from any
  /// thread and from a signal handler.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  /// Called with what the watch over the training's health has to say, each thing once; before the step's callback.
  void set_on_warning(std::function<void(const HealthWarning&)> on_warning) { on_warning_ = std::move(on_warning); }
  /// Called when a step is found bad, before any weight changed: not finite, or a spike with `stop_on_spike`. To go on,
  /// put back earlier weights, optimizer state and trainer state (`rewind`) and return true; otherwise the run ends.
  void set_recovery(std::function<bool(const Anomaly&)> recovery) { recovery_ = std::move(recovery); }

  /// From now on a step is this, in place of a batch, its gradient and the optimizer's update: it moves the weights
  /// itself. `stop_loss` and the watch look at the loss behind the iteration then.
  void set_iteration(std::function<Iteration()> iteration) { iteration_ = std::move(iteration); }

  /// Seconds that `run` has waited for data that is costly to make; 0 for other data.
  double waited_s() const { return loader_.waited_s(); }
  /// The number of steps that the limits allow.
  int64_t planned_steps() const { return planned_steps_; }

  /// The rate of the next step: the schedule's, and what `plateau` has made of it.
  double next_learning_rate() const;
  /// The updates done so far, over all starts.
  int64_t steps_done() const { return state_.step; }
  /// Why `run` would end before another step: a limit that was reached before.
  std::optional<StopReason> reached_limit() const;
  /// False after an exception in the middle of an update: some weights have moved and others have not.
  bool has_whole_weights() const { return !updating_; }
  /// Where the run is. It is up to date in callbacks and after `run`, and a copy of it is a part of a checkpoint.
  TrainingState state() const;
  /// Starts from there instead of from step 0; weights and optimizer state are the caller's to put back. The window of
  /// losses is cut to `stop_window`.
  void restore(TrainingState state);
  /// For `set_recovery`: the same, and leaves out the batch of `anomaly` from now on.
  void rewind(TrainingState state, const Anomaly& anomaly);

  /// Goes through a step, and through a batch of validation, without computing anything: the most bytes of tensors that
  /// they hold beside those that there are now. It does not change what `run` does.
  int64_t dry_run();

  /// Trains to the end. Gradients that the parameters have from before are dropped.
  TrainingSummary run();

 private:
  Loss leaf(const Batch& batch, std::span<const int64_t> ids, Context& context, TapeObserver* observer);
  void compute_gradients(StepRecord& record, DeadUnits* dead_units);
  std::optional<StopReason> step(StepRecord& record);
  void keep_buffers();
  void put_buffers_back();
  std::optional<StopReason> pass_over(StepRecord& record);
  std::optional<StopReason> iterate(StepRecord& record);
  std::optional<StopReason> check_loss(const StepRecord& record);
  std::optional<StopReason> update(StepRecord& record, const DeadUnits& dead_units, bool looks);
  std::optional<StopReason> after_update(StepRecord& record);
  StopReason end_in(Anomaly::Kind kind, const StepRecord& record, const StepReport& report);
  std::optional<double> mean_loss_with(double loss) const;
  void count_step(const StepRecord& record);
  void validate_after(StepRecord& record);
  void count_validation(double loss);
  bool has_validation() const { return validation_ != nullptr && validation_->size() > 0; }
  bool has_lost_patience() const { return options_.patience > 0 && state_.patience.waited >= options_.patience; }
  void finish_step(StepRecord& record, std::optional<StopReason>& reason);
  std::optional<StopReason> first_reason();
  double elapsed_s() const;
  uint64_t key_of(int64_t batch) const { return mix(options_.seed, static_cast<uint64_t>(batch)); }

  TrainerOptions options_;
  Parameters parameters_, buffers_;
  std::vector<Tensor> kept_buffers_;  // from before the step in progress
  LossFunction loss_;
  const Dataset& data_;
  Optimizer& optimizer_;
  Schedule schedule_;
  Sampler sampler_;
  Loader loader_;
  const Dataset* validation_ = nullptr;
  EvaluationFunction evaluation_;
  MetricUnits units_;
  std::function<void(const StepRecord&)> callback_;
  std::function<void(const HealthWarning&)> on_warning_;
  std::function<bool(const Anomaly&)> recovery_;
  std::function<Iteration()> iteration_;
  std::optional<Anomaly> anomaly_;  // of the step in progress
  TrainingState state_;
  HealthMonitor health_{state_.health};
  double final_loss_ = std::numeric_limits<double>::quiet_NaN();
  double elapsed_before_s_ = 0.0;
  Clock::time_point start_;
  bool running_ = false, updating_ = false;
  std::atomic<bool> cancelled_{false};
  int64_t planned_steps_;
  StopReason planned_reason_;
  std::vector<int64_t> ids_;  // of the step's batch; kept so that a steady step takes no memory
};

}  // namespace gradus
