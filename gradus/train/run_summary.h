// How a run ended: its summary.json, read again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// Numbers by name, in the order in which they are written.
using Measures = std::vector<std::pair<std::string, double>>;

struct RunSummary {
  std::string stop_reason;
  std::string seen;   ///< What was wrong with the last step, if it went wrong; else empty.
  Measures measures;  ///< steps, final_loss, best_val_loss and all metrics; those that are null are left out.

  /// Whether it came to an end of its own: it was not interrupted.
  bool is_finished() const { return stop_reason != "interrupted"; }
  /// Whether it ended with a step that was not finite, or a spike.
  bool has_diverged() const { return stop_reason == "non_finite" || stop_reason == "loss_spike"; }
};

/// Of the run in this folder; nothing if it has no summary (yet). A damaged one is an error.
std::optional<RunSummary> read_summary(const std::filesystem::path& run);

/// The measure of this name; nothing if there is none.
std::optional<double> find_measure(const Measures& measures, std::string_view name);

}  // namespace gradus
