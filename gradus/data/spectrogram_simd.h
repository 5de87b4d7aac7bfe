// Mel spectrograms by vectors: each lane is a frame.
#pragma once

#include <cstdint>
#include <vector>

namespace gradus::detail {

/// Frequencies of a band, and where their weights begin.
struct MelBand {
  int64_t first = 0, count = 0, weights = 0;
};

/// What a spectrogram is made by.
struct SpectrogramPlan {
  int64_t fft = 0, hop = 0;
  std::vector<float> window = {};  ///< `fft` samples.
  /// The transform's half size as a product of 2, 3, 4 and 5, and for each of these the factors of its steps:
  /// cos and sin of −2π·p·k/n for p in [0, n/radix) and k in [1, radix), where n is what remains of the size.
  std::vector<int64_t> radices = {};
  std::vector<float> factors = {};
  std::vector<float> turns = {};  ///< cos and sin of −2π·k/fft for k in [0, fft/4].
  std::vector<MelBand> bands = {};
  std::vector<float> weights = {};  ///< Of the bands' frequencies.
  /// Each band x becomes scale · ln(x + floor), or scale · ln(max(x, floor)).
  bool adds_floor = true;
  double floor = 0.0, scale = 1.0;
};

/// Makes the radices of fft/2, which there are, and the tables that follow from them.
void plan_transform(int64_t fft, SpectrogramPlan& plan);

/// So many frames, the first of which begins at `samples`, to `to` (frames, bands).
void run_spectrogram(const SpectrogramPlan& plan, const float* samples, int64_t frames, float* to);

}  // namespace gradus::detail
