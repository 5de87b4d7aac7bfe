// What kinds of data that are texts share: files, and tokenizers, as a configuration asks for them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/bpe_trainer.h"
#include "gradus/data/text_documents.h"
#include "gradus/data/text_tokenizer.h"
#include "gradus/train/config.h"

namespace gradus::internal {

/// `data.format`, `data.text` and `data.separator`.
TextOptions text_options(const Config& config);

/// The texts of some files, and what messages call them.
struct TextFiles {
  std::string source = {};
  std::vector<std::string> texts = {};  ///< One, unless they are documents.
  bool has_documents = false;           ///< Whether each text stands for itself.

  std::vector<std::string_view> views() const { return {texts.begin(), texts.end()}; }
};
/// Plain files are one text, one behind the other; with any other file, each is a document.
TextFiles read_text_files(const Config& config, const std::vector<std::string>& paths);

/// The tokenizer of `data.tokens`: that of `data.tokenizer`, or learned from these texts, which come from `source`.
/// Documents are what `place` calls them in an error that is one's own, or "source, document 1" and so on.
TextTokenizer make_text_tokenizer(const Config& config, const std::string& source,
                                  std::span<const std::string_view> texts, bool has_documents,
                                  const BpeTrainer::Place& place = {});

/// What a BPE learns by.
BpeTrainingOptions bpe_options(const Config& config);
/// An error of a byte order mark at the beginning of a text that is no bytes: it would be a character like any other,
/// or a hint at what is no UTF-8 at all.
void check_byte_order_mark(const std::string& path, std::string_view text);
/// What stands before each document, and behind the last: `TextTokenizer::kEndOfText`, or a line end of characters and
/// bytes. An error of `source` if the tokenizer has no such token.
int32_t separator_of(const TextTokenizer& tokenizer, const std::string& source);

}  // namespace gradus::internal
