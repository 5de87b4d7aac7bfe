// The inner loops of image_resize.cpp, on the instruction set of this processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gradus::detail {

/// What samples of a line are made of: sample i is the sum of taps[i · width + k] · input[first[i] + k] over `width`.
struct ResizeTaps {
  const int32_t* first = nullptr;
  const float* weights = nullptr;  ///< Those that are not needed are 0, behind the others.
  int64_t width = 0;               ///< A multiple of 4.
  int64_t count = 0;               ///< Of the samples that are made.
};

/// Samples from 0 as floats.
void run_widen(const uint8_t* from, int64_t count, float* to);
void run_widen(const uint16_t* from, int64_t count, float* to);

/// One row of pixels of 1, 3 or 4 channels into another, rounded to whole numbers from 0 to `most`. `from` has
/// `width` pixels and 1 sample more than it needs to be read by.
void run_resize_row(const float* from, int64_t channels, const ResizeTaps& taps, float most, float* to);

/// Sums of whole rows: to[j] = Σ weights[k] · from[k · stride + j] for j < count, rounded to whole numbers from 0 to
/// `most`, and divided by `unit`.
void run_resize_column(const float* from, int64_t stride, const float* weights, int64_t rows, int64_t count, float most,
                       float unit, float* to);

}  // namespace gradus::detail
