// What came out of a sweep: each trial's numbers, which is best, and the table of all.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gradus/train/run_summary.h"
#include "gradus/train/sweep.h"

namespace gradus {

enum class TrialStatus : uint8_t {
  kWaiting,   ///< Not begun, or interrupted.
  kDone,      ///< Came to its end.
  kDiverged,  ///< A step was not finite, or the loss spiked.
  kFailed,    ///< Its process ended with an error.
};

/// "waiting", "done", "diverged", "failed".
std::string_view name_of(TrialStatus status);

struct TrialResult {
  TrialStatus status = TrialStatus::kWaiting;
  std::string reason;           ///< `stop_reason`, or what went wrong.
  Measures measures;            ///< With folds the means over them, of what all of them have.
  std::optional<double> value;  ///< Of the metric that trials are compared by.
};

/// The folders of the trial's runs below that of the sweep: one, or one a fold.
std::vector<std::filesystem::path> run_folders(const Trial& trial, const std::filesystem::path& out);

/// What the trial's folders say: waiting, done or diverged. One that is done but without the metric has `reason` say
/// so.
TrialResult read_result(const Trial& trial, const std::string& metric, const std::filesystem::path& out);

/// The trials' places in `results`, the best first, those without a value last; equals by number.
std::vector<size_t> ranking(const Sweep& sweep, const std::vector<TrialResult>& results);
/// The first of them, if it has a value.
std::optional<size_t> best_of(const Sweep& sweep, const std::vector<TrialResult>& results);

/// For people: a line a trial, the best first.
std::string sweep_table(const Sweep& sweep, const std::vector<TrialResult>& results);
/// The same with all measures, for programs: trial, status, reason, the keys, the measures.
std::string sweep_csv(const Sweep& sweep, const std::vector<TrialResult>& results);
/// One object: {"metric", "direction", "best", "trials": [{"trial", "folder", "status", "reason", "value", "keys",
/// "measures"}, …]}; `best` is a trial's number, or null.
std::string sweep_json(const Sweep& sweep, const std::vector<TrialResult>& results);

/// The trials' configurations in the folder of the sweep, trial-0001.toml and so on: those that are not there yet are
/// written. A usage error, before any is, if the folder has others than these trials', or more, or is no sweep's.
void write_trials(const Sweep& sweep, const std::filesystem::path& out);
/// If some trials are done and others wait: a usage error unless the data is what the former were trained on.
void check_data(const Sweep& sweep, const std::vector<TrialResult>& results, const std::filesystem::path& out);
/// sweep.csv, sweep.json and, if there is a best one, best.toml: each whole or not at all.
void write_results(const Sweep& sweep, const std::vector<TrialResult>& results, const std::filesystem::path& out);

}  // namespace gradus
