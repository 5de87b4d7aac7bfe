// What no single key shows of configurations whose targets are not plain: several columns, or a class that is ignored.
#pragma once

#include "gradus/train/config.h"

namespace gradus::internal {

/// `loss.ignored_class`, and a list in `data.target`: that the data, the loss and the solver can take them. Usage
/// errors.
void check_target_keys(const Config& config);

}  // namespace gradus::internal
