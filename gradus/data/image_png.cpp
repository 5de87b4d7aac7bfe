// PNG, by libpng. Its errors come by longjmp, so nothing that has to be destroyed lives in the functions that set the
// target of the jump.
#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstring>
#include <utility>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/data/image_codecs.h"

namespace gradus::detail {
namespace {

struct PngFailure {
  jmp_buf target;
  char message[256];
};

[[noreturn]] void give_up(png_struct* png, const char* message) {
  auto* failure = static_cast<PngFailure*>(png_get_error_ptr(png));
  std::strncpy(failure->message, message, sizeof failure->message - 1);
  std::longjmp(failure->target, 1);
}

void ignore_warning(png_struct* /*png*/, const char* /*message*/) {}

struct Input {
  std::string_view rest;
  bool is_short = false;
};

void take_bytes(png_struct* png, png_byte* to, size_t count) {
  auto* input = static_cast<Input*>(png_get_io_ptr(png));
  if (count > input->rest.size()) {
    input->is_short = true;
    png_error(png, "the file ends");
  }
  std::memcpy(to, input->rest.data(), count);
  input->rest.remove_prefix(count);
}

// libpng takes memory for what some of its chunks say that they hold before it looks for that: each is in the file, up
// to the first of the picture.
bool has_all_chunks(std::string_view bytes) {
  constexpr size_t kStart = 8, kFrame = 12;  // a chunk's size, name and sum
  for (size_t at = kStart; bytes.size() - at >= kFrame;) {
    size_t size = 0;
    for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    if (bytes.substr(at + 4, 4) == "IDAT") return true;
    if (size > bytes.size() - at - kFrame) return false;
    at += kFrame + size;
  }
  return false;
}

class PngDecoder {
 public:
  PngDecoder(std::string_view bytes, std::string source) : source_(std::move(source)), size_(bytes.size()) {
    if (!has_all_chunks(bytes)) fail(source_, "the PNG ends before its picture does: it is cut short");
    input_.rest = bytes;
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure_, give_up, ignore_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      fail(source_, "libpng has no memory for the picture");
    }
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  ImageHeader header(const ImageLimits& limits) {
    if (!begin()) refuse();
    const int64_t height = png_get_image_height(png_, info_), width = png_get_image_width(png_, info_);
    check_image_size(source_, height, width, limits);
    // Deflate makes no more than 1032 bytes of one.
    const auto row = static_cast<int64_t>(png_get_rowbytes(png_, info_));
    check_image_bytes(source_, height, width, height * (row + 1) / 1032, size_);
    return {.format = "PNG", .height = height, .width = width, .channels = channels(), .orientation = orientation()};
  }

  Image decode(const ImageLimits& limits) {
    const ImageHeader found = header(limits);
    const bool is_wide = png_get_bit_depth(png_, info_) == 16;
    Image image = blank_image(found.height, found.width, found.channels, is_wide);
    auto* first = is_wide ? reinterpret_cast<png_byte*>(image.words.data()) : image.bytes.data();
    const int64_t stride = image.width * image.channels * (is_wide ? 2 : 1);
    std::vector<png_byte*> rows(static_cast<size_t>(image.height));
    for (int64_t i = 0; i < image.height; ++i) rows[static_cast<size_t>(i)] = first + i * stride;
    if (!read(rows.data(), static_cast<size_t>(stride))) refuse();
    return image;
  }

 private:
  [[noreturn]] void refuse() const {
    if (input_.is_short) fail(source_, "the PNG ends before its picture does: it is cut short");
    fail(source_, "is a damaged PNG: {}", std::string_view(failure_.message));
  }

  bool begin() {
    if (setjmp(failure_.target) != 0) return false;
    constexpr png_alloc_size_t kMostOfChunk = 8 << 20;  // texts and profiles beside the picture
    png_set_read_fn(png_, &input_, take_bytes);
    png_set_user_limits(png_, 0x7FFFFFFF, 0x7FFFFFFF);  // ours come right behind, with their own words
    png_set_chunk_malloc_max(png_, kMostOfChunk);
    png_set_chunk_cache_max(png_, 128);
    png_read_info(png_, info_);
    return true;
  }

  // After what `read` asks for.
  int64_t channels() const {
    const int colour = png_get_color_type(png_, info_);
    const bool has_colour = (colour & PNG_COLOR_MASK_COLOR) != 0;
    const bool has_alpha = (colour & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    return (has_colour ? 3 : 1) + (has_alpha ? 1 : 0);
  }

  int orientation() const {
    png_uint_32 size = 0;
    png_byte* exif = nullptr;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0 || exif == nullptr) return 1;
    return exif_orientation({reinterpret_cast<const char*>(exif), size});
  }

  bool read(png_byte** rows, size_t stride) {
    if (setjmp(failure_.target) != 0) return false;
    png_set_expand(png_);  // palettes, few bits, and a colour that is transparent
    if constexpr (std::endian::native == std::endian::little) png_set_swap(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != stride) png_error(png_, "its rows are of another length than its header says");
    png_read_image(png_, rows);
    return true;  // what is behind the picture changes nothing
  }

  std::string source_;
  size_t size_ = 0;
  PngFailure failure_ = {};
  Input input_ = {};
  png_struct* png_ = nullptr;
  png_info* info_ = nullptr;
};

struct Output {
  std::string* text;
  bool has_room = true;
};

// No exception may pass through libpng.
void give_bytes(png_struct* png, png_byte* from, size_t count) {
  auto* output = static_cast<Output*>(png_get_io_ptr(png));
  try {
    output->text->append(reinterpret_cast<const char*>(from), count);
  } catch (...) {
    output->has_room = false;
  }
  if (!output->has_room) png_error(png, "there is no memory");
}

void ignore_flush(png_struct* /*png*/) {}

bool write(png_struct* png, png_info* info, PngFailure& failure, Output& output, const Image& image, png_byte** rows) {
  constexpr int kColours[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                              PNG_COLOR_TYPE_RGB_ALPHA};
  if (setjmp(failure.target) != 0) return false;
  png_set_write_fn(png, &output, give_bytes, ignore_flush);
  png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
               image.is_wide() ? 16 : 8, kColours[image.channels - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  if (image.is_wide() && std::endian::native == std::endian::little) png_set_swap(png);
  png_write_image(png, rows);
  png_write_end(png, nullptr);
  return true;
}

}  // namespace

ImageHeader parse_png_header(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  return PngDecoder(bytes, source).header(limits);
}

Image decode_png(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  return PngDecoder(bytes, source).decode(limits);
}

}  // namespace gradus::detail

namespace gradus {

std::string encode_png(const Image& image) {
  using namespace detail;
  if (image.channels < 1 || image.channels > 4 || image.samples() == 0) {
    fail("image", "{}×{} pixels of {} channels; a PNG has at least one pixel and 1 to 4 channels", image.width,
         image.height, image.channels);
  }
  const auto* first = image.is_wide() ? reinterpret_cast<const png_byte*>(image.words.data()) : image.bytes.data();
  const int64_t stride = image.width * image.channels * (image.is_wide() ? 2 : 1);
  std::vector<png_byte*> rows(static_cast<size_t>(image.height));
  for (int64_t i = 0; i < image.height; ++i) rows[static_cast<size_t>(i)] = const_cast<png_byte*>(first + i * stride);
  std::string text;
  PngFailure failure = {};
  Output output = {.text = &text};
  png_struct* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, give_up, ignore_warning);
  png_info* info = png != nullptr ? png_create_info_struct(png) : nullptr;
  const bool is_whole = info != nullptr && write(png, info, failure, output, image, rows.data());
  png_destroy_write_struct(&png, &info);
  if (!is_whole) fail("image", "cannot be written as a PNG: {}", std::string_view(failure.message));
  return text;
}

}  // namespace gradus
