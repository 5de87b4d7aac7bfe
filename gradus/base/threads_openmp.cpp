// parallel_for on OpenMP: it shares its threads with oneDNN, which uses the same runtime.
#include <omp.h>

#include <exception>

#include "gradus/base/threads.h"

namespace gradus {
namespace detail {

void run_chunks(int64_t count, void (*run)(void*, int64_t), void* work) {
  const int team = static_cast<int>(std::min<int64_t>(threads(), count));
  if (team <= 1 || omp_in_parallel()) {
    for (int64_t i = 0; i < count; ++i) run(work, i);
    return;
  }
  std::exception_ptr error;  // an exception must not leave an OpenMP region
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
  for (int64_t i = 0; i < count; ++i) {
    try {
      run(work, i);
    } catch (...) {
#pragma omp critical(gradus_run_chunks)
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail

// Inside a parallel region of ours oneDNN is sequential by itself; outside of one it would open its own.
SequentialLibraries::SequentialLibraries() : previous_(omp_get_max_threads()) { omp_set_num_threads(1); }
SequentialLibraries::~SequentialLibraries() { omp_set_num_threads(previous_); }

}  // namespace gradus
