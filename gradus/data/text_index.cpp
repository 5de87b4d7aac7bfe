#include "gradus/data/text_index.h"

#include <functional>
#include <utility>

namespace gradus {

int32_t TextIndex::find_or_add(size_t column, std::string&& text) {
  bool is_new = false;
  const int32_t found = find_or_add(column, std::string_view(text), is_new);
  if (is_new) entries_.back().text = owned_.emplace_back(std::move(text));
  return found;
}

int32_t TextIndex::find_or_add(size_t column, std::string_view text, bool& is_new) {
  if (2 * (entries_.size() + 1) > slots_.size()) grow();
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;
  const uint64_t hash = (std::hash<std::string_view>()(text) + column) * kGolden;
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash >> 32 & mask;; slot = (slot + 1) & mask) {
    const int32_t number = slots_[slot];
    if (number < 0) {
      slots_[slot] = static_cast<int32_t>(entries_.size());
      entries_.push_back({text, static_cast<uint32_t>(column)});
      hashes_.push_back(hash);
      is_new = true;
      return slots_[slot];
    }
    const Entry& entry = entries_[static_cast<size_t>(number)];
    if (hashes_[static_cast<size_t>(number)] == hash && entry.column == column && entry.text == text) return number;
  }
}

void TextIndex::grow() {
  slots_.assign(std::max<size_t>(64, 2 * slots_.size()), -1);
  const size_t mask = slots_.size() - 1;
  for (size_t number = 0; number < hashes_.size(); ++number) {
    size_t slot = hashes_[number] >> 32 & mask;
    while (slots_[slot] >= 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<int32_t>(number);
  }
}

}  // namespace gradus
