// How long the same work takes, done several times.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/base/json.h"

namespace gradus {

struct Timing {
  std::vector<double> wall_ms, cpu_ms;  ///< One each time; the processor time is of all threads.
};

/// The middle one; of an even number, the higher of the two.
double median(std::vector<double> values);

/// Of this process so far, all threads together, in seconds.
double cpu_seconds();

/// Calls `work` so often.
template <class Work>
Timing time_repeats(int64_t repeats, Work&& work) {
  Timing timing;
  for (int64_t i = 0; i < repeats; ++i) {
    const Clock::time_point start = Clock::now();
    const double cpu_start = cpu_seconds();
    work();
    timing.wall_ms.push_back(1e3 * seconds_since(start));
    timing.cpu_ms.push_back(1e3 * (cpu_seconds() - cpu_start));
  }
  return timing;
}

/// Adds "repeats", "ms_median" and "cpu_ms_median".
void add_timing(JsonText& json, const Timing& timing);
/// Adds "threads" and "isa".
void add_machine(JsonText& json);

/// A usage error if `bytes` of made-up data for a benchmark are more than there is memory for.
void check_benchmark_fits(double bytes);

}  // namespace gradus
