// Threads: the one place where work is spread over processor cores.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gradus {

/// The number of threads that `parallel_for` may use. 0 restores the default, all cores that this process may run on.
/// Results never depend on it. Throws a usage error below 0 or above 1024.
void set_threads(int count);

/// The number of threads that `parallel_for` may use now.
int threads();

/// While it lives, `parallel_for` on this thread does nothing: what is computed there is left out, and memory for the
/// results is taken all the same. What a run needs is counted so.
class DryRun {
 public:
  DryRun() : outer_(is_on()) { is_on() = true; }
  ~DryRun() { is_on() = outer_; }
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;

  static bool& is_on() {
    static thread_local bool on = false;
    return on;
  }

 private:
  bool outer_;
};

namespace detail {
/// Calls `run(work, i)` for each i in [0, count), on up to `threads()` threads. Exceptions are carried out.
void run_chunks(int64_t count, void (*run)(void* work, int64_t chunk), void* work);
}  // namespace detail

/// Calls `body(begin, end)` for consecutive pieces of [0, size), `grain` long (the last may be shorter), on several
/// threads. The cut depends on `size` and `grain` alone, so a body whose pieces do not share output gives the same bits
/// for any number of threads. A single piece runs in place; so does a call from inside another `parallel_for`.
/// An exception thrown by a piece is rethrown here; which one, if several throw, is not determined.
template <class Body>
void parallel_for(int64_t size, int64_t grain, Body&& body) {
  if (DryRun::is_on()) return;
  if (size <= grain) {
    if (size > 0) body(int64_t{0}, size);
    return;
  }
  struct Work {
    int64_t size, grain;
    Body& body;
  } work{size, grain, body};
  detail::run_chunks((size + grain - 1) / grain,
                     [](void* erased, int64_t chunk) {
                       Work& w = *static_cast<Work*>(erased);
                       const int64_t begin = chunk * w.grain;
                       w.body(begin, std::min(begin + w.grain, w.size));
                     },
                     &work);
}

}  // namespace gradus
