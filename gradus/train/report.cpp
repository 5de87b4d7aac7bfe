#include "gradus/train/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/metrics/probabilities.h"
#include "gradus/metrics/ranking.h"
#include "gradus/metrics/regression.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/train/prediction.h"

namespace gradus {
namespace {

// What was predicted of the examples, and what is true.
struct Outcome {
  int64_t classes = 0;                              // 0 for numbers
  std::vector<int64_t> truth = {}, predicted = {};  // of classes
  std::vector<double> probabilities = {};           // (N, classes), or none
  std::vector<double> numbers = {}, outputs = {};   // of numbers
};

// The rows of an outcome, some perhaps several times.
Outcome take(const Outcome& from, std::span<const int64_t> rows) {
  Outcome o{.classes = from.classes};
  const auto width = static_cast<size_t>(from.classes);
  for (const int64_t r : rows) {
    const auto row = static_cast<size_t>(r);
    if (from.classes == 0) {
      o.numbers.push_back(from.numbers[row]);
      o.outputs.push_back(from.outputs[row]);
      continue;
    }
    o.truth.push_back(from.truth[row]);
    o.predicted.push_back(from.predicted[row]);
    if (from.probabilities.empty()) continue;
    const auto begin = from.probabilities.begin() + static_cast<int64_t>(row * width);
    o.probabilities.insert(o.probabilities.end(), begin, begin + static_cast<int64_t>(width));
  }
  return o;
}

ConfusionMatrix confusion_of(const Outcome& o) { return confusion_matrix(o.truth, o.predicted, o.classes); }

ClassScores mean_scores(const Outcome& o) { return average_scores(confusion_of(o), ClassAverage::kMacro); }

// Of two classes that of the second.
std::vector<double> second_column(const Outcome& o) {
  std::vector<double> column;
  for (size_t i = 1; i < o.probabilities.size(); i += 2) column.push_back(o.probabilities[i]);
  return column;
}

double area(const Outcome& o) {
  return o.classes == 2 ? roc_auc(o.truth, second_column(o))
                        : roc_auc(o.truth, o.probabilities, o.classes, ClassAverage::kMacro);
}

double precision_area(const Outcome& o) {
  return o.classes == 2 ? average_precision(o.truth, second_column(o))
                        : average_precision(o.truth, o.probabilities, o.classes, ClassAverage::kMacro);
}

struct NamedMeasure {
  const char* name;
  double (*measure)(const Outcome&);
};

constexpr NamedMeasure kOfClasses[] = {
    {"accuracy", [](const Outcome& o) { return accuracy(confusion_of(o)); }},
    {"balanced_accuracy", [](const Outcome& o) { return balanced_accuracy(confusion_of(o)); }},
    {"precision", [](const Outcome& o) { return mean_scores(o).precision; }},
    {"recall", [](const Outcome& o) { return mean_scores(o).recall; }},
    {"f1", [](const Outcome& o) { return mean_scores(o).f1; }},
    {"matthews", [](const Outcome& o) { return matthews_correlation(confusion_of(o)); }},
};
constexpr NamedMeasure kOfProbabilities[] = {
    {"roc_auc", area},
    {"average_precision", precision_area},
    {"log_loss", [](const Outcome& o) { return log_loss(o.truth, o.probabilities, o.classes); }},
    {"brier", [](const Outcome& o) { return brier_score(o.truth, o.probabilities, o.classes); }},
    {"calibration_error",
     [](const Outcome& o) { return expected_calibration_error(o.truth, o.probabilities, o.classes); }},
};
constexpr NamedMeasure kOfNumbers[] = {
    {"r2", [](const Outcome& o) { return r2_score(o.numbers, o.outputs); }},
    {"rmse", [](const Outcome& o) { return root_mean_squared_error(o.numbers, o.outputs); }},
    {"mae", [](const Outcome& o) { return mean_absolute_error(o.numbers, o.outputs); }},
    {"median_absolute_error", [](const Outcome& o) { return median_absolute_error(o.numbers, o.outputs); }},
    {"max_error", [](const Outcome& o) { return max_error(o.numbers, o.outputs); }},
    {"explained_variance", [](const Outcome& o) { return explained_variance(o.numbers, o.outputs); }},
};

void add_measures(Report& report, const Outcome& outcome, std::span<const NamedMeasure> measures,
                  const BootstrapOptions& options) {
  for (const NamedMeasure& named : measures) {
    const double value = named.measure(outcome);
    if (std::isnan(value)) continue;
    const auto on_rows = [&](std::span<const int64_t> rows) { return named.measure(take(outcome, rows)); };
    report.measures.push_back({named.name, value, bootstrap_interval(report.examples, on_rows, options)});
  }
}

Outcome outcome_of(const TrainedRun& run, const Dataset& part, size_t classes) {
  const auto* table = std::get_if<TableEncoder>(&run.encoder());
  const auto in_unit = [&](double x) { return table != nullptr ? table->original(x) : x; };
  Outcome o{.classes = static_cast<int64_t>(classes)};
  std::vector<int64_t> ids(static_cast<size_t>(part.size()));
  std::iota(ids.begin(), ids.end(), 0);
  const std::vector<double> truth = part.batch(ids).targets.values<double>();
  Predictions predictions = predict(run, part, [&](int64_t row) { return fmt::format("example {}", row); });
  if (classes == 0) {
    for (const double x : truth) o.numbers.push_back(in_unit(x));
    o.outputs = std::move(predictions.numbers);
    return o;
  }
  for (const double id : truth) o.truth.push_back(static_cast<int64_t>(id));
  o.predicted = std::move(predictions.ids);
  for (const std::vector<double>& row : predictions.probabilities) {
    o.probabilities.insert(o.probabilities.end(), row.begin(), row.end());
  }
  return o;
}

}  // namespace

Report make_report(const TrainedRun& run, const Dataset& part, const BootstrapOptions& options) {
  Report report{.examples = part.size(), .classes = class_names(run)};
  const Outcome outcome = outcome_of(run, part, report.classes.size());
  if (report.classes.empty()) {
    add_measures(report, outcome, kOfNumbers, options);
    return report;
  }
  report.confusion = confusion_of(outcome);
  report.of_class = class_scores(report.confusion);
  add_measures(report, outcome, kOfClasses, options);
  if (!outcome.probabilities.empty()) add_measures(report, outcome, kOfProbabilities, options);
  return report;
}

std::string report_table(const Report& report, const BootstrapOptions& options) {
  std::string text = fmt::format("{:<24}{:>12}   {:.3g}% of {} resamples\n", "", "value", 100.0 * options.confidence,
                                 options.resamples);
  for (const ReportedMeasure& m : report.measures) {
    text += fmt::format("{:<24}{:>12.6g}   {:.4g} to {:.4g}\n", m.name, m.value, m.interval.low, m.interval.high);
  }
  if (report.classes.empty()) return text;
  text += fmt::format("\n{:<24}{:>12}{:>12}{:>12}{:>12}\n", "class", "precision", "recall", "f1", "examples");
  for (size_t i = 0; i < report.classes.size(); ++i) {
    const ClassScores& c = report.of_class[i];
    text += fmt::format("{:<24}{:>12.4f}{:>12.4f}{:>12.4f}{:>12}\n", report.classes[i], c.precision, c.recall, c.f1,
                        c.support);
  }
  constexpr size_t kMostShown = 12;
  if (report.classes.size() > kMostShown) return text;
  text += fmt::format("\n{:<24}", "true \\ predicted");
  for (const std::string& name : report.classes) text += fmt::format("{:>12}", name);
  for (size_t i = 0; i < report.classes.size(); ++i) {
    text += fmt::format("\n{:<24}", report.classes[i]);
    for (size_t j = 0; j < report.classes.size(); ++j) {
      text += fmt::format("{:>12}", report.confusion.at(static_cast<int64_t>(i), static_cast<int64_t>(j)));
    }
  }
  return text + "\n";
}

std::string report_json(const Report& report) {
  JsonText measures, all;
  for (const ReportedMeasure& m : report.measures) {
    measures.add(m.name, JsonText().add("value", m.value).add("low", m.interval.low).add("high", m.interval.high));
  }
  all.add("examples", report.examples).add("measures", measures);
  if (report.classes.empty()) return all.line() + "\n";
  JsonText classes, confusion;
  for (size_t i = 0; i < report.classes.size(); ++i) {
    const ClassScores& c = report.of_class[i];
    const auto row = report.confusion.counts.begin() + static_cast<int64_t>(i * report.classes.size());
    classes.add(
        report.classes[i],
        JsonText().add("precision", c.precision).add("recall", c.recall).add("f1", c.f1).add("examples", c.support));
    confusion.add(report.classes[i], std::vector<double>(row, row + static_cast<int64_t>(report.classes.size())));
  }
  return all.add("classes", classes).add("confusion", confusion).line() + "\n";
}

}  // namespace gradus
