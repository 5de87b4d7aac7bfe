// Networks of pictures, sounds and texts, as a configuration asks for them, and how weights start.
#pragma once

#include <memory>

#include "gradus/train/experiment.h"

namespace gradus::internal {

/// Of a `model.kind` that is none of rows, clusters or "gpt". A usage error where the data is not of its kind.
std::unique_ptr<Model> make_network(const Config& config, const DataShape& shape);

/// What `model.init` says of weights and biases; nothing of the default, the layers' own.
Start start_of(const Config& config);

}  // namespace gradus::internal
