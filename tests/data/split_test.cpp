#include "gradus/data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/data/columns.h"
#include "tests/testing.h"

namespace gradus {
namespace split_test {

using Ids = std::vector<int64_t>;

// That both parts ascend, and together are all rows.
void expect_parts_of(const Split& split, int64_t rows) {
  EXPECT_TRUE(std::is_sorted(split.training.begin(), split.training.end()));
  EXPECT_TRUE(std::is_sorted(split.validation.begin(), split.validation.end()));
  std::set<int64_t> all(split.training.begin(), split.training.end());
  all.insert(split.validation.begin(), split.validation.end());
  EXPECT_EQ(split.training.size() + split.validation.size(), static_cast<size_t>(rows));
  EXPECT_EQ(all.size(), static_cast<size_t>(rows));
  if (rows > 0) {
    EXPECT_EQ(*all.begin(), 0);
    EXPECT_EQ(*all.rbegin(), rows - 1);
  }
}

std::map<int64_t, int64_t> counts_of(const Ids& rows, const Ids& column) {
  std::map<int64_t, int64_t> counts;
  for (const int64_t row : rows) ++counts[column[static_cast<size_t>(row)]];
  return counts;
}

TEST(Split, AFractionIsRoundedDown) {
  EXPECT_EQ(rows_to_hold(10, 0.0), 0);
  EXPECT_EQ(rows_to_hold(10, 0.25), 2);
  EXPECT_EQ(rows_to_hold(3, 0.99), 2);
  EXPECT_EQ(usage_error_text([] { rows_to_hold(10, 1.0); }),
            "[split] the fraction to hold out is 1; expected a number from 0 to below 1");
  EXPECT_EQ(usage_error_text([] { rows_to_hold(10, NAN); }),
            "[split] the fraction to hold out is nan; expected a number from 0 to below 1");
}

// What runs hold out must never change: their checkpoints are resumed, and their results compared.
TEST(Split, RandomRowsAreTheOnesThatRunsHaveAlwaysHeldOut) {
  EXPECT_EQ(split_at_random(12, 4, 0).validation, (Ids{7, 8, 10, 11}));
  EXPECT_EQ(split_at_random(12, 4, 1).validation, (Ids{3, 5, 9, 10}));
  const Split split = split_at_random(12, 4, 1);
  EXPECT_EQ(draw_rows(split.training, 5, 1), (Ids{1, 2, 6, 7, 8}));
  const Split even = split_evenly(12, 3);
  EXPECT_EQ(even.validation, (Ids{3, 7, 11}));
  EXPECT_EQ(spaced_rows(even.training, 4), (Ids{2, 5, 8, 10}));
}

TEST(Split, RandomRowsAreDrawnByTheDocumentedOrder) {
  std::vector<std::pair<uint64_t, int64_t>> order;
  const uint64_t key = mix(7, hash_name("data.validation"));
  for (int64_t row = 0; row < 100; ++row) order.emplace_back(mix(key, static_cast<uint64_t>(row)), row);
  std::sort(order.begin(), order.end());
  for (const int64_t held : {0, 1, 30, 100}) {
    Ids expected;
    for (int64_t i = 0; i < held; ++i) expected.push_back(order[static_cast<size_t>(i)].second);
    std::sort(expected.begin(), expected.end());
    const Split split = split_at_random(100, held, 7);
    EXPECT_EQ(split.validation, expected);
    expect_parts_of(split, 100);
  }
}

TEST(Split, InOrderTheLastAreHeldOut) {
  const Split split = split_in_order(5, 2);
  EXPECT_EQ(split.training, (Ids{0, 1, 2}));
  EXPECT_EQ(split.validation, (Ids{3, 4}));
  expect_parts_of(split_in_order(5, 0), 5);
  expect_parts_of(split_in_order(0, 0), 0);
  expect_parts_of(split_evenly(0, 0), 0);
}

TEST(Split, ByTimeTheLatestAreHeldOut) {
  const std::vector<double> times{3.0, 1.0, 9.5, -2.0, 3.0, 3.0};
  EXPECT_EQ(split_by_time(times, 1).validation, (Ids{2}));
  EXPECT_EQ(split_by_time(times, 2).validation, (Ids{2}));
  EXPECT_EQ(split_by_time(times, 3).validation, (Ids{0, 2, 4, 5}));  // rows of one time stay together
  EXPECT_EQ(split_by_time(times, 6).validation, (Ids{0, 1, 2, 4, 5}));
  EXPECT_EQ(split_by_time(times, 0).validation, Ids{});
  EXPECT_EQ(split_by_time(std::vector<double>{1.0, 1.0, 2.0, 2.0, 3.0, 3.0}, 3).validation, (Ids{4, 5}));
  EXPECT_EQ(error_text([] {
              split_by_time(std::vector<double>{4.0, 4.0, 4.0}, 1);
            }),
            "[split] all 3 rows have the same time, so that none are later than others; expected two times or more");
  const Split split = split_by_time(times, 4);
  expect_parts_of(split, 6);
  EXPECT_EQ(split.training, (Ids{1, 3}));
  EXPECT_EQ(error_text([] {
              split_by_time(std::vector<double>{1.0, NAN}, 1);
            }),
            "[split] the time of row 1 is nan; expected a finite number");
}

TEST(Split, ByClassTheirPartsAreKeptToARow) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Ids classes = random_column(97, 3, seed + 1);
    for (int64_t c = 0; c < 3; ++c) classes.insert(classes.end(), 2, c);
    const auto rows = static_cast<int64_t>(classes.size());
    std::map<int64_t, int64_t> whole;
    for (const int64_t c : classes) ++whole[c];
    for (const int64_t held : {int64_t{3}, int64_t{20}, int64_t{51}, rows - 3}) {
      const Split split = split_by_class(classes, held, seed);
      expect_parts_of(split, rows);
      EXPECT_EQ(static_cast<int64_t>(split.validation.size()), held);
      std::map<int64_t, int64_t> found = counts_of(split.validation, classes);
      for (const auto& [c, count] : whole) {
        const double share = static_cast<double>(held) * static_cast<double>(count) / static_cast<double>(rows);
        EXPECT_LT(std::abs(static_cast<double>(found[c]) - share), 1.0) << "class " << c << ", seed " << seed;
      }
    }
  }
}

TEST(Split, ByClassTheSeedDecidesAndTheNumbersOfClassesDoNot) {
  const Ids classes = random_column(60, 3, 5);
  Ids renamed;
  for (const int64_t c : classes) renamed.push_back(100 - 7 * c);
  const Split split = split_by_class(classes, 20, 1);
  EXPECT_EQ(split_by_class(renamed, 20, 1).validation, split.validation);
  EXPECT_NE(split_by_class(classes, 20, 2).validation, split.validation);
}

TEST(Split, ByClassErrorsSayWhatIsMissing) {
  EXPECT_EQ(error_text([] {
              split_by_class(Ids{0, 1, 0, 0, 1, 7}, 3, 0);
            }),
            "[split] class 7 has a single row, 5; expected two or more, for a part of each class in either part");
  EXPECT_EQ(usage_error_text([] {
              split_by_class(Ids{0, 1, 0, 1, 0, 1}, 1, 0);
            }),
            "[split] 1 of 6 rows to hold out; with 2 classes expected 2 to 4, one of each class in either part");
  EXPECT_EQ(usage_error_text([] {
              split_by_class(Ids{0, 1, 0, 1, 0, 1}, 5, 0);
            }),
            "[split] 5 of 6 rows to hold out; with 2 classes expected 2 to 4, one of each class in either part");
}

TEST(Split, AGroupIsNeverOnBothSides) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Ids groups = random_column(80, 1 + seed % 20 + 2, seed + 1);
    const int64_t held = 15 + static_cast<int64_t>(seed % 40);
    Split split;
    try {
      split = split_by_group(groups, held, seed);
    } catch (const Error&) {
      continue;  // no group is small enough
    }
    expect_parts_of(split, 80);
    EXPECT_FALSE(split.training.empty());
    EXPECT_FALSE(split.validation.empty());
    const auto trained = counts_of(split.training, groups), validated = counts_of(split.validation, groups);
    int64_t largest = 0;
    for (const auto& [group, count] : trained) {
      EXPECT_FALSE(validated.contains(group));
      largest = std::max(largest, count);
    }
    for (const auto& [group, count] : validated) largest = std::max(largest, count);
    // It ends nearer to `held` than half of the largest group, unless the last group was needed for training.
    EXPECT_LE(std::abs(static_cast<int64_t>(split.validation.size()) - held), largest);
  }
}

TEST(Split, GroupsOfOneSizeAreHeldOutExactly) {
  Ids groups;
  for (int64_t row = 0; row < 100; ++row) groups.push_back(row % 20);
  std::set<Ids> different;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const Split split = split_by_group(groups, 25, seed);
    EXPECT_EQ(split.validation.size(), 25u);
    different.insert(split.validation);
  }
  EXPECT_GT(different.size(), 8u);
}

TEST(Split, GroupErrorsSayWhatIsMissing) {
  EXPECT_EQ(error_text([] {
              split_by_group(Ids{4, 4, 4}, 1, 0);
            }),
            "[split] 1 groups; expected two or more, so that either part has one");
  EXPECT_EQ(error_text([] {
              split_by_group(Ids{1, 1, 1, 2, 2, 2, 2}, 1, 0);
            }),
            "[split] 1 of 7 rows to hold out, but the smallest group has 3; hold out more");
}

TEST(Split, CountsOutOfRangeAreUsageErrors) {
  EXPECT_EQ(usage_error_text([] { split_at_random(5, 6, 0); }), "[split] 6 rows to hold out, of 5; expected 0 to 5");
  EXPECT_EQ(usage_error_text([] { split_in_order(5, -1); }), "[split] -1 rows to hold out, of 5; expected 0 to 5");
  EXPECT_EQ(usage_error_text([] { split_evenly(5, 6); }), "[split] 6 rows to hold out, of 5; expected 0 to 5");
  EXPECT_EQ(usage_error_text([] { draw_rows(Ids{1, 2}, 3, 0); }), "[split] 3 rows to draw, of 2; expected 0 to 2");
  EXPECT_EQ(usage_error_text([] { spaced_rows(Ids{1, 2}, 3); }), "[split] 3 rows to take, of 2; expected 0 to 2");
}

}  // namespace split_test
}  // namespace gradus
