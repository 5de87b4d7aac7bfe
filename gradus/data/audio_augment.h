// Sounds as they are trained on: from another place, moved, louder, with noise and with parts left out, by chance.
#pragma once

#include <cstdint>

#include "gradus/base/random.h"
#include "gradus/data/resample.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// What chance may do to a sound. 0 is off; these are keys of `[augment]`, some in other units.
struct AudioAugmentOptions {
  int64_t shift = 0;            ///< Moved by up to so many samples either way, silence coming in.
  double gain = 0.0;            ///< Made louder or softer by up to so many decibels.
  double noise = 0.0;           ///< White noise is added, whose standard deviation is uniform from 0 to this.
  int64_t time_masks = 0;       ///< So many stretches of frames are made 0, after normalising,
  int64_t time_mask = 0;        ///< each of 0 to so many frames.
  int64_t frequency_masks = 0;  ///< The same of bands.
  int64_t frequency_mask = 0;

  bool is_off() const { return shift == 0 && gain == 0.0 && noise == 0.0 && time_masks == 0 && frequency_masks == 0; }
};

/// The samples that a model of `length` samples sees of a sound of `count`: the middle, with silence around it if the
/// sound is shorter.
AudioSpan middle_span(int64_t count, int64_t length);

/// The numbers that are drawn for one example in one pass over the data: a pure function of (key, id).
class AudioAugmentDraw {
 public:
  AudioAugmentDraw(uint64_t key, int64_t id) : random_(key), id_(static_cast<uint64_t>(id)) {}

  /// As `middle_span`, but of a longer sound any stretch, and moved by `shift`.
  AudioSpan span(const AudioAugmentOptions& options, int64_t count, int64_t length) const;
  /// Gain and noise, to f32 (N).
  void change(const AudioAugmentOptions& options, Tensor& samples) const;
  /// Masks, to normalised features f32 (frames, bands) in `features`. Source: Park et al., "SpecAugment", 2019.
  void mask(const AudioAugmentOptions& options, float* features, int64_t frames, int64_t bands) const;

 private:
  // Each use has its own numbers, so that none changes with what else is on.
  enum Use : uint64_t { kPlace, kShift, kGain, kNoise, kTime, kFrequency };
  double uniform(Use use, uint64_t index = 0) const { return random_.uniform(id_, (uint64_t{use} << 32) + index); }
  AudioSpan masked(Use use, uint64_t index, int64_t most, int64_t size) const;

  RandomStream random_;
  uint64_t id_;
};

}  // namespace gradus
