#include "gradus/train/trainer.h"

#include <chrono>
#include <cmath>
#include <tuple>

#include "gradus/autograd/gradient_tree.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"

namespace gradus {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

SamplerOptions sampler_options(const TrainerOptions& o, const Dataset& data) {
  const int64_t examples = data.size();
  if (o.batch_size > examples && o.sampling != Sampling::kReplacement) {
    fail_usage("train.batch_size", "{} is more than the {} examples; use \"all\" or a smaller batch", o.batch_size,
               examples);
  }
  return {examples, o.batch_size > 0 ? o.batch_size : examples, o.sampling, o.seed};
}

// Updates that the limits allow, and which limit is reached first.
std::pair<int64_t, StopReason> plan(const TrainerOptions& o, const Sampler& sampler) {
  const int64_t by_steps = o.steps > 0 ? o.steps : kNoLimit;
  const double steps = std::ceil(o.epochs * static_cast<double>(sampler.steps_per_epoch()) - 1e-9);
  const int64_t by_epochs = o.epochs > 0.0 && steps < 9e18 ? static_cast<int64_t>(steps) : kNoLimit;
  return {std::min(by_steps, by_epochs), by_epochs < by_steps ? StopReason::kMaxEpochs : StopReason::kMaxSteps};
}

void check_options(const TrainerOptions& o) {
  if (o.steps == 0 && o.epochs == 0.0) {
    fail_usage("train", "neither steps nor epochs is given: a run needs a limit; set train.steps or train.epochs");
  }
  if (o.steps < 0 || !(o.epochs >= 0.0) || o.batch_size < 0 || o.micro_batch_size < 0 || o.stop_window < 0 ||
      o.validation_every < 0 || o.validation_batch_size < 1 || o.log_every < 1 || !(o.max_time_s >= 0.0)) {
    fail_usage("train", "a negative limit, size or interval (log_every and validation_batch_size must be at least 1)");
  }
  constexpr int64_t kMostWindow = 1'000'000;
  if (o.stop_window > kMostWindow || (o.stop_loss && std::isnan(*o.stop_loss))) {
    fail_usage("train", "stop_window {} and stop_loss {}; expected a window of up to {} steps and a number",
               o.stop_window, o.stop_loss.value_or(0.0), kMostWindow);
  }
  if (o.stop_on_validation && (!o.stop_loss || o.validation_every == 0)) {
    fail_usage("train.stop_on", "\"validation\" needs train.stop_loss and validation.every");
  }
}

void drop_gradients(const Parameters& parameters) {
  for (const Parameter& parameter : parameters) parameter.tensor.state()->grad = Tensor();
}

}  // namespace

int64_t planned_steps(const TrainerOptions& options, const Dataset& data) {
  check_options(options);
  return plan(options, Sampler(sampler_options(options, data))).first;
}

LossFunction loss_of(const Model& model) {
  return [&model](const Batch& batch, Context& context) { return model.loss(batch.inputs, batch.targets, context); };
}

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::kMaxSteps:
      return "max_steps";
    case StopReason::kMaxEpochs:
      return "max_epochs";
    case StopReason::kLossThreshold:
      return "loss_threshold";
    case StopReason::kMaxTime:
      return "max_time";
    case StopReason::kNonFinite:
      return "non_finite";
    case StopReason::kInterrupted:
      return "interrupted";
  }
  return "?";
}

// The mean loss of the last `size` steps, once there are so many.
struct Trainer::Window {
  explicit Window(size_t size) : losses(size) {}

  std::optional<double> mean_with(double loss, int64_t step) {
    losses[static_cast<size_t>(step) % losses.size()] = loss;
    if (static_cast<size_t>(step) + 1 < losses.size()) return std::nullopt;
    double sum = 0.0;
    for (const double value : losses) sum += value;
    return sum / static_cast<double>(losses.size());
  }

  std::vector<double> losses;
};

Trainer::Trainer(const TrainerOptions& options, const Parameters& parameters, LossFunction loss, const Dataset& data,
                 Optimizer& optimizer, const Schedule& schedule)
    : options_(options),
      parameters_(parameters),
      loss_(std::move(loss)),
      data_(data),
      optimizer_(optimizer),
      schedule_(schedule),
      sampler_(sampler_options(options, data)) {
  check_options(options_);
  if (parameters_.empty()) fail_usage("train", "there are no parameters to train; give the model's parameters()");
  if (!loss_) fail_usage("train", "the loss function is empty; give loss_of(model) or one of your own");
  std::tie(planned_steps_, planned_reason_) = plan(options_, sampler_);
  check_schedule(schedule_, planned_steps_);
  const bool whole_batch = options_.batch_size == 0 || options_.batch_size == data_.size();
  if (options_.stop_window == 0) options_.stop_window = whole_batch ? 1 : 100;
}

Loss Trainer::leaf(std::span<const int64_t> ids, Context& context) {
  const Batch batch = data_.batch(ids);
  context.example_ids = ids;
  context.uses = 0;
  Tape tape;
  Loss loss = loss_(batch, context);
  if (!loss.sum.defined() || loss.sum.numel() != 1 || !(loss.weight > 0.0)) {
    fail("train", "the loss function gave {} with weight {}; expected one element and a weight above 0",
         loss.sum.describe(), loss.weight);
  }
  tape.backward(loss.sum);
  return loss;
}

void Trainer::compute_gradients(int64_t step, StepRecord& record) {
  sampler_.batch(step, ids_);
  Context context;
  context.training = true;
  context.key = mix(options_.seed, static_cast<uint64_t>(step));
  const std::span<const int64_t> ids(ids_);
  const size_t size = options_.micro_batch_size > 0 ? static_cast<size_t>(options_.micro_batch_size) : ids.size();
  record.examples = static_cast<int64_t>(ids.size());
  if (size >= ids.size()) {  // one leaf is its own sum
    const Loss loss = leaf(ids, context);
    record.loss = loss.sum.item();
    record.weight = loss.weight;
  } else {
    GradientTree tree;
    for (size_t begin = 0; begin < ids.size(); begin += size) {
      const Loss loss = leaf(ids.subspan(begin, std::min(size, ids.size() - begin)), context);
      tree.add_leaf(take_leaf(parameters_, loss.sum.item(), loss.weight));
    }
    LeafSum sum = tree.finish();
    put_gradients(parameters_, sum);
    record.loss = sum.loss;
    record.weight = sum.weight;
  }
  record.loss /= record.weight;
}

std::optional<double> Trainer::validate() {
  const NoGrad no_grad;
  double sum = 0.0, weight = 0.0;
  std::vector<int64_t> ids;
  for (int64_t begin = 0; begin < validation_->size(); begin += options_.validation_batch_size) {
    if (cancelled_.load(std::memory_order_relaxed)) return std::nullopt;
    ids.clear();
    const int64_t end = std::min(begin + options_.validation_batch_size, validation_->size());
    for (int64_t id = begin; id < end; ++id) ids.push_back(id);
    Context context;
    context.example_ids = ids;
    const Loss loss = loss_(validation_->batch(ids), context);
    sum += loss.sum.item();
    weight += loss.weight;
  }
  return sum / weight;
}

void Trainer::validate_after(TrainingSummary& summary, StepRecord& record) {
  record.validation_loss = validate();
  if (!record.validation_loss) return;
  record.best = std::isfinite(*record.validation_loss) &&
                (!summary.best_validation_loss || *record.validation_loss < *summary.best_validation_loss);
  if (record.best) summary.best_validation_loss = record.validation_loss;
}

// One step. Returns why the run ends here, if it does.
std::optional<StopReason> Trainer::step(int64_t n, Window& window, TrainingSummary& summary, StepRecord& record) {
  record.step = n;
  record.epoch = sampler_.epoch(n);
  record.learning_rate = learning_rate_at(schedule_, n);
  record.gradient_norm = std::numeric_limits<double>::quiet_NaN();
  compute_gradients(n, record);
  summary.final_loss = record.loss;
  const auto without_update = [&](StopReason reason) {
    drop_gradients(parameters_);
    return reason;
  };
  if (!std::isfinite(record.loss)) return without_update(StopReason::kNonFinite);
  if (options_.stop_loss && !options_.stop_on_validation) {
    const std::optional<double> mean = window.mean_with(record.loss, n);
    if (mean && *mean <= *options_.stop_loss) return without_update(StopReason::kLossThreshold);
  }
  const StepReport report = optimizer_.step({.learning_rate = record.learning_rate,
                                             .gradient_divisor = record.weight,
                                             .clip_norm = options_.clip_norm,
                                             .penalty = options_.penalty});
  record.gradient_norm = report.gradient_norm;
  record.penalty = report.penalty;
  if (!report.finite) return StopReason::kNonFinite;
  ++summary.steps;
  const bool last = n + 1 == planned_steps_;
  if (options_.validation_every > 0 && ((n + 1) % options_.validation_every == 0 || last)) {
    validate_after(summary, record);
    if (options_.stop_on_validation && record.validation_loss && *record.validation_loss <= *options_.stop_loss) {
      return StopReason::kLossThreshold;
    }
  }
  if (last) return planned_reason_;
  if (cancelled_.load(std::memory_order_relaxed)) return StopReason::kInterrupted;
  return std::nullopt;
}

TrainingSummary Trainer::run() {
  if (options_.validation_every > 0 && (validation_ == nullptr || validation_->size() == 0)) {
    fail_usage("validation.every", "there is no validation data; set validation.every to 0 or hold data out");
  }
  drop_gradients(parameters_);  // what a caller's own backward, or a run that threw, left there
  TrainingSummary summary;
  Window window(static_cast<size_t>(options_.stop_window));
  const Clock::time_point start = Clock::now();
  std::optional<StopReason> reason;
  for (int64_t n = 0; !reason; ++n) {
    StepRecord record;
    reason = step(n, window, summary, record);
    if (!reason && options_.max_time_s > 0.0 && seconds_since(start) >= options_.max_time_s) {
      reason = StopReason::kMaxTime;
    }
    // A run that ends between two validations still says how good its last weights are; who cancels does not want to
    // wait.
    const bool wanted = reason && reason != StopReason::kNonFinite && reason != StopReason::kInterrupted;
    if (wanted && options_.validation_every > 0 && !record.validation_loss) validate_after(summary, record);
    const bool early = reason && reason != planned_reason_;
    record.logged = n % options_.log_every == 0 || early || record.validation_loss;
    if (record.logged) record.elapsed_s = seconds_since(start);
    if (callback_) callback_(record);
  }
  summary.stop_reason = *reason;
  summary.elapsed_s = seconds_since(start);
  return summary;
}

}  // namespace gradus
