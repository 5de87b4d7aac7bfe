#include "gradus/train/config_images.h"

#include "gradus/base/error.h"

namespace gradus::internal {
namespace {

void check_image_model(const Config& config) {
  if (makes_clusters(config)) {
    fail_usage(config.where("model.kind"),
               "model.kind = \"{}\" makes clusters of rows of numbers, and data.kind = \"images\" has pictures; take "
               "data.kind = \"idx\"",
               config.text("model.kind"));
  }
  if (config.has("solver.name") && config.text("solver.name") != "none") {
    fail_usage(
        config.where("solver.name"),
        "solver.name = \"{}\" goes through rows in memory, and data.kind = \"images\" has pictures; take \"none\", "
        "and an optimizer",
        config.text("solver.name"));
  }
}

// A list of a few numbers.
void check_count(const Config& config, const char* key, size_t least, size_t most, const char* meaning) {
  if (!config.has(key)) return;
  const size_t count =
      key == std::string_view("data.image_size") ? config.integers(key).size() : config.reals(key).size();
  if (count >= least && count <= most) return;
  fail_usage(config.where(key), "{} = {} has {} numbers; expected {}", key, config.shown(key), count, meaning);
}

void check_range(const Config& config, const char* key) {
  check_count(config, key, 2, 2, "two, the least and the most");
  const std::vector<double>& range = config.reals(key);
  if (range[0] <= range[1]) return;
  fail_usage(config.where(key), "{} = {} is no range; expected the least and then the most", key, config.shown(key));
}

void check_scaling(const Config& config) {
  const bool has_mean = config.has("data.mean"), has_deviation = config.has("data.deviation");
  if (!has_mean && !has_deviation) return;
  const char* const key = has_mean ? "data.mean" : "data.deviation";
  if (has_mean != has_deviation) {
    fail_usage(config.where(key), "{} is given alone; data.mean and data.deviation go together", key);
  }
  if (config.text("data.scaling") == "standardize") return;
  fail_usage(config.where(key), "{} is for data.scaling = \"standardize\", and it is \"{}\"; remove one of them", key,
             config.text("data.scaling"));
}

void check_mixing(const Config& config) {
  for (const char* key : {"augment.mixup", "augment.cutmix"}) {
    if (config.real(key) == 0.0 || !config.has("loss.name")) continue;
    const std::string& loss = config.text("loss.name");
    const bool one_class_alone = loss == "binary_cross_entropy" || loss == "focal" || loss == "hinge" ||
                                 loss == "squared_hinge" || loss == "triplet" || loss == "info_nce";
    if (one_class_alone) {
      fail_usage(config.where(key), "{} = {} mixes classes, and loss.name = \"{}\" takes one; take \"cross_entropy\"",
                 key, config.shown(key), loss);
    }
    if (!config.has("loss.class_weights")) continue;
    fail_usage(config.where(key), "{} = {} mixes classes, and loss.class_weights are of one; remove one of them", key,
               config.shown(key));
  }
}

void check_label_files(const Config& config) {
  const char* const key = "data.validation_labels";
  const bool is_needed = config.has("data.labels") && config.has("data.validation_path");
  if (is_needed == config.has(key)) return;
  fail_usage(config.where(is_needed ? "data.validation_path" : key), "{} is {}; it goes with data.labels and {}", key,
             is_needed ? "missing" : "given alone", "data.validation_path");
}

}  // namespace

void check_images(const Config& config) {
  if (config.text("data.kind") != "images") return;
  check_image_model(config);
  check_count(config, "data.image_size", 1, 2, "one, or the height and the width");
  if (config.has("data.channels") && config.integer("data.channels") == 2) {
    fail_usage(config.where("data.channels"), "data.channels = 2; expected 1 (grey), 3 (RGB) or 4 (with alpha)");
  }
  check_range(config, "augment.crop_area");
  check_range(config, "augment.crop_aspect");
  check_scaling(config);
  check_mixing(config);
  check_label_files(config);
}

}  // namespace gradus::internal
