// Texts cut into the words that byte-level BPE works on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gradus/data/unicode_classes.h"

namespace gradus {

/// How a text is cut. Each pattern is a regular expression whose matches, one behind the other, are the whole text.
enum class WordPattern : uint8_t {
  /// GPT-2's: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kGpt2,
  /// GPT-4's and Llama 3's: (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
  ///  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  kThreeDigits,
  kOneDigit,  ///< Qwen 2's: the same with \p{N} in place of \p{N}{1,3}.
};

/// Finds where words end. A byte that is part of no UTF-8 character counts as a character that is neither letter, nor
/// number, nor space: any bytes are cut, and none is lost.
class WordSplitter {
 public:
  explicit WordSplitter(WordPattern pattern) : pattern_(pattern), classes_(character_classes()) {}

  /// Where the word that begins at `begin`, which is inside `text`, ends. `begin` is 0 or the end of another word.
  size_t end_of_word(std::string_view text, size_t begin) const {
    return pattern_ == WordPattern::kGpt2 ? gpt2_end(text, begin) : gpt4_end(text, begin);
  }

  /// Calls `visit(word)` for each word.
  template <class Visit>
  void for_each(std::string_view text, Visit&& visit) const {
    for (size_t at = 0; at < text.size();) {
      const size_t end = end_of_word(text, at);
      visit(text.substr(at, end - at));
      at = end;
    }
  }

 private:
  struct Character {
    CharacterClass kind;
    uint8_t length;
  };
  Character at(std::string_view text, size_t offset) const;
  size_t end_of_run(std::string_view text, size_t offset, CharacterClass kind) const;
  size_t end_of_spaces(std::string_view text, size_t begin) const;
  size_t gpt2_end(std::string_view text, size_t begin) const;
  size_t gpt4_end(std::string_view text, size_t begin) const;

  WordPattern pattern_;
  const CharacterClass* classes_;
};

}  // namespace gradus
