// tokenizer.json: what is accepted is written and read as the same, and what it encodes decodes to what it was.
#include <numeric>
#include <string>
#include <vector>

#include "gradus/data/text_tokenizer.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const auto read = fuzz::unless_refused([&] { return TextTokenizer::from_json(fuzz::as_text(data, size), "input"); });
  if (!read) return 0;
  const std::string again = read->to_json();
  const auto reread = fuzz::unless_refused([&] { return TextTokenizer::from_json(again, "output"); });
  fuzz::require(reread && reread->to_json() == again, "a tokenizer that was read is written and read as the same");
  std::vector<int32_t> all(static_cast<size_t>(read->vocabulary_size()));
  std::iota(all.begin(), all.end(), 0);
  const std::string text = read->decode(all);
  const auto ids = fuzz::unless_refused([&] { return read->encode(text); });
  if (std::holds_alternative<CharacterTokenizer>(read->kind())) {
    fuzz::require(ids && *ids == all, "every token decodes and encodes to itself");
  }
  if (const auto* bpe = std::get_if<BpeTokenizer>(&read->kind()); bpe != nullptr && !bpe->parts().nfc && ids) {
    fuzz::require(read->decode(*ids) == text, "what is encoded decodes to what it was");
  }
  return 0;
}
