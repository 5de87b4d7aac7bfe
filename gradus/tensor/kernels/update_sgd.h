// Update rules with at most one array of their own: gradient descent, averaged gradient descent, Lion.
#pragma once

#include "gradus/tensor/kernels/update.h"

namespace gradus::kernels {

/// g is the mixed gradient; v ← momentum·v + part·g; θ ← θ − learning_rate·v, or ·(g + momentum·v) with Nesterov's.
struct SgdUpdate {
  GradientMix mix = {};
  double learning_rate = 0.0;
  double momentum = 0.0;
  double part = 1.0;
  bool nesterov = false;
  StateStorage storage = {};
};
/// `state.first` is v; nullptr for none, then momentum and part are not looked at and v is g.
void update_sgd(const UpdateArrays& arrays, const StateArrays& state, const SgdUpdate& update);

/// g is the mixed gradient; θ ← θ − decay·θ − learning_rate·g; a ← a + part·(θ − a), a ← θ where part is 1.
struct AsgdUpdate {
  GradientMix mix = {};
  double learning_rate = 0.0;
  double decay = 0.0;
  double part = 1.0;
  StateStorage storage = {};
};
/// `state.first` is a, or nullptr for none.
void update_asgd(const UpdateArrays& arrays, const StateArrays& state, const AsgdUpdate& update);

/// g is the mixed gradient; m ← m + (1 − momentum)·(g − m); `direction`, an array of θ's dtype, becomes m, or
/// g + momentum·(m − g) with Nesterov's. θ is not changed.
struct MeanUpdate {
  GradientMix mix = {};
  double momentum = 0.0;
  bool nesterov = false;
  StateStorage storage = {};
};
/// `state.first` is m.
void update_mean(const UpdateArrays& arrays, const StateArrays& state, std::byte* direction, const MeanUpdate& update);

/// g is the mixed gradient; θ ← θ − (decay·θ + learning_rate·sign(m + (1 − beta1)·(g − m))), sign(0) = 0;
/// then m ← m + (1 − beta2)·(g − m).
struct LionUpdate {
  GradientMix mix = {};
  double beta1 = 0.0;
  double beta2 = 0.0;
  double learning_rate = 0.0;
  double decay = 0.0;  ///< learning rate · weight decay.
  StateStorage storage = {};
};
/// `state.first` is m.
void update_lion(const UpdateArrays& arrays, const StateArrays& state, const LionUpdate& update);

}  // namespace gradus::kernels
