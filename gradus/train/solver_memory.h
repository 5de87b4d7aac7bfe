// What a solver of a linear model will hold, known before it is made.
#pragma once

#include <cstdint>

#include "gradus/data/dataset.h"
#include "gradus/train/config.h"

namespace gradus {

struct SolverMemory {
  int64_t state = 0;  ///< What checkpoints copy.
  int64_t step = 0;   ///< At the peak of a step, beside the state.
  int64_t kept = 0;   ///< Of that, between steps.
};

/// Of the configuration's solver, where it is one of linear models and the rows are in memory; else nothing. Vectors of
/// the coefficients and of the rows are counted as each solver has them. `outputs`: of the model.
SolverMemory solver_memory(const Config& config, const Dataset& training, int64_t outputs);

}  // namespace gradus
