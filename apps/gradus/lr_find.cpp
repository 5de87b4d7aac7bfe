// `gradus lr-find`: the learning-rate range test, on a model that is thrown away.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "apps/gradus/config_file.h"
#include "apps/gradus/output.h"
#include "apps/gradus/plot.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/threads.h"
#include "gradus/train/rate_search.h"

namespace gradus::command {
namespace {

// Up to so many rows are printed; --json has all.
constexpr size_t kMostCurveRows = 30;

std::string table_of(const RateSearch& search) {
  std::string text = fmt::format("{:>13}  {:>13}  {:>13}\n", "learning_rate", "loss", "smoothed");
  const size_t every = (search.rows.size() + kMostCurveRows - 1) / kMostCurveRows;
  for (size_t i = 0; i < search.rows.size(); ++i) {
    const RateSearch::Row& row = search.rows[i];
    const bool suggested = search.suggestion == row.learning_rate, lowest = search.lowest_at == row.learning_rate;
    if (i % every != 0 && i + 1 != search.rows.size() && !suggested && !lowest) continue;
    text += fmt::format("{:13.4g}  {:13.6f}  {:13.6f}{}{}\n", row.learning_rate, row.loss, row.smoothed,
                        suggested ? "  falls fastest" : "", lowest ? "  lowest" : "");
  }
  return text;
}

// The end, where the loss is many times what it was, would leave no room for the rest: it is cut off.
std::string curve_of(const RateSearch& search) {
  double low = search.rows.front().smoothed, high = low;
  for (const RateSearch::Row& row : search.rows) {
    if (search.lowest_at && row.learning_rate <= *search.lowest_at) high = std::max(high, row.smoothed);
    low = std::min(low, row.smoothed);
  }
  const double highest = high + 0.5 * (high - low);
  std::vector<PlotPoint> points;
  for (const RateSearch::Row& row : search.rows) {
    points.push_back({row.learning_rate, high > low ? std::min(row.smoothed, highest) : row.smoothed});
  }
  return plot(points,
              {.width = terminal_width(), .log_x = true, .x_name = "learning rate", .y_name = "loss, smoothed"});
}

std::string in_words(const RateSearch& search, const Config& config) {
  std::string text;
  if (search.diverged_at) text += fmt::format("the loss diverged at a learning rate of {:.3g}\n", *search.diverged_at);
  if (!search.suggestion) {
    return text +
           "no rate made the loss fall by more than it varies from batch to batch: nothing is suggested; give more "
           "--steps, a larger batch, or other rates with --from and --to\n";
  }
  text += fmt::format(
      "before it rises it is lowest at {:.3g}, and falls fastest, after the first tenth of the steps and before that, "
      "at {:.3g}:\n"
      "suggested: {}optimizer.learning_rate={:.2g}\n",
      *search.lowest_at, *search.suggestion, config.applies("optimizer.learning_rate") ? "--set " : "",
      *search.suggestion);
  return text;
}

JsonText& add(JsonText& json, const char* key, const std::optional<double>& value) {
  return value ? json.add(key, *value) : json.add(key, nullptr);
}

std::string json_of(const RateSearch& search) {
  JsonText json;
  add(json, "suggestion", search.suggestion);
  add(json, "lowest_at", search.lowest_at);
  add(json, "diverged_at", search.diverged_at);
  std::vector<double> rates, losses, smoothed;
  for (const RateSearch::Row& row : search.rows) {
    rates.push_back(row.learning_rate);
    losses.push_back(row.loss);
    smoothed.push_back(row.smoothed);
  }
  json.add("learning_rate", rates).add("loss", losses).add("smoothed", smoothed);
  return json.line() + "\n";
}

}  // namespace

int lr_find(const LrFindOptions& options) {
  if (options.json && options.plot) fail_usage("--json", "and --plot do not go together; give one of them");
  const TrainOptions& training = options.training;
  const Config config = make_config(training, config_file(training.config, "lr-find"));
  prepare_machine({.isa = training.machine.isa, .threads = {}});
  set_threads(static_cast<int>(config.integer("train.threads")));
  const RateSearch search =
      search_learning_rate(config, {.from = options.from, .to = options.to, .steps = options.steps});
  if (options.json) {
    print(json_of(search));
    return 0;
  }
  if (search.rows.empty()) fail("lr-find", "the loss of the first step is not finite; look at the data");
  print((options.plot ? curve_of(search) : table_of(search)) + "\n" + in_words(search, config));
  return 0;
}

}  // namespace gradus::command
