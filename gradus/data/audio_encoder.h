// From sounds of any rate and length to what a model sees, and from its outputs back to classes or numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/spectrogram.h"
#include "gradus/data/table_encoder.h"

namespace gradus {

/// What a model sees of a sound.
enum class AudioFeatures : uint8_t {
  kLogMel,   ///< Frames of a log-mel spectrogram.
  kMfcc,     ///< Frames of cepstral coefficients.
  kSamples,  ///< The samples as they are.
};

/// Names of these in configurations and files: "log_mel", "mfcc", "samples"; "htk", "slaney"; "natural", "decibel". A
/// usage error for others.
AudioFeatures audio_features(std::string_view name);
std::string_view name_of(AudioFeatures features);
MelScale mel_scale(std::string_view name);
std::string_view name_of(MelScale scale);
LogScale log_scale(std::string_view name);
std::string_view name_of(LogScale scale);

/// The sounds that a model takes, and how their features are scaled: (x − mean) / scale of each column.
struct AudioFormat {
  int64_t rate = 16'000;  ///< Samples a second.
  int64_t length = 0;     ///< Samples.
  AudioFeatures features = AudioFeatures::kLogMel;
  SpectrogramOptions spectrogram = {};  ///< Its rate is this one; coefficients are those of kMfcc.
  std::vector<float> mean = {}, scale = {};

  /// Of one example: (frames, bands), (frames, coefficients) or (samples, 1).
  Shape shape() const;
};

/// Makes features as a format says. Several threads may call it at once.
class AudioExtractor {
 public:
  /// A usage error where the spectrogram's options are wrong, or the sounds too short for its transform.
  explicit AudioExtractor(const AudioFormat& format);

  /// Writes what f32 `samples` (format.length) are to `to` (frames, columns), not scaled yet.
  void extract(const Tensor& samples, float* to) const;
  /// (x − mean) / scale.
  void normalize(float* features) const;
  const AudioFormat& format() const { return format_; }
  /// See Spectrogram::empty_bands.
  int64_t empty_bands() const { return spectrogram_ ? spectrogram_->empty_bands() : 0; }

 private:
  AudioFormat format_;
  std::optional<Spectrogram> spectrogram_;
  int64_t frames_ = 0, columns_ = 0;
};

/// The mean and the scale of each column over all frames of these sounds: `features(i, to)` writes those of sound i,
/// not scaled; several threads may call it at once. A column that is constant has scale 1.
void fit_audio_scale(AudioFormat& format, Scaling scaling, int64_t count,
                     const std::function<void(int64_t i, float* to)>& features);

/// What is kept with a model of sounds.
struct AudioEncoder {
  AudioFormat format;
  /// The target: `array()` is the features' shape, and nothing is done to it there.
  TableEncoder labels;

  /// {"audio": {"rate", "length", "features", "fft", …, "mean", "scale"}, …} and all that `TableEncoder::to_json`
  /// writes.
  std::string to_json() const;
  /// Reads what `to_json` gave; messages call it `file`.
  static AudioEncoder from_json(std::string_view json, const std::string& file);
};

}  // namespace gradus
