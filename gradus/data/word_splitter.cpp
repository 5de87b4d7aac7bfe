#include "gradus/data/word_splitter.h"

#include "gradus/base/utf8.h"

namespace gradus {
namespace {

using enum CharacterClass;

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

// How long a contraction is that the apostrophe at `begin` starts; 0 if it starts none.
size_t contraction(std::string_view text, size_t begin, bool any_case) {
  const auto letter = [&](size_t i) {
    const char c = begin + i < text.size() ? text[begin + i] : '\0';
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const char first = letter(1), second = letter(2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' || first == 'v') && second == 'e') return 3;
  if (first == 'l' && second == 'l') return 3;
  // The long s, which is an s where case does not matter.
  return any_case && text.substr(begin + 1).starts_with("\u017F") ? 3 : 0;
}

}  // namespace

inline WordSplitter::Character WordSplitter::at(std::string_view text, size_t offset) const {
  const auto byte = static_cast<unsigned char>(text[offset]);
  if (byte < 0x80) return {classes_[byte], 1};
  const Utf8Piece piece = utf8_at(text, offset);
  if (piece.length == 0) return {kOther, 1};
  return {classes_[piece.code], static_cast<uint8_t>(piece.length)};
}

// Behind all characters from `offset` on that are of this class.
inline size_t WordSplitter::end_of_run(std::string_view text, size_t offset, CharacterClass kind) const {
  while (offset < text.size()) {
    const Character next = at(text, offset);
    if (next.kind != kind) break;
    offset += next.length;
  }
  return offset;
}

// \s+(?!\S)|\s+: all spaces, but the last where something else follows them; a single one all the same.
size_t WordSplitter::end_of_spaces(std::string_view text, size_t begin) const {
  size_t end = begin, last = begin;
  while (end < text.size()) {
    const Character next = at(text, end);
    if (next.kind != kSpace) break;
    last = end;
    end += next.length;
  }
  return end == text.size() || last == begin ? end : last;
}

size_t WordSplitter::gpt2_end(std::string_view text, size_t begin) const {
  if (text[begin] == '\'') {
    if (const size_t length = contraction(text, begin, /*any_case=*/false)) return begin + length;
  }
  const size_t start = text[begin] == ' ' && begin + 1 < text.size() ? begin + 1 : begin;
  const Character first = at(text, start);
  if (first.kind == kSpace) return end_of_spaces(text, begin);
  return end_of_run(text, start + first.length, first.kind);
}

size_t WordSplitter::gpt4_end(std::string_view text, size_t begin) const {
  if (text[begin] == '\'') {
    if (const size_t length = contraction(text, begin, /*any_case=*/true)) return begin + length;
  }
  const Character first = at(text, begin);
  const size_t second = begin + first.length;
  if (first.kind == kLetter) return end_of_run(text, second, kLetter);
  if (first.kind == kNumber) {
    size_t end = second;
    for (int digits = 1; pattern_ == WordPattern::kThreeDigits && digits < 3 && end < text.size(); ++digits) {
      const Character next = at(text, end);
      if (next.kind != kNumber) break;
      end += next.length;
    }
    return end;
  }
  const CharacterClass follows = second < text.size() ? at(text, second).kind : kSpace;
  if (follows == kLetter && !is_line_end(text[begin])) return end_of_run(text, second, kLetter);
  if (first.kind == kOther || (text[begin] == ' ' && follows == kOther)) {
    size_t end = end_of_run(text, second, kOther);
    while (end < text.size() && is_line_end(text[end])) ++end;
    return end;
  }
  // \s*[\r\n]+: up to the last line end among the spaces.
  size_t behind_line_end = 0;
  for (size_t i = begin; i < text.size();) {
    const Character next = at(text, i);
    if (next.kind != kSpace) break;
    i += next.length;
    if (is_line_end(text[i - next.length])) behind_line_end = i;
  }
  return behind_line_end > 0 ? behind_line_end : end_of_spaces(text, begin);
}

}  // namespace gradus
