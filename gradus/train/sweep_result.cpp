#include "gradus/train/sweep_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/data/csv.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

// The mean of each measure that all of the runs have, in the order of the first.
Measures means_of(const std::vector<RunSummary>& runs) {
  Measures means;
  for (const auto& [name, first] : runs.front().measures) {
    double sum = 0.0;
    const bool is_everywhere = std::ranges::all_of(runs, [&, &name = name](const RunSummary& run) {
      const std::optional<double> value = find_measure(run.measures, name);
      sum += value.value_or(0.0);
      return value.has_value();
    });
    if (is_everywhere) means.emplace_back(name, sum / static_cast<double>(runs.size()));
  }
  return means;
}

std::string without_metric(const std::string& metric, const Measures& measures) {
  std::string names;
  for (const auto& [name, value] : measures) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  return fmt::format("it has no {}, only {}", metric, names);
}

// Columns as wide as what stands in them; two spaces between.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  const auto width_of = [](const std::string& text) {
    return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  };
  std::vector<int64_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max<int64_t>(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(static_cast<size_t>(widths[i] - width_of(row[i])) + 2, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

// A text without quotes.
std::string plain(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? *text : to_toml(value);
}

// A random number's 17 digits would fill the table; the files have all of them.
std::string short_value(const Value& value) {
  constexpr size_t kLong = 10;
  const auto* number = std::get_if<double>(&value);
  const std::string text = plain(value);
  return number != nullptr && text.size() > kLong ? fmt::format("{:.4g}", *number) : text;
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) line += (line.empty() ? "" : ",") + (field.empty() ? "" : csv_field(field));
  return line + "\n";
}

// The names of all measures of all trials, in the order in which they first appear.
std::vector<std::string> names_of_measures(const std::vector<TrialResult>& results) {
  std::vector<std::string> names;
  for (const TrialResult& result : results) {
    for (const auto& [name, value] : result.measures) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

}  // namespace

std::string_view name_of(TrialStatus status) {
  constexpr std::string_view kNames[] = {"waiting", "done", "diverged", "failed"};
  return kNames[static_cast<size_t>(status)];
}

std::vector<fs::path> run_folders(const Trial& trial, const fs::path& out) {
  const fs::path folder = out / trial.name();
  std::vector<fs::path> folders;
  for (int64_t i = 0; i < trial.folds(); ++i) folders.push_back(folder / fmt::format("fold_{}", i));
  return folders.empty() ? std::vector{folder} : folders;
}

TrialResult read_result(const Trial& trial, const std::string& metric, const fs::path& out) {
  std::vector<RunSummary> runs;
  const std::vector<fs::path> folders = run_folders(trial, out);
  for (const fs::path& folder : folders) {
    std::optional<RunSummary> run = read_summary(folder);
    if (!run || !run->is_finished()) return {};
    runs.push_back(std::move(*run));
  }
  TrialResult result{TrialStatus::kDone, runs.front().stop_reason, means_of(runs), {}};
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!runs[i].has_diverged()) continue;
    result.status = TrialStatus::kDiverged;
    result.reason =
        runs.size() > 1 ? fmt::format("{}: {}", folders[i].filename().string(), runs[i].seen) : runs[i].seen;
    return result;
  }
  result.value = find_measure(result.measures, metric);
  if (!result.value) result.reason = without_metric(metric, result.measures);
  return result;
}

std::vector<size_t> ranking(const Sweep& sweep, const std::vector<TrialResult>& results) {
  std::vector<size_t> order(results.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto badness = [&](size_t i) {
    constexpr double kLast = std::numeric_limits<double>::infinity();
    if (!results[i].value) return kLast;
    return sweep.is_maximized ? -*results[i].value : *results[i].value;
  };
  std::ranges::stable_sort(order, {}, badness);
  return order;
}

std::optional<size_t> best_of(const Sweep& sweep, const std::vector<TrialResult>& results) {
  const std::vector<size_t> order = ranking(sweep, results);
  return !order.empty() && results[order[0]].value ? std::optional(order[0]) : std::nullopt;
}

std::string sweep_table(const Sweep& sweep, const std::vector<TrialResult>& results) {
  std::vector<std::vector<std::string>> rows = {{"trial", sweep.metric}};
  for (const SweptKey& key : sweep.keys) rows[0].push_back(key.name);
  rows[0].insert(rows[0].end(), {"steps", "ended by"});
  for (const size_t i : ranking(sweep, results)) {
    const TrialResult& result = results[i];
    const Trial& trial = sweep.trials[i];
    const std::optional<double> steps = find_measure(result.measures, "steps");
    std::vector<std::string> row = {fmt::format("{}", trial.number),
                                    result.value ? fmt::format("{:.6g}", *result.value) : "-"};
    for (const auto& [key, value] : trial.values) row.push_back(short_value(value));
    row.push_back(steps ? fmt::format("{:.6g}", *steps) : "-");
    const bool is_good = result.status == TrialStatus::kDone && result.value;
    row.push_back(
        is_good ? result.reason
                : fmt::format("{}{}{}", name_of(result.status), result.reason.empty() ? "" : ": ", result.reason));
    rows.push_back(std::move(row));
  }
  return aligned(rows);
}

std::string sweep_csv(const Sweep& sweep, const std::vector<TrialResult>& results) {
  const std::vector<std::string> names = names_of_measures(results);
  std::vector<std::string> head = {"trial", "status", "reason"};
  for (const SweptKey& key : sweep.keys) head.push_back(key.name);
  head.insert(head.end(), names.begin(), names.end());
  std::string text = csv_line(head);
  for (const size_t i : ranking(sweep, results)) {
    const TrialResult& result = results[i];
    std::vector<std::string> row = {fmt::format("{}", sweep.trials[i].number), std::string(name_of(result.status)),
                                    result.reason};
    for (const auto& [key, value] : sweep.trials[i].values) row.push_back(plain(value));
    for (const std::string& name : names) {
      const std::optional<double> value = find_measure(result.measures, name);
      row.push_back(value ? fmt::format("{}", *value) : "");
    }
    text += csv_line(row);
  }
  return text;
}

std::string sweep_json(const Sweep& sweep, const std::vector<TrialResult>& results) {
  std::vector<JsonText> trials;
  for (const size_t i : ranking(sweep, results)) {
    const TrialResult& result = results[i];
    JsonText keys, measures, row;
    for (const auto& [key, value] : sweep.trials[i].values) {
      std::visit([&, &key = key](const auto& held) { keys.add(key, held); }, value);
    }
    for (const auto& [name, value] : result.measures) measures.add(name, value);
    row.add("trial", sweep.trials[i].number)
        .add("folder", sweep.trials[i].name())
        .add("status", name_of(result.status));
    row.add("reason", result.reason).add("value", result.value.value_or(std::nan("")));
    trials.push_back(row.add("keys", keys).add("measures", measures));
  }
  JsonText json;
  json.add("metric", sweep.metric).add("direction", sweep.is_maximized ? "maximize" : "minimize");
  const std::optional<size_t> best = best_of(sweep, results);
  if (best) {
    json.add("best", sweep.trials[*best].number);
  } else {
    json.add("best", nullptr);
  }
  return json.add("trials", trials).page();
}

}  // namespace gradus
