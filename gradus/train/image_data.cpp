#include "gradus/train/image_data.h"

#include <fmt/format.h>

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/base/hash.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

ImageFormat format_of(const Config& config, const Pictures& pictures) {
  ImageFormat format = pictures.array.value_or(ImageFormat{});
  if (config.has("data.image_size")) {
    const std::vector<int64_t>& size = config.integers("data.image_size");
    format.height = size.front();
    format.width = size.back();
  } else if (!pictures.array) {
    fail_usage(config.where("data.image_size"),
               "data.image_size is missing: the height and width of the pictures that the model is to see, such as 224; "
               "files may be of any size");
  }
  if (config.has("data.channels")) format.channels = config.integer("data.channels");
  format.fit = image_fit(config.text("data.resize"));
  format.resampling = resampling_of(config.text("data.resampling"));
  return format;
}

std::vector<float> given_numbers(const Config& config, const char* key, int64_t channels) {
  const std::vector<double>& numbers = config.reals(key);
  if (static_cast<int64_t>(numbers.size()) != channels) {
    fail_usage(config.where(key), "{} has {} numbers, and pictures have {} channels; give one for each", key,
               numbers.size(), channels);
  }
  return {numbers.begin(), numbers.end()};
}

void set_scale(const Config& config, const Pictures& pictures, std::span<const int64_t> rows, ImageFormat& format) {
  constexpr int64_t kMostFiles = 1024;  // a mean is known to 1% of the deviation long before
  const auto channels = static_cast<size_t>(format.channels);
  format.mean.assign(channels, 0.0F);
  format.scale.assign(channels, scaling_of(config) == Scaling::kNone ? 1.0F / 255.0F : 1.0F);
  if (scaling_of(config) != Scaling::kStandardize) return;
  if (config.has("data.mean")) {
    format.mean = given_numbers(config, "data.mean", format.channels);
    format.scale = given_numbers(config, "data.deviation", format.channels);
    return;
  }
  const auto count = static_cast<int64_t>(rows.size());
  const std::vector<int64_t> some = spaced_rows(rows, pictures.array ? count : std::min(count, kMostFiles));
  fit_image_scale(format, static_cast<int64_t>(some.size()), [&](int64_t i) {
    Image image = pictures.source->decode(some[static_cast<size_t>(i)]);
    return fitted_image(format, with_channels(std::move(image), format.channels));
  });
}

// The column of the labels alone, as a table: what else is known of pictures is no feature.
Table labels_of(const Pictures& pictures) {
  Table labels;
  labels.rows = pictures.table.rows;
  labels.lines = pictures.table.lines;
  labels.parts = pictures.table.parts;
  labels.columns.push_back(pictures.table.columns[pictures.table.column(pictures.target)]);
  return labels;
}

ImageEncoder fit_encoder(const Config& config, const Pictures& pictures, std::span<const int64_t> rows) {
  if (pictures.target.empty()) {
    fail_usage(config.where("data.path"),
               "the pictures of {} have no labels to learn; give folders named by classes, a column \"label\" "
               "(data.target names another), or data.labels beside an IDX file",
               pictures.table.source());
  }
  ImageEncoder encoder{.format = format_of(config, pictures)};
  set_scale(config, pictures, rows, encoder.format);
  TableEncoderOptions options = target_options(config);
  options.array = ArrayFeatures{.shape = encoder.format.shape()};
  encoder.labels = TableEncoder::fit(labels_of(pictures), rows, options);
  return encoder;
}

AugmentOptions augment_options(const Config& config) {
  const std::vector<double>&area = config.reals("augment.crop_area"), &aspect = config.reals("augment.crop_aspect");
  const std::string& flip = config.text("augment.flip");
  return {.random_crop = config.boolean("augment.random_crop"),
          .least_area = area[0],
          .most_area = area[1],
          .least_aspect = aspect[0],
          .most_aspect = aspect[1],
          .pad = config.integer("augment.pad"),
          .flip_horizontal = flip == "horizontal" || flip == "both",
          .flip_vertical = flip == "vertical" || flip == "both",
          .rotate = config.real("augment.rotate"),
          .brightness = config.real("augment.brightness"),
          .contrast = config.real("augment.contrast"),
          .saturation = config.real("augment.saturation"),
          .hue = config.real("augment.hue"),
          .erase = config.real("augment.erase"),
          .mixup = config.real("augment.mixup"),
          .cutmix = config.real("augment.cutmix")};
}

// These rows as examples. What is in memory and never varied is encoded once.
std::unique_ptr<Dataset> examples_of(const Pictures& pictures, const Tensor& targets, std::vector<int64_t> rows,
                                     const ImageEncoder& encoder, const AugmentOptions& augment,
                                     const std::shared_ptr<ImageBudget>& budget) {
  if (rows.empty()) return nullptr;
  const Tensor own = targets.defined() ? TensorDataset(targets).batch(rows).inputs : Tensor();
  const auto classes = static_cast<int64_t>(encoder.labels.classes().size());
  auto data = std::make_unique<ImageDataset>(
      pictures.source, std::move(rows), own, classes,
      ImageDatasetOptions{.format = encoder.format, .augment = augment, .budget = budget});
  constexpr int64_t kMostBytes = 1 << 29;
  const bool is_small = data->size() * encoder.format.samples() * int64_t{sizeof(float)} <= kMostBytes;
  if (data->is_costly() || !is_small) return data;
  Batch all = data->batch(all_rows(data->size()));
  return std::make_unique<TensorDataset>(dataset_of(all.inputs, all.targets));
}

}  // namespace

std::unique_ptr<ImageDataset> read_images(const ImageEncoder& encoder, Pictures pictures, bool has_targets) {
  const Tensor targets = has_targets ? encoder.labels.targets(pictures.table) : Tensor();
  const auto classes = static_cast<int64_t>(encoder.labels.classes().size());
  return std::make_unique<ImageDataset>(pictures.source, all_rows(pictures.source->count), targets, classes,
                                        ImageDatasetOptions{.format = encoder.format});
}

ExperimentData make_image_data(const Config& config, const DataEncoder& given) {
  const auto texts_of = [&](const char* key) {
    return config.has(key) ? config.texts(key) : std::vector<std::string>{};
  };
  const Pictures pictures = read_pictures(config, config.texts("data.path"), texts_of("data.labels"));
  const Split split = split_of_rows(config, pictures.table);
  const auto* known = std::get_if<ImageEncoder>(&given);
  const ImageEncoder encoder = known != nullptr ? *known : fit_encoder(config, pictures, split.training);
  const Tensor targets = encoder.labels.targets(pictures.table);
  check_targets(config, pictures.table, encoder.labels.target_columns());
  const auto budget = std::make_shared<ImageBudget>(config.integer("data.keep_megabytes") * 1'000'000);
  ExperimentData data;
  data.notes = pictures.notes;
  data.hash = mix(pictures.hash, xxh3(targets.bytes(), static_cast<size_t>(targets.numel() * size_of(targets.dtype()))));
  data.training = examples_of(pictures, targets, split.training, encoder, augment_options(config), budget);
  data.validation = examples_of(pictures, targets, split.validation, encoder, {}, budget);
  if (config.has("data.validation_path")) {
    const Pictures held =
        read_pictures(config, config.texts("data.validation_path"), texts_of("data.validation_labels"));
    const Tensor held_targets = encoder.labels.targets(held.table);
    const std::vector<int64_t> rows = all_rows(held.source->count);
    data.validation = examples_of(held, held_targets, rows, encoder, {}, budget);
    data.hash = mix(data.hash, held.hash);
    data.notes.insert(data.notes.end(), held.notes.begin(), held.notes.end());
  }
  data.shape = shape_for(config, encoder.labels);
  data.shape.example = example_shape(encoder);
  data.encoder = encoder;
  data.split = split;
  return data;
}

}  // namespace gradus::internal
