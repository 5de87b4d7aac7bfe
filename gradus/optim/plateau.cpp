#include "gradus/optim/plateau.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "gradus/optim/option.h"

namespace gradus {
namespace {

constexpr std::string_view kPlateau = "plateau";

bool improves(const PlateauOptions& o, double loss, const PlateauState& state) {
  if (!std::isfinite(loss)) return false;
  if (!state.best) return true;
  const double best = *state.best;
  return loss < (o.absolute ? best - o.threshold : best * (1.0 - o.threshold));
}

void check_count(std::string_view name, int64_t value) {
  if (value < 0) fail_usage(kPlateau, "{} is {}; expected 0 or more", name, value);
}

}  // namespace

void check_plateau(const PlateauOptions& o) {
  detail::check_option(o.decay_factor >= 0.0 && o.decay_factor < 1.0, kPlateau, "decay_factor", o.decay_factor,
                       "a number from 0 to below 1");
  detail::check_from_0(kPlateau, "threshold", o.threshold);
  if (!o.absolute) {
    detail::check_option(o.threshold < 1.0, kPlateau, "threshold", o.threshold,
                         "a part of the lowest loss, below 1, or an absolute threshold");
  }
  detail::check_option(o.final_factor >= 0.0 && o.final_factor <= 1.0, kPlateau, "final_factor", o.final_factor,
                       "a number from 0 to 1");
  check_count("patience", o.patience);
  check_count("cooldown", o.cooldown);
}

void observe(const PlateauOptions& o, double loss, PlateauState& state) {
  if (improves(o, loss, state)) {
    state.best = loss;
    state.waited = 0;
  } else {
    ++state.waited;
  }
  if (state.cooldown_left > 0) {
    --state.cooldown_left;
    state.waited = 0;
  }
  if (state.waited <= o.patience) return;
  state.factor = std::max(state.factor * o.decay_factor, o.final_factor);
  state.cooldown_left = o.cooldown;
  state.waited = 0;
}

}  // namespace gradus
