// Arbitrary bytes as a picture in JPEG.
#include "tests/fuzz/picture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gradus::fuzz::check_picture(gradus::fuzz::as_text(data, size));
}
