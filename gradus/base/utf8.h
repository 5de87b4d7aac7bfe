// UTF-8, by the Unicode standard's definition D92.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

constexpr uint32_t kLastCodePoint = 0x10FFFF;

/// A character of a text: its code point and its length in bytes; length 0, and a reason, if it is not valid.
struct Utf8Piece {
  uint32_t code = 0;
  size_t length = 0;
  const char* error = nullptr;
};
/// The character that starts at `offset`, which is inside the text.
Utf8Piece utf8_at(std::string_view text, size_t offset);
/// The place of the first byte that no valid character begins with; nothing if there is none.
std::optional<size_t> first_invalid_utf8(std::string_view text);
/// Pieces of a text that may end within a character, put together again.
class Utf8Stream {
 public:
  /// What can be shown by now: all but a character at the end whose rest may follow.
  std::string add(std::string_view piece);
  /// What is left at the end.
  std::string rest() const { return waiting_; }

 private:
  std::string waiting_;
};

/// The bytes of a code point up to U+10FFFF.
std::string to_utf8(uint32_t code);

}  // namespace gradus
