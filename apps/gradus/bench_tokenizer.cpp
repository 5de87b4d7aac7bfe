// `gradus bench tokenizer`: how long learning a BPE takes, and encoding with it.
#include <fmt/format.h>

#include <algorithm>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/files.h"
#include "gradus/base/json.h"
#include "gradus/data/bpe_trainer.h"

namespace gradus::command {
namespace {

// Of the text a thousand lines at a time, as a peer takes them.
int64_t encode_all(const BpeTokenizer& tokenizer, std::string_view text) {
  BpeEncoder encoder(tokenizer);
  std::vector<int32_t> ids;
  int64_t tokens = 0;
  while (!text.empty()) {
    size_t end = 0;
    for (int line = 0; line < 1000 && end < text.size(); ++line)
      end = std::min(text.find('\n', end), text.size() - 1) + 1;
    ids.clear();
    encoder.encode(text.substr(0, end), ids);
    tokens += static_cast<int64_t>(ids.size());
    text.remove_prefix(end);
  }
  return tokens;
}

}  // namespace

int bench_tokenizer(const TokenizerBenchOptions& options) {
  prepare_machine(options.machine);
  const std::string text = read_file(options.data);
  int64_t tokens = 0;
  double seconds = 0.0;
  if (options.task == "learn") {
    const auto begin = Clock::now();
    BpeTrainer trainer({.vocabulary = options.vocabulary, .special = {"<|endoftext|>"}});
    trainer.add_lines(text);
    const BpeTokenizer tokenizer = trainer.learn();
    seconds = seconds_since(begin);
    tokens = tokenizer.vocabulary_size();
    write_file(options.tokenizer, tokenizer.to_json());
  } else {
    const BpeTokenizer tokenizer = BpeTokenizer::load(options.tokenizer);
    const auto begin = Clock::now();
    tokens = encode_all(tokenizer, text);
    seconds = seconds_since(begin);
  }
  const double rate = static_cast<double>(text.size()) / 1e6 / seconds;
  print(options.json ? JsonText().add("ms", seconds * 1e3).add("tokens", tokens).add("mb_per_s", rate).line() + "\n"
                     : fmt::format("{}: {:.3f} s, {:.1f} MB/s, {} tokens\n", options.task, seconds, rate, tokens));
  return 0;
}

}  // namespace gradus::command
