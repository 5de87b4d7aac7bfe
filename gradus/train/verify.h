// Whether a run's folder is what was written, and whether training again gives the same bits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gradus {

struct Finding {
  enum class Kind : uint8_t { kGood, kNote, kBad };
  Kind kind = Kind::kGood;
  std::string text;  ///< Begins with the file or folder, relative to the run's.
};

/// Looks at every file of a run's folder and changes none. A usage error if it is no run's.
std::vector<Finding> verify_run(const std::filesystem::path& run);

struct Replay {
  int64_t steps = 0;
  double seconds = 0.0;
  std::string difference;          ///< What differs first; empty if every bit is the same.
  std::vector<std::string> notes;  ///< What may be behind a difference, such as another instruction set.
};

/// A usage error where `replay` has no such steps to go between.
void check_replay(const std::filesystem::path& run, int64_t from, int64_t to);

/// Trains from the checkpoint of step `from` to that of step `to`, in memory alone, and compares the weights, the
/// optimizer's state and the losses. Both must be there, whole, and of one configuration and data; anything else is an
/// error.
Replay replay(const std::filesystem::path& run, int64_t from, int64_t to);

}  // namespace gradus
