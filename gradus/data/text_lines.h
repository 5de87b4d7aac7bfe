// The lines of a text.
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gradus/base/error.h"

namespace gradus {

/// A longer line, or field of a table, is an error: what holds it is no text of lines.
inline constexpr size_t kLongestLine = size_t{128} << 20;

/// Calls `visit(line, number)` for each line without its end, "\n" or "\r\n", numbers from `first` on. Returns the
/// number behind the last. An error of `source` for a line longer than `kLongestLine`.
template <class Visit>
int64_t for_each_line(std::string_view text, const std::string& source, Visit&& visit, int64_t first = 1) {
  int64_t number = first;
  for (; !text.empty(); ++number) {
    const size_t feed = text.find('\n');
    std::string_view line = text.substr(0, feed);
    text.remove_prefix(feed == std::string_view::npos ? text.size() : feed + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > kLongestLine) {
      fail(fmt::format("{}:{}", source, number), "the line has {} bytes; expected {} at most: is this a file of lines?",
           line.size(), kLongestLine);
    }
    visit(line, number);
  }
  return number;
}

}  // namespace gradus
