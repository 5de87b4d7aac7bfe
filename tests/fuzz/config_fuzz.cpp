// A configuration in TOML, and a `--set` argument: what is accepted is written and read as the same.
#include "gradus/train/config.h"

#include <string>
#include <vector>

#include "gradus/train/swept_keys.h"
#include "tests/fuzz/fuzzing.h"

namespace gradus::fuzz {
namespace {

constexpr size_t kLargest = 1 << 16;  // Config::load reads no more, which bounds the parser's recursion

constexpr std::string_view kSmallest =
    "[data]\nkind = \"line\"\n[model]\nkind = \"linear\"\n[optimizer]\nname = \"sgd\"\nlearning_rate = 0.1\n"
    "[train]\nsteps = 10\n";

void check(std::string_view text, const std::vector<std::string>& overrides) {
  const auto read = unless_refused([&] { return Config::parse(text, "input", overrides); });
  if (!read) return;
  unless_refused([&] { return swept_keys(*read, {}); });
  const std::string again = read->to_toml();
  const auto reread = unless_refused([&] { return Config::parse(again, "output"); });
  require(reread && reread->to_toml() == again, "a configuration that was read is written and read as the same");
}

}  // namespace
}  // namespace gradus::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus::fuzz;
  if (size > kLargest) return 0;
  check(as_text(data, size), {});
  check(kSmallest, {std::string(as_text(data, size))});
  return 0;
}
