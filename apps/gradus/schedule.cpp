// `gradus schedule`: the learning rate of every step, for looking at it before a run.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "apps/gradus/output.h"
#include "apps/gradus/plot.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/train/experiment.h"

namespace gradus::command {
namespace {

constexpr std::string_view kLearningRate = "optimizer.learning_rate", kTable = "schedule.";

// A curve goes through all steps, or as many as a terminal can show.
constexpr int64_t kMostPieces = 4000;

std::string_view bare(std::string_view key) { return key.substr(key.find('.') + 1); }

// The keys that --set takes here: those of [schedule] and its parts but its name, and the learning rate.
std::vector<std::string_view> schedule_keys() {
  std::vector<std::string_view> names{kLearningRate};
  for (const Key& key : configuration_keys()) {
    if (key.name.starts_with(kTable) && key.name != "schedule.name") names.push_back(key.name);
  }
  return names;
}

// "warmup_steps=10" or "parts.0.name=linear", or with its table in front, as --set of a training run takes it.
std::string full_override(const std::string& argument) {
  const std::string name = argument.substr(0, argument.find('=')), rest = argument.substr(name.size());
  const std::string in_table = name.starts_with(kTable) ? name : std::string(kTable) + name;
  std::vector<std::string_view> known;
  for (const std::string_view key : schedule_keys()) {
    known.push_back(bare(key));
    if (key == kLearningRate && (name == bare(key) || name == key)) return std::string(key) + rest;
    if (key == in_table || key == without_item(in_table)) return in_table + rest;
  }
  const std::string meant(bare(without_item(in_table)));
  fail_usage("--set " + argument, "unknown key \"{}\"{}; a schedule has {}", name, did_you_mean(meant, known),
             quoted_list(known));
}

// What the text calls train.steps is --steps here.
std::string in_own_words(std::string_view message, int64_t steps) {
  std::string text(message);
  for (const auto& [key, option] : {std::pair(fmt::format("train.steps = {}", steps), fmt::format("--steps {}", steps)),
                                    {std::string("train.steps"), std::string("--steps")}}) {
    for (size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += option.size()) {
      text.replace(at, key.size(), option);
    }
  }
  return text;
}

Config schedule_config(const ScheduleVerbOptions& options) {
  const std::vector<std::string_view>& names = find_key("schedule.name")->type.choices;
  if (std::find(names.begin(), names.end(), options.name) == names.end()) {
    fail_usage("schedule", "\"{}\" is not a schedule; expected {}{}", options.name, quoted_list(names),
               did_you_mean(options.name, names));
  }
  if (options.name == "plateau") {
    fail_usage("schedule",
               "plateau has no curve of its own: it lowers the rate when a run's validation loss does not improve; the "
               "log of a run has the rate of each step");
  }
  if (options.steps == 0) fail_usage("gradus schedule", "--steps is required; see `gradus schedule --help`");
  std::vector<std::string> overrides{"schedule.name=" + options.name, fmt::format("train.steps={}", options.steps)};
  Config::Typed typed;
  for (const std::string& argument : options.set) {
    overrides.push_back(full_override(argument));
    typed.emplace(overrides.back(), "--set " + argument);
  }
  return Config::parse("data.kind = 'line'\nmodel.kind = 'linear'", "schedule " + options.name, overrides, typed);
}

Schedule checked_schedule(const ScheduleVerbOptions& options) {
  try {
    Schedule schedule = make_schedule(schedule_config(options), options.steps);
    check_schedule(schedule, options.steps);
    return schedule;
  } catch (const Error& error) {
    throw Error(error.kind(), error.subject(), in_own_words(error.message(), options.steps));
  }
}

std::string curve(const Schedule& schedule, const ScheduleVerbOptions& options) {
  std::vector<PlotPoint> points;
  const int64_t last = options.steps - 1, pieces = std::clamp<int64_t>(last, 1, kMostPieces);
  for (int64_t i = 0; i <= std::min(last, pieces); ++i) {  // evenly, both ends among them
    const int64_t step = last / pieces * i + last % pieces * i / pieces;
    points.push_back({static_cast<double>(step), learning_rate_at(schedule, step)});
  }
  return plot(points, {.width = terminal_width(),
                       .from_zero = true,
                       .x_name = "step",
                       .y_name = fmt::format("learning rate, {}", options.name)});
}

}  // namespace

int schedule(const ScheduleVerbOptions& options) {
  const Schedule schedule = checked_schedule(options);
  if (options.plot) {
    print(curve(schedule, options));
    return 0;
  }
  constexpr size_t kPiece = 1 << 16;
  fmt::memory_buffer rows;
  fmt::format_to(std::back_inserter(rows), "step,learning_rate\n");
  for (int64_t step = 0; step < options.steps; ++step) {
    fmt::format_to(std::back_inserter(rows), "{},{}\n", step, learning_rate_at(schedule, step));
    if (rows.size() < kPiece) continue;
    print({rows.data(), rows.size()});
    rows.clear();
  }
  print({rows.data(), rows.size()});
  return 0;
}

}  // namespace gradus::command
