#include "gradus/data/audio_augment.h"

#include <algorithm>
#include <cmath>

#include "gradus/tensor/kernels/random.h"

namespace gradus {
namespace {

// Uniform over [0, count] where `uniform` is in [0, 1).
int64_t whole(double uniform, int64_t count) {
  return static_cast<int64_t>(uniform * (static_cast<double>(count) + 1.0));
}

}  // namespace

AudioSpan middle_span(int64_t count, int64_t length) {
  return {count >= length ? (count - length) / 2 : -((length - count) / 2), length};
}

AudioSpan AudioAugmentDraw::span(const AudioAugmentOptions& options, int64_t count, int64_t length) const {
  AudioSpan span = middle_span(count, length);
  if (count > length) span.first = whole(uniform(kPlace), count - length);
  span.first += whole(uniform(kShift), 2 * options.shift) - options.shift;
  return span;
}

void AudioAugmentDraw::change(const AudioAugmentOptions& options, Tensor& samples) const {
  const int64_t count = samples.numel();
  float* const x = samples.mutable_data<float>();
  if (options.gain > 0.0) {
    const auto factor = static_cast<float>(std::pow(10.0, options.gain * (2.0 * uniform(kGain) - 1.0) / 20.0));
    for (int64_t i = 0; i < count; ++i) x[i] *= factor;
  }
  if (options.noise > 0.0) {
    const uint64_t key = random_.bits(id_, (uint64_t{kNoise} << 32) + 1);
    const Tensor noise = kernels::random_normal({count}, 0.0, options.noise * uniform(kNoise), key);
    const float* const n = noise.data<float>();
    for (int64_t i = 0; i < count; ++i) x[i] += n[i];
  }
}

// The `index`-th mask of a use: of 0 to `most` of `size`.
AudioSpan AudioAugmentDraw::masked(Use use, uint64_t index, int64_t most, int64_t size) const {
  const int64_t count = whole(uniform(use, 2 * index), std::min(most, size));
  return {whole(uniform(use, 2 * index + 1), size - count), count};
}

void AudioAugmentDraw::mask(const AudioAugmentOptions& options, float* features, int64_t frames, int64_t bands) const {
  for (int64_t i = 0; i < options.time_masks; ++i) {
    const AudioSpan part = masked(kTime, static_cast<uint64_t>(i), options.time_mask, frames);
    std::fill_n(features + part.first * bands, part.count * bands, 0.0F);
  }
  for (int64_t i = 0; i < options.frequency_masks; ++i) {
    const AudioSpan part = masked(kFrequency, static_cast<uint64_t>(i), options.frequency_mask, bands);
    for (int64_t t = 0; t < frames; ++t) std::fill_n(features + t * bands + part.first, part.count, 0.0F);
  }
}

}  // namespace gradus
