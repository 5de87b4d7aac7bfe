// Arbitrary bytes as IDX: refused, or an array of finite numbers, and the same numbers as labels if they are such.
#include "gradus/data/idx.h"

#include <cmath>

#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const std::string_view bytes = fuzz::as_text(data, size);
  const auto narrow = fuzz::unless_refused([&] { return parse_idx(bytes, "input"); });
  const auto wide = fuzz::unless_refused([&] { return parse_idx(bytes, "input", {.dtype = DType::kF64}); });
  const auto labels = fuzz::unless_refused([&] { return parse_idx_labels(bytes, "input"); });
  fuzz::require(wide || (!narrow && !labels), "what f32 or i64 holds, f64 holds");
  if (!wide) return 0;
  fuzz::require(wide->numel() > 0 && wide->numel() <= static_cast<int64_t>(size), "numbers are bytes of the file");
  for (const double number : wide->values<double>()) fuzz::require(std::isfinite(number), "numbers are finite");
  if (labels) fuzz::require(labels->shape() == wide->shape(), "there is a label for each number");
  return 0;
}
