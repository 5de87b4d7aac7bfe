// What no single key shows of configurations with pictures.
#pragma once

#include "gradus/train/config.h"

namespace gradus::internal {

/// Of `data.kind = "images"`: the model and the loss that go with it, and keys that go together. Usage errors.
void check_images(const Config& config);

}  // namespace gradus::internal
