#include "gradus/train/timing.h"

#include <time.h>

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/base/memory.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/memory.h"

namespace gradus {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void add_timing(JsonText& json, const Timing& timing) {
  json.add("repeats", static_cast<int64_t>(timing.wall_ms.size())).add("ms_median", median(timing.wall_ms));
  json.add("cpu_ms_median", median(timing.cpu_ms));
}

void add_machine(JsonText& json) { json.add("threads", int64_t{threads()}).add("isa", name_of(active_isa())); }

void check_benchmark_fits(double bytes) {
  const int64_t limit = memory_limit_bytes();
  if (bytes <= static_cast<double>(limit)) return;
  fail_usage("bench", "the data needs {:.1f} MB, and there are {} for it; take fewer rows or columns", bytes / 1e6,
             megabytes(limit));
}

}  // namespace gradus
