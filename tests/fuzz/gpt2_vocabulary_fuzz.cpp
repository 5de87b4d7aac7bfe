// GPT-2's vocab.json and merges.txt, one behind the other with a zero byte between: what is accepted is written as a
// tokenizer.json that reads as the same.
#include <string>

#include "gradus/data/bpe.h"
#include "gradus/data/text_tokenizer.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const std::string_view input = fuzz::as_text(data, size);
  const size_t between = input.find('\0');
  const std::string_view merges = between == std::string_view::npos ? "" : input.substr(between + 1);
  const auto read = fuzz::unless_refused(
      [&] { return BpeTokenizer::from_gpt2(input.substr(0, between), merges, "vocab.json", "merges.txt"); });
  if (!read) return 0;
  const auto reread = fuzz::unless_refused([&] { return TextTokenizer::from_json(read->to_json(), "output"); });
  fuzz::require(reread && reread->to_json() == read->to_json(), "GPT-2's files are written and read as the same");
  return 0;
}
