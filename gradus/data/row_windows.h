// Passes over the rows of a cache: in another order each time, with a bounded part of them in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <vector>

#include "gradus/data/row_cache.h"

namespace gradus {

/// One part of a cache in windows: some blocks, whose rows are in memory together. If all blocks fit in the memory that
/// is allowed, they are one window, which stays. Else a window takes half of it, and the next is read by a thread while
/// the first is used.
class RowWindows {
 public:
  /// `memory_bytes` is what all rows in memory may take, each with `extra_bytes` of the caller's; a window has one
  /// block at least.
  RowWindows(std::shared_ptr<const RowCache> cache, RowPart part, int64_t memory_bytes, int64_t extra_bytes = 0);
  ~RowWindows();

  const RowCache& cache() const { return *cache_; }
  int64_t rows() const { return rows_; }
  bool is_in_memory() const { return is_in_memory_; }

  /// The blocks of each window of a pass: shuffled by `key`, which is to be of the pass, or as they lie in the file. A
  /// part that is one window is never shuffled.
  std::vector<std::vector<int64_t>> windows(uint64_t key, bool shuffle) const;

  using Visit = std::function<void(const CachedRows& rows, int64_t window)>;
  /// Reads all windows of a pass, in their order. The rows are there until `visit` returns.
  void pass(uint64_t key, bool shuffle, const Visit& visit);

 private:
  int64_t bytes_of(std::span<const int64_t> blocks) const;

  std::shared_ptr<const RowCache> cache_;
  std::vector<int64_t> blocks_;
  int64_t rows_, extra_bytes_, window_bytes_;
  bool is_in_memory_, is_read_ = false;
  CachedRows rows_now_, rows_next_;
};

}  // namespace gradus
