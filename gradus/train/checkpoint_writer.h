// Writes a run's checkpoints beside the training, keeps the links `last` and `best`, and removes the old ones.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <thread>

#include "gradus/train/checkpoint.h"

namespace gradus {

struct CheckpointTimes {
  int64_t written = 0;
  double paused_s =
      0.0;  ///< Training stood still: for the snapshot, and where the checkpoint before was not on disk yet.
  double write_s = 0.0;  ///< Time of the writing itself, beside the training.
};

/// For one run's folder. A checkpoint is whole on disk before `last` points to it; what `last` or `best` points to is
/// never removed.
class CheckpointWriter {
 public:
  /// `keep`: how many checkpoints stay besides the last and the best. `before` runs on the writing thread before
  /// each, for what has to be on disk by then.
  CheckpointWriter(std::filesystem::path run, int64_t keep, std::function<void()> before);
  /// Waits for the writing in progress.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// Waits for the checkpoint before, rethrowing its error, then takes a snapshot and begins to write it.
  void write(const std::function<Checkpoint()>& snapshot);
  /// Waits for the writing in progress; rethrows its error.
  void wait();
  /// Whether the writing in progress has failed already: `wait` will say why. Asking costs nothing.
  bool has_failed() const { return failed_.load(std::memory_order_relaxed); }
  CheckpointTimes times() const { return times_; }

 private:
  void run(const Checkpoint& snapshot);

  std::filesystem::path run_;
  int64_t keep_;
  std::function<void()> before_;
  std::thread thread_;
  std::exception_ptr error_;  // of the thread, read after it was joined
  std::atomic<bool> failed_{false};
  double last_write_s_ = 0.0;
  CheckpointTimes times_;
};

/// Points `last` to the checkpoint of `last_step`, `best` to that of `best_step` (or to the same where there is none),
/// and the model files in the run's folder to what lies behind those.
void link_checkpoints(const std::filesystem::path& run, int64_t last_step, int64_t best_step);
/// Points the run's model.safetensors to the weights of the best checkpoint instead of the last.
void link_model_to_best(const std::filesystem::path& run);

}  // namespace gradus
