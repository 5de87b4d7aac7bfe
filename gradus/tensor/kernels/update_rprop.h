// The update rule of Rprop, which goes by the signs of gradients.
#pragma once

#include "gradus/tensor/kernels/update.h"

namespace gradus::kernels {

/// g is the mixed gradient, p that of the update before, s an element's step size: s ← s·increase where p and g have
/// one sign, s·decrease where they have opposite ones, then limited to [smallest, largest]; where they have opposite
/// ones, g ← 0. θ ← θ − s·sign(g), p ← g.
struct RpropUpdate {
  GradientMix mix = {};
  double decrease = 0.0;
  double increase = 0.0;
  double smallest = 0.0;
  double largest = 0.0;
  StateStorage storage = {};
};
/// `state.first` is p, `second` s.
void update_rprop(const UpdateArrays& arrays, const StateArrays& state, const RpropUpdate& update);

}  // namespace gradus::kernels
