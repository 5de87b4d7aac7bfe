#include "gradus/train/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/base/json.h"
#include "gradus/base/memory.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/clustering_model.h"
#include "gradus/train/own_config.h"
#include "gradus/train/packed_text.h"
#include "gradus/train/report.h"
#include "gradus/train/resume.h"
#include "gradus/train/run_files.h"
#include "gradus/train/run_log.h"
#include "gradus/train/split_file.h"

namespace gradus {
namespace fs = std::filesystem;
using namespace run_files;
namespace {

// Rewinds without a new checkpoint in between: what goes wrong so often is no matter of single batches.
constexpr int kMostRewinds = 10;

bool has_nothing(const fs::path& folder) {
  const std::vector<fs::path> paths = list_folder(folder);
  return std::all_of(paths.begin(), paths.end(), [](const fs::path& p) { return p.filename() == FolderLock::kName; });
}

void check_folder(const fs::path& folder, bool overwrite) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    fail_usage(folder.string(), "is a file; a run needs a folder: choose another --out");
  }
  if (!fs::is_directory(folder, error) || has_nothing(folder)) return;
  const bool is_run = fs::exists(folder / kLog, error);
  if (!overwrite) {
    fail_usage(folder.string(),
               "exists and is not empty; choose another --out, or give --overwrite to replace the run{}",
               is_run ? ", or --resume to go on with it" : "");
  }
  for (const char* name : {kSummary, kModel, kBest, kTokenizer, kColumns, kImages, kAudio, kSplit, kConfig,
                           kCheckpoints}) {
    if (is_run || !fs::exists(fs::symlink_status(folder / name))) continue;
    fail_usage(folder.string(),
               "has a {} but no {}, so it is not a run; --overwrite would remove a file that gradus may not have "
               "written: move it, or choose another --out",
               name, kLog);
  }
}

// What is not ours in the folder of the checkpoints stays, and the folder with it.
void remove_checkpoints(const fs::path& run) {
  for (const FoundCheckpoint& checkpoint : list_checkpoints(run)) remove_folder(checkpoint.folder);
  for (const fs::path& aside : list_set_aside(run)) remove_folder(aside);
  for (const char* name : {kLastLink, kBestLink}) {
    const fs::path link = checkpoints_of(run) / name;
    if (fs::is_symlink(fs::symlink_status(link))) remove_path(link);
  }
}

// A run that starts from the weights in its own folder would remove them before it has saved any.
void check_source(const Config& config, const fs::path& folder) {
  if (!config.has("model.from")) return;
  std::error_code error;
  const fs::path own = fs::weakly_canonical(folder, error);
  for (fs::path source = fs::weakly_canonical(config.text("model.from"), error);; source = source.parent_path()) {
    if (source == own) {
      fail_usage(config.where("model.from"),
                 "model.from is in {}, which --overwrite would replace; choose another --out, or copy it first",
                 folder.string());
    }
    if (source == source.parent_path()) return;
  }
}

void remove_run(const fs::path& folder) {
  remove_checkpoints(folder);
  // The log stays until the new run empties it: a folder with it is a run, wherever a kill meets this.
  for (const char* name : {kSummary, kModel, kBest, kTokenizer, kColumns, kImages, kAudio, kSplit, kConfig}) {
    remove_path(folder / name);
  }
}

// What a process that was killed left half done.
void remove_leftovers(const fs::path& folder) {
  for (const fs::path& place : {folder, checkpoints_of(folder)}) {
    for (const fs::path& path : list_folder(place)) {
      if (is_leftover(path)) remove_path(path);
    }
  }
}

void write_if_different(const fs::path& path, const std::string& text) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || read_file(path) != text) write_file(path, text);
}

// A checkpoint of packed text says how many tokens there are, which the file need not, or asks more of.
void take_packed_vocabulary(Config& config, const Config& before) {
  constexpr const char* kKey = "data.vocabulary";
  if (!config.has(kKey) || !before.has(kKey) || !is_packed_text(config.texts("data.path")[0])) return;
  const int64_t packed = before.integer(kKey);
  if (!config.is_set(kKey) || config.integer(kKey) > packed) config.set(kKey, packed, "data.path");
}

// A run whose checkpoints are gone (a disk that is not there, a folder that was moved) is not begun again over what is
// left.
void check_never_saved(const fs::path& folder) {
  std::vector<fs::path> traces = {folder / kSummary, folder / kModel, folder / kBest};
  if (fs::is_symlink(fs::symlink_status(checkpoints_of(folder)))) traces.push_back(checkpoints_of(folder));
  for (const fs::path& path : list_folder(checkpoints_of(folder))) {
    if (!is_leftover(path)) traces.push_back(path);
  }
  for (const fs::path& trace : traces) {
    if (!fs::exists(fs::symlink_status(trace))) continue;
    fail_usage(
        folder.string(),
        "has {}, but no checkpoint to go on from; put its checkpoints back, or name one that was set aside step-N "
        "again, or give --overwrite instead of --resume to begin anew",
        trace.lexically_relative(folder).string());
  }
}

bool is_listed(const fs::path& run, const fs::path& checkpoint) {
  std::error_code error;
  for (const FoundCheckpoint& found : list_checkpoints(run)) {
    if (fs::equivalent(found.folder, checkpoint, error)) return true;
  }
  return false;
}

// Other data than before is an error, unless what it comes from was changed on purpose; then it is said.
std::string check_data(const Session& session, const RunFacts& facts, const std::vector<ConfigChange>& changes,
                       bool own_configuration) {
  const Config& config = session.config();
  if (session.data().hash == facts.data_hash) return "";
  const int64_t now = session.data().training->size();
  const bool is_made = !config.has("data.path");  // from the seed
  const bool changed = std::any_of(changes.begin(), changes.end(), [&](const ConfigChange& change) {
    const bool source = change.key.starts_with("data.") || (is_made && change.key == "train.seed");
    return source && (own_configuration || config.is_named(change.key));
  });
  if (changed) return fmt::format("the data is other data: {} examples then, {} now", facts.examples, now);
  fail_usage(is_made ? config.where("data.kind") : fmt::format("{}", fmt::join(config.texts("data.path"), ", ")),
             "the data is not what the run was trained on ({} examples then, {} now){}", facts.examples, now,
             is_made ? ""
                     : "; put the same data back or point data.path to it; or, to go on with other data, name a path "
                       "that the run did not have: --data PATH");
}

std::string ended_already(StopReason limit) {
  switch (limit) {
    case StopReason::kMaxTime:
      return "its train.max_time_s is over already; --set train.max_time_s=S trains up to S seconds in all";
    case StopReason::kLossThreshold:
      return "its validation loss is at train.stop_loss already; --set train.stop_loss=X trains until X";
    case StopReason::kNoImprovement:
      return "its validation loss has not improved for train.patience validations already; --set train.patience=N "
             "waits "
             "for N";
    case StopReason::kMaxEpochs:
      return "all its epochs are done already; --set train.epochs=N trains up to epoch N";
    default:
      return "all its steps are done already; --set train.steps=N trains up to step N";
  }
}

}  // namespace

Run::Run(Config config, const fs::path& folder, const RunOptions& options) : folder_(folder) {
  set_threads(static_cast<int>(config.integer("train.threads")));
  std::error_code error;
  if (options.resume && fs::is_directory(folder_, error)) {
    resume(options, std::move(config));
  } else {
    check_folder(folder_, options.overwrite);
    if (options.overwrite) check_source(config, folder_);
    if (options.resume)
      notes_.push_back(fmt::format("there is no run in {} yet: it begins at step 0", folder_.string()));
    session_ = std::make_unique<Session>(std::move(config));
    open(options.overwrite);
  }
  trainer().set_callback([this](const StepRecord& record) { on_step(record); });
  trainer().set_on_warning([this](const HealthWarning& warning) {
    log_event(trainer().steps_done() - 1, "warning", warning.text);
    if (on_event_) on_event_("warning: " + warning.text);
  });
  if (this->config().text("health.on_spike") == "rewind") {
    trainer().set_recovery([this](const Anomaly& anomaly) { return rewind(anomaly); });
  }
  every_ = this->config().integer("checkpoint.every");
  every_s_ = this->config().real("checkpoint.every_s");
  writer_ =
      std::make_unique<CheckpointWriter>(folder_, this->config().integer("checkpoint.keep"), [this] { log_->flush(); });
}

Run::~Run() = default;

void Run::open(bool overwrite) {
  make_folders(folder_);
  if (!lock_) lock_ = std::make_unique<FolderLock>(folder_);
  check_folder(folder_, overwrite);  // another process may have been here since
  if (overwrite) remove_run(folder_);
  remove_leftovers(folder_);
  // Before anything else: a folder with a log is known for a run, whatever happens next.
  log_ = std::make_unique<LineLog>(folder_ / kLog);
  write_file(folder_ / kConfig, with_sum(config().to_toml()));
  write_data_files();
  if (session_->choice().empty()) return;
  notes_.push_back(session_->choice());
  log_event(0, "choice", session_->choice());
}

void Run::write_data_files() const {
  const std::string_view name = encoder_file(data().encoder);
  if (!name.empty()) write_if_different(folder_ / name, encoder_json(data().encoder));
  write_split(folder_ / kSplit, data());
}

void Run::resume(const RunOptions& options, Config config) {
  std::error_code error;
  if (options.checkpoint && !fs::equivalent(options.checkpoint->parent_path(), checkpoints_of(folder_), error)) {
    fail_usage(options.checkpoint->string(), "is no checkpoint of the run {}", folder_.string());
  }
  if (options.checkpoint && !is_listed(folder_, *options.checkpoint)) {
    fail_usage(options.checkpoint->string(), "has not the name of a checkpoint, step-N; rename it to go on from it");
  }
  const bool is_run = has_nothing(folder_) || fs::exists(folder_ / kLog, error) || !list_checkpoints(folder_).empty();
  if (!is_run) fail_usage(folder_.string(), "has no {} and no checkpoints, so there is no run to go on with", kLog);
  lock_ = std::make_unique<FolderLock>(folder_);
  const std::optional<StartingPoint> start = find_start(folder_, options.checkpoint);
  if (!start) {
    check_never_saved(folder_);
    session_ = std::make_unique<Session>(std::move(config));
    notes_.push_back(fmt::format("{} has no checkpoint yet: the run begins at step 0", folder_.string()));
    return open(true);
  }
  const Config before = Config::parse(start->checkpoint.config, (start->folder / kConfig).string());
  take_packed_vocabulary(config, before);
  const std::vector<ConfigChange> changes = config_changes(before, config);
  check_fixed(changes, config);
  // What gradus wrote into the folder was accepted then; what somebody wrote there since was not.
  const bool accepted = options.own_configuration && is_as_written(folder_ / kConfig);
  if (!accepted) {
    check_changes(changes, folder_, options.own_configuration ? checkpoints_of(folder_) / kLastLink : folder_);
  }
  session_ =
      std::make_unique<Session>(std::move(config), SessionOptions{.encoder = start->checkpoint.encoder,
                                                                  .clusters = clusters_of(start->checkpoint.model),
                                                                  .resumes = true});
  const std::string other_data = check_data(*session_, start->checkpoint.state.facts, changes, accepted);
  session_->restore(start->checkpoint, start->folder.string());
  const int64_t step = trainer().steps_done(), planned = trainer().planned_steps();
  notes_.push_back(fmt::format("goes on at step {} of {}, from {}", step, planned, start->folder.string()));
  if (!changes.empty()) notes_.push_back("changed since then:" + to_text(changes));
  if (!other_data.empty()) notes_.push_back(other_data);
  const int64_t planned_before = planned_steps(trainer_options(before), *data().training);
  const std::string schedule = schedule_change(before, planned_before, this->config(), planned, step);
  if (!schedule.empty()) notes_.push_back(schedule);
  if (const std::optional<StopReason> limit = trainer().reached_limit()) notes_.push_back(ended_already(*limit));
  take_over(*start);
}

// The folder becomes that of a run which is at this step. Killed anywhere in here, it can be done again.
void Run::take_over(const StartingPoint& start) {
  const TrainingState& state = start.checkpoint.state.training;
  const std::string before = start.checkpoint.state.facts.arithmetic(), now = session_->facts().arithmetic();
  if (before != now) {
    notes_.push_back(fmt::format(
        "the checkpoint was written on {}, this is {}: the numbers round differently from here on", before, now));
  }
  set_aside_after(state.step);
  link_checkpoints(folder_, state.step, state.best_step);
  std::error_code error;
  if (state.best_step > 0 && !fs::exists(checkpoints_of(folder_) / checkpoint_name(state.best_step), error)) {
    notes_.push_back(
        fmt::format("the best checkpoint by then, of step {}, is there no more: the link `best` stands for this "
                    "one until there is a better",
                    state.best_step));
  }
  const int64_t end = state.unvalidated ? state.unvalidated->step : state.step;
  const bool goes_on = !trainer().reached_limit();
  const LogCut cut = cut_log(folder_ / kLog, {end, state.step, state.step, goes_on});
  if (cut.rows > 0) {
    notes_.push_back(
        fmt::format("{} rows of {} were cut: of later steps, or of where the run had stopped", cut.rows, kLog));
  }
  if (cut.unreadable > 0) notes_.push_back(fmt::format("{} unreadable lines of {} were cut", cut.unreadable, kLog));
  remove_path(folder_ / kSummary);  // of an end that is none
  write_if_different(folder_ / kConfig, with_sum(config().to_toml()));
  write_data_files();
  remove_leftovers(folder_);
  log_ = std::make_unique<LineLog>(folder_ / kLog, LineLog::Start::kAppend);
  saved_step_ = told_step_ = state.step;
  last_log_s_ = state.elapsed_s;
}

// Checkpoints of a future that is left are neither used nor removed.
void Run::set_aside_after(int64_t step) {
  for (const FoundCheckpoint& later : list_checkpoints(folder_)) {
    if (later.step <= step) continue;
    const fs::path aside = name_to_set_aside(later.folder);
    rename_durably(later.folder, aside);
    notes_.push_back(fmt::format("the later {} was set aside as {}", later.folder.filename().string(), aside.string()));
  }
}

void Run::on_step(const StepRecord& record) {
  examples_since_log_ += record.examples;
  weight_since_log_ += record.weight;
  if (record.logged) log(record);
  told_step_ = trainer().steps_done();
  if (writer_->has_failed()) writer_->wait();  // throws
  if (is_checkpoint_due(record)) save_checkpoint();
  if (on_step_) on_step_(record);
}

bool Run::is_checkpoint_due(const StepRecord& record) {
  const int64_t step = trainer().steps_done();
  const bool requested = requested_.load(std::memory_order_relaxed) && requested_.exchange(false);
  if (requested && on_event_) on_event_(fmt::format("checkpoint {} was asked for", checkpoint_name(step)));
  if (step == saved_step_ || step == trainer().planned_steps()) return false;  // the last one is written at the end
  if (requested || record.best || (every_ > 0 && step % every_ == 0)) return true;
  return every_s_ > 0.0 && seconds_since(saved_at_) >= every_s_;
}

void Run::save_checkpoint() {
  writer_->write([this] { return session_->snapshot(); });
  saved_step_ = trainer().steps_done();
  saved_at_ = Clock::now();
  rewinds_here_ = 0;
}

bool Run::rewind(const Anomaly& anomaly) {
  writer_->wait();
  const std::optional<StartingPoint> start = find_start(folder_, std::nullopt);
  if (!start) return false;
  if (rewinds_here_ == kMostRewinds) {
    if (on_event_) {
      on_event_(fmt::format("{} rewinds to step {} have not helped: what goes wrong is no matter of single batches",
                            kMostRewinds, start->checkpoint.state.training.step));
    }
    return false;
  }
  ++rewinds_here_;
  told_step_ = -1;
  session_->rewind(start->checkpoint, start->folder.string(), anomaly);
  const int64_t step = trainer().steps_done();
  log_.reset();
  cut_log(folder_ / kLog, {step, step, step + 1});
  log_ = std::make_unique<LineLog>(folder_ / kLog, LineLog::Start::kAppend);
  const std::string text =
      fmt::format("{}. Back to step {}, and batch {} is left out", anomaly.text(), step, anomaly.batch);
  log_event(step, "rewind", text);
  told_step_ = step;
  if (on_event_) on_event_(text);
  examples_since_log_ = 0;
  weight_since_log_ = 0.0;
  return true;
}

void Run::log_event(int64_t step, const char* event, const std::string& text) {
  log_->append(JsonText().add("step", step).add("event", event).add("text", text).line());
}

void Run::log(const StepRecord& record) {
  const double seconds = std::max(record.elapsed_s - last_log_s_, 1e-9);
  const bool text = config().text("data.kind") == "text";
  const Progress progress{record, static_cast<double>(examples_since_log_) / seconds,
                          text ? weight_since_log_ / seconds : 0.0};
  JsonText row;
  row.add("step", record.step).add("epoch", record.epoch).add("loss", record.loss);
  row.add("learning_rate", record.learning_rate).add("grad_norm", record.gradient_norm);
  const bool penalized =
      config().number("regularization.l1").value_or(0.0) > 0 || config().real("regularization.l2") > 0;
  if (penalized || record.l1 || config().has("regularization.group_lasso")) row.add("penalty", record.penalty);
  if (record.l1) row.add("l1", *record.l1);
  if (record.nonzero_weights) row.add("nonzero_weights", *record.nonzero_weights);
  if (record.update_ratio) row.add("update_ratio", *record.update_ratio);
  if (record.dead_units) row.add("dead_units", *record.dead_units);
  row.add("examples_per_s", progress.examples_per_s);
  if (text) row.add("tokens_per_s", progress.tokens_per_s);
  row.add("elapsed_s", record.elapsed_s);
  if (data().training->is_costly()) {
    row.add("data_wait", std::clamp((trainer().waited_s() - last_wait_s_) / seconds, 0.0, 1.0));
    last_wait_s_ = trainer().waited_s();
  }
  if (record.validation_loss) {
    row.add("val_loss", *record.validation_loss);
    for (const Metric& metric : record.validation_metrics) row.add("val_" + metric.name, metric.value);
  }
  if (record.end_only) row.add("end", true);
  log_->append(row.line());
  examples_since_log_ = 0;
  weight_since_log_ = 0.0;
  last_log_s_ = record.elapsed_s;
  if (on_logged_) on_logged_(progress);
}

namespace {

bool wants_report(const Config& config, const TrainingSummary& summary) {
  const bool is_wanted = config.has("validation.report") && config.boolean("validation.report");
  return is_wanted && !summary.anomaly && summary.stop_reason != StopReason::kInterrupted;
}

// Measures of the model that lies in the run's folder, those aside that the last validation has told.
void add_report(JsonText& metrics, const fs::path& run, const Dataset& validation, const std::vector<Metric>& known) {
  for (const auto& [name, value] : report_measures(load(run), validation)) {
    const bool is_known = std::ranges::any_of(known, [&, &name = name](const Metric& m) { return m.name == name; });
    if (!is_known) metrics.add("val_" + name, value);
  }
}

}  // namespace

// Without data that is held out: of what was trained on, where it was seen so often that once more costs little.
void Run::add_training_metrics(JsonText& metrics, const TrainingSummary& summary) const {
  constexpr int64_t kTimesSeen = 10;
  const Dataset& data = *this->data().training;
  const bool is_whole = !summary.anomaly && summary.stop_reason != StopReason::kInterrupted;
  if (this->data().validation || !is_whole || data.size() > trainer().state().examples / kTimesSeen) return;
  const auto found = session_->trainer().metrics_of(data, evaluation_of(session_->model()),
                                                    metric_units(this->data().encoder, data));
  if (!found) return;
  metrics.add("train_loss", found->loss());
  for (const Metric& metric : found->values()) metrics.add("train_" + metric.name, metric.value);
}

void Run::write_summary(const TrainingSummary& summary) const {
  const TrainingState state = session_->trainer().state();
  const CheckpointTimes times = writer_->times();
  JsonText json;
  json.add("steps", summary.steps).add("stop_reason", name_of(summary.stop_reason));
  if (summary.anomaly) json.add("seen", summary.anomaly->text());
  json.add("final_loss", summary.final_loss);
  json.add("best_val_loss", summary.best_validation_loss.value_or(std::nan("")));
  json.add("model_step", model_step_);
  json.add("parameters", count_elements(session_->model().parameters()));
  json.add("elapsed_s", summary.elapsed_s).add("peak_rss_bytes", peak_resident_bytes());
  json.add("predicted_bytes", session_->memory().total());
  json.add("fingerprint", JsonText().add("weights", hex(session_->weights_hash())).add("losses", hex(state.loss_hash)));
  json.add("counts", JsonText()
                         .add("examples_seen", state.examples)
                         .add("skipped_batches", state.skipped)
                         .add("rewinds", state.rewinds)
                         .add("undone_steps", state.undone_steps)
                         .add("spikes_trained_on", state.health.spikes)
                         .add("clipped_steps", state.health.clipped_steps)
                         .add("skipped_rows", session_->data().left_out.skipped.count)
                         .add("unused_tokens", session_->data().unused_tokens)
                         .add("warnings", state.health.warned));
  json.add("checkpoints",
           JsonText().add("written", times.written).add("paused_s", times.paused_s).add("write_s", times.write_s));
  // Of the weights that the run's model.safetensors has.
  JsonText metrics;
  const bool is_best = state.best_step > 0 && model_step_ == state.best_step && model_step_ != state.step;
  if (const auto loss = is_best ? state.best_validation_loss : state.last_validation_loss) {
    metrics.add("val_loss", *loss);
    for (const Metric& metric : is_best ? state.best_metrics : state.last_metrics) {
      metrics.add("val_" + metric.name, metric.value);
    }
  }
  if (wants_report(config(), summary) && data().validation) {
    add_report(metrics, folder_, *data().validation, is_best ? state.best_metrics : state.last_metrics);
  }
  add_training_metrics(metrics, summary);
  json.add("metrics", metrics);
  write_file(folder_ / kSummary, json.page());
}

// After an error that ends the run: the error is what matters, and whether this works as well or not is seen in the
// folder.
void Run::save_what_can_be_saved() noexcept {
  try {
    const int64_t step = trainer().steps_done();
    if (step == saved_step_ && !writer_->has_failed()) return writer_->wait();
    // Only what is between two steps: all weights moved, validated where that was due, and in the log.
    if (step != told_step_ || !trainer().has_whole_weights()) return writer_->wait();
    try {
      writer_->wait();
    } catch (const std::exception&) {
      // Of the checkpoint before; it is the error on its way, or comes after it.
    }
    save_checkpoint();
    writer_->wait();
  } catch (const std::exception&) {
    // Then the checkpoints before it are what there is.
  }
}

// Not of a run that is to go on, or that has gone wrong; and there may have been no validation, or the best checkpoint
// was taken away.
bool Run::ends_with_best(const TrainingSummary& summary) const {
  if (!config().boolean("train.restore_best") || summary.anomaly) return false;
  if (summary.stop_reason == StopReason::kInterrupted) return false;
  const int64_t best = trainer().state().best_step;
  std::error_code error;
  return best > 0 && fs::is_directory(checkpoints_of(folder_) / checkpoint_name(best), error);
}

TrainingSummary Run::train() {
  const bool rewinds = config().text("health.on_spike") == "rewind";
  if (rewinds && saved_step_ < 0) save_checkpoint();  // there is always one to go back to
  TrainingSummary summary;
  try {
    summary = trainer().run();
  } catch (...) {
    save_what_can_be_saved();
    throw;
  }
  const int64_t step = trainer().steps_done();
  if (step != saved_step_) save_checkpoint();
  writer_->wait();
  link_checkpoints(folder_, step, trainer().state().best_step);
  const bool best = ends_with_best(summary);
  model_step_ = best ? trainer().state().best_step : step;
  if (best) link_model_to_best(folder_);
  write_summary(summary);
  // What was validated is the average, where there is one.
  if (best && (model_step_ != step || session_->optimizer().makes_averages())) {
    const fs::path source = checkpoints_of(folder_) / checkpoint_name(model_step_);
    const Checkpoint held = read_checkpoint(source);
    session_->use_weights(held.average.empty() ? held.model : held.average, source.string());
  }
  return summary;
}

}  // namespace gradus
