// How much memory a run needs, known before it starts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gradus/base/memory.h"
#include "gradus/tensor/matmul.h"
#include "gradus/train/trainer.h"

namespace gradus {

/// What a run takes memory for.
struct MemoryPart {
  std::string name;
  int64_t bytes = 0;
  std::string remedy;  ///< What makes it smaller; empty if nothing does.
};

struct MemoryPrediction {
  std::vector<MemoryPart> parts;
  int64_t later = 0;  ///< What may come to that while a checkpoint is on its way to disk, on a slow one.
  /// What is expected.
  int64_t total() const;
  /// What there must be for it.
  int64_t most() const { return total() + later; }
};

/// Bytes that a run will hold.
struct MemoryUse {
  int64_t program = 0;  ///< Resident before there is a model: the program, its libraries, the data.
  int64_t weights = 0;
  int64_t optimizer_state = 0;
  int64_t averages = 0;  ///< Of the weights, where the optimizer makes them: a checkpoint copies them too.
  int64_t step = 0;      ///< At the peak of a step or a validation, gradients among them (`Trainer::dry_run`).
  int64_t kept = 0;      ///< Of `step`, what is held beside the state between steps: a solver's own.
  kernels::PlannedProducts products = {};  ///< Of a step.
  bool saves_while_training = false;       ///< A checkpoint is written beside the steps, not only at the end.
};

/// What the steps of a trainer would take. To be called in a `DryRun` in which the parameters, the optimizer and the
/// trainer were made, `reserved` being `memory_statistics().reserved` from before that; no step may follow.
MemoryUse planned_use(Trainer& trainer, Optimizer& optimizer, const Parameters& parameters, int64_t reserved);

/// The peak of the whole process to come. What oneDNN takes for itself is estimated, and so is how much of a checkpoint
/// is still on its way when a step is at its peak. `is_text`: more makes activations smaller.
MemoryPrediction predict_memory(const MemoryUse& use, bool is_text);

/// Adds what the process has held while the data was read beyond what is predicted: reading takes the file, a table of
/// it and the rows of a model at once. `peak` is the most that it held then.
void add_reading(MemoryPrediction& prediction, int64_t peak);

/// "12.3 MB", with 10^6 bytes in one.
std::string megabytes(int64_t bytes);

/// A usage error that names the three largest parts and what to change, if the prediction's `most` is above `limit`.
void check_memory(const MemoryPrediction& prediction, int64_t limit);

}  // namespace gradus
