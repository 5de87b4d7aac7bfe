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
  std::vector<double> numbers = {}, outputs = {};   // of numbers: (N, width)
  size_t width = 1;                                 // numbers of an example
  bool is_direction = false;                        // whether only their direction is learned
  double quantile = std::nan("");                   // that was learned
  bool is_poisson = false;
  ConfusionMatrix confusion = {};  // of classes
};

// The rows of an outcome, some perhaps several times.
Outcome take(const Outcome& from, std::span<const int64_t> rows) {
  Outcome o{.classes = from.classes,
            .width = from.width,
            .is_direction = from.is_direction,
            .quantile = from.quantile,
            .is_poisson = from.is_poisson};
  const auto width = static_cast<size_t>(from.classes);
  for (const int64_t r : rows) {
    const auto row = static_cast<size_t>(r);
    if (from.classes == 0) {
      for (size_t i = row * from.width; i < (row + 1) * from.width; ++i) {
        o.numbers.push_back(from.numbers[i]);
        o.outputs.push_back(from.outputs[i]);
      }
      continue;
    }
    o.truth.push_back(from.truth[row]);
    o.predicted.push_back(from.predicted[row]);
    if (from.probabilities.empty()) continue;
    const auto begin = from.probabilities.begin() + static_cast<int64_t>(row * width);
    o.probabilities.insert(o.probabilities.end(), begin, begin + static_cast<int64_t>(width));
  }
  if (o.classes > 0) o.confusion = confusion_matrix(o.truth, o.predicted, o.classes);
  return o;
}

ClassScores mean_scores(const Outcome& o) { return average_scores(o.confusion, ClassAverage::kMacro); }
ClassScores weighted_scores(const Outcome& o) { return average_scores(o.confusion, ClassAverage::kWeighted); }

// With few more classes than k, the first k are hard to miss.
double top_accuracy(const Outcome& o, int64_t k) {
  return o.classes > k + 1 ? top_k_accuracy(o.truth, o.probabilities, o.classes, k) : std::nan("");
}

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

// One output of each example.
std::vector<double> column_of(const std::vector<double>& all, size_t width, size_t column) {
  std::vector<double> numbers;
  for (size_t i = column; i < all.size(); i += width) numbers.push_back(all[i]);
  return numbers;
}

// The mean of a measure over the outputs, as scikit-learn's `uniform_average`; NaN where only the direction counts.
template <class Measure>
double mean_over_outputs(const Outcome& o, Measure&& measure) {
  if (o.is_direction) return std::nan("");
  double sum = 0.0;
  for (size_t i = 0; i < o.width; ++i)
    sum += measure(column_of(o.numbers, o.width, i), column_of(o.outputs, o.width, i));
  return sum / static_cast<double>(o.width);
}

double largest_error(const Outcome& o) { return o.is_direction ? std::nan("") : max_error(o.numbers, o.outputs); }

// The mean over the examples.
double cosine_of(const Outcome& o) {
  if (!o.is_direction) return std::nan("");
  double sum = 0.0;
  for (size_t begin = 0; begin < o.numbers.size(); begin += o.width) {
    double product = 0.0, truth = 0.0, output = 0.0;
    for (size_t i = begin; i < begin + o.width; ++i) {
      product += o.numbers[i] * o.outputs[i];
      truth += o.numbers[i] * o.numbers[i];
      output += o.outputs[i] * o.outputs[i];
    }
    if (truth > 0.0 && output > 0.0) sum += product / std::sqrt(truth * output);
  }
  return sum * static_cast<double>(o.width) / static_cast<double>(o.numbers.size());
}

struct NamedMeasure {
  const char* name;
  bool is_better_high;
  double (*measure)(const Outcome&);
};

constexpr NamedMeasure kOfClasses[] = {
    {"accuracy", true, [](const Outcome& o) { return accuracy(o.confusion); }},
    {"balanced_accuracy", true, [](const Outcome& o) { return balanced_accuracy(o.confusion); }},
    {"precision", true, [](const Outcome& o) { return mean_scores(o).precision; }},
    {"recall", true, [](const Outcome& o) { return mean_scores(o).recall; }},
    {"f1", true, [](const Outcome& o) { return mean_scores(o).f1; }},
    {"f1_micro", true, [](const Outcome& o) { return average_scores(o.confusion, ClassAverage::kMicro).f1; }},
    {"precision_weighted", true, [](const Outcome& o) { return weighted_scores(o).precision; }},
    {"recall_weighted", true, [](const Outcome& o) { return weighted_scores(o).recall; }},
    {"f1_weighted", true, [](const Outcome& o) { return weighted_scores(o).f1; }},
    {"matthews", true, [](const Outcome& o) { return matthews_correlation(o.confusion); }},
};
constexpr NamedMeasure kOfProbabilities[] = {
    {"top_2_accuracy", true, [](const Outcome& o) { return top_accuracy(o, 2); }},
    {"top_5_accuracy", true, [](const Outcome& o) { return top_accuracy(o, 5); }},
    {"roc_auc", true, area},
    {"average_precision", true, precision_area},
    {"log_loss", false, [](const Outcome& o) { return log_loss(o.truth, o.probabilities, o.classes); }},
    {"brier", false, [](const Outcome& o) { return brier_score(o.truth, o.probabilities, o.classes); }},
    {"calibration_error", false,
     [](const Outcome& o) { return expected_calibration_error(o.truth, o.probabilities, o.classes); }},
};
// The mean over the outputs of a measure that takes truth, prediction and weights.
template <auto kMeasure>
double mean_of(const Outcome& o) {
  return mean_over_outputs(o, [](const auto& truth, const auto& predicted) { return kMeasure(truth, predicted, {}); });
}

double pinball_of(const Outcome& o) {
  if (std::isnan(o.quantile)) return o.quantile;
  return mean_over_outputs(
      o, [&](const auto& truth, const auto& predicted) { return pinball_loss(truth, predicted, o.quantile); });
}

constexpr NamedMeasure kOfNumbers[] = {
    {"r2", true, mean_of<r2_score>},
    {"mse", false, mean_of<mean_squared_error>},
    {"rmse", false, mean_of<root_mean_squared_error>},
    {"mae", false, mean_of<mean_absolute_error>},
    {"median_absolute_error", false, mean_of<median_absolute_error>},
    {"max_error", false, largest_error},
    {"explained_variance", true, mean_of<explained_variance>},
    {"pinball", false, pinball_of},
    {"poisson_deviance", false,
     [](const Outcome& o) { return o.is_poisson ? mean_of<poisson_deviance>(o) : std::nan(""); }},
    {"cosine_similarity", true, cosine_of},
};

// A measure that the examples do not leave undefined.
struct Measured {
  NamedMeasure named;
  double value = 0.0;
};

std::vector<Measured> measured(const Outcome& outcome) {
  std::vector<Measured> all;
  const auto add = [&](std::span<const NamedMeasure> measures) {
    for (const NamedMeasure& named : measures) {
      const double value = named.measure(outcome);
      if (!std::isnan(value)) all.push_back({named, value});
    }
  };
  if (outcome.classes == 0) {
    add(kOfNumbers);
    return all;
  }
  add(kOfClasses);
  if (!outcome.probabilities.empty()) add(kOfProbabilities);
  return all;
}

Outcome outcome_of(const TrainedRun& run, const Dataset& part, size_t classes) {
  const TableEncoder* table = target_encoder(run.encoder());
  const std::string& loss = run.config().text("loss.name");
  if (is_of_embeddings(objective_kind(loss))) {
    fail_usage("report",
               "the run's model gives embeddings (loss.name = \"{}\"), of which there is no report; `gradus eval` "
               "without it has their loss and recall_at_1",
               loss);
  }
  Outcome o{
      .classes = static_cast<int64_t>(classes), .is_direction = loss == "cosine", .is_poisson = loss == "poisson"};
  if (run.config().has("loss.quantile")) o.quantile = run.config().real("loss.quantile");
  constexpr int64_t kMostRows = 4096, kMostInputs = 1 << 24;  // at once: there may be more than memory holds
  const int64_t at_once = std::clamp<int64_t>(kMostInputs / std::max<int64_t>(1, run.shape().inputs), 1, kMostRows);
  std::vector<double> truth;
  for_each_batch(part, at_once, [&](std::span<const int64_t>, const Batch& batch) {
    const std::vector<double> own = (classes > 0 ? classes_of_targets(batch.targets) : batch.targets).values<double>();
    truth.insert(truth.end(), own.begin(), own.end());
    return true;
  });
  Predictions predictions = predict(run, part, [&](int64_t row) { return fmt::format("example {}", row); });
  if (classes == 0) {
    o.width = predictions.outputs();
    for (size_t i = 0; i < truth.size(); ++i) {
      o.numbers.push_back(table != nullptr ? table->original(truth[i], i % o.width) : truth[i]);
    }
    o.outputs = std::move(predictions.numbers);
    return o;
  }
  for (const double id : truth) o.truth.push_back(static_cast<int64_t>(id));
  o.predicted = std::move(predictions.ids);
  for (const std::vector<double>& row : predictions.probabilities) {
    o.probabilities.insert(o.probabilities.end(), row.begin(), row.end());
  }
  o.confusion = confusion_matrix(o.truth, o.predicted, o.classes);
  return o;
}

}  // namespace

std::optional<bool> is_better_high(std::string_view measure) {
  for (const std::span<const NamedMeasure> measures :
       {std::span<const NamedMeasure>(kOfClasses), std::span<const NamedMeasure>(kOfProbabilities),
        std::span<const NamedMeasure>(kOfNumbers)}) {
    for (const NamedMeasure& named : measures) {
      if (named.name == measure) return named.is_better_high;
    }
  }
  return std::nullopt;
}

Measures report_measures(const TrainedRun& run, const Dataset& part) {
  Measures measures;
  for (const Measured& m : measured(outcome_of(run, part, class_names(run).size()))) {
    measures.emplace_back(m.named.name, m.value);
  }
  return measures;
}

Report make_report(const TrainedRun& run, const Dataset& part, const BootstrapOptions& options) {
  Report report{.examples = part.size(), .classes = class_names(run)};
  report.has_weights = run.config().has("data.weight");
  const Outcome outcome = outcome_of(run, part, report.classes.size());
  const std::vector<Measured> measures = measured(outcome);
  const std::vector<BootstrapInterval> intervals = bootstrap_intervals(
      report.examples, static_cast<int64_t>(measures.size()),
      [&](std::span<const int64_t> rows, std::span<double> drawn) {
        const Outcome again = take(outcome, rows);
        for (size_t i = 0; i < drawn.size(); ++i) drawn[i] = measures[i].named.measure(again);
      },
      options);
  for (size_t i = 0; i < measures.size(); ++i) {
    report.measures.push_back({measures[i].named.name, measures[i].value, intervals[i]});
  }
  if (report.classes.empty()) return report;
  report.confusion = outcome.confusion;
  report.of_class = class_scores(report.confusion);
  return report;
}

std::string report_table(const Report& report, const BootstrapOptions& options) {
  std::string text = fmt::format("{:<24}{:>12}   {:.3g}% of {} resamples\n", "", "value", 100.0 * options.confidence,
                                 options.resamples);
  for (const ReportedMeasure& m : report.measures) {
    text += fmt::format("{:<24}{:>12.6g}   {:.4g} to {:.4g}\n", m.name, m.value, m.interval.low, m.interval.high);
  }
  if (report.has_weights) {
    text += "each example counts once here, whatever data.weight says; the loss without --report is weighted\n";
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
  if (report.has_weights) all.add("weighted", false);
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
