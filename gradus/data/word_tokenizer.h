// Whole words as tokens, of a vocabulary of limited size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gradus/base/json.h"
#include "gradus/data/word_table.h"

namespace gradus {

/// How often each word is there, of texts that need not be in memory together.
class WordCounts {
 public:
  /// Invalid UTF-8 is an error with the byte.
  void add(std::string_view text);

 private:
  friend class WordTokenizer;
  WordTable words_;
  std::vector<int64_t> counts_;  // by the words' numbers
};

/// A token is a run of letters and numbers (Unicode's categories L and N), or any other single
/// character that is no white space, which only separates. Id 0, "<unknown>", stands for all words beyond the
/// vocabulary; id 1 may be "<|endoftext|>", which is no word of any text.
class WordTokenizer {
 public:
  static constexpr std::string_view kUnknown = "<unknown>", kEndOfText = "<|endoftext|>";

  /// The most frequent words of the texts, by their frequency, equal ones by their bytes; `vocabulary` tokens at most,
  /// 2 or more, or 3 with `has_end`: "<|endoftext|>" is a token then. Invalid UTF-8 is an error with the byte.
  static WordTokenizer train(const std::vector<std::string_view>& texts, int64_t vocabulary, bool has_end = false);
  /// The same of words that were counted.
  static WordTokenizer train(const WordCounts& words, int64_t vocabulary, bool has_end = false);
  static WordTokenizer from_json(const JsonValue& json, const std::string& file);
  /// {"type": "words", "tokens": ["<unknown>", …]}
  std::string to_json() const;

  int64_t vocabulary_size() const { return static_cast<int64_t>(tokens_.size()); }
  const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  /// The id of "<|endoftext|>"; nothing if there is none.
  std::optional<int32_t> end_of_text() const;
  std::vector<int32_t> encode(std::string_view text) const;
  /// The words with a space between; an id outside [0, vocabulary_size()) is an error with its position.
  std::string decode(const std::vector<int32_t>& ids) const;

 private:
  explicit WordTokenizer(std::vector<std::string> tokens);

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t> ids_;
};

}  // namespace gradus
