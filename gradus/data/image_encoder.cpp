#include "gradus/data/image_encoder.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

constexpr std::array<std::string_view, 3> kFits = {"crop", "stretch", "pad"};
constexpr std::array<std::string_view, 2> kResamplings = {"bilinear", "bicubic"};

template <size_t kCount>
size_t place_of(const std::array<std::string_view, kCount>& names, std::string_view name, std::string_view what) {
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail_usage("image", "there is no {} \"{}\"", what, name);
  return static_cast<size_t>(found - names.begin());
}

// x·numerator/denominator to the nearest, from 1 to `most`.
int64_t scaled(int64_t x, int64_t numerator, int64_t denominator, int64_t most) {
  const double exact = static_cast<double>(x) * static_cast<double>(numerator) / static_cast<double>(denominator);
  return std::clamp<int64_t>(std::llround(exact), 1, most);
}

// The largest part in the middle with the shape of height × width.
ImageBox part_of_shape(const Image& image, int64_t height, int64_t width) {
  const int64_t h = scaled(image.width, height, width, image.height),
                w = scaled(image.height, width, height, image.width);
  // One of both is a side of the picture, whose other side the shape then gives.
  const bool is_wide = image.width * height > image.height * width;
  const int64_t tall = is_wide ? image.height : h, broad = is_wide ? w : image.width;
  return {(image.height - tall) / 2, (image.width - broad) / 2, tall, broad};
}

Image cut(const Image& image, const ImageBox& part) {
  Image result = blank_image(part.height, part.width, image.channels, image.is_wide());
  const int64_t row = part.width * image.channels;
  for (int64_t y = 0; y < part.height; ++y) {
    const int64_t from = ((part.top + y) * image.width + part.left) * image.channels;
    if (image.is_wide()) {
      std::copy_n(image.words.data() + from, row, result.words.data() + y * row);
    } else {
      std::copy_n(image.bytes.data() + from, row, result.bytes.data() + y * row);
    }
  }
  return result;
}

// In the middle of black.
Image padded(const Image& image, int64_t height, int64_t width) {
  Image result = blank_image(height, width, image.channels, image.is_wide());
  const int64_t top = (height - image.height) / 2, left = (width - image.width) / 2, row = image.width * image.channels;
  for (int64_t y = 0; y < image.height; ++y) {
    const int64_t to = ((top + y) * width + left) * image.channels;
    if (image.is_wide()) {
      std::copy_n(image.words.data() + y * row, row, result.words.data() + to);
    } else {
      std::copy_n(image.bytes.data() + y * row, row, result.bytes.data() + to);
    }
  }
  return result;
}

// Σx and Σx² of each channel of a picture.
struct ChannelSums {
  std::array<double, 4> of = {}, squares = {};
};

template <class T>
ChannelSums sums_of(const std::vector<T>& samples, size_t channels) {
  constexpr auto kMost = static_cast<double>(static_cast<T>(~T{0}));
  ChannelSums sums;
  for (size_t i = 0; i < samples.size(); ++i) {
    const double x = static_cast<double>(samples[i]) / kMost;
    sums.of[i % channels] += x;
    sums.squares[i % channels] += x * x;
  }
  return sums;
}

[[noreturn]] void fail_image(const std::string& file, std::string_view what) {
  fail(file, "\"image\" {}; expected the pictures of a model as gradus writes them", what);
}

const JsonValue& image_field(const JsonValue& json, std::string_view key, const std::string& file) {
  const JsonValue* const found = json.find(key);
  if (found == nullptr) fail_image(file, fmt::format("has no \"{}\"", key));
  return *found;
}

int64_t size_from(const JsonValue& json, std::string_view key, const std::string& file) {
  constexpr int64_t kMost = 1 << 16;
  const auto* const number = image_field(json, key, file).get<int64_t>();
  if (number == nullptr || *number < 1 || *number > kMost) {
    fail_image(file, fmt::format("has a \"{}\" that is no whole number from 1 to {}", key, kMost));
  }
  return *number;
}

template <size_t kCount>
size_t name_from(const JsonValue& json, std::string_view key, const std::array<std::string_view, kCount>& names,
                 const std::string& file) {
  const auto* const text = image_field(json, key, file).get<std::string>();
  const auto* const found = text == nullptr ? names.end() : std::find(names.begin(), names.end(), *text);
  if (found == names.end()) fail_image(file, fmt::format("has an unknown \"{}\"", key));
  return static_cast<size_t>(found - names.begin());
}

std::vector<float> numbers_from(const JsonValue& json, std::string_view key, int64_t channels,
                                const std::string& file) {
  const auto* const list = image_field(json, key, file).get<JsonValue::List>();
  if (list == nullptr || static_cast<int64_t>(list->size()) != channels) {
    fail_image(file, fmt::format("has a \"{}\" that is no list of {} numbers", key, channels));
  }
  std::vector<float> numbers;
  for (const JsonValue& value : *list) {
    const auto* const real = value.get<double>();
    const auto* const integer = value.get<int64_t>();
    if (real == nullptr && integer == nullptr)
      fail_image(file, fmt::format("has a \"{}\" with what is no number", key));
    numbers.push_back(static_cast<float>(real != nullptr ? *real : static_cast<double>(*integer)));
    const bool is_fine = std::isfinite(numbers.back()) && (key != "scale" || numbers.back() > 0.0F);
    if (!is_fine) fail_image(file, fmt::format("has a \"{}\" that is not above 0, or too large", key));
  }
  return numbers;
}

ImageFormat format_from(const JsonValue& json, const std::string& file) {
  ImageFormat format{.height = size_from(json, "height", file),
                     .width = size_from(json, "width", file),
                     .channels = size_from(json, "channels", file)};
  if (format.channels > 4 || format.channels == 2) fail_image(file, "has other than 1, 3 or 4 channels");
  format.fit = static_cast<ImageFit>(name_from(json, "fit", kFits, file));
  format.resampling = static_cast<Resampling>(name_from(json, "resampling", kResamplings, file));
  format.mean = numbers_from(json, "mean", format.channels, file);
  format.scale = numbers_from(json, "scale", format.channels, file);
  return format;
}

}  // namespace

ImageFit image_fit(std::string_view name) { return static_cast<ImageFit>(place_of(kFits, name, "fit")); }
std::string_view name_of(ImageFit fit) { return kFits[static_cast<size_t>(fit)]; }
Resampling resampling_of(std::string_view name) {
  return static_cast<Resampling>(place_of(kResamplings, name, "resampling"));
}
std::string_view name_of(Resampling resampling) { return kResamplings[static_cast<size_t>(resampling)]; }

Image fitted_image(const ImageFormat& f, Image image) {
  if (image.height == f.height && image.width == f.width) return image;
  if (f.fit == ImageFit::kStretch) return resized_image(image, f.height, f.width, f.resampling);
  if (f.fit == ImageFit::kCrop) {
    return resized_image(cut(image, part_of_shape(image, f.height, f.width)), f.height, f.width, f.resampling);
  }
  const int64_t height = scaled(f.width, image.height, image.width, f.height);
  const int64_t width = scaled(f.height, image.width, image.height, f.width);
  return padded(resized_image(image, height, width, f.resampling), f.height, f.width);
}

void fit_image_scale(ImageFormat& format, int64_t count, const std::function<Image(int64_t)>& image) {
  const auto channels = static_cast<size_t>(format.channels);
  std::vector<ChannelSums> sums(static_cast<size_t>(count));
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Image one = image(i);
      sums[static_cast<size_t>(i)] = one.is_wide() ? sums_of(one.words, channels) : sums_of(one.bytes, channels);
    }
  });
  const double pixels = static_cast<double>(count) * static_cast<double>(format.height * format.width);
  format.mean.assign(channels, 0.0F);
  format.scale.assign(channels, 1.0F);
  for (size_t c = 0; c < channels; ++c) {
    double sum = 0.0, squares = 0.0;
    for (const ChannelSums& one : sums) {
      sum += one.of[c];
      squares += one.squares[c];
    }
    const double mean = sum / pixels, variance = squares / pixels - mean * mean;
    format.mean[c] = static_cast<float>(mean);
    // Of samples in 65535ths: what is below is rounding of equal ones.
    if (variance > 1e-12) format.scale[c] = static_cast<float>(std::sqrt(variance));
  }
}

std::string ImageEncoder::to_json() const {
  const std::vector<double> mean(format.mean.begin(), format.mean.end()),
      scale(format.scale.begin(), format.scale.end());
  const JsonText image = JsonText()
                             .add("height", format.height)
                             .add("width", format.width)
                             .add("channels", format.channels)
                             .add("fit", name_of(format.fit))
                             .add("resampling", name_of(format.resampling))
                             .add("mean", mean)
                             .add("scale", scale);
  // Both are an object's fields: one behind the other.
  const std::string rest = labels.to_json();
  return fmt::format("{{\n  \"image\": {},{}", image.line(), rest.substr(rest.find('{') + 1));
}

ImageEncoder ImageEncoder::from_json(std::string_view text, const std::string& file) {
  const JsonValue json = parse_json(text, file);
  const JsonValue* const image = json.find("image");
  if (image == nullptr) fail_image(file, "is missing");
  ImageEncoder encoder{.format = format_from(*image, file), .labels = TableEncoder::from_json(text, file)};
  const auto& array = encoder.labels.array();
  if (!array || !(array->shape == encoder.format.shape())) {
    fail(file, "\"array\" has not the shape of \"image\"; expected both to be that of the model's pictures");
  }
  return encoder;
}

}  // namespace gradus
