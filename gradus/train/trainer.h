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

#include "gradus/data/dataset.h"
#include "gradus/data/sampler.h"
#include "gradus/nn/models/model.h"
#include "gradus/optim/optimizer.h"
#include "gradus/optim/schedule.h"

namespace gradus {

/// The loss of a micro-batch, recorded on the tape of the calling thread.
using LossFunction = std::function<Loss(const Batch& batch, Context& context)>;

/// A model's own loss as a function; the model must outlive it.
LossFunction loss_of(const Model& model);

struct TrainerOptions {
  int64_t steps = 0;             ///< Updates at most; 0 for no limit. `steps` or `epochs` must be given.
  double epochs = 0.0;           ///< Passes over the data at most; 0 for no limit. The first limit reached ends the run.
  int64_t batch_size = 0;        ///< Examples a step; 0 for all.
  int64_t micro_batch_size = 0;  ///< Examples a pass of the tape; 0 for the whole batch. Part of the result's rounding.
  Sampling sampling = Sampling::kShuffle;
  uint64_t seed = 0;
  /// Ends the run before the update of the first step at which the mean loss over `stop_window` steps is at or below it.
  std::optional<double> stop_loss = std::nullopt;
  int64_t stop_window = 0;          ///< Steps; 0: 1 for whole-batch training, else 100.
  bool stop_on_validation = false;  ///< `stop_loss` compares the validation loss, after the step that validated.
  double max_time_s = 0.0;          ///< Seconds in the loop; 0 for no limit. Looked at after each step.
  double clip_norm = 0.0;           ///< See StepOptions.
  PenaltyOptions penalty = {};
  int64_t validation_every = 0;        ///< Steps between validations, the last step always included; 0 for none.
  int64_t validation_batch_size = 64;  ///< Examples at once; bounds memory only.
  int64_t log_every = 1;               ///< Steps between `StepRecord`s with `logged` set.
};

/// The updates that `steps` and `epochs` allow on this data; the largest int64 if only other rules end the run.
int64_t planned_steps(const TrainerOptions& options, const Dataset& data);

enum class StopReason : uint8_t { kMaxSteps, kMaxEpochs, kLossThreshold, kMaxTime, kNonFinite, kInterrupted };
/// "max_steps", "max_epochs", "loss_threshold", "max_time", "non_finite", "interrupted".
std::string_view name_of(StopReason reason);

/// What is known of a step once it is done. The loss of step n (from 0) is that of its batch before update n.
struct StepRecord {
  int64_t step = 0;
  double epoch = 0.0;  ///< Passes over the data done before this step.
  double loss = 0.0;   ///< Mean over the batch's weight, without penalties.
  double learning_rate = 0.0;
  double gradient_norm = 0.0;  ///< Before clipping, penalties included; NaN if there was no update.
  double penalty = 0.0;
  int64_t examples = 0;  ///< In this step.
  double weight = 0.0;   ///< Elements or tokens in this step.
  /// The validation loss with the weights after update n, where step n validated.
  std::optional<double> validation_loss;
  bool best = false;    ///< The validation loss is the lowest so far.
  double elapsed_s = 0.0;  ///< Since the loop began; measured only where `logged`.
  bool logged = false;  ///< On `log_every`, on a step that validated, and where the run ends before its planned steps.
};

struct TrainingSummary {
  int64_t steps = 0;  ///< Updates done.
  StopReason stop_reason = StopReason::kMaxSteps;
  /// The last step's loss; NaN if no step was begun.
  double final_loss = std::numeric_limits<double>::quiet_NaN();
  std::optional<double> best_validation_loss;
  double elapsed_s = 0.0;  ///< The loop alone.
};

/// Trains. One run a trainer. Everything passed by reference must outlive it.
class Trainer {
 public:
  /// Throws a usage error for options out of range or an undefined schedule, before anything is trained.
  Trainer(const TrainerOptions& options, const Parameters& parameters, LossFunction loss, const Dataset& data,
          Optimizer& optimizer, const Schedule& schedule);

  /// Needed when `validation_every` is set.
  void set_validation(const Dataset& data) { validation_ = &data; }
  /// Called after every step, on the thread of `run`. Exceptions end the run and pass through it.
  void set_callback(std::function<void(const StepRecord&)> callback) { callback_ = std::move(callback); }
  /// Ends the run after the step in progress, as `kInterrupted`; a validation in progress is given up. Safe from any thread
  /// and from a signal handler.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  /// The number of steps that the limits allow.
  int64_t planned_steps() const { return planned_steps_; }

  /// Trains to the end. Gradients that the parameters have from before are dropped.
  TrainingSummary run();

 private:
  struct Window;

  Loss leaf(std::span<const int64_t> ids, Context& context);
  void compute_gradients(int64_t step, StepRecord& record);
  std::optional<double> validate();
  std::optional<StopReason> step(int64_t n, Window& window, TrainingSummary& summary, StepRecord& record);
  void validate_after(TrainingSummary& summary, StepRecord& record);

  TrainerOptions options_;
  Parameters parameters_;
  LossFunction loss_;
  const Dataset& data_;
  Optimizer& optimizer_;
  Schedule schedule_;
  Sampler sampler_;
  const Dataset* validation_ = nullptr;
  std::function<void(const StepRecord&)> callback_;
  std::atomic<bool> cancelled_{false};
  int64_t planned_steps_;
  StopReason planned_reason_;
  std::vector<int64_t> ids_;  // of the step's batch; kept so that a steady step takes no memory
};

}  // namespace gradus
