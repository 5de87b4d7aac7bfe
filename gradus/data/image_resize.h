// Pictures of another size.
#pragma once

#include <cstdint>

#include "gradus/data/image.h"

namespace gradus {

/// How samples between pixels are made. Where the picture becomes smaller, the filter becomes as much wider, so that
/// nothing is skipped (antialiasing).
enum class Resampling : uint8_t {
  kBilinear,  ///< A triangle over 2 pixels.
  kBicubic,   ///< Keys's cubic with a = −1/2, over 4 pixels.
};

/// A part of a picture, within its edges.
struct ImageBox {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

/// The part of the picture, of any size from 1, as height × width pixels of its channels: samples from 0 to 1, written
/// to `to`, each a whole number of 255ths (65535ths of wide samples). It is what Pillow 13.0's
/// `crop(box).resize(size, resample)` makes: of grey and RGB within a level, or two in few samples; with alpha (2 and 4
/// channels) the same. Columns first, then rows, each rounded; rows first where they become fewer by more than twice
/// what columns do. Alpha weighs colours, as "La" and "RGBa" in Pillow: samples times alpha are resized, and divided by
/// the new alpha. The part is all that is seen: pixels beside it do not count. Throws for a part that is not in the
/// picture, and for sizes below 1.
void resize_image(const Image& image, const ImageBox& part, int64_t height, int64_t width, Resampling resampling,
                  float* to);

/// The same of the whole picture, as a picture of the same kind of samples.
Image resized_image(const Image& image, int64_t height, int64_t width, Resampling resampling = Resampling::kBilinear);

}  // namespace gradus
