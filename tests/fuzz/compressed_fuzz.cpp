// Arbitrary bytes as gzip or zstd data: refused, or at most as many bytes as are allowed.
#include "gradus/data/compression.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  constexpr int64_t kMost = 1 << 22;
  const std::string_view bytes = fuzz::as_text(data, size);
  const auto text = fuzz::unless_refused([&] { return decompressed(bytes, "input", kMost); });
  if (text) fuzz::require(text->size() <= static_cast<size_t>(kMost), "no more than is allowed");
  fuzz::require(inflated(bytes, kMost).size() <= static_cast<size_t>(kMost) + 1, "no more than is allowed, and one");
  return 0;
}
