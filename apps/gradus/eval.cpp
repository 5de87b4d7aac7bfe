// `gradus eval`: the loss and the metrics of a trained model.
#include <fmt/format.h>

#include <cmath>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/train/cluster_report.h"
#include "gradus/train/evaluation.h"
#include "gradus/train/report.h"
#include "gradus/train/trained_run.h"

namespace gradus::command {
namespace {

struct Part {
  std::string name;
  std::unique_ptr<Dataset> data;
};

// What is held out of other data is not what was.
void check_data(const TrainedRun& run, const ExperimentData& data) {
  const std::optional<RunFacts> facts = run.facts();
  if (!facts || facts->data_hash == data.hash) return;
  const bool is_made = !run.config().has("data.path");
  const std::string subject =
      is_made ? run.config().where("data.kind") : fmt::format("{}", fmt::join(run.config().texts("data.path"), ", "));
  fail_usage(subject,
             "the data is not what the run was trained on ({} examples to train on then, {} now), so that what is held "
             "out now may have been trained on; put the same data back, or evaluate a file as a whole with --data PATH",
             facts->examples, data.training->size());
}

Part part_of(const TrainedRun& run, const EvalOptions& options) {
  if (!options.data.empty()) {
    if (!options.part.empty()) fail_usage("--part", "and --data do not go together: a file is evaluated as a whole");
    ReadRows read = read_data(run.config(), run.encoder(), options.data, options.labels);
    print_error(left_out_text(read.left_out));
    return {fmt::format("{}", fmt::join(options.data, ", ")), std::move(read.rows)};
  }
  if (!options.labels.empty()) fail_usage("--labels", "are those of --data, which is missing; give both");
  ExperimentData data = make_data(run.config(), run.encoder());
  check_data(run, data);
  if (options.part == "training") return {"the training part", std::move(data.training)};
  if (data.validation) return {"the validation part", std::move(data.validation)};
  if (options.part == "validation") {
    fail_usage("--part", "nothing was held out for validation; give --part training, or other data with --data PATH");
  }
  return {"the training part, for nothing was held out for validation", std::move(data.training)};
}

struct Evaluated {
  std::string name;
  int64_t examples = 0;
  std::optional<Metrics> metrics = {};
};

std::string table_of(const Evaluated& part) {
  std::string text =
      fmt::format("{} examples: {}\n{:<16}{:.6g}\n", part.examples, part.name, "loss", part.metrics->loss());
  for (const Metric& metric : part.metrics->values()) text += fmt::format("{:<16}{:.6g}\n", metric.name, metric.value);
  return text;
}

std::string json_of(const Evaluated& part) {
  JsonText json;
  json.add("data", part.name).add("examples", part.examples).add("loss", part.metrics->loss());
  for (const Metric& metric : part.metrics->values()) json.add(metric.name, metric.value);
  return json.line() + "\n";
}

int print_metrics(const Evaluated& part, const EvalOptions& options) {
  const double loss = part.metrics->loss();
  if (part.metrics->is_weightless()) {
    fail("eval",
         "no example of {} counts, so that there is no loss: their weights are all 0, or a loss that compares "
         "examples has no two of one class beside another",
         part.name);
  }
  if (!std::isfinite(loss)) {
    fail("eval", "the loss is {}; are the numbers of the data like those that the model learned?", loss);
  }
  print(options.json ? json_of(part) : table_of(part));
  return 0;
}

}  // namespace

namespace {

// As validation takes the examples.
EvaluationOptions evaluation_options(const TrainedRun& run) {
  EvaluationOptions options;
  options.batch_size = run.config().integer("validation.batch_size");
  options.order = evaluation_order(run.config());
  return options;
}

// Files that are read a part at a time.
int eval_in_parts(const TrainedRun& run, const EvalOptions& options) {
  const EvaluationOptions evaluation = evaluation_options(run);
  Evaluated all{.name = fmt::format("{}", fmt::join(options.data, ", "))};
  const auto visit = [&](const Dataset& part) {
    if (!all.metrics) all.metrics.emplace(metric_units(run.encoder(), part));
    evaluate_into(*all.metrics, evaluation_of(run.model()), part, evaluation);
    all.examples += part.size();
  };
  print_error(
      left_out_text(read_data_in_parts(run.config(), std::get<TableEncoder>(run.encoder()), options.data, visit)));
  return print_metrics(all, options);
}

int report_on(const TrainedRun& run, const Part& part, const EvalOptions& options) {
  const BootstrapOptions bootstrap{.resamples = options.resamples};
  const Report report = make_report(run, *part.data, bootstrap);
  if (options.json) {
    print(report_json(report));
  } else {
    print(fmt::format("{} examples: {}\n{}", part.data->size(), part.name, report_table(report, bootstrap)));
  }
  return 0;
}

int report_clusters(const TrainedRun& run, const Part& part, const EvalOptions& options) {
  if (options.report)
    fail_usage("--report", "is for models that predict; of clusters `gradus eval` says all: leave it out");
  const ClusterReport report = make_cluster_report(run, *part.data);
  print(options.json ? cluster_report_json(report, part.name)
                     : fmt::format("{} examples: {}\n{}", part.data->size(), part.name, cluster_report_table(report)));
  return 0;
}

}  // namespace

int eval(const EvalOptions& options) {
  prepare_machine(options.machine);
  const TrainedRun run = load(options.run, options.best ? Weights::kBest : Weights::kLast);
  if (!options.data.empty() && options.part.empty() && !options.report && is_streamed(run.config())) {
    return eval_in_parts(run, options);
  }
  if (options.report && std::holds_alternative<TextTokenizer>(run.encoder())) {
    fail_usage("--report", "is for models that predict; of a text `gradus eval` says the loss: leave it out");
  }
  const Part part = part_of(run, options);
  if (makes_clusters(run.config())) return report_clusters(run, part, options);
  if (options.report) return report_on(run, part, options);
  EvaluationOptions evaluation = evaluation_options(run);
  evaluation.units = metric_units(run.encoder(), *part.data);
  return print_metrics({.name = part.name,
                        .examples = part.data->size(),
                        .metrics = evaluate(evaluation_of(run.model()), *part.data, evaluation)},
                       options);
}

}  // namespace gradus::command
