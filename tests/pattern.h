// Texts with what a test cannot know in them, such as times, sizes and machines.
#pragma once

#include <string_view>

namespace gradus {

/// Whether `text` is the pattern, as a whole, in which each {} stands for any text.
inline bool reads(std::string_view text, std::string_view pattern) {
  size_t hole = pattern.find("{}");
  if (hole == std::string_view::npos) return text == pattern;
  if (!text.starts_with(pattern.substr(0, hole))) return false;
  text.remove_prefix(hole);
  for (pattern.remove_prefix(hole + 2); (hole = pattern.find("{}")) != std::string_view::npos;
       pattern.remove_prefix(hole + 2)) {
    const size_t at = text.find(pattern.substr(0, hole));
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + hole);
  }
  return text.ends_with(pattern);
}

}  // namespace gradus
