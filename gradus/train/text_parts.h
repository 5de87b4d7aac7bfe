// What kinds of data that are texts share: files, and tokenizers, as a configuration asks for them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/data/text_documents.h"
#include "gradus/data/text_tokenizer.h"
#include "gradus/train/config.h"

namespace gradus::internal {

/// `data.format` and `data.text`.
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
TextTokenizer make_text_tokenizer(const Config& config, const std::string& source,
                                  std::span<const std::string_view> texts, bool has_documents);

/// That of these files, learned from the part of them that is trained on.
TextTokenizer learn_tokenizer(const Config& config, const TextFiles& files);
/// The ids of a text; an error names `source`, and `whose` vocabulary it is.
std::vector<int32_t> encode_text(const TextTokenizer& tokenizer, const std::string& source, std::string_view text,
                                 const char* whose);
/// What stands before each document, and behind the last: `TextTokenizer::kEndOfText`, or a line end of characters and
/// bytes. An error of `source` if the tokenizer has no such token.
int32_t separator_of(const TextTokenizer& tokenizer, const std::string& source);

}  // namespace gradus::internal
