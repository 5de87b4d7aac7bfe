// Several processes of this program side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gradus::command {

struct ChildEnd {
  size_t job = 0;      ///< Which of the jobs.
  int exit_code = 0;   ///< 128 + the signal that ended it, if one did.
  std::string errors;  ///< What it wrote to standard error.
};

/// Runs `gradus` with the arguments of each job, in their order, up to `at_once` of them side by side; what they print
/// is left aside. `on_start` and `on_end` are called in this process. The first SIGINT or SIGTERM is handed on to those
/// that run, and no more are begun; a second one ends them at once. Returns that signal, or 0. However this process
/// ends, its children are asked to end too. An error that `on_end` throws ends all as a signal does.
int run_children(const std::vector<std::vector<std::string>>& jobs, int64_t at_once,
                 const std::function<void(size_t job)>& on_start, const std::function<void(const ChildEnd&)>& on_end);

}  // namespace gradus::command
