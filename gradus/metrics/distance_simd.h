// Distances of many points from many others, on the instruction set of this processor.
#pragma once

#include <cstddef>

namespace gradus::detail {

constexpr size_t kTileRows = 4;    ///< Points that are compared at a time …
constexpr size_t kTileWidth = 16;  ///< … with so many others.

/// `out` (4, 16) = the Euclidean distances of 4 points, (features, 4), from 16 others, (features, 16). Each is computed
/// by itself, in f64.
void tile_distances(const double* rows, const float* others, size_t features, double* out);

}  // namespace gradus::detail
