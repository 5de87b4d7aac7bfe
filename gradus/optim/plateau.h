// Lowering the learning rate when a loss no longer improves. It has a state, so it is no closed form of the step.
#pragma once

#include <cstdint>
#include <optional>

namespace gradus {

/// PyTorch's ReduceLROnPlateau for a loss, but for its eps: a change of the rate is never too small to be made.
struct PlateauOptions {
  double decay_factor = 0.1;  ///< From 0 to below 1: what the rate is multiplied by.
  int64_t patience = 10;      ///< From 0: losses in a row that do not improve and are waited through; the next lowers.
  double threshold = 1e-4;  ///< From 0: how much lower than the lowest an improvement is, as a part of it (below 1) …
  bool absolute = false;    ///< … or as it is.
  int64_t cooldown = 0;     ///< From 0: losses after a lowering that are not counted.
  double final_factor = 0.0;  ///< From 0 to 1: the rate is never below this part of what it would be.
};

/// What was seen so far.
struct PlateauState {
  double factor = 1.0;                        ///< What the rate is multiplied by.
  std::optional<double> best = std::nullopt;  ///< The lowest loss that was an improvement.
  int64_t waited = 0;                         ///< Losses in a row that were none.
  int64_t cooldown_left = 0;

  bool operator==(const PlateauState&) const = default;
};

/// A usage error for options out of range.
void check_plateau(const PlateauOptions& options);

/// Takes the next loss into account; one that is not finite is no improvement.
void observe(const PlateauOptions& options, double loss, PlateauState& state);

}  // namespace gradus
