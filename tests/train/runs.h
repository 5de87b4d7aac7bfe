// Runs in folders: cut short where a test wants it, and what their logs say.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "gradus/train/run.h"
#include "tests/testing.h"

namespace gradus {

/// Trains until `step` updates are done.
inline void train_until(int64_t step, const Config& config, const std::filesystem::path& folder,
                        const RunOptions& options = {}) {
  Run run(config, folder, options);
  run.set_on_step([&](const StepRecord& record) {
    if (record.step == step - 2) run.trainer().cancel();  // it ends with the step after the one that said so
  });
  run.train();
}

/// The rows of a run's log.
inline std::vector<nlohmann::json> log_of(const std::filesystem::path& run) {
  std::istringstream lines(slurp(run / "log.jsonl"));
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

}  // namespace gradus
