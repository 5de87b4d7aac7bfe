// Runs the unmodified command under gradus_faults (faults.h says what that can do) and looks at what it leaves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/command/command.h"

namespace gradus {

/// --whole: try everything instead of a sample.
extern bool g_whole;

/// How far apart the numbers are that are tried.
struct Step {
  uint64_t sample, whole = 1;  ///< Without and with --whole.
};

/// 1, 1 + step, …, and `count`.
std::vector<uint64_t> numbers_to_try(uint64_t count, Step step);

/// FAULTS_* without that prefix, and their values: {{"KILL_AT", "3"}}.
using Faults = std::vector<std::pair<std::string, std::string>>;

struct FaultyResult {
  CommandResult command;
  std::map<std::string, std::string>
      report;         ///< FAULTS_COUNT by first word; empty if the process was killed by others.
  std::string trace;  ///< FAULTS_TRACE

  uint64_t count(const std::string& name) const { return std::stoull(report.at(name)); }
};

/// Options for `Command`: the shim around a program that works below `folder`.
Command::Options faulty_options(const std::filesystem::path& folder, const Faults& faults);

/// The command in `folder` with these faults in the files below it.
FaultyResult run_with_faults(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                             const Faults& faults, const std::string& program = GRADUS_COMMAND);

/// A training run that is small enough to be done a thousand times. Its configuration and data are files of the folder
/// it runs in, so that reading them can fail too; its run's folder is "run".
struct Experiment {
  std::string name;
  std::map<std::string, std::string> files;  ///< Name and contents.
  std::vector<std::string> arguments;        ///< Of `gradus`.
  Step memory_step;                          ///< Between the allocations that are refused.
  int64_t interval = 0;                      ///< Steps between checkpoints; 0 for one at the end only.

  void lay_out(const std::filesystem::path& folder) const;
};
/// For GoogleTest.
inline void PrintTo(const Experiment& experiment, std::ostream* stream) { *stream << experiment.name; }

Experiment line_experiment();  ///< The recipe linear_regression.
Experiment text_experiment();  ///< A tiny GPT with dropout and validation.

/// What the experiment leaves when nothing happens to it, and how many calls it takes. Computed once.
struct Undisturbed {
  std::map<std::string, std::string> files;  ///< Of the run's folder.
  FaultyResult result;
};
const Undisturbed& undisturbed(const Experiment& experiment);

/// What must be the same whenever a run has finished, by the names of its folder's files: their bytes, but of those
/// that tell the time all else that they say. Manifests, which have the sums of those, are left out.
std::map<std::string, std::string> repeatable(std::map<std::string, std::string> files);

/// Name and contents of the files in a folder; none if it does not exist.
std::map<std::string, std::string> files_of(const std::filesystem::path& folder);

enum class Leftovers { kForbidden, kAllowed };

/// What is wrong with a run's folder, a line each, or "": every file must be one that a run has and be whole. Of the
/// log the last line may be cut off. A folder that does not exist is fine. `temporary`: whether files that an
/// AtomicFile writes before it commits may be there, as after a kill.
std::string not_whole(const std::filesystem::path& run, Leftovers temporary);

}  // namespace gradus
