// All that is to be said of how good a model of rows is on a part of the data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/dataset.h"
#include "gradus/metrics/bootstrap.h"
#include "gradus/metrics/classification.h"
#include "gradus/train/run_summary.h"
#include "gradus/train/trained_run.h"

namespace gradus {

/// A measure and the interval that resampling the examples gives it.
struct ReportedMeasure {
  std::string name;
  double value = 0.0;
  BootstrapInterval interval = {};
};

struct Report {
  int64_t examples = 0;
  /// Of classes: accuracy, balanced_accuracy, precision, recall and f1 (means over the classes, and as `_weighted` by
  /// their examples), f1_micro, matthews; and with probabilities top_2_accuracy and top_5_accuracy (of 4 and 7 classes
  /// or more), roc_auc, average_precision, log_loss, brier, calibration_error. Of numbers: r2, mse, rmse, mae,
  /// median_absolute_error, max_error, explained_variance, in the target's own unit, of several targets their means (of
  /// max_error the largest); pinball and poisson_deviance of models trained for them; of a direction cosine_similarity
  /// alone. Measures that the examples leave undefined are left out.
  std::vector<ReportedMeasure> measures = {};
  std::vector<std::string> classes = {};   ///< Names; empty for numbers.
  std::vector<ClassScores> of_class = {};  ///< As many.
  ConfusionMatrix confusion = {};
  bool has_weights = false;  ///< Whether examples have weights, which none of this counts.
};

/// Whether such a measure (above) is the better, the larger it is; nothing if there is none of this name.
std::optional<bool> is_better_high(std::string_view measure);

/// The measures alone, without intervals.
Measures report_measures(const TrainedRun& run, const Dataset& part);

/// Measures the model of a run on these examples. A usage error for a text model.
Report make_report(const TrainedRun& run, const Dataset& part, const BootstrapOptions& options = {});

/// For people: the measures with their intervals, then the classes and what was taken for what.
std::string report_table(const Report& report, const BootstrapOptions& options = {});
/// One JSON object: {"examples", "measures": {NAME: {"value", "low", "high"}, …}, "classes": {NAME: {"precision",
/// "recall", "f1", "examples"}, …}, "confusion": {NAME: […], …}}; the latter two of classes only.
std::string report_json(const Report& report);

}  // namespace gradus
