// The largest singular value of a matrix.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// σ = uᵀ·W·v with ‖u‖ = ‖v‖ = 1; u (rows) and v (columns) are f64.
struct Spectral {
  double sigma = 0.0;
  Tensor u, v;
};

/// Of `w` (rows, columns), contiguous, f32 or f64, by power iteration in double from a start that depends on the number
/// of columns alone: until v moves by less than a few roundings of w's dtype, or 1000 times. Where the two largest
/// singular values lie so near together that this is too few, u and v are mixtures of theirs and σ lies between them. A
/// matrix of zeros has σ = 0 and u = 0. Blocks are cut by the shape alone: threads change no bit.
Spectral largest_singular(const Tensor& w);

}  // namespace gradus::kernels
