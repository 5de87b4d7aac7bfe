#include "gradus/train/config_clusters.h"

#include <algorithm>

#include "gradus/base/error.h"

namespace gradus {

bool learns_target(const Config& config) {
  return !makes_clusters(config) && config.text("model.kind") != "autoencoder";
}

bool holds_none_out(const Config& config) {
  if (!config.has("data.validation_fraction") || config.has("data.folds")) return false;
  return config.real("data.validation_fraction") == 0.0;
}

bool makes_clusters(const Config& config) {
  const std::string& model = config.text("model.kind");
  return model == "kmeans" || model == "gmm";
}

namespace internal {
namespace {

// What clusters are looked for in, and by which score their number is chosen.
void check_cluster_model(const Config& config) {
  const std::string &model = config.text("model.kind"), &data = config.text("data.kind");
  if (data == "libsvm") {
    fail_usage(config.where("data.kind"),
               "data.kind = \"libsvm\" has sparse rows, and model.kind = \"{}\" takes dense ones; convert them to a "
               "table",
               model);
  }
  if (model == "kmeans" && config.text("model.start") == "kmeans") {
    fail_usage(config.where("model.start"),
               "model.start = \"kmeans\" is for model.kind = \"gmm\"; take \"kmeans++\" or \"random\"");
  }
  if (config.text("solver.name") == "mini_batch" && config.integer("model.starts") > 1) {
    fail_usage(config.where("model.starts"),
               "model.starts = {} has no meaning with solver.name = \"mini_batch\", which has one; remove it, or set "
               "solver.name = \"lloyd\"",
               config.integer("model.starts"));
  }
  const std::vector<int64_t>& clusters = config.integers("model.clusters");
  const bool by_silhouette = config.text("model.choose_by") == "silhouette";
  if (model == "kmeans" && !by_silhouette) {
    fail_usage(config.where("model.choose_by"),
               "model.choose_by = \"bic\" goes by likelihoods, which model.kind = \"kmeans\" has not; take "
               "\"silhouette\"");
  }
  if (by_silhouette && clusters.size() > 1 && std::ranges::find(clusters, 1) != clusters.end()) {
    fail_usage(config.where("model.clusters"),
               "model.clusters has 1 to choose from, of which there is no silhouette; leave it out{}",
               model == "gmm" ? ", or set model.choose_by = \"bic\"" : "");
  }
}

// A target is not needed for clusters, but for what goes by it.
void check_known_classes(const Config& config) {
  const char* const key = config.text("data.kind") == "idx" ? "data.labels" : "data.target";
  if (!config.has("data.split") || config.has(key)) return;
  if (config.text("data.split") == "stratified") {
    fail_usage(config.where("data.split"), "data.split = \"stratified\" goes by {}, and there is none; set it", key);
  }
  if (config.has("data.unlabelled") && config.text("data.unlabelled") == "leave_out") {
    fail_usage(config.where("data.unlabelled"),
               "data.unlabelled = \"leave_out\" goes by {}, and there is none; set it, or remove this", key);
  }
}

}  // namespace

void check_clusters(const Config& config) {
  check_cluster_model(config);
  check_known_classes(config);
}

void check_labels(const Config& config) {
  if (config.text("data.kind") != "idx") return;
  if (!config.has("data.labels") && learns_target(config)) {
    fail_usage(config.where("model.kind"),
               "model.kind = \"{}\" learns labels, and data.labels names no file of them; set it",
               config.text("model.kind"));
  }
  const char* const key = "data.validation_labels";
  const bool is_needed = config.has("data.labels") && config.has("data.validation_path");
  if (is_needed == config.has(key)) return;
  fail_usage(config.where(is_needed ? "data.validation_path" : key), "{} is {}; it goes with data.labels and {}", key,
             is_needed ? "missing" : "given alone", "data.validation_path");
}

}  // namespace internal
}  // namespace gradus
