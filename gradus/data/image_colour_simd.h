// The inner loops of image_augment.cpp, on the instruction set of this processor: pictures of 1, 3 or 4 channels.
#pragma once

#include <cstdint>

namespace gradus::detail {

/// Σ grey over all pixels.
double run_grey_sum(const float* samples, int64_t pixels, int64_t channels);
/// factor · x + rest, cut to [0, 1]; alpha stays.
void run_blend(float* samples, int64_t pixels, int64_t channels, float factor, float rest);
/// factor · x + (1 − factor) · grey, cut to [0, 1]; of 3 or 4 channels.
void run_blend_with_grey(float* samples, int64_t pixels, int64_t channels, float factor);
/// Hue plus `shift`, of 3 or 4 channels.
void run_turn_hue(float* samples, int64_t pixels, int64_t channels, float shift);
/// (x − mean[c]) / scale[c]
void run_normalize(float* samples, int64_t pixels, int64_t channels, const float* mean, const float* scale);

}  // namespace gradus::detail
