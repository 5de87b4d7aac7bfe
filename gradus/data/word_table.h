// A hash table of short byte strings, which a tokenizer looks up for each word of a text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace gradus {

/// A hash of a word, good enough for tables whose keys are compared.
inline uint64_t word_hash(std::string_view word) {
  const char* data = word.data();
  const size_t size = word.size();
  uint64_t a = 0, b = 0;
  constexpr uint64_t kFirst = 0x9E3779B97F4A7C15, kSecond = 0xD6E8FEB86659FD93;
  uint64_t hash = size * kFirst;
  const auto mix = [](uint64_t x, uint64_t y) {
    const uint64_t both = (x ^ y * kSecond) * kFirst;
    return both ^ both >> 32;
  };
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) {
      std::memcpy(&a, data + at, 8);
      hash = mix(hash ^ a, hash + kSecond);
    }
    std::memcpy(&b, data + size - 8, 8);
    return mix(hash ^ b, hash);
  }
  if (size >= 4) {
    uint32_t first = 0, last = 0;
    std::memcpy(&first, data, 4);
    std::memcpy(&last, data + size - 4, 4);
    return mix(hash ^ first, last);
  }
  const auto byte = [&](size_t i) { return static_cast<uint64_t>(static_cast<unsigned char>(data[i])); };
  if (size > 0) a = byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1);
  return mix(hash, a);
}

/// Words by number, in the order of their first appearance; it keeps its own copy of their bytes.
class WordTable {
 public:
  /// The word's number; `size()` as it was before, if it is new.
  size_t find_or_add(std::string_view word) { return find_or_add(word, word_hash(word)); }
  size_t find_or_add(std::string_view word, uint64_t hash) {
    if (2 * (entries_.size() + 1) > slots_.size()) grow();
    const size_t mask = slots_.size() - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
      const uint32_t number = slots_[slot];
      if (number == kFree) {
        slots_[slot] = static_cast<uint32_t>(entries_.size());
        entries_.push_back({hash, keep(word), word.size()});
        return entries_.size() - 1;
      }
      if (is_entry(number, word, hash)) return number;
    }
  }

  /// Nothing if the word is not there.
  std::optional<size_t> find(std::string_view word) const {
    if (slots_.empty()) return std::nullopt;
    const uint64_t hash = word_hash(word);
    const size_t mask = slots_.size() - 1;
    for (size_t slot = hash & mask; slots_[slot] != kFree; slot = (slot + 1) & mask) {
      if (is_entry(slots_[slot], word, hash)) return slots_[slot];
    }
    return std::nullopt;
  }

  size_t size() const { return entries_.size(); }
  std::string_view operator[](size_t number) const { return {entries_[number].data, entries_[number].length}; }
  uint64_t hash(size_t number) const { return entries_[number].hash; }

 private:
  static constexpr uint32_t kFree = 0xFFFFFFFF;
  static constexpr size_t kChunk = size_t{1} << 16;
  struct Entry {
    uint64_t hash;
    const char* data;
    uint64_t length;
  };

  bool is_entry(uint32_t number, std::string_view word, uint64_t hash) const {
    const Entry& entry = entries_[number];
    return entry.hash == hash && entry.length == word.size() && std::memcmp(entry.data, word.data(), word.size()) == 0;
  }

  const char* keep(std::string_view word) {
    if (word.size() > free_) {
      free_ = std::max(kChunk, word.size());
      chunks_.emplace_back(new char[free_]);
      next_ = chunks_.back().get();
    }
    char* const kept = next_;
    std::memcpy(kept, word.data(), word.size());
    next_ += word.size();
    free_ -= word.size();
    return kept;
  }

  void grow() {
    slots_.assign(std::max<size_t>(1024, 2 * slots_.size()), kFree);
    const size_t mask = slots_.size() - 1;
    for (size_t number = 0; number < entries_.size(); ++number) {
      size_t slot = entries_[number].hash & mask;
      while (slots_[slot] != kFree) slot = (slot + 1) & mask;
      slots_[slot] = static_cast<uint32_t>(number);
    }
  }

  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;  // a power of two, half of it free
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  size_t free_ = 0;
};

/// Pairs of token ids, each with a number.
class PairTable {
 public:
  /// The pair's number, and whether it is new: `size()` as it was before.
  uint32_t find_or_add(int32_t left, int32_t right) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[place(key_of(left, right))];
    if (slot.key == kFree) slot = {key_of(left, right), static_cast<uint32_t>(size_++)};
    return slot.value;
  }
  /// −1 if it is not there.
  int64_t find(int32_t left, int32_t right) const {
    if (slots_.empty()) return -1;
    const Slot& slot = slots_[place(key_of(left, right))];
    return slot.key == kFree ? -1 : static_cast<int64_t>(slot.value);
  }
  size_t size() const { return size_; }

 private:
  static constexpr uint64_t kFree = ~uint64_t{0};
  struct Slot {
    uint64_t key = kFree;
    uint32_t value = 0;
  };

  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t place(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (key * 0x9E3779B97F4A7C15 >> 29) & mask;
    while (slots_[at].key != kFree && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old(std::max<size_t>(1024, 2 * slots_.size()));
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != kFree) slots_[place(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two, half of it free
  size_t size_ = 0;
};

}  // namespace gradus
