// log.jsonl: a row a logged step, and one for each event.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gradus/base/files.h"

namespace gradus {

/// What was left out of a log when it was read.
struct LogCut {
  int64_t rows = 0;        ///< Of steps that are done again.
  int64_t unreadable = 0;  ///< Lines that are no JSON object with a step; a torn last line is one.
};

/// The first step whose rows go: of each kind of row.
struct LogEnd {
  int64_t row = 0;
  int64_t warning = 0;
  int64_t rewind = 0;  ///< The step of a rewind is the one that the run went back to.
  /// Whether rows go that were only written because the run ended there.
  bool end_rows = true;
};

/// Takes what comes after `end` out of a log, in one step, and unreadable lines among it. No log is an empty one. Reads
/// the end of the file only, however long the rest is.
LogCut cut_log(const std::filesystem::path& path, const LogEnd& end);

/// Calls `row(step, line)` for every readable line of a log; returns the number of those that are not.
int64_t read_log(const std::filesystem::path& path,
                 const std::function<void(int64_t step, std::string_view line)>& row);

}  // namespace gradus
