#include "gradus/base/threads.h"

#include <sched.h>

#include <atomic>
#include <thread>

#include "gradus/base/error.h"

namespace gradus {
namespace {

int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::atomic<int> g_threads{0};

}  // namespace

void set_threads(int count) {
  if (count < 0 || count > 1024) fail_usage("threads", "{} threads; expected 0 (all cores) to 1024", count);
  g_threads.store(count, std::memory_order_relaxed);
}

int threads() {
  static const int cores = available_cores();
  const int set = g_threads.load(std::memory_order_relaxed);
  return set > 0 ? set : cores;
}

}  // namespace gradus
