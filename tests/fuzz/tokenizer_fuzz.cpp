// tokenizer.json: what is accepted is written and read as the same, and all its tokens survive decoding and encoding.
#include "gradus/data/tokenizer.h"

#include <numeric>
#include <string>
#include <vector>

#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  const auto read =
      fuzz::unless_refused([&] { return CharacterTokenizer::from_json(fuzz::as_text(data, size), "input"); });
  if (!read) return 0;
  const std::string again = read->to_json();
  const auto reread = fuzz::unless_refused([&] { return CharacterTokenizer::from_json(again, "output"); });
  fuzz::require(reread && reread->to_json() == again, "a tokenizer that was read is written and read as the same");
  std::vector<int32_t> all(static_cast<size_t>(read->vocabulary_size()));
  std::iota(all.begin(), all.end(), 0);
  fuzz::require(reread->encode(read->decode(all)) == all, "every token decodes and encodes to itself");
  return 0;
}
