#include "gradus/train/image_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "gradus/base/error.h"
#include "gradus/base/folders.h"
#include "gradus/base/hash.h"
#include "gradus/base/threads.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/file_list.h"
#include "gradus/data/idx.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 4> kEndings = {".jpg", ".jpeg", ".png", ".webp"};

enum class SourceKind : uint8_t { kFolder, kTable, kArray, kFiles };

bool ends_in(std::string name, std::initializer_list<std::string_view> endings) {
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.resize(name.size() - packed.size());
  }
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

SourceKind kind_of(const std::string& path, bool has_labels) {
  std::error_code error;
  if (fs::is_directory(path, error)) return SourceKind::kFolder;
  if (ends_in(path, {".csv", ".tsv", ".jsonl", ".ndjson"})) return SourceKind::kTable;
  if (has_labels || ends_in(path, {".gz", ".zst", "-ubyte", ".idx", ".idx3"})) return SourceKind::kArray;
  return SourceKind::kFiles;
}

SourceKind kind_of(const std::vector<std::string>& files, bool has_labels) {
  const SourceKind kind = kind_of(files[0], has_labels);
  for (const std::string& file : files) {
    if (kind_of(file, has_labels) == kind) continue;
    fail_usage(file, "is not of the same kind as {}; expected folders, tables of paths, IDX files or pictures, all alike",
               files[0]);
  }
  return kind;
}

// A folder that is named by a class but has no picture is a class that cannot be learned.
void check_class_folders(const std::vector<std::string>& folders, const Table& table) {
  const TableColumn& label = table.columns[table.column("label")];
  const std::set<std::string> known(label.dictionary.begin(), label.dictionary.end());
  for (const std::string& folder : folders) {
    for (const fs::path& path : list_folder(folder)) {
      const std::string name = path.filename().string();
      std::error_code error;
      if (name.starts_with('.') || !fs::is_directory(path, error) || known.contains(name)) continue;
      fail(path.string(), "is the folder of a class, by data.name_pattern, and has no picture; put some in it, or remove it");
    }
  }
}

Pictures list_folders(const Config& config, const std::vector<std::string>& folders) {
  const std::string pattern = config.text("data.name_pattern");
  FileList list = list_files(folders, {.pattern = pattern, .endings = kEndings});
  Pictures pictures{.table = std::move(list.table)};
  if (pictures.table.has_column("label")) pictures.target = "label";
  if (pattern == "{label}/**") check_class_folders(folders, pictures.table);
  if (list.other_files > 0) {
    pictures.notes.push_back(fmt::format("{} files that do not end in .jpg, .jpeg, .png or .webp are left out",
                                         list.other_files));
  }
  return pictures;
}

Pictures list_tables(const Config& config, const std::vector<std::string>& files) {
  Pictures pictures;
  for (const std::string& file : files) append_labels(pictures.table, read_listed_files(config, file));
  if (!config.has("data.target") && pictures.table.has_column("label")) pictures.target = "label";
  return pictures;
}

Pictures list_pictures(const std::vector<std::string>& files) {
  Pictures pictures;
  TableColumn column{.name = std::string(kPathColumn), .is_number = false, .dictionary = files};
  column.codes.resize(files.size());
  std::iota(column.codes.begin(), column.codes.end(), 0);
  pictures.table.rows = static_cast<int64_t>(files.size());
  pictures.table.columns.push_back(std::move(column));
  pictures.table.parts = {{.source = files[0]}};
  return pictures;
}

void use_files(Pictures& pictures) {
  const TableColumn& column = pictures.table.columns[pictures.table.column(kPathColumn)];
  auto paths = std::make_shared<std::vector<std::string>>();
  for (int64_t row = 0; row < pictures.table.rows; ++row) paths->push_back(column.text(row));
  auto source = std::make_shared<ImageSource>();
  source->count = pictures.table.rows;
  source->decode = [paths](int64_t i) { return read_image((*paths)[static_cast<size_t>(i)]); };
  pictures.source = std::move(source);
}

// Bytes (N, rows, columns) or (N, rows, columns, channels), one file behind the other.
Pictures read_arrays_of_pictures(const std::vector<std::string>& files, const std::vector<std::string>& labels) {
  Pictures pictures;
  auto bytes = std::make_shared<std::vector<uint8_t>>();
  Shape shape;
  int64_t count = 0;
  for (const std::string& file : files) {
    const Tensor own = read_idx(file);
    Shape one = own.shape();
    if (one.rank() < 3 || one.rank() > 4 || (one.rank() == 4 && one[3] != 1 && one[3] != 3 && one[3] != 4)) {
      fail(file, "its shape is {}; expected pictures: (examples, rows, columns), or 1, 3 or 4 channels behind these",
           to_string(one));
    }
    one.erase(0);
    if (count > 0 && !(one == shape)) {
      fail(file, "its pictures are {}, and those of {} are {}; expected one shape", to_string(one), files[0],
           to_string(shape));
    }
    shape = one;
    count += own.size(0);
    const float* const from = own.data<float>();
    for (int64_t i = 0; i < own.numel(); ++i) {
      if (!(from[i] >= 0.0F && from[i] <= 255.0F) || from[i] != static_cast<float>(static_cast<int>(from[i]))) {
        fail(file, "number {} is {}; expected bytes from 0 to 255, as pictures have them", i, from[i]);
      }
      bytes->push_back(static_cast<uint8_t>(from[i]));
    }
  }
  const ImageFormat format{.height = shape[0], .width = shape[1], .channels = shape.rank() == 3 ? shape[2] : 1};
  pictures.array = format;
  pictures.hash = xxh3(bytes->data(), bytes->size());
  auto source = std::make_shared<ImageSource>();
  source->count = count;
  source->is_costly = false;
  source->decode = [bytes, format](int64_t i) {
    Image image{.height = format.height, .width = format.width, .channels = format.channels};
    const auto begin = bytes->begin() + i * format.samples();
    image.bytes.assign(begin, begin + format.samples());
    return image;
  };
  pictures.source = std::move(source);
  pictures.table.rows = count;
  pictures.table.parts = {{.source = fmt::format("{}", fmt::join(files, ", "))}};
  if (labels.empty()) return pictures;
  Table table = read_label_files(labels);
  if (table.rows != count) {
    fail(table.source(), "{} labels for the {} pictures of {}; expected one for each", table.rows, count,
         pictures.table.source());
  }
  pictures.target = table.columns[0].name;
  pictures.table = std::move(table);
  return pictures;
}

uint64_t hash_of_files(const Pictures& pictures) {
  uint64_t hash = 0;
  const TableColumn& paths = pictures.table.columns[pictures.table.column(kPathColumn)];
  for (int64_t row = 0; row < pictures.table.rows; ++row) {
    const fs::path path = paths.text(row);
    std::error_code error;
    hash = mix(hash, xxh3(path.filename().string()));
    hash = mix(hash, static_cast<uint64_t>(fs::file_size(path, error)));
  }
  return hash;
}

// Leaves out files that cannot be decoded, or throws for one whose header cannot be read.
void check_files(const Config& config, Pictures& pictures) {
  const bool skips = config.text("data.on_bad_file") == "skip";
  const TableColumn& paths = pictures.table.columns[pictures.table.column(kPathColumn)];
  std::vector<std::string> wrong(static_cast<size_t>(pictures.table.rows));
  parallel_for(pictures.table.rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      try {
        skips ? static_cast<void>(read_image(paths.text(row))) : static_cast<void>(read_image_header(paths.text(row)));
      } catch (const Error& error) {
        if (!skips) throw;
        wrong[static_cast<size_t>(row)] = error.what();
      }
    }
  });
  std::vector<int64_t> good;
  std::string first;
  for (int64_t row = 0; row < pictures.table.rows; ++row) {
    const std::string& what = wrong[static_cast<size_t>(row)];
    if (what.empty()) {
      good.push_back(row);
    } else if (first.empty()) {
      first = what;
    }
  }
  if (first.empty()) return;
  if (good.empty()) fail(pictures.table.source(), "none of its {} pictures can be read; the first: {}", wrong.size(), first);
  pictures.notes.push_back(fmt::format("{} pictures are left out, as they cannot be read; the first: {}",
                                       wrong.size() - good.size(), first));
  pictures.table.keep(good);
}

}  // namespace

std::string Pictures::place(int64_t row) const {
  if (array) return fmt::format("{}, picture {}", table.source(), row);
  return table.columns[table.column(kPathColumn)].text(row);
}

Pictures read_pictures(const Config& config, const std::vector<std::string>& paths,
                       const std::vector<std::string>& labels) {
  const std::vector<std::string> files = files_of(paths, "data.path");
  const SourceKind kind = kind_of(files, !labels.empty());
  if (kind == SourceKind::kArray) return read_arrays_of_pictures(files, labels);
  if (!labels.empty()) {
    fail_usage("data.labels", "is for IDX files, and {} is none; leave it out", files[0]);
  }
  Pictures pictures = kind == SourceKind::kFolder  ? list_folders(config, files)
                      : kind == SourceKind::kTable ? list_tables(config, files)
                                                   : list_pictures(files);
  if (config.has("data.target") && kind != SourceKind::kFiles) pictures.target = config.texts("data.target")[0];
  check_files(config, pictures);
  pictures.hash = hash_of_files(pictures);
  use_files(pictures);
  return pictures;
}

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

std::vector<int64_t> all_rows(int64_t count) {
  std::vector<int64_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
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

// Classes without an example, which nothing can be learned, or told, of.
void note_empty_classes(ExperimentData& data, const std::vector<std::string>& classes, const Tensor& targets,
                        std::span<const int64_t> rows, const char* part) {
  if (!targets.defined() || classes.empty() || rows.empty()) return;
  std::set<int64_t> seen;
  for (const int64_t row : rows) seen.insert(targets.data<int64_t>()[row]);
  std::string missing;
  for (size_t i = 0; i < classes.size(); ++i) {
    if (!seen.contains(static_cast<int64_t>(i))) missing += (missing.empty() ? "" : ", ") + classes[i];
  }
  if (missing.empty()) return;
  data.notes.push_back(fmt::format("the {} part has no picture of {} of the {} classes: {}", part,
                                   classes.size() - seen.size(), classes.size(), missing));
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
  const std::vector<std::string>& classes = encoder.labels.classes();
  const Tensor targets = encoder.labels.targets(pictures.table);
  check_targets(config, pictures.table, encoder.labels.target().name);
  const auto budget = std::make_shared<ImageBudget>(config.integer("data.keep_megabytes") * 1'000'000);
  ExperimentData data;
  data.notes = pictures.notes;
  data.hash = mix(pictures.hash, xxh3(targets.bytes(), static_cast<size_t>(targets.numel() * size_of(targets.dtype()))));
  data.training = examples_of(pictures, targets, split.training, encoder, augment_options(config), budget);
  data.validation = examples_of(pictures, targets, split.validation, encoder, {}, budget);
  note_empty_classes(data, classes, targets, split.training, "training");
  note_empty_classes(data, classes, targets, split.validation, "validation");
  if (config.has("data.validation_path")) {
    const Pictures held =
        read_pictures(config, config.texts("data.validation_path"), texts_of("data.validation_labels"));
    const Tensor held_targets = encoder.labels.targets(held.table);
    const std::vector<int64_t> rows = all_rows(held.source->count);
    data.validation = examples_of(held, held_targets, rows, encoder, {}, budget);
    data.hash = mix(data.hash, held.hash);
    data.notes.insert(data.notes.end(), held.notes.begin(), held.notes.end());
    note_empty_classes(data, classes, held_targets, rows, "validation");
  }
  data.shape = shape_for(config, encoder.labels);
  data.shape.example = example_shape(encoder);
  data.encoder = encoder;
  data.split = split;
  return data;
}

}  // namespace gradus::internal
