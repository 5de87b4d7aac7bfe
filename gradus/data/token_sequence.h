// Token ids one behind the other, in memory or in mapped files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace gradus {

/// Ids in a few pieces; a copy is a handle to the same.
class TokenSequence {
 public:
  /// Ids as they lie in memory: unsigned, of `width` 2 or 4 bytes, little-endian.
  struct Piece {
    std::span<const std::byte> bytes;
    int width = 4;
    int64_t size() const { return static_cast<int64_t>(bytes.size()) / width; }
  };

  TokenSequence() = default;
  explicit TokenSequence(std::vector<int32_t> tokens);
  /// `owner` keeps the bytes where they are.
  TokenSequence(std::vector<Piece> pieces, std::shared_ptr<const void> owner);

  int64_t size() const { return end_ - begin_; }
  /// Those from `begin` to before `end`.
  TokenSequence part(int64_t begin, int64_t end) const;
  /// Writes `count` ids from `begin` on.
  void copy(int64_t begin, int64_t count, int64_t* to) const;
  /// How often each id below `vocabulary` is there.
  std::vector<int64_t> counts(int64_t vocabulary) const;
  /// XXH3 of the ids as 32 bits each.
  uint64_t hash() const;

 private:
  /// Calls `visit(ids)`, a few thousand at a time, for those from `begin` to before `end`.
  template <class Visit>
  void for_each(int64_t begin, int64_t end, Visit&& visit) const;

  std::vector<Piece> pieces_;
  std::vector<int64_t> ends_;  // of the pieces, in ids
  std::shared_ptr<const void> owner_;
  int64_t begin_ = 0, end_ = 0;
};

}  // namespace gradus
