// The optimizers' passes over memory: one that measures the gradient, one that updates a parameter. f32 and f64. The
// rules themselves are in update_sgd.h, update_rprop.h, update_rms.h, update_adam.h and update_adafactor.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "gradus/tensor/dtype.h"

namespace gradus::kernels {

/// What an update uses in place of the gradient g of θ: gradient·g + sign·sign(θ) + value·θ, with sign(0) = 0, cut off
/// at ±limit; then decay·θ is added. Division, clipping, the gradients of penalties and coupled weight decay are all of
/// this form. `sign` is not negative.
struct GradientMix {
  double gradient = 1.0;
  double sign = 0.0;
  double value = 0.0;
  double limit = std::numeric_limits<double>::infinity();
  double decay = 0.0;
};

/// A parameter θ and its gradient g: contiguous arrays of `count` elements.
struct UpdateArrays {
  DType dtype;
  int64_t count;
  std::byte* value;
  const std::byte* gradient;
};

/// Sums over a parameter, in double. Blocks are cut by `count` alone and joined in order: threads change no bit.
struct GradientSums {
  double squares = 0.0;          ///< Of the mixed gradient before its limit, without decay.
  double limited_squares = 0.0;  ///< Of it behind its limit; only with one. Equal to `squares` if no element is cut.
  double value_sizes = 0.0;      ///< Σ |θ|; only where the mix has a sign or value term, else 0.
  double value_squares = 0.0;    ///< Σ θ²; likewise.
};

/// Only reads. θ is read only where the mix needs it.
GradientSums measure_gradient(const UpdateArrays& arrays, const GradientMix& mix);

/// Σ x² of `count` contiguous elements, f32 or f64, by the same passes: it is finite only if each element is.
double sum_of_squares(DType dtype, int64_t count, const std::byte* elements);

/// `into`, an array of θ's dtype, becomes the mixed gradient.
void mix_gradient(const UpdateArrays& arrays, const GradientMix& mix, std::byte* into);

/// average ← average + part·(θ − average), both of `dtype`.
void update_average(DType dtype, int64_t count, const std::byte* value, std::byte* average, double part);

/// How an optimizer's own arrays are stored.
struct StateStorage {
  bool is_bf16 = false;  ///< For θ of f32; otherwise they have θ's dtype. See `AdamWOptions::state`.
  uint64_t noise = 0;    ///< In bf16: another number for each parameter and update.
};

/// An optimizer's own arrays, as many as its rule names.
struct StateArrays {
  std::byte* first = nullptr;
  std::byte* second = nullptr;
  std::byte* third = nullptr;
};

}  // namespace gradus::kernels
