// Which characters are letters, numbers or white space, by Unicode 16.
#pragma once

#include <cstdint>
#include <span>

namespace gradus {

/// `kLetter` and `kNumber` are the general categories L and N (`\p{L}`, `\p{N}` of regular expressions), `kSpace` is
/// the property White_Space (`\s`).
enum class CharacterClass : uint8_t { kOther, kLetter, kNumber, kSpace };

/// The class of each code point, from U+0000 to U+10FFFF.
const CharacterClass* character_classes();

namespace detail {

/// Code points from `first` to `last`.
struct CodeRange {
  uint32_t first, last;
};
// In unicode_classes_table.cpp, which a script writes.
std::span<const CodeRange> letter_ranges();
std::span<const CodeRange> number_ranges();
std::span<const CodeRange> space_ranges();

}  // namespace detail
}  // namespace gradus
