// Files of texts: the first byte chooses the format. What is accepted has texts, lines and labels that belong together,
// and a word tokenizer and a BPE learn from it what encodes it.
#include <string>

#include "gradus/data/bpe_trainer.h"
#include "gradus/data/text_documents.h"
#include "gradus/data/text_tokenizer.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus;
  if (size == 0) return 0;
  const auto format = static_cast<TextFormat>(data[0] % 4);
  const TextOptions options{.fields = {"text", "more"}, .label = data[0] & 4 ? "label" : ""};
  const auto read = fuzz::unless_refused(
      [&] { return parse_documents(fuzz::as_text(data + 1, size - 1), "input", format, options); });
  if (!read) return 0;
  fuzz::require(!read->texts.empty() && read->lines.size() == read->texts.size(), "each text has its line");
  fuzz::require(read->labels.empty() || read->labels.size() == read->texts.size(), "each text has its label, or none");
  BpeTrainer trainer({.vocabulary = 300});
  trainer.add_texts(read->views());
  const BpeTokenizer bpe = trainer.learn();
  for (const std::string& text : read->texts) {
    fuzz::require(!text.empty(), "no text is empty");
    fuzz::require(bpe.decode(bpe.encode(text)) == text, "what is encoded decodes to what it was");
  }
  const auto words = fuzz::unless_refused([&] { return WordTokenizer::train(read->views(), 50); });
  if (words)
    fuzz::require(WordTokenizer::from_json(parse_json(words->to_json(), "w"), "w").to_json() == words->to_json(),
                  "a vocabulary of words is written and read as the same");
  return 0;
}
