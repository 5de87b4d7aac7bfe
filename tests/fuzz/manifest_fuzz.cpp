// manifest.json of a checkpoint. Its last line is the sum of what comes before, which no fuzzer guesses: the input is
// taken as it is, and once more with the right sum behind it.
#include "gradus/train/manifest.h"

#include <fmt/core.h>

#include <string>

#include "gradus/base/hash.h"
#include "tests/fuzz/fuzzing.h"

namespace gradus::fuzz {
namespace {

void check(std::string_view text) {
  const auto read = unless_refused([&] { return Manifest::parse(text, "input"); });
  if (!read) return;
  const std::string again = read->to_text();
  const auto reread = unless_refused([&] { return Manifest::parse(again, "output"); });
  require(reread && reread->to_text() == again, "a manifest that was read is written and read as the same");
  for (const ManifestFile& file : read->files) require(read->find(file.name) != nullptr, "every file is found");
}

}  // namespace
}  // namespace gradus::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = gradus::fuzz::as_text(data, size);
  gradus::fuzz::check(text);
  gradus::fuzz::check(fmt::format("{},\n\"xxh3\":\"{}\"}}\n", text, gradus::hex(gradus::xxh3(text))));
  return 0;
}
