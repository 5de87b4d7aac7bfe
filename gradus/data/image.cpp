#include "gradus/data/image.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/data/image_codecs.h"

namespace gradus {
namespace {

using namespace std::string_view_literals;

enum class Format : uint8_t { kJpeg, kPng, kWebp };

bool is_riff_of(std::string_view bytes, std::string_view kind) {
  return bytes.starts_with("RIFF"sv) && bytes.size() >= 12 && bytes.substr(8, 4) == kind;
}

// What people take for a picture that is read here.
std::string_view other_format(std::string_view bytes) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kOthers = {{{"GIF8"sv, "a GIF"sv},
                                                                                     {"BM"sv, "a BMP"sv},
                                                                                     {"II*\0"sv, "a TIFF"sv},
                                                                                     {"MM\0*"sv, "a TIFF"sv},
                                                                                     {"%PDF"sv, "a PDF"sv},
                                                                                     {"<svg"sv, "an SVG"sv},
                                                                                     {"<?xml"sv, "an SVG"sv},
                                                                                     {"\0\0\1\0"sv, "an icon"sv}}};
  for (const auto& [start, name] : kOthers) {
    if (bytes.starts_with(start)) return name;
  }
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp"sv) {
    return bytes.substr(8, 4).starts_with("avi"sv) ? "an AVIF"sv : "a HEIC, or a film,"sv;
  }
  return {};
}

Format format_of(std::string_view bytes, const std::string& source) {
  if (bytes.empty()) fail(source, "the file is empty; expected a picture in JPEG, PNG or WebP");
  if (bytes.starts_with("\xFF\xD8\xFF"sv)) return Format::kJpeg;
  if (bytes.starts_with("\x89PNG\r\n\x1A\n"sv)) return Format::kPng;
  if (is_riff_of(bytes, "WEBP"sv)) return Format::kWebp;
  if (const std::string_view other = other_format(bytes); !other.empty()) {
    fail(source, "is {} by how it begins; expected a picture in JPEG, PNG or WebP: convert it", other);
  }
  std::string found;
  for (const char c : bytes.substr(0, 4)) found += fmt::format(" {:02x}", static_cast<unsigned char>(c));
  fail(source, "is no picture that is known here: it begins with{}; expected JPEG, PNG or WebP", found);
}

ImageHeader header_of(Format format, std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  switch (format) {
    case Format::kJpeg:
      return detail::parse_jpeg_header(bytes, source, limits);
    case Format::kPng:
      return detail::parse_png_header(bytes, source, limits);
    case Format::kWebp:
      break;
  }
  return detail::parse_webp_header(bytes, source, limits);
}

// The pixel at (row, column) of the result is that at the place that `from` gives.
template <class T, class From>
std::vector<T> rearranged(const std::vector<T>& all, const Image& image, int64_t height, int64_t width, From&& from) {
  std::vector<T> result(all.size());
  T* to = result.data();
  for (int64_t row = 0; row < height; ++row) {
    for (int64_t column = 0; column < width; ++column) {
      const auto [y, x] = from(row, column);
      to = std::copy_n(all.data() + (y * image.width + x) * image.channels, image.channels, to);
    }
  }
  return result;
}

// What `convert` makes of each pixel, which gives as many samples as `channels`.
template <class T, class Convert>
std::vector<T> converted(const std::vector<T>& all, int64_t from, int64_t channels, Convert&& convert) {
  std::vector<T> result(all.size() / static_cast<size_t>(from) * static_cast<size_t>(channels));
  T* to = result.data();
  for (const T* pixel = all.data(); pixel != all.data() + all.size(); pixel += from, to += channels) convert(pixel, to);
  return result;
}

template <class T>
std::vector<T> converted(const std::vector<T>& all, int64_t from, int64_t channels) {
  const bool has_colours = from >= 3, has_alpha = from == 2 || from == 4;
  const int64_t colours = channels == 1 ? 1 : 3;
  return converted(all, from, channels, [=](const T* pixel, T* to) {
    if (colours == 1) {
      to[0] = has_colours ? static_cast<T>((19595U * pixel[0] + 38470U * pixel[1] + 7471U * pixel[2] + 0x8000U) >> 16)
                          : pixel[0];
    } else {
      for (int64_t i = 0; i < 3; ++i) to[i] = pixel[has_colours ? i : 0];
    }
    if (channels == 4) to[3] = has_alpha ? pixel[from - 1] : static_cast<T>(~T{0});
  });
}

}  // namespace

namespace detail {

void check_image_size(const std::string& source, int64_t height, int64_t width, const ImageLimits& limits) {
  if (height > 0 && width > 0 && width <= limits.most_pixels / height) return;
  if (height <= 0 || width <= 0) fail(source, "a picture of {}×{} pixels; expected at least one", width, height);
  fail(source, "a picture of {}×{} pixels; expected {} at most: make it smaller", width, height, limits.most_pixels);
}

void check_image_bytes(const std::string& source, int64_t height, int64_t width, int64_t needed, size_t bytes) {
  if (needed <= static_cast<int64_t>(bytes)) return;
  fail(source, "a picture of {}×{} pixels in {} bytes, which cannot hold it; expected {} or more: it is cut short",
       width, height, bytes, needed);
}

}  // namespace detail

Image blank_image(int64_t height, int64_t width, int64_t channels, bool is_wide) {
  Image image{.height = height, .width = width, .channels = channels};
  const auto samples = static_cast<size_t>(image.samples());
  is_wide ? image.words.resize(samples) : image.bytes.resize(samples);
  return image;
}

ImageHeader parse_image_header(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  return header_of(format_of(bytes, source), bytes, source, limits);
}

Image decode_image(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  const Format format = format_of(bytes, source);
  const int orientation = header_of(format, bytes, source, limits).orientation;
  Image image = format == Format::kJpeg  ? detail::decode_jpeg(bytes, source, limits)
                : format == Format::kPng ? detail::decode_png(bytes, source, limits)
                                         : detail::decode_webp(bytes, source, limits);
  return oriented(std::move(image), orientation);
}

Image read_image(const std::string& path, const ImageLimits& limits) {
  const MappedFile file(path);
  return decode_image(file.text(), path, limits);
}

ImageHeader read_image_header(const std::string& path, const ImageLimits& limits) {
  const MappedFile file(path);
  return parse_image_header(file.text(), path, limits);
}

Image oriented(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool is_turned = orientation >= 5;
  const int64_t height = is_turned ? image.width : image.height, width = is_turned ? image.height : image.width;
  const bool is_mirrored = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool is_upside_down = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  // Rows and columns are exchanged first, so that a mirror acts on the file's own axes.
  const auto from = [&](int64_t row, int64_t column) {
    int64_t y = is_turned ? column : row, x = is_turned ? row : column;
    if (is_mirrored) x = image.width - 1 - x;
    if (is_upside_down) y = image.height - 1 - y;
    return std::pair(y, x);
  };
  Image result{.height = height, .width = width, .channels = image.channels};
  result.bytes = rearranged(image.bytes, image, image.is_wide() ? 0 : height, width, from);
  result.words = rearranged(image.words, image, image.is_wide() ? height : 0, width, from);
  return result;
}

Image with_channels(Image image, int64_t channels) {
  if (channels != 1 && channels != 3 && channels != 4) {
    fail_usage("image", "{} channels; expected 1 (grey), 3 (RGB) or 4 (with alpha)", channels);
  }
  if (image.channels == channels) return image;
  image.bytes = converted(image.bytes, image.channels, channels);
  image.words = converted(image.words, image.channels, channels);
  image.channels = channels;
  return image;
}

}  // namespace gradus
