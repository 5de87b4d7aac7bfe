// How a window moves over images (N, H, W, C) and sequences (N, T, C): for convolutions and pooling.
#pragma once

#include <array>
#include <cstdint>

namespace gradus {

/// Pairs are (down, across).
struct Convolution2dOptions {
  std::array<int64_t, 2> stride = {1, 1};    ///< At least 1.
  std::array<int64_t, 2> padding = {0, 0};   ///< Zeros on each side; at least 0.
  std::array<int64_t, 2> dilation = {1, 1};  ///< Distance of a kernel's neighbours in the image; at least 1.
  int64_t groups =
      1;              ///< So many parts of the channels are convolved each for itself; it divides both numbers of them.
  bool relu = false;  ///< max(·, 0) of the result, made with it.
};
struct Convolution1dOptions {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  bool relu = false;
};

struct Pool2dOptions {
  std::array<int64_t, 2> kernel = {2, 2};   ///< At least 1.
  std::array<int64_t, 2> stride = {0, 0};   ///< 0: that of the kernel.
  std::array<int64_t, 2> padding = {0, 0};  ///< At most half of the kernel.
  bool relu = false;                        ///< max(·, 0) of the largest, made with it; not of an average.
};
struct Pool1dOptions {
  int64_t kernel = 2, stride = 0, padding = 0;
  bool relu = false;
};

}  // namespace gradus
