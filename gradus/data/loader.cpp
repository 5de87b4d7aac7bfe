#include "gradus/data/loader.h"

#include <algorithm>

#include "gradus/base/background_thread.h"
#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"

namespace gradus {

// Its state changes under the loader's mutex; whoever has begun it writes the rest alone.
struct Loader::Slot {
  Place place;
  std::vector<int64_t> ids;
  uint64_t key = 0;
  Batch batch = {};
  std::exception_ptr error = nullptr;
  enum class State : uint8_t { kWaiting, kBegun, kDone } state = State::kWaiting;
};

Loader::Loader(const Dataset& data, const Sampler& sampler, const LoaderOptions& options)
    : data_(data),
      sampler_(sampler),
      micro_batch_size_(options.micro_batch_size),
      workers_(data.is_costly() ? options.workers : 0) {
  if (options.micro_batch_size < 0 || options.workers < 0 || options.workers > 1024) {
    fail_usage("loader", "micro-batches of {} by {} workers; expected a size from 0 and 0 to 1024 workers",
               options.micro_batch_size, options.workers);
  }
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    queue_.clear();
  }
  to_do_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

int64_t Loader::parts(int64_t step) const {
  if (micro_batch_size_ == 0) return 1;
  return (sampler_.size_of(step) - 1) / micro_batch_size_ + 1;
}

Loader::Place Loader::after(const Place& place) const {
  return place.part + 1 < parts(place.step) ? Place{place.step, place.part + 1} : Place{place.step + 1, 0};
}

std::vector<int64_t> Loader::ids_of(const Place& place) const {
  std::vector<int64_t> ids;
  sampler_.batch(place.step, ids);
  if (micro_batch_size_ == 0) return ids;
  const int64_t size = static_cast<int64_t>(ids.size()), begin = place.part * micro_batch_size_;
  const int64_t end = std::min(begin + micro_batch_size_, size);
  return {ids.begin() + begin, ids.begin() + end};
}

Batch Loader::batch(int64_t step, int64_t part, std::span<const int64_t> ids) {
  if (!data_.is_costly() || DryRun::is_on()) return data_.training_batch(ids, sampler_.pass_key(step));
  const Clock::time_point start = Clock::now();
  Batch batch;
  if (workers_ == 0) {
    batch = data_.training_batch(ids, sampler_.pass_key(step));
  } else {
    const std::shared_ptr<Slot> slot = take({step, part});
    if (slot->error) std::rethrow_exception(slot->error);
    batch = std::move(slot->batch);
  }
  waited_s_ += seconds_since(start);
  return batch;
}

// The slot of that place, done, and out of the queue.
std::shared_ptr<Loader::Slot> Loader::take(const Place& place) {
  start_workers();
  std::unique_lock lock(mutex_);
  while (!queue_.empty() && queue_.front()->place != place) queue_.pop_front();
  if (queue_.empty()) next_ = place;
  fill_queue();
  const std::shared_ptr<Slot> slot = queue_.front();
  queue_.pop_front();
  fill_queue();
  if (slot->state == Slot::State::kWaiting) {
    slot->state = Slot::State::kBegun;
    lock.unlock();
    make(*slot);
  } else {
    done_.wait(lock, [&] { return slot->state == Slot::State::kDone; });
  }
  return slot;
}

void Loader::fill_queue() {
  while (static_cast<int64_t>(queue_.size()) < ahead()) {
    queue_.push_back(std::make_shared<Slot>(Slot{next_, ids_of(next_), sampler_.pass_key(next_.step)}));
    next_ = after(next_);
  }
  to_do_.notify_all();
}

void Loader::make(Slot& slot) const {
  try {
    slot.batch = data_.training_batch(slot.ids, slot.key);
  } catch (...) {
    slot.error = std::current_exception();
  }
}

void Loader::start_workers() {
  while (static_cast<int64_t>(threads_.size()) < workers_) {
    threads_.push_back(start_background_thread("data", [this] { work(); }));
  }
}

void Loader::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    std::shared_ptr<Slot> slot;
    to_do_.wait(lock, [&] {
      const auto waiting =
          std::find_if(queue_.begin(), queue_.end(), [](const auto& s) { return s->state == Slot::State::kWaiting; });
      slot = waiting == queue_.end() ? nullptr : *waiting;
      return ended_ || slot;
    });
    if (ended_) return;
    slot->state = Slot::State::kBegun;
    lock.unlock();
    make(*slot);
    lock.lock();
    slot->state = Slot::State::kDone;
    done_.notify_all();
  }
}

}  // namespace gradus
