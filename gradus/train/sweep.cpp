#include "gradus/train/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/train/report.h"
#include "gradus/train/swept_keys.h"

namespace gradus {
namespace {

constexpr int64_t kMostTrials = 10'000;  // each has a configuration of its own in memory

// What is between the ends at u = 0 … 1.
double between(const SweptRange& range, double u) {
  if (!range.is_log) return range.low + u * (range.high - range.low);
  return std::exp(std::log(range.low) + u * (std::log(range.high) - std::log(range.low)));
}

std::string number_text(double number, bool is_integer) {
  return is_integer ? fmt::format("{}", static_cast<int64_t>(number)) : to_toml(Value(number));
}

// Each whole number has a stretch of its own, of length 1.
std::string random_value(const SweptRange& range, double u) {
  if (!range.is_integer) return number_text(std::clamp(between(range, u), range.low, range.high), false);
  SweptRange wider = range;
  wider.high += 1.0;
  return number_text(std::clamp(std::floor(between(wider, u)), range.low, range.high), true);
}

std::string random_value(const SweptKey& key, double u) {
  if (key.range) return random_value(*key.range, u);
  const double at = u * static_cast<double>(key.values.size());
  return key.values[std::min(key.values.size() - 1, static_cast<size_t>(at))];
}

// With 12 digits: a decade is 0.01, and not 0.010000000000000002.
double with_12_digits(double number) { return std::stod(fmt::format("{:.12g}", number)); }

std::vector<std::string> grid_values(const SweptKey& key) {
  if (!key.range) return key.values;
  const SweptRange& range = *key.range;
  if (range.points == 0) {
    fail_usage(key.where,
               "\"{}\" is a range without points, which a grid cannot go through; say how many, points = 5, "
               "or take sweep.method = \"random\"",
               key.name);
  }
  std::vector<std::string> values;
  for (int64_t i = 0; i < range.points; ++i) {
    const double u = static_cast<double>(i) / static_cast<double>(range.points - 1);
    const bool is_end = i == 0 || i + 1 == range.points;
    const double number = is_end ? (i == 0 ? range.low : range.high) : with_12_digits(between(range, u));
    const std::string text = number_text(range.is_integer ? std::round(number) : number, range.is_integer);
    if (values.empty() || values.back() != text) values.push_back(text);
  }
  return values;
}

using Combination = std::vector<std::string>;  // a value of each key

std::vector<Combination> grid_of(const std::vector<SweptKey>& keys) {
  std::vector<Combination> all = {{}};
  for (const SweptKey& key : keys) {
    const std::vector<std::string> values = grid_values(key);
    if (static_cast<int64_t>(all.size() * values.size()) > kMostTrials) {
      fail_usage(key.where,
                 "the grid has more than {} combinations; give fewer values, or take sweep.method = "
                 "\"random\"",
                 kMostTrials);
    }
    std::vector<Combination> longer;
    for (const Combination& begun : all) {
      for (const std::string& value : values) {
        longer.push_back(begun);
        longer.back().push_back(value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::vector<Combination> random_of(const std::vector<SweptKey>& keys, int64_t trials, uint64_t seed) {
  std::vector<Combination> all(static_cast<size_t>(trials));
  for (const SweptKey& key : keys) {
    const RandomStream stream(mix(mix(seed, hash_name("sweep")), hash_name(key.name)));
    for (size_t i = 0; i < all.size(); ++i) all[i].push_back(random_value(key, stream.uniform(i, 0)));
  }
  return all;
}

bool has_validation_in(std::string_view metric) { return metric.starts_with("val_") || metric == "best_val_loss"; }

// That of `gradus eval --report`, as it is called there; nothing if the metric is none.
std::optional<std::string_view> report_measure(std::string_view metric) {
  const std::string_view name = metric.substr(metric.starts_with("val_") ? 4 : 0);
  return is_better_high(name) ? std::optional(name) : std::nullopt;
}

// A misspelt one would be found when the first trial has ended.
void check_name(const Config& base) {
  constexpr std::string_view kOfRuns[] = {"steps", "final_loss", "best_val_loss"};
  constexpr std::string_view kOfValidations[] = {"val_loss", "val_accuracy", "val_recall_at_1", "val_r2",
                                                 "val_rmse", "val_mae",      "val_perplexity",  "val_bits_per_byte"};
  const std::string& metric = base.text("sweep.metric");
  const auto is_in = [&](const auto& names) { return std::ranges::find(names, metric) != std::end(names); };
  if (is_in(kOfRuns) || is_in(kOfValidations) || report_measure(metric)) return;
  fail_usage(base.where("sweep.metric"),
             "sweep.metric = \"{}\" is no measure of a run; expected one of {}, {}, or of `gradus eval --report`, such "
             "as f1 or roc_auc",
             metric, fmt::join(kOfRuns, ", "), fmt::join(kOfValidations, ", "));
}

void check_metric(const Config& config, const std::string& metric) {
  const bool is_reported = config.has("validation.report") && config.boolean("validation.report");
  if (!has_validation_in(metric) || (is_reported && report_measure(metric)) || !holds_none_out(config)) return;
  fail_usage(config.where("data.validation_fraction"),
             "data.validation_fraction = 0.0, so there is no {} to compare trials by; set it above 0, or take "
             "sweep.metric = \"final_loss\"",
             metric);
}

// What is wrong with a combination, with the place of the key at fault, as far as it is known.
[[noreturn]] void fail_trial(int64_t number, const std::vector<SweptKey>& keys, const Combination& combination,
                             const Error& error) {
  std::string subject(error.subject()), values;
  for (size_t i = 0; i < keys.size(); ++i) {
    values += fmt::format("{}{} = {}", i == 0 ? "" : ", ", keys[i].name, combination[i]);
    if (subject.starts_with(fmt::format("--set {}=", keys[i].name))) subject = keys[i].where;
  }
  throw Error(error.kind(), subject, fmt::format("trial {} ({}): {}", number, values, error.message()));
}

Trial make_trial(const Config& base, const std::vector<SweptKey>& keys, const Combination& combination, int64_t number,
                 const std::string& metric) {
  std::vector<std::string> overrides;
  for (size_t i = 0; i < keys.size(); ++i) overrides.push_back(fmt::format("{}={}", keys[i].name, combination[i]));
  try {
    Trial trial{number, {}, base.with(overrides)};
    check_metric(trial.config, metric);
    for (const SweptKey& key : keys) {
      trial.values.emplace_back(key.name, *internal::read_toml_value(trial.config.shown(key.name)).value);
    }
    return trial;
  } catch (const Error& error) {
    fail_trial(number, keys, combination, error);
  }
}

// The file's method and number of trials, unless the command line has others.
Config with_request(Config base, const SweepRequest& request) {
  if (!request.grid.empty() && !request.random.empty()) {
    fail_usage("--grid", "and --random do not go together; a random search draws from a list by --random KEY=v1,v2,…");
  }
  if (!request.random.empty()) base.set("sweep.method", "random", "--random");
  if (!request.grid.empty() && base.text("sweep.method") != "grid") {
    if (base.is_set("sweep.trials")) {
      fail_usage("--grid", "{} is a random search of sweep.trials; give --random KEY=v1,v2,… to draw from a list",
                 base.where("sweep.method"));
    }
    base.set("sweep.method", "grid", "--grid");
  }
  if (request.trials) base.set("sweep.trials", *request.trials, "--trials");
  if (request.metric) base.set("sweep.metric", *request.metric, "--metric");
  return base;
}

bool is_maximized(const Config& base, std::string_view metric) {
  if (base.has("sweep.direction")) return base.text("sweep.direction") == "maximize";
  if (metric == "val_recall_at_1") return true;  // in no report
  const std::optional<std::string_view> measure = report_measure(metric);
  return measure && *is_better_high(*measure);
}

// Trials have to write down a measure that validations have not. Returns what it is called in their summaries.
std::string with_report(Config& base) {
  std::string metric = base.text("sweep.metric");
  const std::optional<std::string_view> measure = report_measure(metric);
  if (!measure || !base.has("validation.report")) return metric;
  constexpr std::string_view kOfValidations[] = {"accuracy", "r2", "rmse", "mae"};
  const bool is_validated = std::ranges::find(kOfValidations, *measure) != std::end(kOfValidations);
  if (!is_validated || base.integer("validation.every") == 0) base.set("validation.report", true, "sweep.metric");
  return "val_" + std::string(*measure);
}

}  // namespace

std::string Trial::name() const { return fmt::format("trial-{:04}", number); }

int64_t Trial::folds() const {
  return config.has("data.folds") && !config.is_set("data.fold") ? config.integer("data.folds") : 0;
}

std::string values_text(const Trial& trial) {
  std::string text;
  for (const auto& [key, value] : trial.values)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key, to_toml(value));
  return text;
}

Sweep make_sweep(const Config& given, const SweepRequest& request) {
  Config base = with_request(given, request);
  check_name(base);
  Sweep sweep;
  sweep.metric = with_report(base);
  sweep.is_maximized = is_maximized(base, sweep.metric);
  sweep.keys = swept_keys(base, request);
  const bool is_random = base.text("sweep.method") == "random";
  const auto seed = static_cast<uint64_t>(base.integer("train.seed"));
  const std::vector<Combination> combinations =
      is_random ? random_of(sweep.keys, base.integer("sweep.trials"), seed) : grid_of(sweep.keys);
  for (const Combination& combination : combinations) {
    const auto number = static_cast<int64_t>(sweep.trials.size()) + 1;
    sweep.trials.push_back(make_trial(base, sweep.keys, combination, number, sweep.metric));
  }
  return sweep;
}

}  // namespace gradus
