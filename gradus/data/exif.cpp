// The one field of EXIF that changes how a picture looks.
#include <optional>

#include "gradus/data/image.h"

namespace gradus {
namespace {

// Numbers of a TIFF header's data, in its order of bytes; nothing beyond its end.
struct TiffBytes {
  std::string_view bytes;
  bool is_big_endian = false;

  std::optional<uint32_t> number(uint64_t at, uint64_t size) const {
    if (at > bytes.size() || bytes.size() - at < size) return std::nullopt;
    uint32_t value = 0;
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t place = is_big_endian ? at + i : at + size - 1 - i;
      value = value << 8 | static_cast<unsigned char>(bytes[place]);
    }
    return value;
  }
};

}  // namespace

int exif_orientation(std::string_view exif) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  constexpr uint32_t kMagic = 42, kOrientation = 0x0112, kShort = 3;
  if (exif.starts_with(kPrefix)) exif.remove_prefix(kPrefix.size());
  if (!exif.starts_with("II") && !exif.starts_with("MM")) return 1;
  const TiffBytes tiff{exif, exif[0] == 'M'};
  const std::optional<uint32_t> first = tiff.number(4, 4);
  if (tiff.number(2, 2) != kMagic || !first) return 1;
  const uint32_t entries = tiff.number(*first, 2).value_or(0);
  for (uint32_t i = 0; i < entries; ++i) {
    const uint64_t entry = uint64_t{*first} + 2 + uint64_t{12} * i;
    const std::optional<uint32_t> tag = tiff.number(entry, 2);
    if (!tag) return 1;  // the data ends here
    if (*tag != kOrientation) continue;
    const uint32_t value = tiff.number(entry + 8, 2).value_or(0);
    const bool is_one_short = tiff.number(entry + 2, 2) == kShort && tiff.number(entry + 4, 4) == 1U;
    return is_one_short && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace gradus
