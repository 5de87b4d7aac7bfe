// The transforms of winograd.cpp, on the instruction set of this processor: each takes vectors of channels.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// What of a 4 × 4 tile (or of the 2 × 2 results that come from it) is where, and which of its channels are meant.
struct TileSources {
  const float* const* places;  ///< 16 (or 4) a tile, line by line: where its channels begin.
  int64_t tiles;
  int64_t first, last;  ///< Channels; the last vector may read on to `end`.
  int64_t end;          ///< Of all channels.
};

/// Bᵀ·d·B of tiles of the image: number p of 16, of channel c of tile t, goes to to[p·plane + t·row + c − first]. Rows
/// are whole vectors; zeros are written behind channel `end`.
void winograd_image(const TileSources& image, float* to, int64_t plane, int64_t row);
/// A·g·Aᵀ of the gradients of 2 × 2 results, as above.
void winograd_gradient(const TileSources& gradient, float* to, int64_t plane, int64_t row);
/// G·w·Gᵀ of `count` kernels of 3 × 3, whose taps are `tap` apart, from the last one on if they are `turned`: number p
/// of kernel i goes to to[p·plane + i].
void winograd_kernel(const float* kernels, int64_t tap, bool turned, int64_t count, float* to, int64_t plane);
/// Gᵀ·u·G, the other way: tap k of kernel i goes to to[k·tap + i].
void winograd_kernel_gradient(const float* sums, int64_t plane, int64_t count, float* to, int64_t tap);

/// The 2 × 2 results of tiles, Aᵀ·m·A.
struct TileResults {
  const float* products;  ///< Number p, of column j of tile t, is at p·plane + t·row + j.
  int64_t plane, row, tiles, columns;
  const int64_t* places;         ///< 4 a tile: where the columns of a result begin, below 0 where there is none.
  const float *bias, *residual;  ///< Either may be nullptr; a residual is read at a result's place.
  bool relu;
  float* result;
};
void winograd_results(const TileResults& tiles);

}  // namespace gradus::kernels
