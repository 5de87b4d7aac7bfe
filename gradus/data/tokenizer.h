// Text to token ids and back, a character or a byte a token.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/base/json.h"

namespace gradus {

/// Every distinct token is one Unicode character (its UTF-8 bytes) or one byte; ids are in the order of code points.
class CharacterTokenizer {
 public:
  enum class Unit : uint8_t { kCharacters, kBytes };
  static constexpr uint32_t kReplacement = 0xFFFD;

  /// The vocabulary of a text: what occurs in it, at least one. For kCharacters the text must be valid UTF-8: otherwise
  /// an error with the byte offset.
  static CharacterTokenizer train(std::string_view text, Unit unit);
  /// Reads what `to_json` gave, from a file or a text that messages call `file`; errors say what is wrong.
  static CharacterTokenizer load(const std::filesystem::path& path);
  static CharacterTokenizer from_json(std::string_view json, const std::string& file);
  static CharacterTokenizer from_json(const JsonValue& json, const std::string& file);
  /// {"type": "characters"|"bytes", "tokens": [...]}, the tokens in the order of ids, strings of one character or
  /// integers from 0 to 255.
  std::string to_json() const;
  /// Writes that, whole or not at all.
  void save(const std::filesystem::path& path) const;

  int64_t vocabulary_size() const { return static_cast<int64_t>(tokens_.size()); }
  /// A character that is not in the vocabulary is U+FFFD, Unicode's replacement character, if that is; else it is an
  /// error that shows it and its byte offset. So is invalid UTF-8.
  std::vector<int32_t> encode(std::string_view text) const;
  /// The text of these tokens; an id outside [0, vocabulary_size()) is an error with its position.
  std::string decode(const std::vector<int32_t>& ids) const;
  const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }

 private:
  /// `codes` are distinct code points, or bytes, in the order of ids.
  CharacterTokenizer(Unit unit, std::span<const uint32_t> codes);

  Unit unit_;
  std::vector<std::string> tokens_;
  std::vector<int32_t> ids_;  ///< By code point or byte; -1 where it has no token.
};

}  // namespace gradus
