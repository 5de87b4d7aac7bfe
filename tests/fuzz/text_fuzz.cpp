// Arbitrary bytes as the text to learn from: its vocabulary holds it, and decoding gives every byte back.
#include <string>
#include <vector>

#include "gradus/data/tokenizer.h"
#include "tests/fuzz/fuzzing.h"

namespace gradus::fuzz {
namespace {

using Unit = CharacterTokenizer::Unit;

void check(std::string_view text, Unit unit) {
  const auto tokenizer = unless_refused([&] { return CharacterTokenizer::train(text, unit); });
  require(tokenizer || text.empty() || unit == Unit::kCharacters, "bytes are a text, whatever they are");
  if (!tokenizer) return;
  const std::vector<int32_t> ids = tokenizer->encode(text);
  require(tokenizer->decode(ids) == text, "a text decodes to what was encoded");
  require(CharacterTokenizer::from_json(tokenizer->to_json(), "output").encode(text) == ids,
          "a tokenizer that is read back gives the same ids");
}

// A vocabulary that need not hold the text, nor even be of a text that is valid.
void check_foreign(std::string_view learned, std::string_view text, Unit unit) {
  const auto tokenizer = unless_refused([&] { return CharacterTokenizer::train(learned, unit); });
  if (!tokenizer) return;
  const auto ids = unless_refused([&] { return tokenizer->encode(text); });
  require(!ids || tokenizer->decode(*ids) == text, "a text that is encoded decodes to itself");
}

}  // namespace
}  // namespace gradus::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus::fuzz;
  const std::string_view text = as_text(data, size);
  for (const Unit unit : {Unit::kCharacters, Unit::kBytes}) {
    check(text, unit);
    check_foreign(text.substr(0, size / 2), text.substr(size / 2), unit);
  }
  return 0;
}
