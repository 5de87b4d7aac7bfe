// The inner loops of image_resize.cpp, on the instruction set of this processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gradus::detail {

/// What samples of a line are made of: sample i is the sum of taps[i · width + k] · input[first[i] + k] over `width`.
template <class Real>
struct ResizeTaps {
  const int32_t* first = nullptr;
  const Real* weights = nullptr;  ///< Those that are not needed are 0, behind the others.
  int64_t width = 0;              ///< A multiple of 4.
  int64_t count = 0;              ///< Of the samples that are made.
};

/// Samples from 0 as floats.
void run_widen(const uint8_t* from, int64_t count, float* to);
void run_widen(const uint16_t* from, int64_t count, float* to);

/// One row of pixels of 1 to 4 channels into another, rounded to whole numbers from 0 to `most`. `from` has `width`
/// pixels and 2 samples more than it needs to be read by; up to 2 are written behind `to`. Of double there is no row of
/// 1 or 3 channels.
void run_resize_row(const float* from, int64_t channels, const ResizeTaps<float>& taps, float most, float* to);
void run_resize_row(const double* from, int64_t channels, const ResizeTaps<double>& taps, double most, double* to);

/// Sums of whole rows: to[j] = Σ weights[k] · from[k · stride + j] for j < count, rounded to whole numbers from 0 to
/// `most`, and divided by `unit`.
void run_resize_column(const float* from, int64_t stride, const float* weights, int64_t rows, int64_t count, float most,
                       float unit, float* to);
void run_resize_column(const double* from, int64_t stride, const double* weights, int64_t rows, int64_t count,
                       double most, double unit, double* to);

}  // namespace gradus::detail
