// In the place of image_webp.cpp, where libwebp was not there when gradus was built.
#include "gradus/base/error.h"
#include "gradus/data/image_codecs.h"

namespace gradus {
namespace detail {

ImageHeader parse_webp_header(std::string_view /*bytes*/, const std::string& source, const ImageLimits& /*limits*/) {
  fail(source,
       "is a WebP, and this gradus was built without libwebp: convert the file to PNG or JPEG, or build gradus again "
       "with the package libwebp-dev installed");
}

Image decode_webp(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  parse_webp_header(bytes, source, limits);
  return {};
}

}  // namespace detail

bool reads_webp() { return false; }

}  // namespace gradus
