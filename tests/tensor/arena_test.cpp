#include "gradus/tensor/arena.h"

#include <cstring>
#include <map>
#include <vector>

#include "gradus/base/random.h"
#include "gradus/tensor/pool.h"
#include "tests/testing.h"

namespace gradus {
namespace arena_test {

using detail::Arena;
using detail::SizeClasses;

constexpr size_t kMegabyte = size_t{1} << 20;

TEST(SizeClasses, AreEighthsOfDoublings) {
  EXPECT_EQ(SizeClasses::floor(128), 0);
  EXPECT_EQ(SizeClasses::floor(143), 0);
  EXPECT_EQ(SizeClasses::floor(144), 1);
  EXPECT_EQ(SizeClasses::floor(255), 7);
  EXPECT_EQ(SizeClasses::floor(256), 8);
  for (int i = 0; i < SizeClasses::kCount; ++i) EXPECT_EQ(SizeClasses::floor(SizeClasses::bytes_of(i)), i);
}

// Activations of one size become gradients of another.
TEST(Arena, ServesOtherSizesFromWhatWasFreed) {
  Arena arena;
  std::vector<std::byte*> parts;
  size_t from_system = 0;
  for (int i = 0; i < 24; ++i) {
    const Arena::Part part = arena.allocate(3 * kMegabyte);
    ASSERT_NE(part.memory, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(part.memory) % 64, 0u);
    EXPECT_GE(part.bytes, 3 * kMegabyte + 64);
    EXPECT_LE(part.bytes, 3 * kMegabyte + 64 + Arena::kUnit);
    from_system += part.from_system;
    parts.push_back(part.memory);
  }
  EXPECT_GE(from_system, 72 * kMegabyte);
  EXPECT_LE(from_system, 76 * kMegabyte);
  for (std::byte* part : parts) arena.free(part);
  for (int i = 0; i < 8; ++i) {
    const Arena::Part part = arena.allocate(9 * kMegabyte);
    ASSERT_NE(part.memory, nullptr);
    EXPECT_EQ(part.from_system, 0u) << i;
  }
}

TEST(Arena, TakesTheSmallestPartThatFits) {
  Arena arena;
  std::byte* large = arena.allocate(5 * kMegabyte).memory;
  arena.allocate(kMegabyte);
  std::byte* small = arena.allocate(2 * kMegabyte).memory;
  arena.allocate(kMegabyte);
  arena.free(large);
  arena.free(small);
  EXPECT_EQ(arena.allocate(2 * kMegabyte - 100).memory, small);
  EXPECT_EQ(arena.allocate(3 * kMegabyte).memory, large);
}

TEST(Arena, RefusesMoreThanThereAreAddresses) {
  Arena arena;
  const Arena::Part part = arena.allocate(size_t{1} << 46);
  EXPECT_EQ(part.memory, nullptr);
  EXPECT_NE(arena.allocate(kMegabyte).memory, nullptr);
}

// Pages that were given back are taken again, and read as zeros then.
TEST(Arena, GivesPagesBackAndTakesThemAgain) {
  Arena arena;
  const Arena::Part first = arena.allocate(4 * kMegabyte), second = arena.allocate(4 * kMegabyte);
  std::memset(first.memory, 1, 4 * kMegabyte);
  std::memset(second.memory, 1, 4 * kMegabyte);
  arena.free(first.memory);
  const size_t released = arena.release_unused();
  EXPECT_GE(released, first.bytes);
  EXPECT_EQ(arena.release_unused(), 0u);
  EXPECT_EQ(second.memory[0], std::byte{1});
  const Arena::Part again = arena.allocate(4 * kMegabyte);
  EXPECT_EQ(again.memory, first.memory);
  EXPECT_EQ(again.from_system, again.bytes);
  EXPECT_EQ(again.memory[2 * kMegabyte], std::byte{0});
}

// Random sizes come and go: no two overlap, and what is written stays until it is freed.
TEST(Arena, KeepsPartsApart) {
  Arena arena;
  const RandomStream random(5);
  struct Held {
    size_t bytes;
    std::byte mark;
  };
  std::map<std::byte*, Held> held;
  for (uint64_t i = 0; i < 4000; ++i) {
    const uint64_t choice = random.bits(0, i);
    if (choice % 5 < 3 || held.empty()) {
      const size_t bytes = (size_t{1} << (12 + choice / 8 % 9)) + choice / 1024 % 5000;
      const Arena::Part part = arena.allocate(bytes);
      ASSERT_NE(part.memory, nullptr);
      const auto next = held.lower_bound(part.memory);
      ASSERT_TRUE(next == held.end() || part.memory + bytes <= next->first);
      ASSERT_TRUE(next == held.begin() || std::prev(next)->first + std::prev(next)->second.bytes <= part.memory);
      const auto mark = static_cast<std::byte>(i);
      std::memset(part.memory, static_cast<int>(mark), bytes);
      held[part.memory] = {bytes, mark};
    } else {
      auto part = std::next(held.begin(), static_cast<std::ptrdiff_t>(choice / 8 % held.size()));
      for (const size_t at : {size_t{0}, part->second.bytes / 2, part->second.bytes - 1}) {
        ASSERT_EQ(part->first[at], part->second.mark);
      }
      arena.free(part->first);
      held.erase(part);
    }
    if (i % 1000 == 999) arena.release_unused();
    while (held.size() > 60) {
      arena.free(held.begin()->first);
      held.erase(held.begin());
    }
  }
  for (const auto& [memory, part] : held) arena.free(memory);
}

}  // namespace arena_test
}  // namespace gradus
