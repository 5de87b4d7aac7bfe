#include "gradus/data/unicode_classes.h"

#include <algorithm>
#include <vector>

#include "gradus/base/utf8.h"

namespace gradus {
namespace {

std::vector<CharacterClass> make_classes() {
  std::vector<CharacterClass> classes(kLastCodePoint + 1, CharacterClass::kOther);
  const auto mark = [&](std::span<const detail::CodeRange> ranges, CharacterClass value) {
    for (const auto& [first, last] : ranges) std::fill_n(classes.begin() + first, last - first + 1, value);
  };
  mark(detail::letter_ranges(), CharacterClass::kLetter);
  mark(detail::number_ranges(), CharacterClass::kNumber);
  mark(detail::space_ranges(), CharacterClass::kSpace);
  return classes;
}

}  // namespace

const CharacterClass* character_classes() {
  static const std::vector<CharacterClass> classes = make_classes();
  return classes.data();
}

}  // namespace gradus
