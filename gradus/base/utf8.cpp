#include "gradus/base/utf8.h"

namespace gradus {

Utf8Piece utf8_at(std::string_view text, size_t offset) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, nullptr};
  if (lead < 0xC0) return {0, 0, "a continuation byte without a start"};
  if (lead >= 0xF8) return {0, 0, "a byte that no character starts with"};
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint32_t code = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (offset + i == text.size()) return {0, 0, "the text ends inside a character"};
    if ((byte(i) & 0xC0) != 0x80) return {0, 0, "a character that is cut short"};
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length]) return {0, 0, "an overlong form"};
  if (code >= 0xD800 && code <= 0xDFFF) return {0, 0, "a surrogate"};
  if (code > kLastCodePoint) return {0, 0, "a code point above U+10FFFF"};
  return {code, length, nullptr};
}

std::optional<size_t> first_invalid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = static_cast<unsigned char>(text[i]) < 0x80 ? 1 : utf8_at(text, i).length;
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

std::string Utf8Stream::add(std::string_view piece) {
  waiting_ += piece;
  // The last three bytes at most can be the beginning of a character.
  size_t end = waiting_.size();
  for (size_t back = 1; back <= 3 && back <= waiting_.size(); ++back) {
    const auto byte = static_cast<unsigned char>(waiting_[waiting_.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    if (length > back) end = waiting_.size() - back;
    break;
  }
  std::string whole = waiting_.substr(0, end);
  waiting_.erase(0, end);
  return whole;
}

std::string to_utf8(uint32_t code) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0 | code >> 6), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0 | code >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace gradus
