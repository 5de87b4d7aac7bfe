// `gradus tokenizer`: learns one, and shows what it does.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <iterator>
#include <sstream>

#include "apps/gradus/command_line.h"
#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/json.h"
#include "gradus/data/bpe_trainer.h"
#include "gradus/data/file_contents.h"
#include "gradus/data/text_documents.h"
#include "gradus/data/text_tokenizer.h"
#include "gradus/train/experiment.h"

namespace gradus::command {
namespace fs = std::filesystem;
namespace {

std::string standard_input() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

TextTokenizer tokenizer_at(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return TextTokenizer::load(path);
  if (fs::exists(path / "vocab.json", error) && !fs::exists(path / "tokenizer.json", error)) {
    return TextTokenizer::Kind(BpeTokenizer::load_gpt2(path / "vocab.json", path / "merges.txt"));
  }
  return TextTokenizer::load(path / "tokenizer.json");
}

WordPattern pattern_of(const std::string& name) {
  return name == "gpt2" ? WordPattern::kGpt2 : name == "gpt4" ? WordPattern::kThreeDigits : WordPattern::kOneDigit;
}

// Lines of plain text are texts of their own, as tokenizers of Hugging Face's library are trained from files.
void add_file(BpeTrainer& trainer, const std::string& path, const TextOptions& options) {
  if (text_format(path, options) == TextFormat::kPlain) {
    const FileContents contents(path);
    if (contents.bytes().empty()) fail(path, "the file is empty; expected text");
    return trainer.add_lines(contents.bytes(), path);
  }
  for_each_documents(path, options, [&](const TextDocuments& some) {
    trainer.add_texts(some.views(), [&](size_t text) { return fmt::format("{}:{}", path, some.lines[text]); });
  });
}

}  // namespace

int tokenizer_train(const TokenizerTrainOptions& options) {
  prepare_machine(options.machine);
  std::error_code error;
  if (!options.overwrite && fs::exists(options.out, error)) {
    fail_usage(options.out, "is there already; choose another --out, or replace it with --overwrite");
  }
  const std::vector<std::string> files = files_of(options.data, "--data");
  check_output(options.out, files);
  BpeTrainer trainer({.vocabulary = options.vocabulary,
                      .min_frequency = options.min_frequency,
                      .special = options.special,
                      .pattern = pattern_of(options.pattern)});
  TextOptions text{.fields_key = "--text"};
  if (!options.text.empty()) text.fields = options.text;
  for (const std::string& path : files) add_file(trainer, path, text);
  const BpeTokenizer tokenizer = trainer.learn();
  write_file(options.out, tokenizer.to_json());
  print(fmt::format("{}: {} tokens, {} merges\n", options.out, tokenizer.vocabulary_size(),
                    tokenizer.parts().merges.size()));
  if (tokenizer.vocabulary_size() < options.vocabulary) {
    print(fmt::format("fewer than --vocab {}: no other pair is there {} times or more\n", options.vocabulary,
                      options.min_frequency));
  }
  return 0;
}

int tokenizer_encode(const TokenizerUseOptions& options) {
  if (!options.text.empty() && !options.data.empty()) fail_usage("--data", "and TEXT are both there; leave one out");
  const TextTokenizer tokenizer = tokenizer_at(options.tokenizer);
  const std::string text = !options.data.empty()   ? read_file(options.data)
                           : !options.text.empty() ? options.text
                                                   : standard_input();
  const std::vector<int32_t> ids = tokenizer.encode(text);
  std::string out;
  for (size_t i = 0; i < ids.size(); ++i) {
    out += options.pieces ? fmt::format("{:>8}  {}\n", ids[i], json_quoted(tokenizer.token(ids[i])))
                          : fmt::format("{}{}", i > 0 ? " " : "", ids[i]);
  }
  print(out + (options.pieces ? "" : "\n"));
  return 0;
}

int tokenizer_decode(const TokenizerUseOptions& options) {
  std::vector<std::string> words = options.ids;
  if (words.empty()) {
    std::istringstream stream(standard_input());
    words.assign(std::istream_iterator<std::string>(stream), {});
  }
  const TextTokenizer tokenizer = tokenizer_at(options.tokenizer);
  std::vector<int32_t> ids;
  for (const std::string& word : words) {
    ids.push_back(static_cast<int32_t>(decimal_integer("IDS", word, {.low = 0, .high = 1 << 30})));
  }
  print(tokenizer.decode(ids) + "\n");
  return 0;
}

}  // namespace gradus::command
