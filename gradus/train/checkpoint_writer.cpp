#include "gradus/train/checkpoint_writer.h"

#include <memory>
#include <system_error>
#include <utility>

#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/folders.h"
#include "gradus/train/run_files.h"

namespace gradus {
namespace fs = std::filesystem;
using namespace run_files;
namespace {

void remove_old(const fs::path& run, int64_t keep, int64_t last_step, int64_t best_step) {
  const std::vector<FoundCheckpoint> found = list_checkpoints(run);
  for (auto checkpoint = found.rbegin(); checkpoint != found.rend(); ++checkpoint) {
    if (checkpoint->step >= last_step || checkpoint->step == best_step) continue;
    if (keep > 0) {
      --keep;
    } else {
      remove_folder(checkpoint->folder);
    }
  }
}

}  // namespace

void link_checkpoints(const fs::path& run, int64_t last_step, int64_t best_step) {
  const fs::path folder = checkpoints_of(run);
  std::error_code error;
  const bool has_best = best_step > 0 && fs::is_directory(folder / checkpoint_name(best_step), error);
  // Best first: it may point to the new one before `last` does, never to one that is gone.
  replace_link(folder / kBestLink, checkpoint_name(has_best ? best_step : last_step));
  replace_link(folder / kLastLink, checkpoint_name(last_step));
  replace_link(run / kBest, fs::path(kCheckpoints) / kBestLink / usable_weights(folder / kBestLink));
  replace_link(run / kModel, fs::path(kCheckpoints) / kLastLink / usable_weights(folder / kLastLink));
}

void link_model_to_best(const fs::path& run) {
  const std::string weights = usable_weights(checkpoints_of(run) / kBestLink);
  replace_link(run / kModel, fs::path(kCheckpoints) / kBestLink / weights);
}

CheckpointWriter::CheckpointWriter(fs::path run, int64_t keep, std::function<void()> before)
    : run_(std::move(run)), keep_(keep), before_(std::move(before)) {}

CheckpointWriter::~CheckpointWriter() {
  if (thread_.joinable()) thread_.join();
}

void CheckpointWriter::run(const Checkpoint& snapshot) {
  const TrainingState& state = snapshot.state.training;
  if (before_) before_();
  write_checkpoint(checkpoints_of(run_) / checkpoint_name(state.step), snapshot);
  link_checkpoints(run_, state.step, state.best_step);
  remove_old(run_, keep_, state.step, state.best_step);
}

void CheckpointWriter::wait() {
  if (thread_.joinable()) {
    thread_.join();
    times_.write_s += last_write_s_;
    if (!error_) ++times_.written;
  }
  failed_.store(false, std::memory_order_relaxed);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void CheckpointWriter::write(const std::function<Checkpoint()>& snapshot) {
  const Clock::time_point begin = Clock::now();
  wait();  // before a second snapshot takes its memory
  make_folders(checkpoints_of(run_));
  const auto work = [this, held = std::make_shared<const Checkpoint>(snapshot())] {
    const Clock::time_point start = Clock::now();
    try {
      run(*held);
    } catch (...) {
      error_ = std::current_exception();
      failed_.store(true, std::memory_order_relaxed);
    }
    last_write_s_ = seconds_since(start);
  };
  try {
    thread_ = std::thread(work);
  } catch (const std::system_error& error) {
    fail("checkpoint", "the thread that writes it cannot be started: {}", error.code().message());
  }
  times_.paused_s += seconds_since(begin);
}

}  // namespace gradus
