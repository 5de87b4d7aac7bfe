// Sounds, as a configuration asks for them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "gradus/base/error.h"
#include "gradus/data/audio_dataset.h"
#include "gradus/data/file_list.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace fs = std::filesystem;
namespace {

bool is_sound(const std::string& path) {
  return std::any_of(std::begin(kAudioEndings), std::end(kAudioEndings),
                     [&](std::string_view ending) { return path.ends_with(ending); });
}

// The files of folders and of lists of paths, one behind the other.
Table table_of_files(const Config& config, const std::vector<std::string>& paths) {
  Table all;
  for (const std::string& path : files_of(paths, "data.path")) {
    std::error_code error;
    Table table;
    if (fs::is_directory(path, error)) {
      table = list_files({path}, {.pattern = config.text("data.name_pattern"), .endings = kAudioEndings}).table;
    } else if (is_sound(path)) {
      fail_usage(
          path,
          "is one sound; expected data.path to be a folder of sounds, or a CSV or JSONL with their paths and labels");
    } else {
      table = read_listed_files(config, path);
    }
    append_labels(all, std::move(table));
  }
  return all;
}

// Sounds that can be read, and what is known of each.
struct Sounds {
  Table table = {};
  std::shared_ptr<const AudioFiles> files = nullptr;
  SkippedRows skipped = {};
};

[[noreturn]] void fail_broken(const std::vector<AudioFile>& files, const AudioFile& first) {
  const auto broken = std::count_if(files.begin(), files.end(), [](const auto& file) { return !file.problem.empty(); });
  const std::string more = broken > 1 ? fmt::format(" ({} more files are broken)", broken - 1) : "";
  fail(first.path, "{}{}; data.on_bad_file = \"skip\" leaves such files out", first.problem, more);
}

// Leaves out the files that cannot be read, where that is asked for.
void keep_good(const Config& config, Sounds& sounds, std::vector<AudioFile>& files) {
  std::vector<AudioFile> good;
  std::vector<int64_t> rows;
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].problem.empty()) {
      good.push_back(files[i]);
      rows.push_back(static_cast<int64_t>(i));
      continue;
    }
    if (config.text("data.on_bad_file") != "skip") fail_broken(files, files[i]);
    sounds.skipped.add({1, fmt::format("[{}] {}", files[i].path, files[i].problem)});
  }
  if (good.empty()) {
    fail(sounds.table.source(), "none of its {} sounds can be read; the first: {}", files.size(), sounds.skipped.first);
  }
  if (sounds.skipped.count > 0) sounds.table.keep(rows);
  files = std::move(good);
}

Sounds read_sounds(const Config& config, const std::vector<std::string>& paths, int64_t rate) {
  Sounds sounds{.table = table_of_files(config, paths)};
  const TableColumn& column = sounds.table.columns[sounds.table.column(kPathColumn)];
  std::vector<std::string> names;
  for (int64_t row = 0; row < sounds.table.rows; ++row) names.push_back(column.text(row));
  std::vector<AudioFile> files = look_at_audio_files(names, config.text("data.on_bad_file") == "skip");
  keep_good(config, sounds, files);
  sounds.files = std::make_shared<AudioFiles>(std::move(files), rate);
  return sounds;
}

// The least size of a transform from there on.
int64_t transform_size(int64_t window) {
  int64_t size = window + window % 2;
  while (!is_transform_size(size)) size += 2;
  return size;
}

SpectrogramOptions spectrogram_options(const Config& config, int64_t rate) {
  SpectrogramOptions o{.rate = rate};
  o.window = config.has("data.window") ? config.integer("data.window") : std::max<int64_t>(1, rate / 40);
  o.hop = config.has("data.hop") ? config.integer("data.hop") : std::max<int64_t>(1, rate / 100);
  o.fft = config.has("data.fft") ? config.integer("data.fft") : transform_size(o.window);
  o.mels = config.integer("data.mels");
  o.low = config.real("data.low_hz");
  o.high = config.has("data.high_hz") ? config.real("data.high_hz") : static_cast<double>(rate / 2);
  o.scale = mel_scale(config.text("data.mel_scale"));
  o.equal_area = config.text("data.mel_norm") == "slaney";
  o.log = log_scale(config.text("data.log"));
  if (config.has("data.mfccs")) o.coefficients = config.integer("data.mfccs");
  return o;
}

AudioFormat format_of(const Config& config) {
  AudioFormat format{.rate = config.integer("data.sample_rate"),
                     .features = audio_features(config.text("data.audio_features"))};
  format.length = std::max<int64_t>(1, std::llround(config.real("data.seconds") * static_cast<double>(format.rate)));
  if (format.features != AudioFeatures::kSamples) format.spectrogram = spectrogram_options(config, format.rate);
  try {
    const AudioExtractor checked(format);
  } catch (const Error& error) {
    fail_usage(config.where("data.audio_features"),
               "makes no {}: {}; see data.window, data.fft, data.mels and their like", name_of(format.features),
               error.message());
  }
  return format;
}

AudioAugmentOptions augment_options(const Config& config, int64_t rate) {
  return {.shift = std::llround(config.real("augment.shift") * static_cast<double>(rate)),
          .gain = config.real("augment.gain"),
          .noise = config.real("augment.noise"),
          .time_masks = config.integer("augment.time_masks"),
          .time_mask = config.integer("augment.time_mask"),
          .frequency_masks = config.integer("augment.frequency_masks"),
          .frequency_mask = config.integer("augment.frequency_mask")};
}

// The column of the labels alone: what else is known of sounds is no feature.
Table labels_of(const Config& config, const Table& table) {
  Table labels;
  labels.rows = table.rows;
  labels.lines = table.lines;
  labels.parts = table.parts;
  labels.columns.push_back(table.columns[table.column(config.texts("data.target")[0])]);
  return labels;
}

AudioEncoder fit_audio(const Config& config, const Sounds& sounds, std::span<const int64_t> rows) {
  AudioEncoder encoder{.format = format_of(config), .labels = {}};
  const AudioExtractor extractor(encoder.format);
  const int64_t length = encoder.format.length;
  fit_audio_scale(encoder.format, scaling_of(config), static_cast<int64_t>(rows.size()), [&](int64_t i, float* to) {
    const int64_t row = rows[static_cast<size_t>(i)];
    extractor.extract(sounds.files->read(row, middle_span(sounds.files->samples(row), length)), to);
  });
  TableEncoderOptions options = target_options(config);
  options.array = ArrayFeatures{.shape = encoder.format.shape()};
  encoder.labels = TableEncoder::fit(labels_of(config, sounds.table), rows, options);
  return encoder;
}

// What is worth knowing of the sounds' rates and lengths.
std::vector<std::string> notes_on(const AudioFiles& files, const AudioExtractor& extractor) {
  const AudioFormat& format = extractor.format();
  int64_t other_rates = 0, longer = 0, shorter = 0;
  for (int64_t i = 0; i < files.size(); ++i) {
    other_rates += files.file(i).info.rate != format.rate ? 1 : 0;
    longer += files.samples(i) > format.length ? 1 : 0;
    shorter += files.samples(i) < format.length ? 1 : 0;
  }
  const double seconds = static_cast<double>(format.length) / static_cast<double>(format.rate);
  std::vector<std::string> notes = {
      fmt::format("of {} sounds {} are longer than {:.3g} s, and {} shorter", files.size(), longer, seconds, shorter)};
  if (other_rates > 0) notes.push_back(fmt::format("{} sounds are resampled to {} Hz", other_rates, format.rate));
  if (const int64_t empty = extractor.empty_bands(); empty > 0) {
    notes.push_back(
        fmt::format("{} of {} bands hold no frequency of the transform and are always the same; a larger "
                    "data.fft or fewer data.mels fill them",
                    empty, format.spectrogram.mels));
  }
  return notes;
}

std::unique_ptr<AudioDataset> part_of(const Sounds& sounds, const std::shared_ptr<const AudioExtractor>& extractor,
                                      const Tensor& targets, const std::vector<int64_t>& rows,
                                      const AudioAugmentOptions& augment) {
  if (rows.empty()) return nullptr;
  Tensor own = targets.defined() ? TensorDataset(targets).batch(rows).inputs : Tensor();
  return std::make_unique<AudioDataset>(sounds.files, extractor, rows, std::move(own), augment);
}

Tensor targets_of(const AudioEncoder& encoder, const Table& table) {
  return encoder.labels.has_target() ? encoder.labels.targets(table) : Tensor();
}

// Of the files and their targets.
uint64_t hash_of(const AudioFiles& files, const Tensor& targets, uint64_t hash) {
  for (int64_t i = 0; i < files.size(); ++i) hash = mix(hash, files.file(i).hash);
  return targets.defined() ? internal::hash_of(TensorDataset(targets), hash) : hash;
}

}  // namespace

ReadRows read_audio_files(const Config& config, const AudioEncoder& encoder, const std::vector<std::string>& paths) {
  const Sounds sounds = read_sounds(config, paths, encoder.format.rate);
  const auto extractor = std::make_shared<AudioExtractor>(encoder.format);
  return {part_of(sounds, extractor, targets_of(encoder, sounds.table), all_rows(sounds.files->size()), {}),
          {.skipped = sounds.skipped}};
}

ExperimentData make_audio_data(const Config& config, const DataEncoder& given) {
  const int64_t rate = config.integer("data.sample_rate");
  const Sounds sounds = read_sounds(config, config.texts("data.path"), rate);
  const Split split = split_of_rows(config, sounds.table);
  const auto* known = std::get_if<AudioEncoder>(&given);
  const AudioEncoder encoder = known != nullptr ? *known : fit_audio(config, sounds, split.training);
  check_targets(config, sounds.table, encoder.labels.target_columns());
  const auto extractor = std::make_shared<AudioExtractor>(encoder.format);
  const Tensor targets = targets_of(encoder, sounds.table);
  ExperimentData data;
  data.hash = hash_of(*sounds.files, targets, 0);
  data.training = part_of(sounds, extractor, targets, split.training, augment_options(config, rate));
  data.validation = part_of(sounds, extractor, targets, split.validation, {});
  data.left_out.skipped = sounds.skipped;
  data.notes = notes_on(*sounds.files, *extractor);
  if (config.has("data.validation_path")) {
    const Sounds held = read_sounds(config, config.texts("data.validation_path"), rate);
    const Tensor held_targets = targets_of(encoder, held.table);
    data.hash = hash_of(*held.files, held_targets, data.hash);
    data.validation = part_of(held, extractor, held_targets, all_rows(held.files->size()), {});
    data.left_out.skipped.add(held.skipped);
  }
  data.shape = shape_for(config, encoder.labels);
  data.shape.example = example_shape(encoder);
  data.encoder = encoder;
  data.split = split;
  return data;
}

AudioRows read_audio_rows(const Config& config, const AudioEncoder& encoder, const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : files_of(paths, "--data")) {
    if (is_sound(path)) {
      names.push_back(path);
      continue;
    }
    const Table table = table_of_files(config, {path});
    const TableColumn& column = table.columns[table.column(kPathColumn)];
    for (int64_t row = 0; row < table.rows; ++row) names.push_back(column.text(row));
  }
  std::vector<AudioFile> files = look_at_audio_files(names, false);
  for (const AudioFile& file : files) {
    if (!file.problem.empty()) fail(file.path, "{}", file.problem);
  }
  const Sounds sounds{.files = std::make_shared<AudioFiles>(std::move(files), encoder.format.rate)};
  const auto extractor = std::make_shared<AudioExtractor>(encoder.format);
  return {part_of(sounds, extractor, {}, all_rows(sounds.files->size()), {}), std::move(names)};
}

}  // namespace gradus::internal
