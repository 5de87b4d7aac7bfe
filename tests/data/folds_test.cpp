#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "gradus/data/split.h"
#include "tests/data/columns.h"
#include "tests/testing.h"

namespace gradus {
namespace folds_test {

using nlohmann::json;
using Ids = std::vector<int64_t>;

const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/splits.json"));
  return all;
}

// That every row is held out once, and each split is all rows.
void expect_folds_of(const Folds& folds, int64_t rows) {
  std::set<int64_t> all;
  size_t held = 0;
  for (size_t fold = 0; fold < folds.size(); ++fold) {
    EXPECT_FALSE(folds[fold].empty());
    EXPECT_TRUE(std::is_sorted(folds[fold].begin(), folds[fold].end()));
    all.insert(folds[fold].begin(), folds[fold].end());
    held += folds[fold].size();
    const Split split = split_of_fold(folds, static_cast<int64_t>(fold));
    EXPECT_EQ(split.validation, folds[fold]);
    EXPECT_TRUE(std::is_sorted(split.training.begin(), split.training.end()));
    EXPECT_EQ(split.training.size() + split.validation.size(), static_cast<size_t>(rows));
    for (const int64_t row : split.validation) {
      EXPECT_FALSE(std::binary_search(split.training.begin(), split.training.end(), row));
    }
  }
  EXPECT_EQ(held, static_cast<size_t>(rows));
  EXPECT_EQ(all.size(), static_cast<size_t>(rows));
  EXPECT_EQ(*all.begin(), 0);
  EXPECT_EQ(*all.rbegin(), rows - 1);
}

size_t range_of_sizes(const Folds& folds) {
  const auto [least, most] =
      std::minmax_element(folds.begin(), folds.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  return most->size() - least->size();
}

TEST(Folds, WithoutShufflingEqualScikitLearns) {
  for (const json& c : references()["k_fold"]) {
    EXPECT_EQ(k_fold(c["rows"], {.folds = c["folds"], .shuffle = false}), c["held"].get<Folds>()) << c;
  }
  for (const json& c : references()["stratified"]) {
    EXPECT_EQ(stratified_k_fold(c["classes"].get<Ids>(), {.folds = c["folds"], .shuffle = false}),
              c["held"].get<Folds>())
        << c;
  }
  for (const json& c : references()["group"]) {
    EXPECT_EQ(group_k_fold(c["groups"].get<Ids>(), {.folds = c["folds"], .shuffle = false}), c["held"].get<Folds>())
        << c;
  }
}

TEST(Folds, AreAllRowsInEvenParts) {
  for (const int64_t rows : {2, 5, 17, 100}) {
    for (int64_t folds = 2; folds <= std::min<int64_t>(rows, 11); ++folds) {
      const Folds found = k_fold(rows, {.folds = folds, .seed = 3});
      ASSERT_EQ(found.size(), static_cast<size_t>(folds));
      expect_folds_of(found, rows);
      EXPECT_LE(range_of_sizes(found), 1u);
    }
  }
}

TEST(Folds, GoByTheSeed) {
  const Folds folds = k_fold(50, {.seed = 1});
  EXPECT_EQ(k_fold(50, {.seed = 1}), folds);
  EXPECT_NE(k_fold(50, {.seed = 2}), folds);
  EXPECT_NE(k_fold(50, {.shuffle = false}), folds);
}

TEST(Folds, StratifiedOnesHaveEvenNumbersOfEachClass) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Ids classes = random_column(100, 4, seed + 1);
    const Folds folds = stratified_k_fold(classes, {.folds = 6, .seed = seed});
    expect_folds_of(folds, 100);
    EXPECT_LE(range_of_sizes(folds), 1u);
    for (int64_t c = 0; c < 4; ++c) {
      std::set<int64_t> counts;
      for (const Ids& rows : folds) {
        counts.insert(std::count_if(rows.begin(), rows.end(),
                                    [&](int64_t row) { return classes[static_cast<size_t>(row)] == c; }));
      }
      EXPECT_LE(*counts.rbegin() - *counts.begin(), 1) << "class " << c << ", seed " << seed;
    }
    EXPECT_NE(stratified_k_fold(classes, {.folds = 6, .seed = seed + 100}), folds);
  }
}

TEST(Folds, GroupsStayTogether) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Ids groups = random_column(100, 15, seed + 1);
    const Folds folds = group_k_fold(groups, {.folds = 4, .seed = seed});
    expect_folds_of(folds, 100);
    std::map<int64_t, size_t> fold_of;
    for (size_t fold = 0; fold < folds.size(); ++fold) {
      for (const int64_t row : folds[fold]) {
        const int64_t group = groups[static_cast<size_t>(row)];
        EXPECT_EQ(fold_of.try_emplace(group, fold).first->second, fold) << "group " << group;
      }
    }
    // A fold gets a group only while none has fewer rows, so no two differ by more than the largest group.
    std::map<int64_t, size_t> sizes;
    for (const int64_t group : groups) ++sizes[group];
    size_t largest = 0;
    for (const auto& [group, size] : sizes) largest = std::max(largest, size);
    EXPECT_LE(range_of_sizes(folds), largest);
  }
  Ids equal;  // groups of equal size come together by chance
  for (int64_t row = 0; row < 40; ++row) equal.push_back(row / 2);
  EXPECT_NE(group_k_fold(equal, {.seed = 1}), group_k_fold(equal, {.seed = 2}));
}

TEST(Folds, RepeatsAreShuffledAnew) {
  const std::vector<Folds> repeats = repeated_k_fold(30, 3, {.folds = 3, .seed = 9});
  ASSERT_EQ(repeats.size(), 3u);
  EXPECT_EQ(repeats[0], k_fold(30, {.folds = 3, .seed = 9}));
  EXPECT_NE(repeats[0], repeats[1]);
  EXPECT_NE(repeats[1], repeats[2]);
  for (const Folds& folds : repeats) expect_folds_of(folds, 30);
  const Ids classes = random_column(60, 2, 4);
  const std::vector<Folds> stratified = repeated_stratified_k_fold(classes, 2, {.folds = 3});
  EXPECT_EQ(stratified[0], stratified_k_fold(classes, {.folds = 3}));
  EXPECT_NE(stratified[0], stratified[1]);
}

TEST(Folds, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(usage_error_text([] { k_fold(10, {.folds = 1}); }),
            "[folds] 1 folds of 10 rows; expected 2 or more, and a row for each");
  EXPECT_EQ(usage_error_text([] { k_fold(4); }), "[folds] 5 folds of 4 rows; expected 2 or more, and a row for each");
  EXPECT_EQ(error_text([] {
              stratified_k_fold(Ids{0, 0, 0, 8, 8}, {.folds = 3});
            }),
            "[folds] class 8 has 2 rows for 3 folds; expected at least one a fold");
  EXPECT_EQ(error_text([] {
              group_k_fold(Ids{0, 0, 1, 1}, {.folds = 3});
            }),
            "[folds] 2 groups for 3 folds; expected at least one a fold");
  EXPECT_EQ(usage_error_text([] { repeated_k_fold(10, 0); }), "[folds] 0 repeats; expected 1 or more");
  EXPECT_EQ(usage_error_text([] {
              repeated_stratified_k_fold(Ids{0, 0}, 2, {.folds = 2, .shuffle = false});
            }),
            "[folds] repeats without shuffling would all be the same; set shuffle");
  EXPECT_EQ(usage_error_text([] { split_of_fold(k_fold(10), 5); }), "[folds] fold 5 of 5; expected 0 to 4");
}

}  // namespace folds_test
}  // namespace gradus
