// A safetensors file: what is accepted and written again reads as the same tensors.
#include "gradus/tensor/safetensors.h"

#include <cstring>
#include <span>
#include <string>

#include "tests/fuzz/fuzzing.h"

namespace gradus::fuzz {
namespace {

bool same(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const auto bytes = static_cast<size_t>(a.numel() * size_of(a.dtype()));
  return bytes == 0 || std::memcmp(a.bytes(), b.bytes(), bytes) == 0;
}

bool same(const Safetensors& a, const Safetensors& b) {
  if (a.metadata != b.metadata || a.tensors.size() != b.tensors.size()) return false;
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    if (a.tensors[i].first != b.tensors[i].first || !same(a.tensors[i].second, b.tensors[i].second)) return false;
  }
  return true;
}

std::optional<Safetensors> parse(std::string_view bytes) {
  return unless_refused([&] { return parse_safetensors(std::as_bytes(std::span(bytes)), "input"); });
}

}  // namespace
}  // namespace gradus::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const std::optional<Safetensors> read = fuzz::parse(fuzz::as_text(data, size));
  if (!read) return 0;
  std::string again;
  write_safetensors([&](const void* bytes, size_t count) { again.append(static_cast<const char*>(bytes), count); },
                    "output", read->tensors, read->metadata);
  const std::optional<Safetensors> reread = fuzz::parse(again);
  fuzz::require(reread && fuzz::same(*read, *reread), "a file that was read, written and read again holds the same");
  return 0;
}
