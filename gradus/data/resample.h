// Sounds at other rates, and of one channel.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/tensor/tensor.h"

namespace gradus {

/// The mean of the channels of f32 (frames, channels): f32 (frames).
Tensor mix_to_mono(const Tensor& samples);

/// A stretch of a sound: samples [first, first + count).
struct AudioSpan {
  int64_t first = 0, count = 0;
};

/// Changes the rate of sounds from `from` to `to` samples a second, by band-limited interpolation: with f = min(from,
/// to) · 0.99 (the roll-off), output j is Σᵢ x[i] · f/from · sinc(f·(i/from − j/to)) · cos²(π/12 · f·(i/from − j/to))
/// over the i whose sinc is within six zeros, where sinc(t) = sin(πt)/(πt) and x is 0 outside. Equal to
/// torchaudio.functional.resample with its defaults. Source: Smith, "Digital audio resampling", 2002.
class Resampler {
 public:
  /// Rates within [kLowestRate, kHighestRate] (data/audio_file.h); a usage error otherwise.
  Resampler(int64_t from, int64_t to);

  /// How many samples become of so many: ⌈count · to / from⌉.
  int64_t size(int64_t count) const { return (count * to_ + from_ - 1) / from_; }
  /// f32 (N) at the new rate; the same tensor where the rates are equal.
  Tensor operator()(const Tensor& samples) const;

  /// The samples at the first rate that those of `outputs` are made of; they may lie before a sound and behind it.
  AudioSpan inputs(const AudioSpan& outputs) const;
  /// The outputs of a part of a sound, where sample 0 of f32 `samples` (N) is sample `first` of the sound; before it
  /// and behind it are zeros. With all of `inputs(outputs)` that the sound has they are those of the whole.
  Tensor part(const Tensor& samples, int64_t first, const AudioSpan& outputs) const;

 private:
  int64_t from_, to_;           // without common factors
  int64_t taps_ = 0;            // of each output, a multiple of 8, the last ones 0
  std::vector<int64_t> first_;  // of each phase: the first i less j·from/to, rounded down
  std::vector<float> weights_;  // (phases, taps)
};

}  // namespace gradus
