// The optimizers' passes over memory: one that measures the gradient, one that updates a parameter. f32 and f64.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gradus/tensor/dtype.h"

namespace gradus::kernels {

/// What an update uses in place of the gradient g of θ: gradient·g + sign·sign(θ) + value·θ, with sign(0) = 0.
/// Division, clipping and the gradients of penalties are all of this form. `sign` is not negative.
struct GradientMix {
  double gradient = 1.0;
  double sign = 0.0;
  double value = 0.0;
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
  double squares = 0.0;        ///< Of the mixed gradient.
  double value_sizes = 0.0;    ///< Σ |θ|; only where the mix has a sign or value term, else 0.
  double value_squares = 0.0;  ///< Σ θ²; likewise.
};

/// Only reads. θ is read only where the mix needs it.
GradientSums measure_gradient(const UpdateArrays& arrays, const GradientMix& mix);

/// Σ x² of `count` contiguous elements, f32 or f64, by the same passes: it is finite only if each element is.
double sum_of_squares(DType dtype, int64_t count, const std::byte* elements);

/// How an optimizer's own arrays are stored.
struct StateStorage {
  bool is_bf16 = false;  ///< For θ of f32; otherwise they have θ's dtype. See `AdamWOptions::state`.
  uint64_t noise = 0;    ///< In bf16: another number for each parameter and update.
};

/// g is the mixed gradient; v ← momentum·v + g; θ ← θ − learning_rate·v, or ·(g + momentum·v) with Nesterov's.
struct SgdUpdate {
  GradientMix mix = {};
  double learning_rate = 0.0;
  double momentum = 0.0;
  bool nesterov = false;
  StateStorage storage = {};
};
/// `velocity` is v; nullptr for none, then momentum is not looked at and v is g.
void update_sgd(const UpdateArrays& arrays, std::byte* velocity, const SgdUpdate& update);

/// g is the mixed gradient; m ← m + (1 − beta1)·(g − m), v ← v + (1 − beta2)·(g² − v),
/// θ ← θ − (decay·θ + step·m / (root·√v + epsilon)).
struct AdamWUpdate {
  GradientMix mix = {};
  double beta1 = 0.0;
  double beta2 = 0.0;
  double epsilon = 0.0;
  double decay = 0.0;  ///< learning rate · weight decay.
  double step = 0.0;   ///< learning rate / (1 − beta1ᵗ): m's correction for its start at 0 included.
  double root = 1.0;   ///< 1 / √(1 − beta2ᵗ): v's.
  StateStorage storage = {};
};
/// `mean` is m, `square` is v.
void update_adamw(const UpdateArrays& arrays, std::byte* mean, std::byte* square, const AdamWUpdate& update);

}  // namespace gradus::kernels
