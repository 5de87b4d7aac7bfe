#include "gradus/train/rate_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradus/base/error.h"
#include "gradus/train/session.h"

namespace gradus {
namespace {

constexpr int64_t kWindowPart = 20, kFirstPart = 10;

void check(const RateSearchOptions& o) {
  constexpr int64_t kLeast = 20, kMost = 1'000'000;
  if (!(o.from > 0.0) || !(o.to > o.from) || !std::isfinite(o.to)) {
    fail_usage("learning rates", "from {} to {}; expected a number above 0 and a higher one", o.from, o.to);
  }
  if (o.steps < kLeast || o.steps > kMost) {
    fail_usage("steps", "{} steps; expected from {} to {}", o.steps, kLeast, kMost);
  }
}

// Only what a step of the configuration's own training does.
TrainerOptions search_options(const Config& config, int64_t steps) {
  TrainerOptions o = trainer_options(config);
  o.steps = steps;
  o.epochs = 0.0;
  o.stop_loss = std::nullopt;
  o.stop_on_validation = false;
  o.max_time_s = 0.0;
  o.validation_every = 0;
  o.patience = 0;
  o.plateau = std::nullopt;
  o.spike_deviations = 0.0;
  o.log_every = std::numeric_limits<int64_t>::max();
  return o;
}

// Whether the losses have gone up for good: by much, and out of what they were at the start, where no rate moves them.
class Divergence {
 public:
  explicit Divergence(int64_t first) : first_(first) {}

  bool seen_with(double loss) {
    constexpr double kDecay = 0.9, kMostTimes = 4.0;
    mean_ = kDecay * mean_ + (1.0 - kDecay) * loss;
    weight_ *= kDecay;
    const double unbiased = mean_ / (1.0 - weight_);
    lowest_ = std::min(lowest_, unbiased);
    if (seen_++ < first_) highest_first_ = std::max(highest_first_, loss);
    return seen_ > first_ && unbiased > kMostTimes * lowest_ && unbiased > highest_first_;
  }

 private:
  int64_t first_, seen_ = 0;
  double mean_ = 0.0, weight_ = 1.0;
  double lowest_ = std::numeric_limits<double>::infinity();
  double highest_first_ = -std::numeric_limits<double>::infinity();
};

// A window that is cut at both ends alike, so that it does not lean to one side.
void smooth(std::vector<RateSearch::Row>& rows, int64_t half) {
  const auto count = static_cast<int64_t>(rows.size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t reach = std::min({half, i, count - 1 - i});
    double sum = 0.0;
    for (int64_t k = i - reach; k <= i + reach; ++k) sum += rows[static_cast<size_t>(k)].loss;
    rows[static_cast<size_t>(i)].smoothed = sum / static_cast<double>(2 * reach + 1);
  }
}

// The mean of the first `count` losses, and by how much the mean of `window` others must differ from it for more than
// chance to set the two apart.
struct Usual {
  double mean = 0.0, spread = 0.0;
};

Usual usual(const std::vector<RateSearch::Row>& rows, size_t count, int64_t window) {
  constexpr double kStandardErrors = 3.0;
  double mean = 0.0, variance = 0.0;
  const auto n = static_cast<double>(count);
  for (size_t i = 0; i < count; ++i) mean += rows[i].loss / n;
  for (size_t i = 0; i < count; ++i) variance += (rows[i].loss - mean) * (rows[i].loss - mean) / (n - 1.0);
  return {mean, kStandardErrors * std::sqrt(variance * (1.0 / n + 1.0 / static_cast<double>(window)))};
}

// Where the smoothed losses are lowest, `lowest`, or in a valley before that, from `first` on, out of which they rose:
// a model that a rate too large has broken may fall again, and lower, but the rates of that fall are not those to train
// by. A valley has half of the whole fall at least, and what leads out of it is a quarter of its own, and no chance.
size_t first_valley(const std::vector<RateSearch::Row>& rows, size_t first, size_t lowest, const Usual& start) {
  constexpr double kLeastDepth = 0.5, kLeastRise = 0.25;
  const double least = start.mean - kLeastDepth * (start.mean - rows[lowest].smoothed);
  size_t valley = first;
  for (size_t i = first; i <= lowest; ++i) {
    const double low = rows[valley].smoothed, rise = rows[i].smoothed - low;
    if (rise < 0.0) valley = i;
    if (low <= least && rise > std::max(start.spread, kLeastRise * (start.mean - low))) return valley;
  }
  return lowest;
}

// Of the least-squares line through the losses from `at` − reach to `at` + reach, but for a factor that is the same for
// all.
double slope_around(const std::vector<RateSearch::Row>& rows, size_t at, size_t reach) {
  double sum = 0.0;
  for (size_t k = 1; k <= reach; ++k) sum += static_cast<double>(k) * (rows[at + k].loss - rows[at - k].loss);
  return sum;
}

}  // namespace

void judge(RateSearch& search, int64_t steps) {
  std::vector<RateSearch::Row>& rows = search.rows;
  const int64_t half = std::max<int64_t>(1, steps / kWindowPart);
  smooth(rows, half);
  const auto first = static_cast<size_t>(steps / kFirstPart);
  if (rows.size() <= 2 * first) return;
  const auto by_smoothed = [](const auto& a, const auto& b) { return a.smoothed < b.smoothed; };
  auto lowest = static_cast<size_t>(std::min_element(rows.begin(), rows.end(), by_smoothed) - rows.begin());
  const Usual start = usual(rows, first, 2 * half + 1);
  const bool helps = rows[lowest].smoothed < start.mean - start.spread;
  if (helps) lowest = first_valley(rows, first, lowest, start);
  search.lowest_at = rows[lowest].learning_rate;
  if (!helps) return;
  double steepest = 0.0;
  for (size_t i = first; i + first < rows.size() && i <= lowest; ++i) {
    const double slope = slope_around(rows, i, first);
    if (slope >= steepest) continue;
    steepest = slope;
    search.suggestion = rows[i].learning_rate;
  }
}

RateSearch search_learning_rate(const Config& config, const RateSearchOptions& options) {
  check(options);
  if (makes_clusters(config)) {
    fail_usage(config.where("model.kind"), "model.kind = \"{}\" has no learning rate to be found; train it as it is",
               config.text("model.kind"));
  }
  if (config.has("solver.name") && config.text("solver.name") != "none") {
    fail_usage(config.where("solver.name"),
               "solver.name = \"{}\" leaves optimizer.learning_rate aside; set solver.name = \"none\" to look for one",
               config.text("solver.name"));
  }
  if (config.text("optimizer.name") == "lbfgs") {
    fail_usage(config.where("optimizer.name"),
               "optimizer.name = \"lbfgs\" searches the length of every step itself, so that no rate is better than "
               "another: optimizer.learning_rate = 1 is as good as any; set another optimizer to look for its rate");
  }
  if (config.text("optimizer.name") == "rprop") {
    fail_usage(config.where("optimizer.name"),
               "optimizer.name = \"rprop\" takes the learning rate for its first step alone, so that a rate that rises "
               "would do nothing; set another optimizer to look for its rate");
  }
  Session session(config, {.row_caches = RowCaches::kUnnamed});
  const ExponentialSchedule schedule{
      .learning_rate = options.from,
      .decay_rate = std::pow(options.to / options.from, 1.0 / static_cast<double>(options.steps - 1))};
  Trainer trainer(search_options(config, options.steps), session.model().parameters(), loss_of(session.model()),
                  *session.data().training, session.optimizer(), schedule);
  RateSearch search;
  Divergence divergence(options.steps / kFirstPart);
  trainer.set_callback([&](const StepRecord& record) {
    if (search.diverged_at) return;    // the step in progress when it was cancelled
    if (record.weight == 0.0) return;  // it did nothing
    if (std::isfinite(record.loss)) search.rows.push_back({record.learning_rate, record.loss});
    if (std::isfinite(record.loss) && !divergence.seen_with(record.loss)) return;
    search.diverged_at = record.learning_rate;
    trainer.cancel();
  });
  const TrainingSummary summary = trainer.run();
  // A gradient that is not finite ends the run, whatever the loss was.
  if (summary.anomaly && !search.diverged_at) search.diverged_at = search.rows.back().learning_rate;
  judge(search, options.steps);
  return search;
}

}  // namespace gradus
