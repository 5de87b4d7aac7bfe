// The memory pool: blocks by size class that stay with the process between steps.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gradus {

/// What the pool holds, in bytes (headers and rounding included) and in calls to the system's allocator.
struct MemoryStatistics {
  int64_t in_use = 0;              ///< Held by tensors now.
  int64_t peak = 0;                ///< The most that was in use since the start or `reset_memory_peak`.
  int64_t reserved = 0;            ///< Taken from the system: in use, or kept for the next tensor of that size.
  int64_t system_allocations = 0;  ///< How often the system was asked; it stands still in a steady step.
};

MemoryStatistics memory_statistics();
void reset_memory_peak();
/// Gives every block that is not in use back to the system, and what malloc keeps of other memory.
void release_unused_memory();

/// In a `DryRun`, counts the memory that each of `pieces` pieces of a `parallel_for` takes for itself: as many at a
/// time as there are threads. Otherwise it does nothing.
void note_scratch(int64_t bytes, int64_t pieces);

namespace detail {

/// A counted block: this header, then `bytes` of data from `kDataOffset`, aligned to 64 bytes.
struct Block {
  static constexpr size_t kDataOffset = 64;
  std::atomic<int32_t> references;
  /// Counts writes, so that a value saved for backward can tell that it was changed.
  std::atomic<uint32_t> version;
  int32_t size_class;
  int64_t bytes;
  Block* next_free;

  std::byte* data() { return reinterpret_cast<std::byte*>(this) + kDataOffset; }
};

/// A block with one reference. Throws if the system has no memory left.
Block* allocate_block(int64_t bytes);
void free_block(Block* block);

inline void retain(Block* block) { block->references.fetch_add(1, std::memory_order_relaxed); }
inline void release(Block* block) {
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) == 1) free_block(block);
}

}  // namespace detail
}  // namespace gradus
