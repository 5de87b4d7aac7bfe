// parallel_for on std::thread: for ThreadSanitizer, which does not know OpenMP's synchronisation.
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "gradus/base/threads.h"

namespace gradus {
namespace detail {
namespace {
thread_local bool t_inside = false;
}

void run_chunks(int64_t count, void (*run)(void*, int64_t), void* work) {
  const int team = static_cast<int>(std::min<int64_t>(threads(), count));
  if (team <= 1 || t_inside) {
    for (int64_t i = 0; i < count; ++i) run(work, i);
    return;
  }
  std::atomic<int64_t> next{0};
  std::exception_ptr error;
  std::mutex error_mutex;
  auto drain = [&] {
    t_inside = true;
    for (int64_t i; (i = next.fetch_add(1)) < count;) {
      try {
        run(work, i);
      } catch (...) {
        std::lock_guard lock(error_mutex);
        error = std::current_exception();
      }
    }
    t_inside = false;
  };
  std::vector<std::thread> team_threads;
  for (int i = 1; i < team; ++i) team_threads.emplace_back(drain);
  drain();
  for (std::thread& thread : team_threads) thread.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace detail

SequentialLibraries::SequentialLibraries() : previous_(1) {}
SequentialLibraries::~SequentialLibraries() {}

}  // namespace gradus
