#include "gradus/data/row_windows.h"

#include <algorithm>
#include <utility>

#include "gradus/base/random.h"

namespace gradus {

RowWindows::RowWindows(std::shared_ptr<const RowCache> cache, RowPart part, int64_t memory_bytes, int64_t extra_bytes)
    : cache_(std::move(cache)),
      blocks_(cache_->blocks_of(part)),
      rows_(cache_->rows_of(part)),
      extra_bytes_(extra_bytes) {
  is_in_memory_ = bytes_of(blocks_) <= memory_bytes;
  window_bytes_ = is_in_memory_ ? memory_bytes : memory_bytes / 2;
}

RowWindows::~RowWindows() = default;

int64_t RowWindows::bytes_of(std::span<const int64_t> blocks) const {
  int64_t bytes = cache_->memory_of(blocks);
  for (const int64_t block : blocks) bytes += extra_bytes_ * cache_->blocks()[static_cast<size_t>(block)].rows;
  return bytes;
}

std::vector<std::vector<int64_t>> RowWindows::windows(uint64_t key, bool shuffle) const {
  std::vector<std::vector<int64_t>> windows;
  int64_t room = 0;
  for (uint64_t i = 0; i < blocks_.size(); ++i) {
    const uint64_t place = shuffle && !is_in_memory_ ? permute_index(i, blocks_.size(), key) : i;
    const int64_t block = blocks_[place], bytes = bytes_of({&block, 1});
    if (windows.empty() || bytes > room) {
      windows.emplace_back();
      room = window_bytes_;
    }
    windows.back().push_back(block);
    room -= bytes;
  }
  return windows;
}

void RowWindows::pass(uint64_t key, bool shuffle, const Visit& visit) {
  const std::vector<std::vector<int64_t>> all = windows(key, shuffle);
  if (is_in_memory_) {
    if (all.empty()) return;
    if (!is_read_) cache_->read(all[0], rows_now_);
    is_read_ = true;
    return visit(rows_now_, 0);
  }
  const auto read = [&](size_t window) {
    return std::async(std::launch::async, [this, &all, window] { cache_->read(all[window], rows_next_); });
  };
  std::future<void> next = read(0);
  for (size_t window = 0; window < all.size(); ++window) {
    next.get();
    std::swap(rows_now_, rows_next_);
    if (window + 1 < all.size()) next = read(window + 1);
    visit(rows_now_, static_cast<int64_t>(window));
  }
}

}  // namespace gradus
