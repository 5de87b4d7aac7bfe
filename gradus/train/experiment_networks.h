// Networks of pictures, sounds and texts, as a configuration asks for them.
#pragma once

#include <memory>

#include "gradus/train/experiment.h"

namespace gradus::internal {

/// Of a `model.kind` that is none of rows, clusters or "gpt". A usage error where the data is not of its kind.
std::unique_ptr<Model> make_network(const Config& config, const DataShape& shape);

}  // namespace gradus::internal
