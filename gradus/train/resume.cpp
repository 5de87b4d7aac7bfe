#include "gradus/train/resume.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/optim/schedule.h"
#include "gradus/train/experiment.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

// A value that follows from others may change with them, or be left to the data by them, but not take the place of one
// that was given.
bool is_allowed(const Config& before, const Config& after, std::string_view key) {
  if (!changes_result(key) || after.is_named(key)) return true;
  if (before.follows(key) && !after.is_set(key)) return true;
  return after.follows(key) && (before.follows(key) || !after.has(key));
}

bool is_off(const std::string& ema) { return ema == "none" || ema == "0.0"; }

std::optional<FoundCheckpoint> newest_whole(const fs::path& run, const fs::path& but) {
  const std::vector<FoundCheckpoint> found = list_checkpoints(run);
  for (auto checkpoint = found.rbegin(); checkpoint != found.rend(); ++checkpoint) {
    if (checkpoint->folder != but && checkpoint_damage(checkpoint->folder).empty()) return *checkpoint;
  }
  return std::nullopt;
}

[[noreturn]] void fail_damaged(const fs::path& run, const fs::path& folder, const Error& damage) {
  const std::optional<FoundCheckpoint> whole = newest_whole(run, folder);
  fail(folder.string(), "this checkpoint is damaged: {}\n  {}", damage.what(),
       whole ? fmt::format("the newest whole one is of step {}: --resume {} goes on from there", whole->step,
                           whole->folder.string())
             : std::string("the run has no whole checkpoint"));
}

}  // namespace

std::vector<ConfigChange> config_changes(const Config& before, const Config& after) {
  std::vector<ConfigChange> changes;
  for (const Key& key : configuration_keys()) {
    if (table_of(key.name) == "sweep") continue;
    // The items of a list of tables are compared one by one.
    const std::vector<std::string> old_names = before.names_of(key.name), new_names = after.names_of(key.name);
    for (const std::string& name : old_names.size() > new_names.size() ? old_names : new_names) {
      const std::string old_value = before.shown(name), new_value = after.shown(name);
      const bool is_new = !before.has(name) && !after.is_set(name);
      const bool is_begun = name == "model.from" && !after.has(name);  // it has done its work
      if (old_value == new_value || is_new || is_begun) continue;
      changes.push_back({name, old_value, new_value, is_allowed(before, after, name)});
    }
  }
  return changes;
}

std::string to_text(const std::vector<ConfigChange>& changes) {
  std::string text;
  for (const ConfigChange& change : changes) {
    text += fmt::format("\n  {}  {} -> {}", change.key, change.before, change.after);
  }
  return text;
}

void check_fixed(const std::vector<ConfigChange>& changes, const Config& config) {
  for (const ConfigChange& change : changes) {
    if (change.key == "model.from") {
      fail_usage(config.where(change.key),
                 "model.from is where a new run starts; this one goes on with its own weights: leave it out");
    }
    // What the checkpoint's tensors are cannot change with them; another decay of an average that there is can.
    const bool turns_ema = change.key == "optimizer.ema" && (is_off(change.before) || is_off(change.after));
    if (change.key == "optimizer.state" || change.key == "optimizer.name" || turns_ema) {
      fail_usage(config.where(change.key),
                 "{} is {} in the run's checkpoints, and stays that; leave it out, or start a new run from the weights "
                 "of this one, with model.from",
                 change.key, change.before);
    }
  }
}

void check_changes(const std::vector<ConfigChange>& changes, const fs::path& run, const fs::path& without) {
  const auto refused = std::find_if(changes.begin(), changes.end(), [](const auto& change) { return !change.allowed; });
  if (refused == changes.end()) return;
  const std::string naming = refused->after == "none" ? fmt::format("put {} = {} back", refused->key, refused->before)
                                                      : fmt::format("to go on with it name it, for example --set {}={}",
                                                                    refused->key, refused->after);
  fail_usage(
      run.string(),
      "the configuration is not the one that the run had:{}\n{} can change the result: {}; or leave the configuration "
      "out (--resume {}), or choose another --out",
      to_text(changes), refused->key, naming, without.string());
}

std::string schedule_change(const Config& before, int64_t steps_before, const Config& after, int64_t steps_after,
                            int64_t step) {
  if (steps_before == steps_after && before.shown("schedule.total_steps") == after.shown("schedule.total_steps"))
    return "";
  const std::string& name = after.text("schedule.name");
  const bool has_end = schedule_has_end(after);
  if ((!has_end && name != "sequence") || step >= steps_after) return "";
  const double rate = learning_rate_at(make_schedule(after, steps_after), step);
  std::string text = fmt::format("schedule {}: the learning rate of step {} is {:.4g}", name, step, rate);
  if (before.text("schedule.name") == name && name != "dynamic") {
    text += fmt::format(" (it would have been {:.4g})", learning_rate_at(make_schedule(before, steps_before), step));
  }
  if (!has_end) return text;
  const bool is_fixed = after.is_set("schedule.total_steps");
  const int64_t total = is_fixed ? after.integer("schedule.total_steps") : steps_after;
  if (total < steps_after && name != "dynamic") {
    return text + fmt::format(
                      "; it ends at step {}, and the rate stays as it is then; --set schedule.total_steps={} would "
                      "stretch it",
                      total, steps_after);
  }
  return text +
         fmt::format("; it reaches its end at step {}{}", total, is_fixed ? "" : ", as the length of the run now says");
}

std::optional<StartingPoint> find_start(const fs::path& run, const std::optional<fs::path>& wanted) {
  fs::path folder;
  if (wanted) {
    folder = *wanted;
  } else {
    const std::vector<FoundCheckpoint> found = list_checkpoints(run);
    if (found.empty()) return std::nullopt;
    folder = found.back().folder;
  }
  try {
    return StartingPoint{folder, read_checkpoint(folder)};
  } catch (const Error& damage) {
    fail_damaged(run, folder, damage);
  }
}

}  // namespace gradus
