// Texts of several columns by number, in the order of their first appearance.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// A hash table of (column, text). Texts are views, which have to outlive it, unless they are given as strings.
class TextIndex {
 public:
  struct Entry {
    std::string_view text;
    uint32_t column = 0;
  };

  /// The entry's number; a new entry if there is none yet.
  int32_t find_or_add(size_t column, std::string_view text) {
    bool is_new = false;
    return find_or_add(column, text, is_new);
  }
  int32_t find_or_add(size_t column, std::string&& text);

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  int32_t find_or_add(size_t column, std::string_view text, bool& is_new);
  void grow();

  std::vector<Entry> entries_;
  std::vector<uint64_t> hashes_;  // of the entries
  std::vector<int32_t> slots_;    // entries by their hashes, −1 where free; a power of two, half of it free
  std::deque<std::string> owned_;
};

}  // namespace gradus
