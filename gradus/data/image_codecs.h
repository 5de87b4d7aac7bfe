// One format each: what image.cpp tells apart. `source` is what errors call the file.
#pragma once

#include <string>
#include <string_view>

#include "gradus/data/image.h"

namespace gradus::detail {

ImageHeader parse_jpeg_header(std::string_view bytes, const std::string& source, const ImageLimits& limits);
ImageHeader parse_png_header(std::string_view bytes, const std::string& source, const ImageLimits& limits);
ImageHeader parse_webp_header(std::string_view bytes, const std::string& source, const ImageLimits& limits);

// As the file has them, whatever the orientation says.
Image decode_jpeg(std::string_view bytes, const std::string& source, const ImageLimits& limits);
Image decode_png(std::string_view bytes, const std::string& source, const ImageLimits& limits);
Image decode_webp(std::string_view bytes, const std::string& source, const ImageLimits& limits);

/// Throws for sizes that are 0 or beyond the limits.
void check_image_size(const std::string& source, int64_t height, int64_t width, const ImageLimits& limits);
/// Throws where the picture needs more bytes than the file has.
void check_image_bytes(const std::string& source, int64_t height, int64_t width, int64_t needed, size_t bytes);

}  // namespace gradus::detail
