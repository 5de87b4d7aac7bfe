#include "gradus/train/config_targets.h"

#include <algorithm>

#include "gradus/base/error.h"

namespace gradus {

bool has_soft_labels(const Config& config) {
  return config.has("data.target") && config.texts("data.target").size() > 1;
}

namespace internal {
namespace {

void check_ignored_class(const Config& config) {
  if (!config.has("loss.ignored_class")) return;
  const std::string& data = config.text("data.kind");
  if (data != "csv" && data != "numpy") {
    fail_usage(config.where("loss.ignored_class"),
               "loss.ignored_class names a value of a table's column, and data.kind = \"{}\" has none; remove it",
               data);
  }
  if (has_soft_labels(config)) {
    fail_usage(config.where("loss.ignored_class"),
               "loss.ignored_class is a value of one column, and data.target names several; leave the class's column "
               "out, or remove this");
  }
}

// What has no use for probabilities of classes.
void check_takes_soft_labels(const Config& config) {
  const char* const key = "data.target";
  if (makes_clusters(config)) {
    fail_usage(config.where(key), "data.target names several columns, and clusters are compared with one; name that");
  }
  if (config.text("loss.name") != "cross_entropy") {
    fail_usage(config.where(key),
               "data.target names several columns, which are probabilities of classes for loss.name = "
               "\"cross_entropy\", not for \"{}\"; name one column, or take that loss",
               config.text("loss.name"));
  }
  if (config.has("solver.name") && config.text("solver.name") != "none") {
    fail_usage(config.where("solver.name"),
               "solver.name = \"{}\" learns classes, and the columns of data.target are probabilities of them; set "
               "solver.name = \"none\" to use an optimizer",
               config.text("solver.name"));
  }
  if (config.text("data.split") == "stratified") {
    fail_usage(config.where("data.split"),
               "data.split = \"stratified\" goes by the class of a row, of which the columns of data.target give "
               "probabilities; take \"random\"");
  }
  if (config.has("data.rows") && config.text("data.rows") == "streamed") {
    fail_usage(
        config.where("data.rows"),
        "data.rows = \"streamed\" keeps one target of a row, and data.target names several columns; set data.rows "
        "= \"in_memory\"");
  }
}

void check_soft_labels(const Config& config) {
  if (!has_soft_labels(config)) return;
  check_takes_soft_labels(config);
  std::vector<std::string> names = config.texts("data.target");
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return;
  fail_usage(config.where("data.target"), "data.target names column \"{}\" twice; name each class once", *twice);
}

}  // namespace

void check_target_keys(const Config& config) {
  check_ignored_class(config);
  check_soft_labels(config);
}

}  // namespace internal
}  // namespace gradus
