// Large pages change no value.
#include "gradus/base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/testing.h"

namespace gradus {
namespace memory_test {

TEST(LargePages, ABigVectorIsAsLongAsAskedAndZero) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{3} << 20}) {
    std::vector<double> values;
    resize_in_large_pages(values, size);
    ASSERT_EQ(values.size(), size);
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](double x) { return x == 0.0; }));
  }
}

// Advice about memory that other values stand beside of: those in the same large page are left alone.
TEST(LargePages, AdviceLosesNothing) {
  std::vector<int32_t> values(3 << 20, 7);
  prefer_large_pages(values.data() + 5, (values.size() - 10) * sizeof(int32_t));
  EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](int32_t x) { return x == 7; }));
  EXPECT_GT(resident_bytes(), static_cast<int64_t>(values.size() * sizeof(int32_t)));
}

TEST(Pages, ThoseDiscardedAreGivenBackAndOthersStay) {
  constexpr size_t kSize = 16 << 20, kFrom = 1000, kTo = kSize - 1000;
  std::vector<char> values(kSize, 7);
  const int64_t before = resident_bytes();
  discard_pages(values.data() + kFrom, kTo - kFrom);
  EXPECT_NEAR(static_cast<double>(before - resident_bytes()), kSize, 1e6);
  EXPECT_TRUE(std::all_of(values.begin(), values.begin() + kFrom, [](char x) { return x == 7; }));
  EXPECT_TRUE(std::all_of(values.begin() + kTo, values.end(), [](char x) { return x == 7; }));
  discard_pages(values.data() + kFrom, 10);  // no whole page
  EXPECT_EQ(values[kFrom - 1], 7);
  std::fill(values.begin(), values.end(), 3);
  EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](char x) { return x == 3; }));
}

// Files as the system has them, of the group itself and of those above it.
TEST(ControlGroups, TheLeastThatAGroupOrOneAboveItLeaves) {
  const TemporaryFolder root;
  EXPECT_EQ(detail::control_group_free(root.path(), "0::/\n"), std::nullopt);
  std::filesystem::create_directories(root / "a/b");
  spill(root / "a/memory.max", "5000\n");
  spill(root / "a/memory.current", "1000\n");
  spill(root / "a/b/memory.max", "max\n");
  spill(root / "a/b/memory.current", "900\n");
  EXPECT_EQ(detail::control_group_free(root.path(), "1:cpu:/x\n0::/a/b\n"), 4000);
  spill(root / "a/b/memory.max", "2000\n");
  EXPECT_EQ(detail::control_group_free(root.path(), "0::/a/b"), 1100);
  EXPECT_EQ(detail::control_group_free(root.path(), "0::/a"), 4000);
  EXPECT_EQ(detail::control_group_free(root.path(), "0::/elsewhere"), std::nullopt);
  std::filesystem::create_directories(root / "memory/c");
  spill(root / "memory/c/memory.limit_in_bytes", "300\n");
  spill(root / "memory/c/memory.usage_in_bytes", "200\n");
  EXPECT_EQ(detail::control_group_free(root.path(), "4:memory:/c/gone\n0::/a\n"), 100);
  EXPECT_EQ(detail::control_group_free(root.path(), "garbage\n:\n"), std::nullopt);
}

}  // namespace memory_test
}  // namespace gradus
