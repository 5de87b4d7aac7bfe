// Arbitrary bytes as EXIF: an orientation, whatever they are.
#include "gradus/data/image.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const int orientation = exif_orientation(fuzz::as_text(data, size));
  fuzz::require(orientation >= 1 && orientation <= 8, "there are eight orientations");
  Image image{.height = 2, .width = 3, .channels = 1, .bytes = {1, 2, 3, 4, 5, 6}};
  const Image turned = oriented(image, orientation);
  fuzz::require(turned.pixels() == 6 && turned.bytes.size() == 6, "no pixel is lost");
  return 0;
}
