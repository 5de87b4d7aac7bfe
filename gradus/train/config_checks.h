// What no single key of a configuration shows: which of them go together.
#pragma once

#include "gradus/train/config.h"

namespace gradus::internal {

/// That the data, the model, the loss, the optimizer or solver and the training fit one another. Each key on its own,
/// and whether it applies, has been checked before. Usage errors.
void check_combinations(const Config& config);

}  // namespace gradus::internal
