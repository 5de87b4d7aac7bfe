// How much memory a run needs, known before it starts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gradus/train/session.h"

namespace gradus {

/// The most memory that this process has held so far, in bytes.
int64_t peak_rss_bytes();

/// What a run takes memory for.
struct MemoryPart {
  std::string name;
  int64_t bytes = 0;
  std::string remedy;  ///< What makes it smaller; empty if nothing does.
};

struct MemoryPrediction {
  std::vector<MemoryPart> parts;
  int64_t total() const;
};

/// Goes through a step and a validation of the session without computing anything, and counts what they take: the
/// peak of the whole process to come. Nothing about the session changes. Memory that the C library or oneDNN take for
/// themselves is estimated.
MemoryPrediction predict_memory(Session& session);

/// What this process may hold in all: what the system has free for it beside what it holds already, or the limit of
/// its control group if that is less.
int64_t memory_limit_bytes();

/// A usage error that names the three largest parts and what to change, if the prediction is above `limit`.
void check_memory(const MemoryPrediction& prediction, int64_t limit);

}  // namespace gradus
