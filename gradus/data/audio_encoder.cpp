#include "gradus/data/audio_encoder.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/threads.h"
#include "gradus/data/audio_file.h"

namespace gradus {
namespace {

constexpr std::array<std::string_view, 3> kFeatures = {"log_mel", "mfcc", "samples"};
constexpr std::array<std::string_view, 2> kMelScales = {"htk", "slaney"};
constexpr std::array<std::string_view, 2> kLogScales = {"natural", "decibel"};

template <class T, size_t kCount>
T named(const std::array<std::string_view, kCount>& names, std::string_view name) {
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail_usage("audio", "there is no \"{}\"", name);
  return static_cast<T>(found - names.begin());
}

[[noreturn]] void fail_audio(const std::string& file, std::string_view what) {
  fail(file, "\"audio\" {}; expected the sounds of a model as gradus writes them", what);
}

// The fields of "audio".
struct Fields {
  const JsonValue& json;
  const std::string& file;

  const JsonValue& field(std::string_view key) const {
    const JsonValue* const found = json.find(key);
    if (found == nullptr) fail_audio(file, fmt::format("has no \"{}\"", key));
    return *found;
  }
  int64_t integer(std::string_view key, int64_t low, int64_t high) const {
    const auto* const number = field(key).get<int64_t>();
    if (number == nullptr || *number < low || *number > high) {
      fail_audio(file, fmt::format("has a \"{}\" that is no whole number from {} to {}", key, low, high));
    }
    return *number;
  }
  static std::optional<double> real(const JsonValue& value) {
    if (const auto* integer = value.get<int64_t>()) return static_cast<double>(*integer);
    if (const auto* number = value.get<double>()) return *number;
    return std::nullopt;
  }
  double number(std::string_view key) const {
    const std::optional<double> value = real(field(key));
    if (!value || !std::isfinite(*value)) fail_audio(file, fmt::format("has a \"{}\" that is no number", key));
    return *value;
  }
  template <class T, size_t kCount>
  T name(std::string_view key, const std::array<std::string_view, kCount>& names) const {
    const auto* const text = field(key).get<std::string>();
    const auto* const found = text == nullptr ? names.end() : std::find(names.begin(), names.end(), *text);
    if (found == names.end()) fail_audio(file, fmt::format("has an unknown \"{}\"", key));
    return static_cast<T>(found - names.begin());
  }
  bool boolean(std::string_view key) const {
    const auto* const value = field(key).get<bool>();
    if (value == nullptr) fail_audio(file, fmt::format("has a \"{}\" that is not true or false", key));
    return *value;
  }
  std::vector<float> numbers(std::string_view key, int64_t count) const {
    const auto* const list = field(key).get<JsonValue::List>();
    if (list == nullptr || static_cast<int64_t>(list->size()) != count) {
      fail_audio(file, fmt::format("has a \"{}\" that is no list of {} numbers", key, count));
    }
    std::vector<float> result;
    for (const JsonValue& value : *list) {
      const std::optional<double> one = real(value);
      if (!one || !std::isfinite(static_cast<float>(*one))) {
        fail_audio(file, fmt::format("has a \"{}\" with what is no number", key));
      }
      result.push_back(static_cast<float>(*one));
    }
    return result;
  }
};

AudioFormat format_from(const Fields& f) {
  constexpr int64_t kMost = int64_t{1} << 32;
  AudioFormat format{.rate = f.integer("rate", kLowestRate, kHighestRate),
                     .length = f.integer("length", 1, kMost),
                     .features = f.name<AudioFeatures>("features", kFeatures)};
  SpectrogramOptions& s = format.spectrogram;
  s.rate = format.rate;
  if (format.features != AudioFeatures::kSamples) {
    s.fft = f.integer("fft", 2, 1 << 16);
    s.window = f.integer("window", 1, s.fft);
    s.hop = f.integer("hop", 1, 1 << 16);
    s.mels = f.integer("mels", 1, 4096);
    s.low = f.number("low");
    s.high = f.number("high");
    s.scale = f.name<MelScale>("mel_scale", kMelScales);
    s.equal_area = f.boolean("equal_area");
    s.log = f.name<LogScale>("log", kLogScales);
    if (format.features == AudioFeatures::kMfcc) s.coefficients = f.integer("coefficients", 1, s.mels);
  }
  format.mean = f.numbers("mean", format.shape().back());
  format.scale = f.numbers("scale", format.shape().back());
  for (const float scale : format.scale) {
    if (!(scale > 0.0F)) fail_audio(f.file, "has a \"scale\" that is not above 0");
  }
  try {
    const AudioExtractor checked(format);
  } catch (const Error& error) {
    fail_audio(f.file, fmt::format("makes no spectrogram ({})", error.message()));
  }
  return format;
}

// Of each column.
struct FeatureSums {
  explicit FeatureSums(size_t columns)
      : sum(columns), squares(columns), low(columns, std::numeric_limits<double>::infinity()), high(columns) {
    for (size_t c = 0; c < columns; ++c) high[c] = -low[c];
  }
  void add(const float* features, int64_t frames) {
    for (int64_t t = 0; t < frames; ++t) {
      for (size_t c = 0; c < sum.size(); ++c) {
        const auto x = static_cast<double>(*features++);
        sum[c] += x;
        squares[c] += x * x;
        low[c] = std::min(low[c], x);
        high[c] = std::max(high[c], x);
      }
    }
  }
  void add(const FeatureSums& other) {
    for (size_t c = 0; c < sum.size(); ++c) {
      sum[c] += other.sum[c];
      squares[c] += other.squares[c];
      low[c] = std::min(low[c], other.low[c]);
      high[c] = std::max(high[c], other.high[c]);
    }
  }
  std::vector<double> sum, squares, low, high;
};

}  // namespace

AudioFeatures audio_features(std::string_view name) { return named<AudioFeatures>(kFeatures, name); }
std::string_view name_of(AudioFeatures features) { return kFeatures[static_cast<size_t>(features)]; }
MelScale mel_scale(std::string_view name) { return named<MelScale>(kMelScales, name); }
std::string_view name_of(MelScale scale) { return kMelScales[static_cast<size_t>(scale)]; }
LogScale log_scale(std::string_view name) { return named<LogScale>(kLogScales, name); }
std::string_view name_of(LogScale scale) { return kLogScales[static_cast<size_t>(scale)]; }

Shape AudioFormat::shape() const {
  if (features == AudioFeatures::kSamples) return {length, 1};
  const int64_t columns = features == AudioFeatures::kMfcc ? spectrogram.coefficients : spectrogram.mels;
  return {length / spectrogram.hop + 1, columns};
}

AudioExtractor::AudioExtractor(const AudioFormat& format)
    : format_(format), frames_(format.shape()[0]), columns_(format.shape()[1]) {
  if (format_.features == AudioFeatures::kSamples) return;
  SpectrogramOptions& options = format_.spectrogram;
  options.rate = format_.rate;
  if (format_.features == AudioFeatures::kLogMel) options.coefficients = 0;
  spectrogram_.emplace(options);
  options = spectrogram_->options();
  if (format_.length <= options.fft / 2) {
    fail_usage("spectrogram", "sounds of {} samples; a transform of {} needs more than {}", format_.length, options.fft,
               options.fft / 2);
  }
}

void AudioExtractor::extract(const Tensor& samples, float* to) const {
  const Tensor features = spectrogram_ ? (*spectrogram_)(samples) : samples;
  std::copy_n(features.data<float>(), features.numel(), to);
}

void AudioExtractor::normalize(float* features) const {
  for (int64_t t = 0; t < frames_; ++t, features += columns_) {
    for (int64_t c = 0; c < columns_; ++c) {
      const auto i = static_cast<size_t>(c);
      features[c] = (features[c] - format_.mean[i]) / format_.scale[i];
    }
  }
}

void fit_audio_scale(AudioFormat& format, Scaling scaling, int64_t count,
                     const std::function<void(int64_t i, float* to)>& features) {
  constexpr int64_t kTogether = 1024;  // bounds memory only
  const int64_t frames = format.shape()[0];
  const auto columns = static_cast<size_t>(format.shape()[1]);
  format.mean.assign(columns, 0.0F);
  format.scale.assign(columns, 1.0F);
  if (scaling == Scaling::kNone) return;
  FeatureSums all(columns);
  for (int64_t first = 0; first < count; first += kTogether) {
    const int64_t part = std::min(kTogether, count - first);
    std::vector<FeatureSums> sums(static_cast<size_t>(part), FeatureSums(columns));
    parallel_for(part, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> one(static_cast<size_t>(format.shape().numel()));
      for (int64_t i = begin; i < end; ++i) {
        features(first + i, one.data());
        sums[static_cast<size_t>(i)].add(one.data(), frames);
      }
    });
    for (const FeatureSums& one : sums) all.add(one);
  }
  const double total = static_cast<double>(count) * static_cast<double>(frames);
  for (size_t c = 0; c < columns; ++c) {
    const double mean = all.sum[c] / total, variance = all.squares[c] / total - mean * mean;
    const bool is_range = scaling == Scaling::kMinMax;
    const double scale = is_range ? all.high[c] - all.low[c] : std::sqrt(std::max(variance, 0.0));
    format.mean[c] = static_cast<float>(is_range ? all.low[c] : mean);
    // What rounding leaves of equal numbers is no deviation.
    if (scale > 1e-6 * std::abs(mean) && scale > 1e-9) format.scale[c] = static_cast<float>(scale);
  }
}

std::string AudioEncoder::to_json() const {
  JsonText audio;
  audio.add("rate", format.rate).add("length", format.length).add("features", name_of(format.features));
  if (format.features != AudioFeatures::kSamples) {
    const SpectrogramOptions& s = format.spectrogram;
    audio.add("fft", s.fft).add("window", s.window).add("hop", s.hop).add("mels", s.mels);
    audio.add("low", s.low).add("high", s.high).add("mel_scale", name_of(s.scale)).add("equal_area", s.equal_area);
    audio.add("log", name_of(s.log));
    if (format.features == AudioFeatures::kMfcc) audio.add("coefficients", s.coefficients);
  }
  audio.add("mean", std::vector<double>(format.mean.begin(), format.mean.end()));
  audio.add("scale", std::vector<double>(format.scale.begin(), format.scale.end()));
  // Both are an object's fields: one behind the other.
  const std::string rest = labels.to_json();
  return fmt::format("{{\n  \"audio\": {},{}", audio.line(), rest.substr(rest.find('{') + 1));
}

AudioEncoder AudioEncoder::from_json(std::string_view text, const std::string& file) {
  const JsonValue json = parse_json(text, file);
  const JsonValue* const audio = json.find("audio");
  if (audio == nullptr) fail_audio(file, "is missing");
  AudioEncoder encoder{.format = format_from({*audio, file}), .labels = TableEncoder::from_json(text, file)};
  const auto& array = encoder.labels.array();
  if (!array || !(array->shape == encoder.format.shape())) {
    fail(file, "\"array\" has not the shape of \"audio\"; expected both to be that of the model's features");
  }
  return encoder;
}

}  // namespace gradus
