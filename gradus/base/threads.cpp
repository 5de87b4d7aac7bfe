#include "gradus/base/threads.h"

#include <immintrin.h>
#include <sched.h>
#include <signal.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "gradus/base/background_thread.h"
#include "gradus/base/error.h"

namespace gradus {
namespace {

int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int cores() {
  static const int count = available_cores();
  return count;
}

std::atomic<int> g_threads{0};
thread_local bool t_inside = false;  // this thread works on a piece already

/// While it lives, this thread takes no signals, and the threads that it starts never do.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t previous_;
};

/// Threads that wait for regions of pieces. A region is opened by one thread, which works on it too. Others join while
/// it is open; a thread that wakes up too late finds it closed and is not waited for, so that a busy machine slows a
/// region down but does not stop it. Waiting threads look for work for a short while, then sleep.
class Pool {
 public:
  static Pool& instance() {
    static Pool* const pool = new Pool;  // never destroyed: threads may outlive main's end
    return *pool;
  }

  /// False if another thread has a region open.
  bool run(int64_t count, void (*body)(void*, int64_t), void* work, int team) {
    const std::unique_lock owner(owner_, std::try_to_lock);
    if (!owner) return false;
    hire(team - 1);
    spins_ = team <= cores() ? kSpins : 0;  // with more threads than cores, looking only keeps others from working
    run_ = body;
    work_ = work;
    count_ = count;
    helpers_ = static_cast<uint32_t>(team - 1);
    next_.store(0, std::memory_order_relaxed);
    const uint32_t opened = ((state_.load(std::memory_order_relaxed) & kGeneration) + kNextGeneration) | kOpen;
    state_.store(opened, std::memory_order_release);
    state_.notify_all();
    drain();
    uint32_t state = state_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    while ((state & kInside) != 0) {
      wait(state);
      state = state_.load(std::memory_order_acquire);
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return true;
  }

 private:
  // The state of the region: how many helpers are inside, whether more may join, and which region it is.
  static constexpr uint32_t kInside = 0xFFF, kOpen = 0x1000, kNextGeneration = 0x2000, kGeneration = ~0x1FFFU;
  static constexpr int kSpins = 5000;  // some 100 µs: between two ops of a small model pass 10 to 50

  // Helpers take no signals: those belong to the program's own threads.
  void hire(int helpers) {
    if (static_cast<int>(threads_.size()) >= helpers) return;
    const SignalsHeld held;
    try {
      while (static_cast<int>(threads_.size()) < helpers) threads_.emplace_back([this] { help(); }).detach();
    } catch (const std::system_error& error) {
      fail("threads", "thread {} cannot be started: {}; use fewer with train.threads or --threads", threads_.size() + 2,
           error.code().message());
    }
  }

  void help() {
    for (;;) {
      const uint32_t state = state_.load(std::memory_order_acquire);
      if ((state & kOpen) != 0 && (state & kInside) < helpers_.load(std::memory_order_relaxed) &&
          next_.load(std::memory_order_relaxed) < count_.load(std::memory_order_relaxed)) {
        uint32_t expected = state;
        if (!state_.compare_exchange_weak(expected, state + 1, std::memory_order_acq_rel)) continue;
        drain();
        const uint32_t left = state_.fetch_sub(1, std::memory_order_acq_rel) - 1;
        if ((left & (kInside | kOpen)) == 0) state_.notify_all();  // the region's owner may sleep
      } else {
        wait(state);
      }
    }
  }

  void wait(uint32_t state) {
    for (int i = spins_.load(std::memory_order_relaxed); i > 0; --i) {
      if (state_.load(std::memory_order_relaxed) != state) return;
      _mm_pause();
    }
    state_.wait(state, std::memory_order_acquire);
  }

  void drain() {
    t_inside = true;
    const int64_t count = count_.load(std::memory_order_relaxed);
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count;) {
      try {
        run_(work_, i);
      } catch (...) {
        const std::lock_guard lock(error_mutex_);
        error_ = std::current_exception();
      }
    }
    t_inside = false;
  }

  std::mutex owner_, error_mutex_;
  std::vector<std::thread> threads_;
  std::exception_ptr error_;
  void (*run_)(void*, int64_t) = nullptr;
  void* work_ = nullptr;
  std::atomic<int64_t> count_{0};
  std::atomic<uint32_t> helpers_{0};
  std::atomic<int> spins_{0};
  alignas(64) std::atomic<uint32_t> state_{0};
  alignas(64) std::atomic<int64_t> next_{0};
};

}  // namespace

void set_threads(int count) {
  if (count < 0 || count > 1024) fail_usage("threads", "{} threads; expected 0 (all cores) to 1024", count);
  g_threads.store(count, std::memory_order_relaxed);
}

int threads() {
  const int set = g_threads.load(std::memory_order_relaxed);
  return set > 0 ? set : cores();
}

std::thread start_background_thread(const char* name, std::function<void()> body) {
  const SignalsHeld held;
  try {
    return std::thread([body = std::move(body)] {
      t_inside = true;
      body();
    });
  } catch (const std::system_error& error) {
    fail("threads", "a thread for {} cannot be started: {}", name, error.code().message());
  }
}

void detail::run_chunks(int64_t count, void (*run)(void*, int64_t), void* work) {
  const int team = static_cast<int>(std::min<int64_t>(threads(), count));
  if (team > 1 && !t_inside && Pool::instance().run(count, run, work, team)) return;
  for (int64_t i = 0; i < count; ++i) run(work, i);
}

}  // namespace gradus
