// Going on with a run: what differs from the configuration that it had, and what that does.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gradus/train/checkpoint.h"
#include "gradus/train/config.h"

namespace gradus {

struct ConfigChange {
  std::string key;
  std::string before, after;  ///< TOML, or "none".
  bool allowed = false;       ///< It cannot change the result, was named on the command line, or follows from what was.
};

/// The keys whose values differ, in the order of the table. A key that an older version did not have and that nobody
/// set is no difference.
std::vector<ConfigChange> config_changes(const Config& before, const Config& after);

/// A usage error for a key that no checkpoint can go on with: `model.from`, `optimizer.state`.
void check_fixed(const std::vector<ConfigChange>& changes, const Config& config);
/// A usage error that lists every difference, if one of them is not allowed; `--resume without` has none of them.
void check_changes(const std::vector<ConfigChange>& changes, const std::filesystem::path& run,
                   const std::filesystem::path& without);

/// "key  before -> after", a line each.
std::string to_text(const std::vector<ConfigChange>& changes);

/// What another length or schedule does to the learning rate from `step` on: a line, empty if nothing. The steps are
/// what the limits of each configuration allow.
std::string schedule_change(const Config& before, int64_t steps_before, const Config& after, int64_t steps_after,
                            int64_t step);

/// The checkpoint to go on from: `wanted`, or the newest of the run; nothing if the run has none yet. A damaged one is
/// an error that names the damage and offers the newest whole one.
struct StartingPoint {
  std::filesystem::path folder;
  Checkpoint checkpoint;
};
std::optional<StartingPoint> find_start(const std::filesystem::path& run,
                                        const std::optional<std::filesystem::path>& wanted);

}  // namespace gradus
