#include "gradus/train/cluster_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/random.h"
#include "gradus/metrics/cluster_agreement.h"
#include "gradus/metrics/clustering.h"
#include "gradus/train/clustering_model.h"

namespace gradus {
namespace {

std::span<const float> numbers_of(const Tensor& x) { return {x.data<float>(), static_cast<size_t>(x.numel())}; }

// In their order; all rows if they are few.
std::vector<int64_t> sampled_rows(int64_t rows) {
  std::vector<int64_t> sample(static_cast<size_t>(std::min(rows, kMostSilhouettes)));
  std::iota(sample.begin(), sample.end(), 0);
  if (rows <= kMostSilhouettes) return sample;
  const uint64_t key = hash_name("cluster_report.silhouette");
  for (int64_t& row : sample) {
    row = static_cast<int64_t>(permute_index(static_cast<uint64_t>(row), static_cast<uint64_t>(rows), key));
  }
  std::sort(sample.begin(), sample.end());
  return sample;
}

void add(ClusterReport& report, const char* name, double value) {
  if (!std::isnan(value)) report.measures.push_back({name, value});
}

void add_fit(ClusterReport& report, const ClusteringModel& model, const Tensor& x) {
  const double sum = model.loss_sum(x), rows = static_cast<double>(x.size(0));
  add(report, "loss", sum / rows);
  const auto* mixture = dynamic_cast<const MixtureModel*>(&model);
  if (mixture == nullptr) return add(report, "inertia", sum);
  const auto parameters = static_cast<double>(mixture->mixture().free_parameters());
  add(report, "mean_log_likelihood", -sum / rows);
  add(report, "bic", 2.0 * sum + parameters * std::log(rows));
  add(report, "aic", 2.0 * sum + 2.0 * parameters);
}

void add_shape(ClusterReport& report, const Tensor& x, const Tensor& labels) {
  const std::vector<int64_t> ids = labels.values<int64_t>();
  report.silhouette_examples = std::min(x.size(0), kMostSilhouettes);
  add(report, "silhouette", sampled_silhouette(x, labels));
  add(report, "calinski_harabasz", calinski_harabasz(numbers_of(x), x.size(1), ids));
  add(report, "davies_bouldin", davies_bouldin(numbers_of(x), x.size(1), ids));
}

void add_agreement(ClusterReport& report, const std::vector<int64_t>& classes, const std::vector<int64_t>& labels) {
  add(report, "accuracy", cluster_accuracy(classes, labels));
  add(report, "adjusted_rand", adjusted_rand(classes, labels));
  add(report, "adjusted_mutual_information", adjusted_mutual_information(classes, labels));
  add(report, "normalized_mutual_information", normalized_mutual_information(classes, labels));
  const VMeasure v = v_measure(classes, labels);
  add(report, "homogeneity", v.homogeneity);
  add(report, "completeness", v.completeness);
  add(report, "v_measure", v.v_measure);
}

const ClusteringModel& model_of(const TrainedRun& run) {
  if (const auto* model = dynamic_cast<const ClusteringModel*>(&run.model())) return *model;
  fail_usage("eval", "the run's model is \"{}\"; expected one that makes clusters", run.config().text("model.kind"));
}

}  // namespace

double sampled_silhouette(const Tensor& x, const Tensor& labels) {
  const int64_t columns = x.size(1);
  std::vector<float> points;
  std::vector<int64_t> ids;
  for (const int64_t row : sampled_rows(x.size(0))) {
    points.insert(points.end(), x.data<float>() + row * columns, x.data<float>() + (row + 1) * columns);
    ids.push_back(labels.data<int64_t>()[row]);
  }
  return silhouette_score(points, columns, ids);
}

ClusterReport make_cluster_report(const TrainedRun& run, const Dataset& part) {
  const ClusteringModel& model = model_of(run);
  std::vector<int64_t> ids(static_cast<size_t>(part.size()));
  std::iota(ids.begin(), ids.end(), 0);
  const Batch all = part.batch(ids);
  const Tensor labels = model.labels(all.inputs);
  ClusterReport report{.examples = part.size(), .sizes = std::vector<int64_t>(static_cast<size_t>(model.clusters()))};
  for (const int64_t label : labels.values<int64_t>()) ++report.sizes[static_cast<size_t>(label)];
  add_fit(report, model, all.inputs);
  add_shape(report, all.inputs, labels);
  const bool has_classes = all.targets.defined() && all.targets.dtype() == DType::kI64;
  if (has_classes) add_agreement(report, all.targets.values<int64_t>(), labels.values<int64_t>());
  return report;
}

std::string cluster_report_table(const ClusterReport& report) {
  std::string text;
  for (const Metric& measure : report.measures) {
    const bool sampled = measure.name == "silhouette" && report.silhouette_examples < report.examples;
    text += fmt::format("{:<32}{:>14.6g}{}\n", measure.name, measure.value,
                        sampled ? fmt::format("   of a sample of {}", report.silhouette_examples) : "");
  }
  text += fmt::format("\n{:<32}{:>14}\n", "cluster", "examples");
  for (size_t i = 0; i < report.sizes.size(); ++i) text += fmt::format("{:<32}{:>14}\n", i, report.sizes[i]);
  return text;
}

std::string cluster_report_json(const ClusterReport& report, std::string_view data) {
  JsonText json;
  json.add("data", data).add("examples", report.examples);
  for (const Metric& measure : report.measures) json.add(measure.name, measure.value);
  return json.add("silhouette_examples", report.silhouette_examples).add("clusters", report.sizes).line() + "\n";
}

}  // namespace gradus
