#include "gradus/train/config_targets.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/nn/objective.h"

namespace gradus {

bool has_several_targets(const Config& config) {
  return config.has("data.target") && config.texts("data.target").size() > 1;
}

bool has_soft_labels(const Config& config) {
  if (config.has("loss.soft_labels") && config.boolean("loss.soft_labels")) return true;
  return has_several_targets(config) && config.has("loss.name") &&
         is_of_classes(objective_kind(config.text("loss.name")));
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
  if (has_several_targets(config)) {
    fail_usage(config.where("loss.ignored_class"),
               "loss.ignored_class is a value of one column, and data.target names several; leave the class's column "
               "out, or remove this");
  }
}

// What learns no more than one column, or goes by it.
void check_takes_several(const Config& config) {
  const char* const key = "data.target";
  const std::string &data = config.text("data.kind"), &model = config.text("model.kind");
  if (data != "csv" && data != "numpy") {
    fail_usage(config.where(key), "data.target names several columns, and data.kind = \"{}\" has one target; name one",
               data);
  }
  if (!learns_target(config)) {
    fail_usage(
        config.where(key),
        "data.target names several columns, and model.kind = \"{}\" learns none; name one that it is compared with",
        model);
  }
  const std::string& loss = config.text("loss.name");
  const bool is_binary = loss == "binary_cross_entropy";
  if (is_binary && config.texts("data.target").size() > 2) {
    fail_usage(
        config.where(key),
        "data.target names {} columns, and loss.name = \"binary_cross_entropy\" is for two classes; name two, or "
        "take \"cross_entropy\"",
        config.texts("data.target").size());
  }
  if (is_of_classes(objective_kind(loss)) && !takes_probabilities(objective_kind(loss)) && !is_binary) {
    fail_usage(
        config.where(key),
        "data.target names several columns, which are probabilities of classes or numbers, and loss.name = \"{}\" "
        "learns one class; name one column, or take \"cross_entropy\" or \"mse\"",
        loss);
  }
  if (config.has("solver.name") && config.text("solver.name") != "none") {
    fail_usage(
        config.where("solver.name"),
        "solver.name = \"{}\" learns one column, and data.target names several; set solver.name = \"none\" to use "
        "an optimizer",
        config.text("solver.name"));
  }
  if (config.text("data.split") == "stratified") {
    fail_usage(
        config.where("data.split"),
        "data.split = \"stratified\" goes by the class of a row, and the columns of data.target do not name one; "
        "take \"random\"");
  }
  if (config.has("data.rows") && config.text("data.rows") == "streamed") {
    fail_usage(
        config.where("data.rows"),
        "data.rows = \"streamed\" keeps one target of a row, and data.target names several columns; set data.rows "
        "= \"in_memory\"");
  }
}

void check_several_targets(const Config& config) {
  if (!has_several_targets(config)) return;
  check_takes_several(config);
  std::vector<std::string> names = config.texts("data.target");
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return;
  fail_usage(config.where("data.target"), "data.target names column \"{}\" twice; name each once", *twice);
}

// The one column of probabilities that `loss.soft_labels` asks for.
void check_soft_target(const Config& config) {
  const char* const key = "loss.soft_labels";
  if (!config.has(key) || !config.boolean(key)) return;
  const std::string& data = config.text("data.kind");
  if (data != "csv" && data != "numpy") {
    fail_usage(config.where(key),
               "loss.soft_labels is of a table's column of probabilities, and data.kind = \"{}\" has none; remove it",
               data);
  }
  if (has_several_targets(config)) {
    fail_usage(
        config.where(key),
        "loss.soft_labels is of one column of probabilities, and data.target names several, which are soft labels "
        "without it; remove it, or name one column");
  }
  const bool is_stratified = config.text("data.split") == "stratified";
  for (const auto& [name, usual] : {std::pair{"solver.name", "none"},
                                    {"data.split", is_stratified ? "random" : config.text("data.split").c_str()},
                                    {"data.rows", "in_memory"}}) {
    if (!config.has(name) || config.text(name) == usual) continue;
    fail_usage(
        config.where(name),
        "{} = \"{}\" takes one class a row, and loss.soft_labels = true gives it the probability of one; set {} = "
        "\"{}\"",
        name, config.text(name), name, usual);
  }
  if (!config.has("loss.ignored_class")) return;
  fail_usage(config.where("loss.ignored_class"),
             "loss.ignored_class names a class, and with loss.soft_labels = true the column has probabilities; remove "
             "one of them");
}

void check_class_weights(const Config& config) {
  const char* const key = "loss.class_weights";
  if (!config.has(key)) return;
  const std::vector<double>& weights = config.reals(key);
  if (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0.0; })) {
    fail_usage(config.where(key), "loss.class_weights are all 0, so that nothing counts; give one above 0");
  }
  if (config.text("loss.name") != "binary_cross_entropy") return;
  if (config.boolean("loss.soft_labels") || has_several_targets(config)) {
    fail_usage(config.where(key),
               "loss.class_weights are of rows of one class, and these have probabilities; take loss.positive_weight");
  }
  if (config.is_set("loss.positive_weight")) {
    fail_usage(config.where(key),
               "loss.class_weights and loss.positive_weight both weigh the second class; remove one of them");
  }
}

// Losses that one column is too little for.
void check_needs_several(const Config& config) {
  if (!config.has("loss.name") || has_several_targets(config)) return;
  const std::string& loss = config.text("loss.name");
  if (loss == "kl_divergence") {
    fail_usage(
        config.where("loss.name"),
        "loss.name = \"kl_divergence\" compares with probabilities, a column for each class; name the columns in "
        "data.target, or take \"cross_entropy\", which is the same where a row is of one class");
  }
  if (loss == "cosine") {
    fail_usage(config.where("loss.name"),
               "loss.name = \"cosine\" is of the direction of several numbers, and one has none; name their columns in "
               "data.target");
  }
}

// Losses that compare the examples of a batch with each other.
void check_embeddings(const Config& config) {
  if (!config.has("loss.name") || !is_of_embeddings(objective_kind(config.text("loss.name")))) return;
  const std::string& loss = config.text("loss.name");
  if (config.has("train.micro_batch_size")) {
    fail_usage(
        config.where("train.micro_batch_size"),
        "loss.name = \"{}\" compares the examples of a batch with each other, and train.micro_batch_size cuts it "
        "into parts; remove it",
        loss);
  }
  constexpr int64_t kLeast = 3;
  for (const auto& [key, size] : {std::pair("train.batch_size", config.batch_size("train.batch_size").value_or(kLeast)),
                                  {"validation.batch_size", config.integer("validation.batch_size")}}) {
    if (size >= kLeast) continue;
    fail_usage(
        config.where(key),
        "loss.name = \"{}\" compares an example of a batch with one of its class and one of another, and {} = {} "
        "has no room for the three; take some of each class",
        loss, key, size);
  }
  if (config.has("data.weight")) {
    fail_usage(config.where("data.weight"),
               "loss.name = \"{}\" compares examples, and has no weights of them; remove it", loss);
  }
  if (config.boolean("validation.report")) {
    fail_usage(config.where("validation.report"),
               "validation.report is of classes or numbers, and loss.name = \"{}\" gives embeddings; remove it", loss);
  }
}

}  // namespace

void check_target_keys(const Config& config) {
  check_ignored_class(config);
  check_several_targets(config);
  check_soft_target(config);
  check_class_weights(config);
  check_needs_several(config);
  check_embeddings(config);
}

}  // namespace internal
}  // namespace gradus
