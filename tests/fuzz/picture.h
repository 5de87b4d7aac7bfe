// Arbitrary bytes as a picture: refused, or as many samples as its header said, of the sizes that were asked for.
#pragma once

#include "gradus/data/image.h"
#include "tests/fuzz/fuzzing.h"

namespace gradus::fuzz {

inline int check_picture(std::string_view bytes) {
  const ImageLimits limits{.most_pixels = 1 << 18};
  const auto header = unless_refused([&] { return parse_image_header(bytes, "input", limits); });
  const auto image = unless_refused([&] { return decode_image(bytes, "input", limits); });
  require(header || !image, "what is decoded has a header");
  if (!image) return 0;
  const bool is_turned = header->orientation >= 5;
  require(image->height == (is_turned ? header->width : header->height), "the header tells the height");
  require(image->width == (is_turned ? header->height : header->width), "the header tells the width");
  require(image->channels == header->channels, "the header tells the channels");
  require(image->pixels() > 0 && image->pixels() <= limits.most_pixels, "limits hold");
  const size_t samples = image->is_wide() ? image->words.size() : image->bytes.size();
  require(static_cast<int64_t>(samples) == image->samples(), "there is a sample for each place");
  for (const int64_t channels : {1, 3, 4}) {
    const Image other = with_channels(*image, channels);
    require((other.is_wide() ? other.words : std::vector<uint16_t>(other.bytes.begin(), other.bytes.end())).size() ==
                static_cast<size_t>(image->pixels() * channels),
            "channels are those that were wanted");
  }
  const Image again = decode_image(encode_png(*image), "again", limits);
  require(again.bytes == image->bytes && again.words == image->words, "a PNG holds every picture");
  return 0;
}

}  // namespace gradus::fuzz
