// How many trials of a sweep run at once: as many as cores and memory allow.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/train/experiment.h"
#include "gradus/train/sweep.h"

namespace gradus {

/// What each trial's process will need in bytes (`MemoryPrediction::most`). Each model is made as a plan once; trials
/// that need the same by their keys are planned once. Errors say which trial: data that cannot be read, a model that
/// does not fit it, one that needs more than `limit`.
std::vector<int64_t> plan_memory(const Sweep& sweep, int64_t limit, RowCaches caches = RowCaches::kKept);

/// How many trials run at once, each with how many threads.
struct SweepShare {
  int64_t jobs = 1, threads = 1;
};

/// No more jobs than `wanted` (0: any number), trials and cores, and so few that those that need the most of `bytes`
/// fit beside each other into `limit`; at least one. jobs · threads ≤ cores.
SweepShare share_out(int64_t wanted, int64_t cores, std::vector<int64_t> bytes, int64_t limit);

}  // namespace gradus
