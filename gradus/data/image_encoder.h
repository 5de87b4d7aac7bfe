// From pictures of any size to what a model sees, and from its outputs back to classes or numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/image_augment.h"
#include "gradus/data/table_encoder.h"

namespace gradus {

/// How a picture of another shape becomes one of the model's.
enum class ImageFit : uint8_t {
  kCrop,     ///< The largest part in the middle that has the shape, resized.
  kStretch,  ///< All of it, resized in each direction by itself.
  kPad,      ///< All of it, resized by one factor, in the middle of black.
};

/// The pictures that a model takes, and how their samples, from 0 to 1, are scaled: (x − mean) / scale of each channel.
struct ImageFormat {
  int64_t height = 0, width = 0;
  int64_t channels = 3;  ///< 1 grey, 3 RGB, 4 RGB and alpha.
  ImageFit fit = ImageFit::kCrop;
  Resampling resampling = Resampling::kBilinear;
  std::vector<float> mean = {}, scale = {};  ///< Of each channel.

  int64_t samples() const { return height * width * channels; }
  Shape shape() const { return {height, width, channels}; }
};

/// A picture of the format's channels as one of its size, of the same kind of samples.
Image fitted_image(const ImageFormat& format, Image image);

/// The mean and the deviation of each channel over all pixels of these pictures, from 0 to 1, which are of the format's
/// size; a channel that is constant has scale 1. `image(i)` gives picture i; several threads may ask at once.
void fit_image_scale(ImageFormat& format, int64_t count, const std::function<Image(int64_t)>& image);

/// What is kept with a model of pictures.
struct ImageEncoder {
  ImageFormat format = {};
  /// The target: `array()` is the picture's shape, and nothing is done to it there.
  TableEncoder labels = {};

  /// {"image": {"height", "width", "channels", "fit", "resampling", "mean", "scale"}, …} and all that
  /// `TableEncoder::to_json` writes.
  std::string to_json() const;
  /// Reads what `to_json` gave; messages call it `file`.
  static ImageEncoder from_json(std::string_view json, const std::string& file);
};

/// Names of ImageFit and Resampling in configurations and files: "crop", "stretch", "pad"; "bilinear", "bicubic". A
/// usage error for others.
ImageFit image_fit(std::string_view name);
std::string_view name_of(ImageFit fit);
Resampling resampling_of(std::string_view name);
std::string_view name_of(Resampling resampling);

}  // namespace gradus
