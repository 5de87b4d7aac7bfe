// Update rules that divide the gradient by the root of its squares' sum or mean: Adagrad, Adadelta, RMSprop.
#pragma once

#include "gradus/tensor/kernels/update.h"

namespace gradus::kernels {

/// g is the mixed gradient; s ← s + g²; θ ← θ − learning_rate·g / (√s + epsilon).
struct AdagradUpdate {
  GradientMix mix = {};
  double learning_rate = 0.0;
  double epsilon = 0.0;
  StateStorage storage = {};
};
/// `state.first` is s.
void update_adagrad(const UpdateArrays& arrays, const StateArrays& state, const AdagradUpdate& update);

/// g is the mixed gradient; v ← v + (1 − rho)·(g² − v); u = √(w + epsilon) / √(v + epsilon)·g;
/// w ← w + (1 − rho)·(u² − w); θ ← θ − learning_rate·u.
struct AdadeltaUpdate {
  GradientMix mix = {};
  double learning_rate = 0.0;
  double rho = 0.0;
  double epsilon = 0.0;
  StateStorage storage = {};
};
/// `state.first` is v, `second` w.
void update_adadelta(const UpdateArrays& arrays, const StateArrays& state, const AdadeltaUpdate& update);

/// g is the mixed gradient; v ← v + (1 − alpha)·(g² − v); m ← m + (1 − alpha)·(g − m); u = g / (√(v − m²) + epsilon);
/// b ← momentum·b + u; θ ← θ − learning_rate·b.
struct RmspropUpdate {
  GradientMix mix = {};
  double learning_rate = 0.0;
  double alpha = 0.0;
  double epsilon = 0.0;
  double momentum = 0.0;
  StateStorage storage = {};
};
/// `state.first` is v; `second` b, nullptr for b = u; `third` m, nullptr for m = 0.
void update_rmsprop(const UpdateArrays& arrays, const StateArrays& state, const RmspropUpdate& update);

}  // namespace gradus::kernels
