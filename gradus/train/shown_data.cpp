#include "gradus/train/shown_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "gradus/base/json.h"
#include "gradus/data/audio_dataset.h"
#include "gradus/data/sampler.h"
#include "gradus/train/data_parts.h"

namespace gradus {
namespace {

std::string target_text(const Batch& batch, int64_t row, const TableEncoder* encoder) {
  if (!batch.targets.defined()) return "";
  const bool has_classes = encoder != nullptr && !encoder->classes().empty();
  const int64_t width = batch.targets.numel() / batch.targets.size(0);
  const std::vector<double> all = batch.targets.values<double>();
  const auto begin = all.begin() + row * width;
  if (!has_classes) {
    std::vector<std::string> numbers;
    for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
      const double number = begin[static_cast<std::ptrdiff_t>(i)];
      numbers.push_back(fmt::format("{:.4g}", encoder != nullptr ? encoder->original(number, i) : number));
    }
    return fmt::format("{}", fmt::join(numbers, ", "));
  }
  if (batch.targets.dtype() == DType::kI64) return encoder->classes()[static_cast<size_t>(*begin)];
  std::string shares;
  for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
    const double share = begin[static_cast<std::ptrdiff_t>(i)];
    if (share < 0.005) continue;
    shares += fmt::format("{}{} {:.0f}%", shares.empty() ? "" : ", ", encoder->classes()[i], 100.0 * share);
  }
  return shares;
}

// The samples before they were scaled, as far as 8 bits hold them.
Image picture_of(const ImageFormat& format, const float* samples) {
  Image image = blank_image(format.height, format.width, format.channels);
  for (size_t i = 0; i < image.bytes.size(); ++i) {
    const size_t channel = i % static_cast<size_t>(format.channels);
    const float x = samples[i] * format.scale[channel] + format.mean[channel];
    image.bytes[i] = static_cast<uint8_t>(std::lround(255.0F * std::clamp(x, 0.0F, 1.0F)));
  }
  return image;
}

// Grey as characters, twice as high as they are wide.
std::string drawn(const Image& image) {
  constexpr std::string_view kShades = " .:-=+*#%@";
  constexpr int64_t kWidest = 56;
  const int64_t width = std::min(kWidest, 2 * image.width);
  const int64_t height = std::max<int64_t>(1, (width * image.height + image.width) / (2 * image.width));
  const Image small = resized_image(with_channels(image, 1), height, width);
  std::string text;
  for (int64_t y = 0; y < height; ++y) {
    std::string line = "  ";
    for (int64_t x = 0; x < width; ++x) {
      line += kShades[small.bytes[static_cast<size_t>(y * width + x)] * kShades.size() / 256];
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

// `samples` are what the model sees of the picture.
void show_picture(ShownExample& example, const Image& image, std::span<const float> samples) {
  const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
  example.text = fmt::format("{}×{} pixels, {}, numbers from {:.3g} to {:.3g}\n{}", image.width, image.height,
                             image.channels == 1 ? "grey" : fmt::format("{} channels", image.channels), *least, *most,
                             drawn(image));
  example.files = {{".png", encode_png(image)}};
}

// Room for an array that can be a picture: (rows, columns), of one channel, or (rows, columns, 1 or 3).
std::optional<Image> blank_of(const ArrayFeatures& array) {
  const Shape& shape = array.shape;
  if (shape.rank() != 2 && !(shape.rank() == 3 && (shape[2] == 1 || shape[2] == 3))) return std::nullopt;
  return blank_image(shape[0], shape[1], shape.rank() == 2 ? 1 : shape[2]);
}

// Black is the least number of all that are shown, and white the largest.
uint8_t shade_of(float number, float least, float most) {
  const float part = most > least ? (number - least) / (most - least) : 0.0F;
  return static_cast<uint8_t>(std::lround(255.0F * part));
}

Image picture_of(Image image, std::span<const float> numbers, float least, float most) {
  for (size_t i = 0; i < image.bytes.size(); ++i) image.bytes[i] = shade_of(numbers[i], least, most);
  return image;
}

// Frames from the left to the right and bands upwards, from the least to the largest number.
Image picture_of(const Shape& shape, const float* features, float least, float most) {
  const int64_t frames = shape[0], bands = shape[1];
  Image image = blank_image(bands, frames, 1);
  for (int64_t t = 0; t < frames; ++t) {
    for (int64_t b = 0; b < bands; ++b) {
      image.bytes[static_cast<size_t>((bands - 1 - b) * frames + t)] =
          shade_of(features[t * bands + b], least, most);
    }
  }
  return image;
}

void show_sound(ShownExample& example, const AudioDataset& data, uint64_t key, const float* features) {
  const AudioFormat& format = data.format();
  const Shape shape = format.shape();
  const auto [least, most] = std::minmax_element(features, features + shape.numel());
  example.text = fmt::format("{:.3g} s at {} Hz, {} frames of {} numbers from {:.3g} to {:.3g}\n",
                             static_cast<double>(format.length) / static_cast<double>(format.rate), format.rate, shape[0],
                             shape[1], *least, *most);
  example.files = {{".wav", encode_wav({.samples = data.training_samples(example.id, key), .rate = format.rate})}};
  if (format.features == AudioFeatures::kSamples) return;
  const Image image = picture_of(shape, features, *least, *most);
  example.text += drawn(image);
  example.files.push_back({".png", encode_png(image)});
}

void show_numbers(ShownExample& example, const Batch& batch, int64_t row) {
  constexpr int64_t kMost = 16;
  const int64_t width = batch.inputs.numel() / batch.inputs.size(0);
  const std::vector<double> all = batch.inputs.values<double>();
  std::vector<std::string> numbers;
  for (int64_t i = 0; i < std::min(width, kMost); ++i) {
    numbers.push_back(fmt::format("{:.4g}", all[static_cast<size_t>(row * width + i)]));
  }
  example.text = fmt::format("{} numbers: {}{}\n", width, fmt::join(numbers, ", "), width > kMost ? ", …" : "");
}

// The tokenizer of a text, or of texts with labels; null for other data.
const TextTokenizer* tokenizer_of(const DataEncoder& encoder) {
  if (const auto* tokenizer = std::get_if<TextTokenizer>(&encoder)) return tokenizer;
  const auto* table = std::get_if<TableEncoder>(&encoder);
  return table != nullptr && table->text() ? &table->text()->tokenizer : nullptr;
}

void show_tokens(ShownExample& example, const Batch& batch, int64_t row, const TextTokenizer& tokenizer) {
  const int64_t width = batch.inputs.size(1);
  const int64_t length = batch.lengths.defined() ? batch.lengths.data<int64_t>()[row] : width;
  const std::vector<int64_t> all = batch.inputs.values<int64_t>();
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < length; ++i) ids.push_back(static_cast<int32_t>(all[static_cast<size_t>(row * width + i)]));
  const std::string text = tokenizer.decode(ids);
  example.text = fmt::format("{} tokens\n{}\n", length, text);
  example.files = {{".txt", text}};
}

// A bag of words: the most frequent first, and of several such those that are frequent in all texts.
void show_counts(ShownExample& example, const SparseMatrix& rows, int64_t row, const TextTokenizer& tokenizer) {
  const int64_t begin = rows.offsets[static_cast<size_t>(row)], end = rows.offsets[static_cast<size_t>(row) + 1];
  std::vector<std::pair<int64_t, int32_t>> counts;
  int64_t all = 0;
  for (int64_t i = begin; i < end; ++i) {
    const auto count = static_cast<int64_t>(rows.values[static_cast<size_t>(i)]);
    counts.emplace_back(-count, rows.indices[static_cast<size_t>(i)]);
    all += count;
  }
  std::sort(counts.begin(), counts.end());
  std::string words, lines;
  for (const auto& [minus_count, id] : counts) {
    const std::string word = json_quoted(tokenizer.token(id));
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", word, -minus_count);
    lines += fmt::format("{} {}\n", -minus_count, word);
  }
  example.text = fmt::format("{} tokens, {} different, each with its count\n{}\n", all, counts.size(), words);
  example.files = {{".txt", lines}};
}

// As LIBSVM's files have them.
void show_sparse(ShownExample& example, const SparseMatrix& rows, int64_t row, int64_t first_column) {
  constexpr int64_t kMost = 64;
  const int64_t begin = rows.offsets[static_cast<size_t>(row)], end = rows.offsets[static_cast<size_t>(row) + 1];
  std::string numbers;
  for (int64_t i = begin; i < std::min(end, begin + kMost); ++i) {
    numbers += fmt::format(" {}:{:.4g}", first_column + rows.indices[static_cast<size_t>(i)],
                           rows.values[static_cast<size_t>(i)]);
  }
  example.text =
      fmt::format("{} of {} numbers:{}{}\n", end - begin, rows.columns, numbers, end - begin > kMost ? " …" : "");
}

void show_input(ShownExample& example, const ExperimentData& data, const Batch& batch, int64_t row, uint64_t key) {
  const TextTokenizer* tokenizer = tokenizer_of(data.encoder);
  const auto* table = std::get_if<TableEncoder>(&data.encoder);
  if (batch.sparse != nullptr) {
    if (tokenizer != nullptr) return show_counts(example, *batch.sparse, row, *tokenizer);
    return show_sparse(example, *batch.sparse, row, table != nullptr ? table->sparse().first : 1);
  }
  if (tokenizer != nullptr) return show_tokens(example, batch, row, *tokenizer);
  if (batch.inputs.dtype() != DType::kF32) return show_numbers(example, batch, row);
  const auto width = static_cast<size_t>(batch.inputs.numel() / batch.inputs.size(0));
  const std::span<const float> all(batch.inputs.data<float>(), static_cast<size_t>(batch.inputs.numel()));
  const std::span<const float> own = all.subspan(static_cast<size_t>(row) * width, width);
  if (const auto* sounds = dynamic_cast<const AudioDataset*>(data.training.get())) {
    return show_sound(example, *sounds, key, own.data());
  }
  if (const auto* pictures = std::get_if<ImageEncoder>(&data.encoder)) {
    return show_picture(example, picture_of(pictures->format, own.data()), own);
  }
  const auto blank = table != nullptr && table->array() ? blank_of(*table->array()) : std::nullopt;
  if (!blank) return show_numbers(example, batch, row);
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  show_picture(example, picture_of(*blank, own, *least, *most), own);
}

}  // namespace

std::vector<ShownExample> shown_examples(const Config& config, const ExperimentData& data, int64_t count) {
  count = std::min(count, data.training->size());
  const TrainerOptions options = trainer_options(config);
  const Sampler sampler({.examples = data.training->size(),
                         .batch_size = count,
                         .sampling = options.sampling,
                         .seed = options.seed,
                         .blocks = data.training->blocks()});
  std::vector<int64_t> ids;
  sampler.batch(0, ids);
  const Batch batch = data.training->training_batch(ids, sampler.pass_key(0));
  const bool is_text = std::holds_alternative<TextTokenizer>(data.encoder);  // its target is the same, one token on
  std::vector<ShownExample> examples;
  for (int64_t row = 0; row < count; ++row) {
    ShownExample example{.id = ids[static_cast<size_t>(row)], .name = {}, .target = {}, .text = {}};
    example.name = data.training->name(example.id);
    if (!is_text) example.target = target_text(batch, row, target_encoder(data.encoder));
    show_input(example, data, batch, row, sampler.pass_key(0));
    examples.push_back(std::move(example));
  }
  return examples;
}

}  // namespace gradus
