// Update rules with a mean of the gradients and one of their squares: Adam and its relatives.
#pragma once

#include "gradus/tensor/kernels/update.h"

namespace gradus::kernels {

/// g is the mixed gradient; m ← m + (1 − beta1)·(g − m), v ← v + (1 − beta2)·(g² − v), w ← max(w, v),
/// θ ← θ − (decay·θ + (step·m + gradient_step·g) / (root·√w + epsilon)).
struct AdamUpdate {
  GradientMix mix = {};
  double beta1 = 0.0;
  double beta2 = 0.0;
  double epsilon = 0.0;
  double decay = 0.0;          ///< learning rate · weight decay, where that is decoupled.
  double step = 0.0;           ///< learning rate / (1 − beta1ᵗ): m's correction for its start at 0 included.
  double root = 1.0;           ///< 1 / √(1 − beta2ᵗ): v's. 0: nothing is divided, and w is not looked at.
  double gradient_step = 0.0;  ///< NAdam's; not with w.
  StateStorage storage = {};
};
/// `state.first` is m, `second` v, `third` w; nullptr for w = v.
void update_adam(const UpdateArrays& arrays, const StateArrays& state, const AdamUpdate& update);

/// g is the mixed gradient; m ← m + (1 − beta1)·(g − m), u ← max(beta2·u, |g| + epsilon), θ ← θ − step·m/u.
struct AdamaxUpdate {
  GradientMix mix = {};
  double beta1 = 0.0;
  double beta2 = 0.0;
  double epsilon = 0.0;
  double step = 0.0;  ///< learning rate / (1 − beta1ᵗ).
  StateStorage storage = {};
};
/// `state.first` is m, `second` u.
void update_adamax(const UpdateArrays& arrays, const StateArrays& state, const AdamaxUpdate& update);

/// θ is y, g its mixed gradient; v ← v + (1 − beta2)·(g² − v), u = g / (root·√v + epsilon) + decay·y,
/// z ← z − learning_rate·u, y ← y + part·(z − y) − learning_rate·(1 − part)·(1 − beta1)·u: that is (1 − beta1)·z +
/// beta1·x for the average x ← x + part·(z − x).
struct ScheduleFreeUpdate {
  GradientMix mix = {};
  double beta1 = 0.0;
  double beta2 = 0.0;
  double epsilon = 0.0;
  double decay = 0.0;
  double learning_rate = 0.0;
  double root = 1.0;  ///< 1 / √(1 − beta2ᵗ).
  double part = 0.0;
  StateStorage storage = {};
};
/// `state.first` is z, `second` v.
void update_schedule_free(const UpdateArrays& arrays, const StateArrays& state, const ScheduleFreeUpdate& update);

}  // namespace gradus::kernels
