// Tensors of any shape as vectors, f32 and f64, contiguous: what an optimizer does with whole gradients. Sums are in
// double; blocks are cut by size alone and joined in order, so threads change no bit.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// `y += factor·x`; both of one shape and dtype.
void add_scaled(Tensor& y, double factor, const Tensor& x);
/// Σ xᵢ·yᵢ; both of one size and dtype.
double dot(const Tensor& x, const Tensor& y);
/// Σ |xᵢ|.
double sum_of_sizes(const Tensor& x);
/// The largest |xᵢ|; 0 of none. NaN counts as infinity.
double largest_size(const Tensor& x);

}  // namespace gradus::kernels
