// An order of examples in blocks: each once, and few blocks at a time.
#include "gradus/data/block_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "gradus/data/sampler.h"

namespace gradus {
namespace block_order_test {

const ExampleBlocks kBlocks{.ends = {5, 6, 20, 31, 40, 52, 60}, .together = 3};

int64_t block_of(int64_t id) {
  return std::upper_bound(kBlocks.ends.begin(), kBlocks.ends.end(), id) - kBlocks.ends.begin();
}

TEST(BlockOrder, HasEachExampleOnceAndFewBlocksAtATime) {
  std::set<std::vector<int64_t>> orders;
  for (const uint64_t key : {1, 2, 3, 4}) {
    const BlockOrder order(kBlocks, key);
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < 60; ++i) ids.push_back(order(i));
    std::set<int64_t> once(ids.begin(), ids.end());
    EXPECT_EQ(once.size(), 60u);
    EXPECT_EQ(*once.rbegin(), 59);
    // The blocks of a window come between those of no other.
    std::vector<std::set<int64_t>> windows(1);
    for (const int64_t id : ids) {
      const int64_t block = block_of(id);
      if (windows.back().size() == 3 && windows.back().count(block) == 0) windows.emplace_back();
      windows.back().insert(block);
    }
    EXPECT_EQ(windows.size(), 3u);
    EXPECT_FALSE(std::is_sorted(ids.begin(), ids.end()));
    orders.insert(ids);
  }
  EXPECT_EQ(orders.size(), 4u);
}

TEST(BlockOrder, IsWhatASamplerKeepsTo) {
  const Sampler sampler({.examples = 60, .batch_size = 7, .seed = 3, .blocks = kBlocks});
  std::vector<int64_t> ids, first, again;
  std::set<int64_t> once;
  for (int64_t step = 0; step < sampler.steps_per_epoch(); ++step) {
    sampler.batch(step, ids);
    once.insert(ids.begin(), ids.end());
  }
  EXPECT_EQ(once.size(), 60u);
  sampler.batch(2, first);
  sampler.batch(2 + sampler.steps_per_epoch(), ids);  // another epoch, and back
  sampler.batch(2, again);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, ids);
  // All at hand: as without blocks.
  const Sampler near({.examples = 60, .batch_size = 7, .seed = 3, .blocks = {.ends = kBlocks.ends, .together = 7}});
  const Sampler plain({.examples = 60, .batch_size = 7, .seed = 3});
  near.batch(4, ids);
  plain.batch(4, again);
  EXPECT_EQ(ids, again);
}

}  // namespace block_order_test
}  // namespace gradus
