// Pictures as they are trained on: moved, mirrored, turned, in other colours and with parts left out, by chance.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "gradus/base/random.h"
#include "gradus/data/image_resize.h"

namespace gradus {

/// A picture that a model takes: height · width · channels floats, rows from the top, the channels of a pixel side by
/// side; 0 is black and 1 is full, until it is normalised.
struct PictureView {
  float* samples = nullptr;
  int64_t height = 0, width = 0;
  int64_t channels = 0;  ///< 1 grey, 3 RGB, 4 RGB and alpha. What is said of colours leaves alpha as it is.
};

/// Columns from the right to the left.
void flip_columns(PictureView picture);
/// Rows from the bottom to the top.
void flip_rows(PictureView picture);
/// The pixel of each place is the one `down` rows above and `right` columns to the left of it; black where there is none.
void shift(PictureView picture, int64_t down, int64_t right);
/// Turned around its middle against the clock, in bilinear steps; black where nothing was.
void rotate(PictureView picture, double degrees);

// Each with samples cut to [0, 1] behind it; factor 1 changes nothing. As torchvision's functions of the same names are
// of floats: grey is 0.2989·R + 0.587·G + 0.114·B, or the samples of a grey picture.
/// factor · x
void adjust_brightness(PictureView picture, float factor);
/// factor · x + (1 − factor) · the mean of grey.
void adjust_contrast(PictureView picture, float factor);
/// factor · x + (1 − factor) · grey of the pixel. Nothing of a grey picture.
void adjust_saturation(PictureView picture, float factor);
/// Hue, of which 1 is the whole circle, and `shift` from −½ to ½. Nothing of a grey picture.
void adjust_hue(PictureView picture, float shift);

/// (x − mean) / scale, each of the channel.
void normalize(PictureView picture, std::span<const float> mean, std::span<const float> scale);
/// The same number everywhere in the part.
void erase(PictureView picture, const ImageBox& part, float value);

/// What chance may do to a picture. 0 or false is off; ranges are those of `[augment]`.
struct AugmentOptions {
  bool random_crop = false;  ///< A part of any place, size and shape becomes the picture:
  double least_area = 0.08, most_area = 1.0;           ///< its part of the picture's area
  double least_aspect = 3.0 / 4.0, most_aspect = 4.0 / 3.0;  ///< and its width over its height, log-uniform.
  int64_t pad = 0;           ///< Moved by up to so many pixels of the model's picture, black coming in.
  bool flip_horizontal = false, flip_vertical = false;  ///< Half of all pictures.
  double rotate = 0.0;  ///< By up to so many degrees either way.
  double brightness = 0.0, contrast = 0.0, saturation = 0.0;  ///< The factor is uniform within 1 ± this, from 0.
  double hue = 0.0;                                           ///< Up to ½.
  double erase = 0.0;  ///< The probability that a rectangle of 2% to 33% of the area is made 0, after normalising.
  double mixup = 0.0, cutmix = 0.0;  ///< α of the Beta(α, α) that says how much of a second picture is mixed in.

  bool mixes() const { return mixup > 0.0 || cutmix > 0.0; }
  bool is_off() const;
};

/// The numbers that are drawn for one example in one pass over the data: a pure function of (key, id).
class AugmentDraw {
 public:
  AugmentDraw(uint64_t key, int64_t id) : random_(key), id_(static_cast<uint64_t>(id)) {}

  /// The part of a picture of this size that becomes the model's: the whole without `random_crop`. Ten tries of area and
  /// shape, else the largest part in the middle whose shape is allowed, as torchvision's RandomResizedCrop.
  ImageBox crop(const AugmentOptions& options, int64_t height, int64_t width) const;
  /// What is done to samples from 0 to 1: move, mirror, turn, then colours, in a random order.
  void change(const AugmentOptions& options, PictureView picture) const;
  /// What is done to normalised samples.
  void erase(const AugmentOptions& options, PictureView picture) const;

  /// Another example to mix in, of `examples`, and how.
  struct Partner {
    int64_t id = 0;
    double share = 0.0;                     ///< Of the other in the target.
    std::optional<ImageBox> part = {};      ///< CutMix: what of the other is seen; else all of it is mixed.
  };
  /// Where both are on, each picture has one of them. The other may be the example itself.
  Partner partner(const AugmentOptions& options, int64_t examples, int64_t height, int64_t width) const;

 private:
  // Each use has its own numbers, so that none changes with what else is on.
  enum Use : uint64_t { kCrop, kMove, kMirror, kTurn, kColour, kOrder, kErase, kMix };
  double uniform(Use use, uint64_t index) const;
  double between(Use use, uint64_t index, double low, double high) const;
  void change_colours(const AugmentOptions& options, PictureView picture) const;
  double beta(double alpha) const;

  RandomStream random_;
  uint64_t id_;
};

/// x · (1 − share) + other · share
void mix_pictures(PictureView picture, PictureView other, float share);
/// The part of the other in its place.
void paste(PictureView picture, PictureView other, const ImageBox& part);

}  // namespace gradus
