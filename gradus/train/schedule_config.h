// [schedule] of a configuration, and its [[schedule.parts]]: what they are, and which do not go together.
#pragma once

#include <cstdint>
#include <optional>

#include "gradus/optim/plateau.h"
#include "gradus/optim/schedule.h"

namespace gradus {

class Config;

/// Whether the schedule, no sequence, has a place where it ends: schedule.total_steps, or the end of the run.
bool schedule_has_end(const Config& config);

/// The schedule; `planned_steps` stands in where `schedule.total_steps` has no value, and the last part of a sequence
/// ends there unless it says otherwise. Of `plateau` it is what its factor is multiplied with: the warm-up. A usage error
/// if the warm-up, or the decay of `wsd`, is longer than that.
Schedule make_schedule(const Config& config, int64_t planned_steps);

/// Of `schedule.name = "plateau"`; nothing for others.
std::optional<PlateauOptions> plateau_options(const Config& config);

/// A usage error for keys of [schedule] that do not go together; each on its own has been checked before.
void check_schedule_keys(const Config& config);

}  // namespace gradus
