#include "gradus/train/trainer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <tuple>

#include "gradus/autograd/gradient_tree.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

SamplerOptions sampler_options(const TrainerOptions& o, const Dataset& data) {
  const int64_t examples = data.size();
  if (o.batch_size > examples && o.sampling != Sampling::kReplacement) {
    fail_usage("train.batch_size", "{} is more than the {} examples; use \"all\" or a smaller batch", o.batch_size,
               examples);
  }
  return {examples, o.batch_size > 0 ? o.batch_size : examples, o.sampling, o.seed, data.blocks()};
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
      o.validation_every < 0 || o.validation_batch_size < 1 || o.log_every < 1 || !(o.max_time_s >= 0.0) ||
      !(o.spike_deviations >= 0.0)) {
    fail_usage("train", "a negative limit, size or interval (log_every and validation_batch_size must be at least 1)");
  }
  constexpr int64_t kMostWindow = 1'000'000;
  if (o.stop_window > kMostWindow || (o.stop_loss && std::isnan(*o.stop_loss))) {
    fail_usage("train", "stop_window {} and stop_loss {}; expected a window of up to {} steps and a number",
               o.stop_window, o.stop_loss.value_or(0.0), kMostWindow);
  }
  if (o.patience < 0 || !(o.min_delta >= 0.0 && std::isfinite(o.min_delta))) {
    fail_usage("train.patience", "patience {} and min_delta {}; expected neither below 0", o.patience, o.min_delta);
  }
  if (o.plateau) check_plateau(*o.plateau);
  if ((o.patience > 0 || o.plateau) && o.validation_every == 0) {
    fail_usage(o.plateau ? "schedule.name" : "train.patience",
               "goes by the validation loss, and there is none; set validation.every");
  }
  if (o.stop_on_validation && (!o.stop_loss || o.validation_every == 0)) {
    fail_usage("train.stop_on", "\"validation\" needs train.stop_loss and validation.every");
  }
}

const TrainerOptions& checked(const TrainerOptions& o) {
  check_options(o);
  return o;
}

// While it lives, the parameters have the values of the averages, and the averages theirs.
class Exchanged {
 public:
  Exchanged(const Parameters& parameters, Parameters averages)
      : parameters_(parameters), averages_(std::move(averages)) {
    exchange();
  }
  ~Exchanged() { exchange(); }
  Exchanged(const Exchanged&) = delete;
  Exchanged& operator=(const Exchanged&) = delete;

 private:
  void exchange() {
    for (size_t i = 0; i < averages_.size(); ++i) {
      Tensor &average = averages_[i].tensor, x = parameters_[i].tensor;
      if (average.is_same(x)) continue;
      std::byte *const a = average.mutable_bytes(), *const b = x.mutable_bytes();
      parallel_for(x.numel() * size_of(x.dtype()), 1 << 17,
                   [&](int64_t begin, int64_t end) { std::swap_ranges(a + begin, a + end, b + begin); });
    }
  }

  const Parameters& parameters_;
  Parameters averages_;
};

}  // namespace

int64_t planned_steps(const TrainerOptions& options, const Dataset& data) {
  check_options(options);
  return plan(options, Sampler(sampler_options(options, data))).first;
}

LossFunction loss_of(const Model& model) {
  return [&model](const Batch& batch, Context& context) { return model.loss(batch, context); };
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
    case StopReason::kNoImprovement:
      return "no_improvement";
    case StopReason::kNonFinite:
      return "non_finite";
    case StopReason::kLossSpike:
      return "loss_spike";
    case StopReason::kInterrupted:
      return "interrupted";
    case StopReason::kConverged:
      return "converged";
  }
  return "?";
}

Trainer::Trainer(const TrainerOptions& options, const Parameters& parameters, LossFunction loss, const Dataset& data,
                 Optimizer& optimizer, const Schedule& schedule)
    : options_(checked(options)),
      parameters_(parameters),
      loss_(std::move(loss)),
      data_(data),
      optimizer_(optimizer),
      schedule_(schedule),
      sampler_(sampler_options(options, data)),
      loader_(data, sampler_, {options.micro_batch_size, options.workers}) {
  if (parameters_.empty()) fail_usage("train", "there are no parameters to train; give the model's parameters()");
  if (!loss_) fail_usage("train", "the loss function is empty; give loss_of(model) or one of your own");
  std::tie(planned_steps_, planned_reason_) = plan(options_, sampler_);
  check_schedule(schedule_, planned_steps_);
  const bool whole_batch = options_.batch_size == 0 || options_.batch_size == data_.size();
  if (optimizer_.needs_evaluation() && (!whole_batch || options_.sampling == Sampling::kReplacement)) {
    fail_usage("train.batch_size",
               "the optimizer needs all examples in each step, each once; set train.batch_size = \"all\" (in passes of "
               "train.micro_batch_size) and train.sampling to \"shuffle\" or \"in_order\"");
  }
  options_.gradient_noise.seed = options_.seed;
  if (options_.stop_window == 0) options_.stop_window = whole_batch ? 1 : 100;
  if (options_.stop_loss) state_.window.reserve(static_cast<size_t>(options_.stop_window));
}

void Trainer::restore(TrainingState state) {
  state_ = std::move(state);
  updating_ = false;
  const auto size = static_cast<size_t>(options_.stop_window);
  std::vector<double>& window = state_.window;
  if (!options_.stop_loss) window.clear();
  if (window.size() > size) window.erase(window.begin(), window.end() - static_cast<std::ptrdiff_t>(size));
  if (options_.stop_loss) window.reserve(size);
  if (options_.patience == 0) state_.patience = {};
  if (!options_.plateau) state_.plateau = {};
  final_loss_ = state_.last_loss;
  elapsed_before_s_ = state_.elapsed_s;
  start_ = Clock::now();
}

void Trainer::rewind(TrainingState state, const Anomaly& anomaly) {
  // What was learned about the data since is not forgotten with the steps.
  state.skipped = state_.skipped;
  state.skipped.insert(std::upper_bound(state.skipped.begin(), state.skipped.end(), anomaly.batch), anomaly.batch);
  state.rewinds = state_.rewinds + 1;
  state.undone_steps = state_.undone_steps + state_.step - state.step;
  state.elapsed_s = elapsed_s();
  restore(std::move(state));
}

TrainingState Trainer::state() const {
  TrainingState state = state_;
  state.elapsed_s = elapsed_s();
  return state;
}

double Trainer::elapsed_s() const { return elapsed_before_s_ + (running_ ? seconds_since(start_) : 0.0); }

Loss Trainer::leaf(const Batch& batch, std::span<const int64_t> ids, Context& context, TapeObserver* observer) {
  context.example_ids = ids;
  context.uses = 0;
  Tape tape;
  tape.set_observer(observer);
  Loss loss = loss_(batch, context);
  if (!loss.sum.defined() || loss.sum.numel() != 1 || !(loss.weight >= 0.0)) {
    fail("train", "the loss function gave {} with weight {}; expected one element and a weight from 0",
         loss.sum.describe(), loss.weight);
  }
  if (loss.weight == 0.0) return {Tensor::full({}, 0.0), 0.0};  // adds nothing, nor NaN out of 0 times infinity
  tape.backward(loss.sum);
  return loss;
}

void Trainer::compute_gradients(StepRecord& record, DeadUnits* dead_units) {
  sampler_.batch(record.batch, ids_);
  Context context;
  context.training = true;
  context.precision = options_.precision;
  context.key = key_of(record.batch);
  const std::span<const int64_t> ids(ids_);
  const size_t size = options_.micro_batch_size > 0 ? static_cast<size_t>(options_.micro_batch_size) : ids.size();
  record.examples = static_cast<int64_t>(ids.size());
  if (size >= ids.size()) {  // one leaf is its own sum
    const Loss loss = leaf(loader_.batch(record.batch, 0, ids), ids, context, dead_units);
    record.loss = loss.sum.item();
    record.weight = loss.weight;
  } else {
    GradientTree tree;
    for (size_t begin = 0; begin < ids.size(); begin += size) {
      if (dead_units != nullptr) dead_units->next_pass();
      const std::span<const int64_t> part = ids.subspan(begin, std::min(size, ids.size() - begin));
      const auto number = static_cast<int64_t>(begin / size);
      const Loss loss = leaf(loader_.batch(record.batch, number, part), part, context, dead_units);
      tree.add_leaf(take_leaf(parameters_, loss.sum.item(), loss.weight));
    }
    LeafSum sum = tree.finish();
    put_gradients(parameters_, sum);
    record.loss = sum.loss;
    record.weight = sum.weight;
  }
  record.loss = record.weight > 0.0 ? record.loss / record.weight : std::numeric_limits<double>::quiet_NaN();
}

void Trainer::set_validation(const Dataset& data, EvaluationFunction evaluation, const MetricUnits& units) {
  validation_ = &data;
  units_ = units;
  evaluation_ = std::move(evaluation);
  if (evaluation_) return;
  evaluation_ = [this](const Batch& batch, Context& context, Metrics& metrics) { metrics.add(loss_(batch, context)); };
}

std::optional<Metrics> Trainer::metrics_of(const Dataset& data, const EvaluationFunction& evaluation,
                                           const MetricUnits& units) {
  const Exchanged averages(parameters_, optimizer_.averages());
  return evaluate(evaluation, data,
                  {.batch_size = options_.validation_batch_size,
                   .precision = options_.precision,
                   .units = units,
                   .order = options_.validation_order,
                   .is_cancelled = [this] { return cancelled_.load(std::memory_order_relaxed); }});
}

void Trainer::validate_after(StepRecord& record) {
  const std::optional<Metrics> metrics = metrics_of(*validation_, evaluation_, units_);
  if (!metrics) return;
  record.validation_loss = state_.last_validation_loss = metrics->loss();
  record.validation_metrics = state_.last_metrics = metrics->values();
  record.best = std::isfinite(*record.validation_loss) &&
                (!state_.best_validation_loss || *record.validation_loss < *state_.best_validation_loss);
  if (!record.best) return;
  state_.best_validation_loss = record.validation_loss;
  state_.best_metrics = record.validation_metrics;
  state_.best_step = state_.step;
}

// What decides by the losses of validations has now seen this one.
void Trainer::count_validation(double loss) {
  if (options_.plateau) observe(*options_.plateau, loss, state_.plateau);
  if (options_.patience == 0) return;
  PatienceState& seen = state_.patience;
  const bool improved = std::isfinite(loss) && (!seen.best || loss < *seen.best - options_.min_delta);
  if (improved) seen.best = loss;
  seen.waited = improved ? 0 : seen.waited + 1;
}

double Trainer::next_learning_rate() const { return learning_rate_at(schedule_, state_.step) * state_.plateau.factor; }

// The mean of the last `stop_window` losses with this one as the newest, once there are so many.
std::optional<double> Trainer::mean_loss_with(double loss) const {
  const auto size = static_cast<size_t>(options_.stop_window);
  const std::vector<double>& window = state_.window;
  if (window.size() + 1 < size) return std::nullopt;
  double sum = 0.0;
  for (size_t i = window.size() + 1 - size; i < window.size(); ++i) sum += window[i];
  return (sum + loss) / static_cast<double>(size);
}

// The weights have moved: from here on the step belongs to the past.
void Trainer::count_step(const StepRecord& record) {
  ++state_.step;
  state_.examples += record.examples;
  state_.weight += record.weight;
  state_.loss_hash = mix(state_.loss_hash, std::bit_cast<uint64_t>(record.loss));
  if (record.weight == 0.0) return;  // there is no loss
  state_.last_loss = record.loss;
  if (!options_.stop_loss) return;
  std::vector<double>& window = state_.window;
  if (window.size() == static_cast<size_t>(options_.stop_window)) window.erase(window.begin());
  window.push_back(record.loss);
}

StopReason Trainer::end_in(Anomaly::Kind kind, const StepRecord& record, const StepReport& report) {
  Anomaly anomaly;
  anomaly.kind = kind;
  anomaly.step = record.step;
  anomaly.batch = record.batch;
  anomaly.loss = record.loss;
  if (kind == Anomaly::Kind::kLossSpike) anomaly.usual_loss = state_.health.loss.mean;
  anomaly.bad_gradients = report.not_finite;
  if (report.last_not_finite != nullptr) anomaly.gradient = report.last_not_finite->name;
  put_buffers_back();
  diagnose(anomaly, {parameters_, data_, loss_, key_of(record.batch), sampler_.pass_key(record.batch), ids_,
                     options_.precision, !buffers_.empty()});
  anomaly_ = std::move(anomaly);
  return kind == Anomaly::Kind::kLossSpike ? StopReason::kLossSpike : StopReason::kNonFinite;
}

// What the loss alone says about going on, before the weights change.
std::optional<StopReason> Trainer::check_loss(const StepRecord& record) {
  if (!std::isfinite(record.loss)) return end_in(Anomaly::Kind::kLossNotFinite, record, {});
  if (health_.is_spike(record.loss, options_.spike_deviations)) {
    if (options_.stop_on_spike) return end_in(Anomaly::Kind::kLossSpike, record, {});
    health_.on_spike(record.step, record.loss);
  }
  if (!options_.stop_loss || options_.stop_on_validation) return std::nullopt;
  const std::optional<double> mean = mean_loss_with(record.loss);
  return mean && *mean <= *options_.stop_loss ? std::optional(StopReason::kLossThreshold) : std::nullopt;
}

void Trainer::keep_buffers() {
  kept_buffers_.resize(buffers_.size());
  for (size_t i = 0; i < buffers_.size(); ++i) {
    const Tensor& buffer = buffers_[i].tensor;
    if (!kept_buffers_[i].defined()) kept_buffers_[i] = Tensor::empty(buffer.shape(), buffer.dtype());
    kernels::copy_into(kept_buffers_[i], buffer);
  }
}

void Trainer::put_buffers_back() {
  for (size_t i = 0; i < buffers_.size(); ++i) kernels::copy_into(buffers_[i].tensor, kept_buffers_[i]);
}

// One step. Returns why the run ends here, if it does.
std::optional<StopReason> Trainer::step(StepRecord& record) {
  record.step = state_.step;
  record.batch = state_.batch_of(record.step);
  record.epoch = sampler_.epoch(record.batch);
  record.learning_rate = next_learning_rate();
  record.gradient_norm = std::numeric_limits<double>::quiet_NaN();
  if (iteration_) return iterate(record);
  const bool looks = record.step % options_.log_every == 0;
  DeadUnits dead_units;
  keep_buffers();
  compute_gradients(record, looks ? &dead_units : nullptr);
  if (record.weight == 0.0) return pass_over(record);
  final_loss_ = record.loss;
  if (const std::optional<StopReason> reason = check_loss(record)) {
    drop_gradients(parameters_);
    put_buffers_back();
    return reason;
  }
  return update(record, dead_units, looks);
}

// No example of the batch counts: there is no mean to follow, and momentum and decay alone are not what was asked for.
std::optional<StopReason> Trainer::pass_over(StepRecord& record) {
  drop_gradients(parameters_);
  put_buffers_back();
  health_.on_weightless(record.step);
  count_step(record);
  return after_update(record);
}

std::optional<StopReason> Trainer::iterate(StepRecord& record) {
  updating_ = true;
  const Iteration done = iteration_();
  if (!std::isfinite(done.loss)) {
    fail("solver", "the loss is {} after step {}; {}", done.loss, record.step, done.advice);
  }
  updating_ = false;
  record.loss = final_loss_ = done.loss;
  record.penalty = done.penalty;
  record.l1 = done.l1;
  record.nonzero_weights = done.nonzero_weights;
  record.gradient_norm = done.gradient_norm;
  record.examples = done.examples;
  record.weight = static_cast<double>(done.examples);
  const bool is_low = options_.stop_loss && !options_.stop_on_validation && record.loss <= *options_.stop_loss;
  count_step(record);
  state_.converged = done.converged;
  const std::optional<StopReason> reason = after_update(record);
  if (reason && reason != planned_reason_) return reason;
  if (is_low) return StopReason::kLossThreshold;
  return done.converged ? StopReason::kConverged : reason;
}

std::optional<StopReason> Trainer::update(StepRecord& record, const DeadUnits& dead_units, bool looks) {
  updating_ = true;
  StepOptions step{.learning_rate = record.learning_rate,
                   .gradient_divisor = record.weight,
                   .clip_norm = options_.clip_norm,
                   .clip_value = options_.clip_value,
                   .penalty = options_.penalty,
                   .proximal = options_.proximal,
                   .noise = options_.gradient_noise,
                   .loss = record.loss,
                   .measure_update = looks};
  if (optimizer_.needs_evaluation()) {
    step.evaluate = [this, &record] {
      StepRecord again = record;  // the same batch, where the weights are now
      compute_gradients(again, nullptr);
      return again.loss;
    };
  }
  const StepReport report = optimizer_.step(step);
  record.gradient_norm = report.gradient_norm;
  record.penalty = report.penalty;
  if (!report.finite) {
    updating_ = false;
    return end_in(Anomaly::Kind::kGradientNotFinite, record, report);
  }
  if (looks) {
    record.update_ratio = report.update_ratio;
    record.dead_units = dead_units.worst_part();
  }
  health_.on_update(record.step, record.loss, report, record.dead_units);
  count_step(record);
  updating_ = false;
  return after_update(record);
}

// Validation, where it is due, and why the run ends with this step, if it does.
std::optional<StopReason> Trainer::after_update(StepRecord& record) {
  const bool last = record.step + 1 == planned_steps_;
  const bool due = options_.validation_every > 0 && (record.step + 1) % options_.validation_every == 0;
  if (due || (last && has_validation())) {
    validate_after(record);
    if (!record.validation_loss) state_.unvalidated = record;
    // One that is there because the run ends here would not have been in a longer run.
    if (due && record.validation_loss) count_validation(*record.validation_loss);
    if (options_.stop_on_validation && record.validation_loss && *record.validation_loss <= *options_.stop_loss) {
      return StopReason::kLossThreshold;
    }
  }
  if (last) return planned_reason_;
  if (has_lost_patience()) return StopReason::kNoImprovement;
  if (cancelled_.load(std::memory_order_relaxed)) return StopReason::kInterrupted;
  return std::nullopt;
}

// Looks at the time, closes the books of the step, and tells whoever listens.
void Trainer::finish_step(StepRecord& record, std::optional<StopReason>& reason) {
  if (!reason && options_.max_time_s > 0.0 && elapsed_s() >= options_.max_time_s) reason = StopReason::kMaxTime;
  // A run that ends between two validations still says how good its last weights are; who cancels does not want to
  // wait.
  const bool wanted =
      reason == StopReason::kLossThreshold || reason == StopReason::kMaxTime || reason == StopReason::kConverged;
  if (wanted && has_validation() && !record.validation_loss) validate_after(record);
  const bool early = reason && reason != planned_reason_;
  const bool belongs = record.step % options_.log_every == 0 || record.validation_loss;
  record.end_only = early && !belongs;
  record.logged = early || belongs;
  if (record.logged) record.elapsed_s = elapsed_s();
  if (on_warning_) {
    for (const HealthWarning& warning : health_.take_warnings()) on_warning_(warning);
  }
  if (callback_) callback_(record);
}

std::optional<StopReason> Trainer::reached_limit() const {
  if (state_.converged) return StopReason::kConverged;
  if (state_.step >= planned_steps_) return planned_reason_;
  if (options_.max_time_s > 0.0 && elapsed_before_s_ >= options_.max_time_s) return StopReason::kMaxTime;
  if (has_lost_patience()) return StopReason::kNoImprovement;
  const std::optional<double>& loss = state_.last_validation_loss;
  if (options_.stop_on_validation && loss && *loss <= *options_.stop_loss) return StopReason::kLossThreshold;
  return std::nullopt;
}

// Of a run that was resumed: a validation that was given up is made up for, and one may be at its end already.
std::optional<StopReason> Trainer::first_reason() {
  if (state_.unvalidated) {
    StepRecord record = *std::exchange(state_.unvalidated, std::nullopt);
    std::optional<StopReason> reason = after_update(record);
    finish_step(record, reason);
    return reason;
  }
  return reached_limit();
}

int64_t Trainer::dry_run() {
  const DryRun dry;
  drop_gradients(parameters_);
  reset_memory_peak();
  const int64_t before = memory_statistics().in_use;
  StepRecord record;
  record.batch = state_.batch_of(state_.step);
  sampler_.batch(record.batch, ids_);
  const size_t size = options_.micro_batch_size > 0 ? static_cast<size_t>(options_.micro_batch_size) : ids_.size();
  std::vector<Batch> made_ahead;
  for (int64_t i = 0; i < loader_.ahead(); ++i) {
    made_ahead.push_back(loader_.batch(record.batch, 0, std::span(ids_).first(std::min(size, ids_.size()))));
  }
  compute_gradients(record, nullptr);
  drop_gradients(parameters_);
  if (has_validation()) {
    const NoGrad no_grad;
    const Parameters averages = optimizer_.averages();
    std::vector<int64_t> ids(static_cast<size_t>(std::min(options_.validation_batch_size, validation_->size())));
    std::iota(ids.begin(), ids.end(), 0);
    Context context;
    context.example_ids = ids;
    context.precision = options_.precision;
    Metrics metrics;
    evaluation_(validation_->batch(ids), context, metrics);
  }
  return memory_statistics().peak - before;
}

TrainingSummary Trainer::run() {
  if (options_.validation_every > 0 && !has_validation()) {
    fail_usage("validation.every", "there is no validation data; set validation.every to 0 or hold data out");
  }
  drop_gradients(parameters_);  // what a caller's own backward, or a run that threw, left there
  start_ = Clock::now();
  running_ = true;
  std::optional<StopReason> reason = first_reason();
  while (!reason) {
    StepRecord record;
    reason = step(record);
    if (anomaly_ && recovery_ && recovery_(*anomaly_)) {
      anomaly_.reset();
      reason.reset();
      continue;
    }
    finish_step(record, reason);
  }
  TrainingSummary summary{.steps = state_.step,
                          .stop_reason = *reason,
                          .final_loss = final_loss_,
                          .best_validation_loss = state_.best_validation_loss,
                          .elapsed_s = elapsed_s(),
                          .anomaly = anomaly_};
  elapsed_before_s_ = summary.elapsed_s;
  running_ = false;
  return summary;
}

}  // namespace gradus
