#include "gradus/data/block_order.h"

#include <algorithm>

#include "gradus/base/random.h"

namespace gradus {

BlockOrder::BlockOrder(const ExampleBlocks& blocks, uint64_t key) : together_(blocks.together), key_(key) {
  const uint64_t count = blocks.ends.size();
  int64_t end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t block = permute_index(i, count, key);
    firsts_.push_back(block == 0 ? 0 : blocks.ends[block - 1]);
    ends_.push_back(end += blocks.ends[block] - firsts_.back());
  }
}

int64_t BlockOrder::operator()(int64_t index) const {
  const auto block_of = [&](int64_t at) { return std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin(); };
  const auto begin_of = [&](int64_t block) { return block == 0 ? 0 : ends_[static_cast<size_t>(block - 1)]; };
  const int64_t window = block_of(index) / together_;
  const int64_t behind = std::min<int64_t>((window + 1) * together_, static_cast<int64_t>(ends_.size()));
  const int64_t begin = begin_of(window * together_), end = begin_of(behind);
  const int64_t at = begin + static_cast<int64_t>(permute_index(static_cast<uint64_t>(index - begin),
                                                                static_cast<uint64_t>(end - begin),
                                                                mix(key_, static_cast<uint64_t>(window) + 1)));
  const int64_t block = block_of(at);
  return firsts_[static_cast<size_t>(block)] + at - begin_of(block);
}

}  // namespace gradus
