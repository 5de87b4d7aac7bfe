// The learning-rate range test (Smith, 2015 and 2017): what the loss does while the rate rises from tiny to too large.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gradus/train/config.h"

namespace gradus {

struct RateSearchOptions {
  double from = 1e-7;   ///< The first rate, above 0.
  double to = 10.0;     ///< The last, above `from`.
  int64_t steps = 100;  ///< Updates; from 20 to 1,000,000. The rate is multiplied by the same factor at each.
};

struct RateSearch {
  struct Row {
    double learning_rate = 0.0;  ///< Of the step's update.
    double loss = 0.0;           ///< Of the step's batch, before that update; finite.
    double smoothed = 0.0;  ///< The mean over the losses of a twentieth of `steps` on either side; fewer at the ends.
  };
  std::vector<Row> rows;
  /// Where it ended before `to`: the loss or a gradient was not finite, or the moving mean of the losses (of decay rate
  /// 0.9, without bias) was more than 4 times its lowest, and above every loss of the first tenth of `steps`.
  std::optional<double> diverged_at;
  /// The rate at which the losses fall fastest for equal factors of the rate, between the first tenth of `steps` and
  /// `lowest_at`: where the least-squares line through the losses of a tenth of `steps` on either side is steepest.
  /// Nothing if `smoothed` never falls below the mean of the losses in the first tenth by more than three standard
  /// errors of the difference of such means: then no rate has helped.
  std::optional<double> suggestion;
  /// The rate at which `smoothed` is lowest, before it rises: what comes after a rise by more than a quarter of the
  /// fall before it, and by more than those standard errors, does not count once half of the whole fall was behind.
  std::optional<double> lowest_at;
};

/// Trains a model that is made for it as `config` says, but by these rates, without its stopping rules and without
/// validation. Nothing is written. Options out of range are usage errors.
RateSearch search_learning_rate(const Config& config, const RateSearchOptions& options);

/// Fills in `smoothed`, `suggestion` and `lowest_at` from the losses of the first rows of `steps`.
void judge(RateSearch& search, int64_t steps);

}  // namespace gradus
