// Micro-batches for training, made ahead of it where that takes long.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "gradus/data/dataset.h"
#include "gradus/data/sampler.h"

namespace gradus {

struct LoaderOptions {
  int64_t micro_batch_size = 0;  ///< Examples at once; 0 for the whole batch.
  /// Threads that make batches of data that is costly, from 0. Whatever the number, they are the same batches.
  int workers = 0;
};

/// Hands out the micro-batches of step after step. Workers make the next `ahead()` of them meanwhile; one that none has
/// begun when it is asked for is made at once, by all threads. Micro-batches may be asked for in any order, as training
/// that rewinds does: then what was made ahead is dropped. To be used by one thread.
class Loader {
 public:
  /// Both must outlive it.
  Loader(const Dataset& data, const Sampler& sampler, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The micro-batch with these ids, which are those of that part of that step's batch. An error in the data is thrown
  /// where the part that has it is asked for.
  Batch batch(int64_t step, int64_t part, std::span<const int64_t> ids);

  /// Micro-batches that are held beside the one in use, at most.
  int64_t ahead() const { return workers_ > 0 ? workers_ + 1 : 0; }
  /// Of data that is costly: the seconds that `batch` took, over all calls.
  double waited_s() const { return waited_s_; }

 private:
  struct Place {
    int64_t step, part;
    bool operator==(const Place&) const = default;
  };
  struct Slot;

  int64_t parts(int64_t step) const;
  Place after(const Place& place) const;
  std::vector<int64_t> ids_of(const Place& place) const;
  void make(Slot& slot) const;
  std::shared_ptr<Slot> take(const Place& place);
  void fill_queue();
  void start_workers();
  void work();

  const Dataset& data_;
  const Sampler& sampler_;
  int64_t micro_batch_size_;
  int64_t workers_;
  double waited_s_ = 0.0;

  std::mutex mutex_;
  std::condition_variable to_do_, done_;
  std::deque<std::shared_ptr<Slot>> queue_;  // in order; all are asked for, some begun, some done
  Place next_{-1, 0};                        // behind the queue
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gradus
