// Memory for large tensors: one stretch of addresses, whose free parts are joined and cut as sizes come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gradus::detail {

/// Sizes in classes of an eighth of a doubling, from 2^kMinLog2 bytes on.
struct SizeClasses {
  static constexpr int kStepsPerDoubling = 8, kMinLog2 = 7, kMaxLog2 = 46;
  static constexpr int kCount = (kMaxLog2 - kMinLog2) * kStepsPerDoubling + 1;

  /// The class that `bytes` (at least 2^kMinLog2) lies in: its size is the largest that is not above `bytes`.
  static int floor(size_t bytes);
  static size_t bytes_of(int size_class);
};

/// Takes the smallest free part that fits and gives parts back to their neighbours, so that the memory of one size
/// serves another: what a step's activations leave, its gradients take. Pages stay with the process, huge ones where
/// the system has them. Not thread-safe: the pool's lock is held. For sizes that are worth some 64 bytes more.
class Arena {
 public:
  /// Sizes of parts: multiples of it, and no less.
  static constexpr size_t kUnit = 4096;

  struct Part {
    std::byte* memory;   ///< Aligned to 64 bytes.
    size_t bytes;        ///< What is taken: at least what was asked for, and its own header.
    size_t from_system;  ///< Of that, what the system was asked for now.
  };
  /// `memory` is nullptr if the system has no more.
  Part allocate(size_t bytes);
  void free(std::byte* memory);
  /// Gives the pages of all free parts back to the system; returns how many bytes those were.
  size_t release_unused();

 private:
  struct Header;
  static constexpr size_t kHeaderBytes = 64;

  Header* take(size_t bytes);
  void shrink();
  Header* grow(size_t bytes, size_t& from_system);
  void split(Header* part, size_t bytes);
  void insert(Header* part);
  void remove(Header* part);
  void join(Header* part, Header* next);
  Header* after(Header* part) const;
  bool reserve_addresses();

  std::byte *begin_ = nullptr, *end_ = nullptr, *limit_ = nullptr;  // end_: of what is in use or free
  Header* last_ = nullptr;
  std::array<Header*, SizeClasses::kCount> bins_{};
};

}  // namespace gradus::detail
