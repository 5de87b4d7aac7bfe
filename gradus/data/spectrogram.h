// Log-mel spectrograms and mel-frequency cepstral coefficients (MFCC) of sounds.
#pragma once

#include <cstdint>
#include <memory>

#include "gradus/tensor/tensor.h"

namespace gradus {

namespace detail {
struct SpectrogramPlan;
}

enum class MelScale : uint8_t {
  kHtk,     ///< m = 2595·log10(1 + f/700)
  kSlaney,  ///< m = 3f/200 below 1000 Hz, 15 + 27·ln(f/1000)/ln 6.4 from there on
};

enum class LogScale : uint8_t {
  kNatural,  ///< ln(x + 10⁻⁶)
  kDecibel,  ///< 10·log10(max(x, 10⁻¹⁰)), and what is more than 80 below the sound's largest is that
};

struct SpectrogramOptions {
  int64_t rate = 16'000;  ///< Samples a second.
  int64_t fft = 400;      ///< Samples of a Fourier transform: even, 2 to 65,536, no prime factor above 5.
  int64_t window = 400;   ///< Samples of the window, in the middle of those: 1 to `fft`.
  int64_t hop = 160;      ///< Samples from a frame to the next: 1 to 65,536.
  int64_t mels = 80;      ///< Bands: 1 to 4096.
  double low = 0.0;       ///< Hz where the first band begins, below `high`.
  double high = 0.0;      ///< Hz where the last one ends, at most rate/2; 0: ⌊rate/2⌋.
  MelScale scale = MelScale::kHtk;
  bool equal_area = false;  ///< Each band is divided by half its width in Hz (Slaney's norm).
  LogScale log = LogScale::kNatural;
  int64_t coefficients = 0;  ///< MFCC: so many, at most `mels`; 0: the log-mel spectrogram itself.
};

/// Whether a transform may have so many samples: an even number without a prime factor above 5.
bool is_transform_size(int64_t samples);

/// From a sound to its log-mel spectrogram or its MFCC. The definition: the sound is continued by `fft`/2 samples on
/// both sides as in a mirror (the last sample is not repeated), so that frame t lies about sample t · hop, and
/// ⌊samples/hop⌋ + 1 frames come of it; a frame times the periodic Hann window, its discrete Fourier transform, |X|² of
/// frequencies k · rate/fft; band b is their sum with weights that rise in a straight line (in Hz) from 0 at point b of
/// the mel scale to 1 at b + 1 and fall to 0 at b + 2, of mels + 2 points that lie evenly on it from `low` to `high`;
/// then the logarithm. MFCC are the first of the orthonormal DCT-II of that. The same values as torchaudio's: for `log`
/// = kNatural log(MelSpectrogram(…)(x) + 1e-6) and MFCC(log_mels=True), for kDecibel AmplitudeToDB("power", 80) and
/// MFCC with its defaults. Source: Davis, Mermelstein, "Comparison of parametric representations for monosyllabic word
/// recognition", 1980.
class Spectrogram {
 public:
  /// A usage error where an option is out of its range.
  explicit Spectrogram(const SpectrogramOptions& options);

  const SpectrogramOptions& options() const { return options_; }
  /// Frames of a sound of so many samples.
  int64_t frames(int64_t samples) const { return samples / options_.hop + 1; }
  /// Values of a frame: mels, or coefficients.
  int64_t width() const { return options_.coefficients > 0 ? options_.coefficients : options_.mels; }
  /// Bands that hold no frequency of the transform, whose values are always the same: `mels` is large for `fft`.
  int64_t empty_bands() const;
  /// f32 samples (N), N > fft/2, at the options' rate → f32 (frames, width). Several threads may call it at once.
  Tensor operator()(const Tensor& samples) const;

 private:
  void make_window();
  void make_bands();
  void make_cosines();

  SpectrogramOptions options_;
  std::shared_ptr<detail::SpectrogramPlan> plan_;  // shared by copies; never changed after it was made
  Tensor cosines_;                                 // (mels, coefficients)
};

}  // namespace gradus
