// Any of the tokenizers, as a configuration chooses one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gradus/data/bpe.h"
#include "gradus/data/tokenizer.h"
#include "gradus/data/word_tokenizer.h"

namespace gradus {

/// A tokenizer of characters or bytes, of words, or a byte-level BPE. A copy is a handle to the same.
class TextTokenizer {
 public:
  using Kind = std::variant<CharacterTokenizer, WordTokenizer, BpeTokenizer>;
  /// What stands behind each document, and before the first, where a BPE has it.
  static constexpr std::string_view kEndOfText = WordTokenizer::kEndOfText;

  TextTokenizer(Kind kind) : kind_(std::make_shared<const Kind>(std::move(kind))) {}  // NOLINT: each of them is one

  /// Reads what `to_json` gave, or Hugging Face's tokenizer.json; errors say what is wrong with `file`.
  static TextTokenizer load(const std::filesystem::path& path);
  static TextTokenizer from_json(std::string_view text, const std::string& file);
  static TextTokenizer from_json(const JsonValue& json, const std::string& file);
  /// The text of its tokenizer.json.
  std::string to_json() const;

  const Kind& kind() const { return *kind_; }
  int64_t vocabulary_size() const;
  /// What a token stands for: bytes, or a word; of a special token its name.
  const std::string& token(int32_t id) const;
  /// How many bytes of a text it stands for: none for special tokens. Nothing for words, which have lost their spaces.
  std::optional<int64_t> bytes_of(int32_t id) const;
  /// The id of `kEndOfText`; nothing if there is none.
  std::optional<int32_t> end_of_text() const;

  std::vector<int32_t> encode(std::string_view text) const;
  /// Each text for itself, on several threads.
  std::vector<std::vector<int32_t>> encode_all(std::span<const std::string_view> texts) const;
  std::string decode(const std::vector<int32_t>& ids) const;
  /// What the id adds to a text that is made token by token, `is_first` or behind another.
  std::string piece(int32_t id, bool is_first) const;

 private:
  std::shared_ptr<const Kind> kind_;
};

}  // namespace gradus
