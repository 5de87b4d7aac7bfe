#include "gradus/tensor/pool.h"

#include <thread>
#include <vector>

#include "gradus/tensor/tensor.h"
#include "tests/testing.h"

namespace gradus {
namespace pool_test {

using detail::allocate_block;
using detail::Block;
using detail::release;

/// Under AddressSanitizer the pool keeps no block, so that each tensor's memory is watched.
bool pool_keeps_blocks() {
  release(allocate_block(1000));
  const int64_t before = memory_statistics().system_allocations;
  release(allocate_block(1000));
  return memory_statistics().system_allocations == before;
}

TEST(Pool, ReusesBlocksWithoutAskingTheSystem) {
  if (!pool_keeps_blocks()) GTEST_SKIP() << "the pool passes through";
  const auto step = [] {
    const Tensor a = Tensor::zeros({100, 100}), b = Tensor::zeros({3}, DType::kF64);
    const Tensor c = a.view({100}, {1});
    return Tensor::empty({1000, 1000});
  };
  step();
  const MemoryStatistics before = memory_statistics();
  for (int i = 0; i < 10; ++i) step();
  const MemoryStatistics after = memory_statistics();
  EXPECT_EQ(after.system_allocations, before.system_allocations);
  EXPECT_EQ(after.reserved, before.reserved);
  EXPECT_EQ(after.in_use, before.in_use);
}

TEST(Pool, ABlockOfOneSizeServesTheSameClass) {
  if (!pool_keeps_blocks()) GTEST_SKIP() << "the pool passes through";
  Block* first = allocate_block(10'000);
  Block* const address = first;
  first->version.store(7);
  release(first);
  Block* second = allocate_block(10'001);  // 9 KiB + ⅛ … 10 KiB is one class
  EXPECT_EQ(second, address);
  EXPECT_EQ(second->references.load(), 1);
  EXPECT_EQ(second->version.load(), 0u);
  release(second);
}

TEST(Pool, CountsUseAndPeak) {
  const int64_t before = memory_statistics().in_use;
  reset_memory_peak();
  EXPECT_EQ(memory_statistics().peak, before);
  Block* large = allocate_block(1 << 20);
  const int64_t held = memory_statistics().in_use - before;
  EXPECT_GE(held, (1 << 20) + 64);
  EXPECT_LE(held, ((1 << 20) + 64) * 9 / 8);
  EXPECT_EQ(held, large->bytes);
  release(large);
  EXPECT_EQ(memory_statistics().in_use, before);
  EXPECT_EQ(memory_statistics().peak, before + held);
  reset_memory_peak();
  EXPECT_EQ(memory_statistics().peak, before);
}

TEST(Pool, GivesUnusedMemoryBack) {
  Block* held = allocate_block(5000);
  release(allocate_block(1 << 20));
  release_unused_memory();
  const MemoryStatistics statistics = memory_statistics();
  EXPECT_EQ(statistics.reserved, statistics.in_use);
  EXPECT_GE(statistics.in_use, held->bytes);
  release(held);
}

TEST(Pool, AlignsTo64Bytes) {
  for (const int64_t bytes : {0, 1, 63, 64, 65, 1000, 4096, 100'000, 3'000'000, 5'000'001}) {
    Block* block = allocate_block(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block->data()) % 64, 0u) << bytes;
    release(block);
  }
}

TEST(Pool, RoundsUpByAnEighthAtMost) {
  for (int64_t bytes = 64; bytes < 3'000'000; bytes += 1 + bytes / 37) {
    Block* block = allocate_block(bytes);
    const int64_t needed = bytes + static_cast<int64_t>(Block::kDataOffset);
    ASSERT_GE(block->bytes, needed);
    ASSERT_LE(block->bytes, needed + needed / 8) << bytes;
    release(block);
    release_unused_memory();
  }
}

TEST(Pool, RefusesImpossibleSizes) {
  EXPECT_EQ(error_text([] { allocate_block(-1); }), "[memory] -1 bytes asked for one tensor");
  EXPECT_EQ(error_text([] { allocate_block((int64_t{1} << 45) + 1); }),
            "[memory] 35184372088833 bytes asked for one tensor");
  EXPECT_EQ(error_text([] { Tensor::empty({int64_t{1} << 50}); }),
            "[memory] 4503599627370688 bytes asked for one tensor");
}

TEST(Pool, ServesSeveralThreads) {
  const int64_t before = memory_statistics().in_use;
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int64_t i = 0; i < 500; ++i) {
        const Tensor tensor = Tensor::full({1 + (i * 7 + t) % 50}, static_cast<double>(t));
        for (const double value : tensor.values<double>()) ASSERT_EQ(value, static_cast<double>(t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory_statistics().in_use, before);
}

}  // namespace pool_test
}  // namespace gradus
