// The data that a configuration asks for, read or made up, and split.
#include <fmt/format.h>

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/data/file_contents.h"
#include "gradus/train/data_parts.h"
#include "gradus/train/image_data.h"

namespace gradus {
namespace fs = std::filesystem;
namespace {

void check_files(const Config& config) {
  const std::vector<std::string> files = files_of(config.texts("data.path"), "data.path");
  internal::check_apart(files, "data.path", files, "data.path");
  if (!config.has("data.validation_path")) return;
  internal::check_apart(files, "data.path", files_of(config.texts("data.validation_path"), "data.validation_path"),
                        "data.validation_path");
}

// Rows take about as much memory as their text, and more while they are read.
void check_fits(const Config& config) {
  int64_t bytes = 0;
  for (const char* key : {"data.path", "data.validation_path"}) {
    if (!config.has(key)) continue;
    for (const std::string& file : files_of(config.texts(key), key)) {
      std::error_code error;
      const auto size = fs::is_regular_file(file, error) ? fs::file_size(file, error) : 0;
      bytes += static_cast<int64_t>(size);
      if (bytes <= most_contents_bytes()) continue;
      fail_usage(
          file,
          "{} bytes to read, with the files before it, which is more than half of the free memory; set data.rows "
          "= \"streamed\", so that rows go through memory a part at a time",
          bytes);
    }
  }
}

}  // namespace

std::vector<std::string> files_of(const std::vector<std::string>& paths, std::string_view key) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    const bool is_pattern = path.find_first_of("*?[") != std::string::npos && !fs::exists(path, error);
    const std::vector<fs::path> found = is_pattern ? matching_paths(path) : std::vector<fs::path>{path};
    if (found.empty()) {
      fail_usage(path, "no file has such a name in {}; expected {} to name files, or a pattern that some fit",
                 fs::current_path(error).string(), key);
    }
    for (const fs::path& file : found) {
      if (file.is_relative() && !fs::exists(file, error)) {
        fail_usage(
            file.string(),
            "there is no such file in {}; a {} that does not begin with / counts from the folder that the command "
            "runs in: run it there, or name the file with --data PATH",
            fs::current_path(error).string(), key);
      }
      files.push_back(file.string());
    }
  }
  return files;
}

namespace {

// Classes without an example, which nothing can be learned, or told, of.
std::string missing_classes_text(const std::vector<std::string>& classes, const Dataset* part, const char* name) {
  constexpr size_t kMostShown = 20;
  const Tensor targets = part != nullptr ? part->present_targets() : Tensor();
  if (!targets.defined() || targets.dtype() != DType::kI64 || targets.rank() != 1) return "";
  std::vector<bool> is_there(classes.size());
  for (int64_t i = 0; i < targets.numel(); ++i) is_there[static_cast<size_t>(targets.data<int64_t>()[i])] = true;
  std::string shown;
  size_t missing = 0;
  for (size_t i = 0; i < classes.size(); ++i) {
    if (is_there[i]) continue;
    if (missing++ < kMostShown) shown += (shown.empty() ? "" : ", ") + classes[i];
  }
  if (missing == 0) return "";
  return fmt::format("the {} part has no example of {} of the {} classes: {}{}", name, missing, classes.size(), shown,
                     missing > kMostShown ? ", …" : "");
}

void note_missing_classes(ExperimentData& data) {
  const TableEncoder* encoder = target_encoder(data.encoder);
  if (encoder == nullptr || encoder->classes().empty()) return;
  for (const auto& [part, name] : {std::pair(data.training.get(), "training"), {data.validation.get(), "validation"}}) {
    std::string note = missing_classes_text(encoder->classes(), part, name);
    if (!note.empty()) data.notes.push_back(std::move(note));
  }
}

// Whether two are of one class, and one is of another.
bool has_pairs(const Dataset& part) {
  const Tensor targets = part.present_targets();
  const bool of_each = targets.defined() && targets.rank() == 1 && targets.numel() == part.size();
  if (!of_each || targets.dtype() != DType::kI64) return true;  // or it is not known, as of streamed rows
  std::vector<int64_t> ids(targets.data<int64_t>(), targets.data<int64_t>() + targets.numel());
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(ids.begin(), ids.end()) != ids.end() && ids.front() != ids.back();
}

std::optional<std::string> goes_by_validation(const Config& config) {
  if (config.boolean("train.restore_best")) return "train.restore_best";
  if (config.has("train.patience") && config.integer("train.patience") > 0) return "train.patience";
  if (config.has("schedule.name") && config.text("schedule.name") == "plateau") return "schedule.name";
  return std::nullopt;
}

// A loss that compares examples needs what it compares.
void check_pairs(const Config& config, ExperimentData& data) {
  if (!config.has("loss.name") || !is_of_embeddings(objective_kind(config.text("loss.name")))) return;
  if (!has_pairs(*data.training)) {
    fail_usage(config.where("loss.name"),
               "loss.name = \"{}\" compares examples of one class with those of another, and the training part has no "
               "two of one class beside another; give more examples of each class, or take \"cross_entropy\"",
               config.text("loss.name"));
  }
  if (data.validation != nullptr && !has_pairs(*data.validation)) {
    if (const std::optional<std::string> key = goes_by_validation(config)) {
      fail_usage(config.where(*key),
                 "{} = {} goes by the validation loss, and the validation part has no two examples of one class beside "
                 "another, so that there is none; hold more out, or remove it",
                 *key, config.shown(*key));
    }
    data.notes.emplace_back(
        "the validation part has no two examples of one class beside another, so that there is no validation loss");
  }
}

ExperimentData data_of_kind(const Config& config, const DataEncoder& encoder, RowCaches caches) {
  const std::string& kind = config.text("data.kind");
  if (config.has("data.path")) check_files(config);
  if (is_streamed(config)) return internal::make_streamed_data(config, encoder, caches);
  if (kind == "csv" || kind == "libsvm") check_fits(config);
  if (kind == "text") return internal::make_text_data(config, encoder);
  if (kind == "labelled_text") return internal::make_labelled_text_data(config, encoder);
  if (kind == "csv" || kind == "numpy") return internal::make_table_data(config, encoder);
  if (kind == "idx") return internal::make_array_data(config, encoder);
  if (kind == "images") return internal::make_image_data(config, encoder);
  if (kind == "audio") return internal::make_audio_data(config, encoder);
  return kind == "libsvm" ? internal::make_sparse_data(config, encoder) : internal::make_made_up_data(config);
}

}  // namespace

ExperimentData make_data(const Config& config, const DataEncoder& encoder, RowCaches caches) {
  ExperimentData data = data_of_kind(config, encoder, caches);
  note_missing_classes(data);
  check_pairs(config, data);
  return data;
}

ReadRows read_data(const Config& config, const DataEncoder& encoder, const std::vector<std::string>& paths,
                   const std::vector<std::string>& labels) {
  const auto* images = std::get_if<ImageEncoder>(&encoder);
  if (config.text("data.kind") != "idx" && images == nullptr && !labels.empty()) {
    fail_usage("--labels", "data.kind = \"{}\" has no files of labels of their own; leave it out",
               config.text("data.kind"));
  }
  if (const auto* tokenizer = std::get_if<TextTokenizer>(&encoder)) {
    return {internal::read_text(config, *tokenizer, paths)};
  }
  if (images != nullptr) {
    internal::Pictures pictures = internal::read_pictures(config, paths, labels);
    return {internal::read_images(*images, std::move(pictures), true)};
  }
  if (const auto* audio = std::get_if<AudioEncoder>(&encoder)) return internal::read_audio_files(config, *audio, paths);
  if (const auto* table = std::get_if<TableEncoder>(&encoder)) {
    if (table->array()) return {internal::read_arrays(config, *table, paths, labels)};
    if (table->text()) return {internal::read_labelled_text(config, *table, paths)};
    return table->is_sparse() ? internal::read_sparse(config, *table, paths)
                              : internal::read_table(config, *table, paths);
  }
  return internal::read_made_up(config, paths);
}

std::string left_out_text(const LeftOutRows& rows) {
  std::string text;
  if (rows.skipped.count > 0) {
    text += fmt::format("{} rows are left out, as something is wrong with them; the first: {}\n", rows.skipped.count,
                        rows.skipped.first);
  }
  if (rows.unlabelled > 0) text += fmt::format("{} rows without a target are left out\n", rows.unlabelled);
  if (rows.ignored > 0) text += fmt::format("{} rows of the ignored class are left out\n", rows.ignored);
  return text;
}

std::string left_out_text(const ExperimentData& data) {
  std::string text;
  for (const std::string& note : data.notes) text += note + "\n";
  text += left_out_text(data.left_out);
  if (data.unused_tokens > 0) {
    text += fmt::format("{} tokens at the end of the training text are too few for an example and stay unused\n",
                        data.unused_tokens);
  }
  return text;
}

MetricUnits metric_units(const DataEncoder& encoder, const Dataset& part) {
  MetricUnits units;
  if (const TableEncoder* table = target_encoder(encoder)) {
    for (const TableEncoder::Target& target : table->all_targets()) units.target_scales.push_back(target.scale);
  }
  const auto* tokenizer = std::get_if<TextTokenizer>(&encoder);
  const auto* text = dynamic_cast<const TokenDataset*>(&part);
  if (tokenizer == nullptr || text == nullptr) return units;
  units.is_text = true;
  const TokenSequence targets = text->targets();
  const std::vector<int64_t> counts = targets.counts(tokenizer->vocabulary_size());
  double bytes = 0.0;
  for (size_t id = 0; id < counts.size(); ++id) {
    const std::optional<int64_t> each = tokenizer->bytes_of(static_cast<int32_t>(id));
    if (!each) return units;  // words: what stood between them is not known
    bytes += static_cast<double>(*each * counts[id]);
  }
  units.bytes_per_token = bytes / static_cast<double>(targets.size());
  return units;
}

}  // namespace gradus
