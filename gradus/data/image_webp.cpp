// WebP, by libwebp; image_without_webp.cpp takes its place where that is not there.
#include <webp/decode.h>

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/data/image_codecs.h"

namespace gradus {
namespace detail {
namespace {

const uint8_t* begin_of(std::string_view bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

const char* text_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "there is no memory for it";
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return "it ends before its picture does: it is cut short";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "it has a feature that libwebp does not know";
    default:
      return "its data is damaged";
  }
}

WebPBitstreamFeatures features_of(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(begin_of(bytes), bytes.size(), &features);
  if (status != VP8_STATUS_OK) fail(source, "is no WebP that can be read: {}", text_of(status));
  check_image_size(source, features.height, features.width, limits);
  if (features.has_animation) fail(source, "is a WebP that moves; expected a single picture");
  return features;
}

// The file is chunks of a name, a size and as many bytes, filled up to an even number, behind 12 bytes.
int orientation_of(std::string_view bytes) {
  constexpr size_t kStart = 12, kHeader = 8;
  size_t at = kStart;
  while (bytes.size() - at >= kHeader) {
    size_t size = 0;
    for (size_t i = 8; i-- > 4;) size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    const std::string_view rest = bytes.substr(at + kHeader);
    if (size > rest.size()) return 1;
    if (bytes.substr(at, 4) == "EXIF") return exif_orientation(rest.substr(0, size));
    at += kHeader + std::min(size + size % 2, rest.size());
  }
  return 1;
}

}  // namespace

ImageHeader parse_webp_header(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  const WebPBitstreamFeatures features = features_of(bytes, source, limits);
  return {.format = "WebP",
          .height = features.height,
          .width = features.width,
          .channels = features.has_alpha ? 4 : 3,
          .orientation = orientation_of(bytes)};
}

Image decode_webp(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  const ImageHeader header = parse_webp_header(bytes, source, limits);
  Image image = blank_image(header.height, header.width, header.channels);
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) fail(source, "libwebp is of another version than gradus was built with");
  config.output.colorspace = header.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {.rgba = image.bytes.data(),
                          .stride = static_cast<int>(image.width * image.channels),
                          .size = image.bytes.size()};
  const VP8StatusCode status = WebPDecode(begin_of(bytes), bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) fail(source, "is no WebP that can be read: {}", text_of(status));
  return image;
}

}  // namespace detail

bool reads_webp() { return true; }

}  // namespace gradus
