// Pictures in memory, and from and to the bytes of a file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// Samples of a picture: rows from the top, pixels from the left, the channels of a pixel side by side. 1 channel is
/// grey, 2 are grey and alpha, 3 red, green and blue, 4 these and alpha; 0 is black, and transparent.
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> bytes = {};   ///< height · width · channels samples, of which 255 is the most,
  std::vector<uint16_t> words = {};  ///< or in place of those as many of which 65535 is.

  bool is_wide() const { return !words.empty(); }  ///< Whether samples have 16 bits.
  int64_t pixels() const { return height * width; }
  int64_t samples() const { return height * width * channels; }
};

/// A picture with room for its samples, all of them 0.
Image blank_image(int64_t height, int64_t width, int64_t channels, bool is_wide = false);

/// What is never decoded, whatever a file says.
struct ImageLimits {
  int64_t most_pixels = int64_t{1} << 27;  ///< 134,217,728, such as 11,585 × 11,585.
};

/// What a file says of the picture in it, before it is decoded.
struct ImageHeader {
  std::string_view format;  ///< "JPEG", "PNG" or "WebP".
  int64_t height = 0, width = 0;
  int64_t channels = 0;  ///< Of the picture that is decoded.
  int orientation = 1;   ///< EXIF's, 1 to 8: how `decode_image` turns it.
};

/// Reads the header alone. Errors are those of `decode_image` that the header tells.
ImageHeader parse_image_header(std::string_view bytes, const std::string& source, const ImageLimits& limits = {});

/// The picture that a file in the JPEG, PNG or WebP format holds, known by how it begins, whatever its name. Palettes
/// become colours, CMYK becomes RGB, fewer than 8 bits become 8; 16 stay. It stands as its EXIF orientation says. Errors
/// name `source` and what is wrong: nothing in it; another format; a picture that is cut short or damaged; sizes of 0,
/// above the limits, or that so few bytes cannot hold, which is seen before memory is taken; a picture that moves; WebP
/// where gradus was built without it.
Image decode_image(std::string_view bytes, const std::string& source, const ImageLimits& limits = {});
/// The same of a file, which is mapped while it is decoded.
Image read_image(const std::string& path, const ImageLimits& limits = {});
ImageHeader read_image_header(const std::string& path, const ImageLimits& limits = {});

/// The bytes of a PNG file of 8 bits a sample, or 16 if the image has them.
std::string encode_png(const Image& image);

/// The image as its viewer is to see it, by EXIF's orientation: 1 as it is, 2 mirrored left to right, 3 turned by half,
/// 4 upside down, 5 to 8 with rows and columns exchanged. Source: CIPA DC-008, "Exif", section 4.6.4.
Image oriented(Image image, int orientation);

/// The image with 1, 3 or 4 channels. Grey is (19595·R + 38470·G + 7471·B) / 65536, rounded (ITU-R BT.601, as Pillow
/// has it); grey becomes three equal channels; alpha is left out, or is opaque where it is wanted and was not there.
Image with_channels(Image image, int64_t channels);

/// EXIF's orientation, 1 to 8, of the data that begins with "Exif\0\0" or with the TIFF header behind that. 1 where there
/// is none, or the data is no EXIF: what is wrong with it is no fault of the picture.
int exif_orientation(std::string_view exif);

/// Whether WebP is built in.
bool reads_webp();

}  // namespace gradus
