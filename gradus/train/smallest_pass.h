// A pass of one example, which batch norm may not be able to train on, is found before training.
#pragma once

#include <cstdint>

#include "gradus/data/dataset.h"
#include "gradus/nn/models/model.h"
#include "gradus/train/config.h"
#include "gradus/train/trainer.h"

namespace gradus::internal {

/// The fewest examples in a pass of the tape over `steps` steps: of a whole batch, or of what an epoch has left for its
/// last one.
int64_t smallest_pass(const TrainerOptions& options, int64_t examples, int64_t steps);

/// A usage error if a pass within `steps` steps has one example, of which a batch norm of the model sees a single
/// number a channel. To be called in a dry run.
void check_smallest_pass(const Config& config, const Dataset& training, const Model& model, int64_t steps);

}  // namespace gradus::internal
