// JPEG, by libjpeg-turbo. Its errors come by longjmp, so nothing that has to be destroyed lives in the functions that
// set the target of the jump.
#include <csetjmp>
#include <cstdio>
#include <utility>
// After cstdio, which it does not include itself:
#include <jerror.h>
#include <jpeglib.h>

#include "gradus/base/error.h"
#include "gradus/data/image_codecs.h"

namespace gradus::detail {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr int kMostScans = 500;  // each goes through the whole picture: few bytes could ask for hours

struct JpegFailure {
  jpeg_error_mgr manager;  // first: libjpeg knows it alone
  jmp_buf target;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void give_up(jpeg_common_struct* common) {
  auto* failure = reinterpret_cast<JpegFailure*>(common->err);
  common->err->format_message(common, failure->message);
  std::longjmp(failure->target, 1);
}

// What libjpeg goes on from with grey or noise is a damaged picture all the same; other warnings change nothing.
void judge_message(jpeg_common_struct* common, int level) {
  if (level >= 0) return;
  switch (common->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_JPEG_EOF:
      give_up(common);
    default:
      break;
  }
}

void ignore(jpeg_decompress_struct* /*info*/) {}

boolean refuse_end(jpeg_decompress_struct* info) {
  ERREXIT(info, JERR_INPUT_EOF);
  return FALSE;
}

void skip_bytes(jpeg_decompress_struct* info, long count) {
  if (count <= 0) return;
  if (static_cast<size_t>(count) > info->src->bytes_in_buffer) ERREXIT(info, JERR_INPUT_EOF);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= static_cast<size_t>(count);
}

void watch_scans(jpeg_common_struct* common) {
  auto* info = reinterpret_cast<jpeg_decompress_struct*>(common);
  if (info->input_scan_number > kMostScans) ERREXIT(info, JERR_BAD_PROGRESSION);
}

// A decoder of bytes in memory.
class JpegDecoder {
 public:
  JpegDecoder(std::string_view bytes, std::string source) : source_(std::move(source)) {
    info_.err = jpeg_std_error(&failure_.manager);
    failure_.manager.error_exit = give_up;
    failure_.manager.emit_message = judge_message;
    input_ = {.next_input_byte = reinterpret_cast<const JOCTET*>(bytes.data()),
              .bytes_in_buffer = bytes.size(),
              .init_source = ignore,
              .fill_input_buffer = refuse_end,
              .skip_input_data = skip_bytes,
              .resync_to_restart = jpeg_resync_to_restart,
              .term_source = ignore};
    progress_.progress_monitor = watch_scans;
    size_ = bytes.size();
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  ImageHeader header(const ImageLimits& limits) {
    if (!begin()) refuse();
    const int64_t height = info_.image_height, width = info_.image_width;
    check_image_size(source_, height, width, limits);
    // A block of 8×8 samples has a code of at least one bit; arithmetic coding may take less.
    const int64_t blocks = ((height + 7) / 8) * ((width + 7) / 8);
    if (!info_.arith_code) check_image_bytes(source_, height, width, blocks / 8, size_);
    return {.format = "JPEG",
            .height = height,
            .width = width,
            .channels = info_.num_components == 1 ? 1 : 3,
            .orientation = orientation()};
  }

  Image decode(const ImageLimits& limits) {
    const ImageHeader found = header(limits);
    if (info_.num_components == 2) fail(source_, "a JPEG of 2 components; expected 1, 3 or 4");
    Image image = blank_image(found.height, found.width, info_.num_components == 4 ? 4 : found.channels);
    // Compressed progressive pictures are held as coefficients, of two bytes, beside the result.
    info_.mem->max_memory_to_use = 16 * image.pixels() + (1 << 24);
    if (!read(image.bytes.data(), image.width * image.channels)) refuse();
    return info_.num_components == 4 ? rgb_of(image) : image;
  }

 private:
  [[noreturn]] void refuse() {
    if (info_.err->msg_code == JERR_INPUT_EOF || info_.err->msg_code == JWRN_JPEG_EOF) {
      fail(source_, "the JPEG ends before its picture does: it is cut short");
    }
    fail(source_, "is a damaged JPEG: {}", std::string_view(failure_.message));
  }

  bool begin() {
    if (setjmp(failure_.target) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.src = &input_;
    info_.progress = &progress_;
    jpeg_save_markers(&info_, kExifMarker, 0xFFFF);
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  bool read(uint8_t* to, int64_t stride) {
    if (setjmp(failure_.target) != 0) return false;
    if (info_.num_components == 4) {
      info_.out_color_space = JCS_CMYK;
    } else {
      info_.out_color_space = info_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    }
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = to + static_cast<int64_t>(info_.output_scanline) * stride;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    return true;  // what is behind the last row changes nothing
  }

  int orientation() const {
    for (const jpeg_marker_struct* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (marker->marker == kExifMarker && data.starts_with("Exif")) return exif_orientation(data);
    }
    return 1;
  }

  // Adobe's programs write CMYK as what is left of white, and so does nobody who does not say so.
  Image rgb_of(const Image& cmyk) const {
    Image image = blank_image(cmyk.height, cmyk.width, 3);
    const uint8_t* from = cmyk.bytes.data();
    uint8_t* to = image.bytes.data();
    for (int64_t i = 0; i < image.pixels(); ++i, from += 4) {
      const int black = info_.saw_Adobe_marker ? from[3] : 255 - from[3];
      for (int c = 0; c < 3; ++c) {
        const int light = info_.saw_Adobe_marker ? from[c] : 255 - from[c];
        *to++ = static_cast<uint8_t>((light * black + 127) / 255);
      }
    }
    return image;
  }

  std::string source_;
  size_t size_ = 0;
  JpegFailure failure_ = {};
  jpeg_decompress_struct info_ = {};
  jpeg_source_mgr input_ = {};
  jpeg_progress_mgr progress_ = {};
};

}  // namespace

ImageHeader parse_jpeg_header(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  return JpegDecoder(bytes, source).header(limits);
}

Image decode_jpeg(std::string_view bytes, const std::string& source, const ImageLimits& limits) {
  return JpegDecoder(bytes, source).decode(limits);
}

}  // namespace gradus::detail
