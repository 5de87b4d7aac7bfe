// The files of a sweep's folder.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/folders.h"
#include "gradus/train/resume.h"
#include "gradus/train/run_files.h"
#include "gradus/train/sweep_result.h"
#include "gradus/train/trained_run.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

fs::path config_path(const Trial& trial, const fs::path& out) { return out / (trial.name() + ".toml"); }

// What a trial may have otherwise than when the sweep was begun: it changes no result.
bool is_free(std::string_view key) {
  return key == "train.threads" || key == "train.workers" || key == "log.every" || key.starts_with("checkpoint.");
}

void check_trial(const Trial& trial, const fs::path& out) {
  const fs::path path = config_path(trial, out);
  std::error_code error;
  if (!fs::exists(path, error)) return;
  std::vector<ConfigChange> changes = config_changes(Config::load(path.string()), trial.config);
  std::erase_if(changes, [](const ConfigChange& change) { return is_free(change.key); });
  if (changes.empty()) return;
  fail_usage(out.string(), "has another sweep: trial {} is not what it was:{}\nput that back, or choose another --out",
             trial.number, to_text(changes));
}

// A trial's number, if it is the name of a trial's configuration.
int64_t number_in(const fs::path& path) {
  const std::string stem = path.stem().string();
  if (path.extension() != ".toml" || !stem.starts_with("trial-")) return 0;
  const std::string digits = stem.substr(6);
  const bool is_number =
      !digits.empty() && digits.size() < 10 && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? std::stoll(digits) : 0;
}

void check_folder(const Sweep& sweep, const fs::path& out) {
  std::error_code error;
  if (fs::exists(out, error) && !fs::is_directory(out, error)) {
    fail_usage(out.string(), "is a file; a sweep needs a folder: choose another --out");
  }
  int64_t last = 0;
  bool has_others = false;
  for (const fs::path& path : list_folder(out)) {
    last = std::max(last, number_in(path));
    has_others = has_others || (path.filename() != FolderLock::kName && !is_leftover(path));
  }
  if (last == 0 && has_others) {
    fail_usage(out.string(), "is not empty and has no sweep to go on with; choose another --out");
  }
  if (last > static_cast<int64_t>(sweep.trials.size())) {
    fail_usage(out.string(),
               "has another sweep: of {} trials, and this one is of {}; a sweep may grow, not shrink: "
               "choose another --out",
               last, sweep.trials.size());
  }
}

}  // namespace

void write_trials(const Sweep& sweep, const fs::path& out) {
  check_folder(sweep, out);
  for (const Trial& trial : sweep.trials) check_trial(trial, out);
  make_folders(out);
  for (const Trial& trial : sweep.trials) {
    const fs::path path = config_path(trial, out);
    std::error_code error;
    if (fs::exists(path, error)) continue;
    write_file(
        path, fmt::format("# Trial {} of a sweep: {}\n\n{}", trial.number, values_text(trial), trial.config.to_toml()));
  }
}

void check_data(const Sweep& sweep, const std::vector<TrialResult>& results, const fs::path& out) {
  const auto is_waiting = [](const TrialResult& result) { return result.status == TrialStatus::kWaiting; };
  if (std::ranges::none_of(results, is_waiting)) return;
  std::set<std::string> seen;  // a trial of each file is enough
  for (size_t i = 0; i < results.size(); ++i) {
    const Config& config = sweep.trials[i].config;
    const fs::path folder = run_folders(sweep.trials[i], out)[0];
    std::error_code error;
    if (is_waiting(results[i]) || !config.has("data.path") || !fs::exists(folder / run_files::kModel, error)) continue;
    if (!seen.insert(config.shown("data.path")).second) continue;
    const TrainedRun run = load(folder);
    const std::optional<RunFacts> facts = run.facts();
    const ExperimentData data = make_data(run.config(), run.encoder());
    if (!facts || facts->data_hash == data.hash) continue;
    fail_usage(
        out.string(),
        "has trials of other data: trial {} was trained on what {} was then ({} examples to train on, {} now), so "
        "that others would not compare; put the same data back, or choose another --out",
        sweep.trials[i].number, fmt::join(config.texts("data.path"), ", "), facts->examples, data.training->size());
  }
}

void write_results(const Sweep& sweep, const std::vector<TrialResult>& results, const fs::path& out) {
  write_file(out / "sweep.csv", sweep_csv(sweep, results));
  write_file(out / "sweep.json", sweep_json(sweep, results));
  const std::optional<size_t> best = best_of(sweep, results);
  if (!best) return;
  const Trial& trial = sweep.trials[*best];
  write_file(out / "best.toml",
             fmt::format("# Trial {}, the best of {}: {} = {}\n# {}\n\n{}", trial.number, results.size(), sweep.metric,
                         *results[*best].value, values_text(trial), trial.config.to_toml()));
}

}  // namespace gradus
