// A run: training by a configuration into a folder.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/base/files.h"
#include "gradus/base/folders.h"
#include "gradus/train/checkpoint_writer.h"
#include "gradus/train/memory.h"
#include "gradus/train/session.h"
#include "gradus/train/trained_run.h"

namespace gradus {

struct StartingPoint;

struct RunOptions {
  bool overwrite = false;  ///< Replaces the run in a folder that is not empty.
  bool resume = false;     ///< Goes on with the run in the folder, or begins it where it has no checkpoint yet.
  /// The configuration is that of the run's own folder: what differs from the checkpoint's was accepted when it was
  /// written.
  bool own_configuration = false;
  /// The checkpoint to go on from; the newest by default. Those after it are set aside.
  std::optional<std::filesystem::path> checkpoint = std::nullopt;
};

/// A training run with its folder, which docs/file_formats.md describes:
///
///     config.toml         the resolved configuration
///     tokenizer.json      for text; columns.json for a table, audio.json for sounds
///     log.jsonl           an object a logged step
///     checkpoints/        step-N, and the links last and best
///     model.safetensors   a link to the last weights; with train.restore_best, at the end to the best
///     best.safetensors    a link to those with the lowest validation loss; without validation, to the last
///     summary.json        how it ended
class Run {
 public:
  /// Builds everything and opens the folder, which no other process may be training into. One that exists and is not
  /// empty is a usage error unless `overwrite`, which removes the files listed above and leaves others alone, or
  /// `resume`. Sets the number of threads as `train.threads` says.
  Run(Config config, const std::filesystem::path& folder, const RunOptions& options = {});
  ~Run();

  Trainer& trainer() { return session_->trainer(); }
  const Trainer& trainer() const { return std::as_const(*session_).trainer(); }
  const Config& config() const { return session_->config(); }
  const ExperimentData& data() const { return session_->data(); }
  const Model& model() const { return session_->model(); }
  /// What was found and done on resuming, one sentence or line each.
  const std::vector<std::string>& notes() const { return notes_; }
  /// What it will need; a run that cannot have that is refused before its folder is touched.
  const MemoryPrediction& memory() const { return session_->memory(); }

  /// Called after every step that is logged, once its row is written.
  struct Progress {
    const StepRecord& record;
    double examples_per_s;
    double tokens_per_s;  ///< 0 unless text.
  };
  void set_on_logged(std::function<void(const Progress&)> on_logged) { on_logged_ = std::move(on_logged); }
  /// Called after every step.
  void set_on_step(std::function<void(const StepRecord&)> on_step) { on_step_ = std::move(on_step); }
  /// Called with what has to be said while training: warnings, rewinds, checkpoints that were asked for.
  void set_on_event(std::function<void(const std::string&)> on_event) { on_event_ = std::move(on_event); }
  /// Asks for a checkpoint after the step in progress. Safe from any thread and from a signal handler.
  void request_checkpoint() { requested_.store(true, std::memory_order_relaxed); }

  /// Trains to the end and writes a checkpoint and the summary, also when interrupted. With train.restore_best a run
  /// that comes to its end leaves the weights with the lowest validation loss in the model and in model.safetensors.
  TrainingSummary train();
  /// The updates behind the weights of the model and of model.safetensors, after `train`.
  int64_t model_step() const { return model_step_; }

 private:
  void open(bool overwrite);
  void write_data_files() const;
  void resume(const RunOptions& options, Config config);
  void take_over(const StartingPoint& start);
  void set_aside_after(int64_t step);
  void on_step(const StepRecord& record);
  void log(const StepRecord& record);
  void log_event(int64_t step, const char* event, const std::string& text);
  bool is_checkpoint_due(const StepRecord& record);
  void save_checkpoint();
  void save_what_can_be_saved() noexcept;
  bool rewind(const Anomaly& anomaly);
  bool ends_with_best(const TrainingSummary& summary) const;
  void write_summary(const TrainingSummary& summary) const;
  void add_training_metrics(JsonText& metrics, const TrainingSummary& summary) const;

  std::filesystem::path folder_;
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<LineLog> log_;
  std::unique_ptr<CheckpointWriter> writer_;
  std::vector<std::string> notes_;
  std::function<void(const Progress&)> on_logged_;
  std::function<void(const StepRecord&)> on_step_;
  std::function<void(const std::string&)> on_event_;
  std::atomic<bool> requested_{false};
  int64_t every_ = 0;  // checkpoint.every and checkpoint.every_s, asked for after each step
  double every_s_ = 0.0;
  int64_t saved_step_ = -1;  // of the newest checkpoint
  int64_t model_step_ = 0;
  int64_t told_step_ = 0;  // up to here the log has all rows; -1 in the middle of a rewind
  Clock::time_point saved_at_ = Clock::now();
  int rewinds_here_ = 0;  // since the newest checkpoint
  int64_t examples_since_log_ = 0;
  double weight_since_log_ = 0.0, last_log_s_ = 0.0, last_wait_s_ = 0.0;
};

}  // namespace gradus
