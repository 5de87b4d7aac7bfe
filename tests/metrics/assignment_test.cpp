// Assignments against all that there are.
#include "gradus/metrics/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "gradus/metrics/cluster_agreement.h"
#include "tests/testing.h"

namespace gradus {
namespace assignment_test {

int64_t gain_of(const std::vector<int64_t>& gains, int64_t columns, const std::vector<int64_t>& column_of) {
  int64_t sum = 0;
  for (size_t i = 0; i < column_of.size(); ++i) {
    if (column_of[i] >= 0) sum += gains[i * static_cast<size_t>(columns) + static_cast<size_t>(column_of[i])];
  }
  return sum;
}

// Tries every order of the columns, of which there are at least as many as rows.
int64_t largest_gain(const std::vector<int64_t>& gains, int64_t rows, int64_t columns) {
  std::vector<int64_t> order(static_cast<size_t>(columns));
  std::iota(order.begin(), order.end(), 0);
  int64_t best = std::numeric_limits<int64_t>::min();
  do {
    best = std::max(best, gain_of(gains, columns, {order.begin(), order.begin() + rows}));
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

TEST(Assignment, GainsTheMostThatThereIs) {
  std::mt19937 random(1);
  for (const auto& [rows, columns] : {std::pair{1, 1}, {2, 5}, {5, 5}, {6, 6}, {4, 7}}) {
    for (int round = 0; round < 30; ++round) {
      std::vector<int64_t> gains(static_cast<size_t>(rows * columns));
      for (int64_t& gain : gains) gain = static_cast<int64_t>(random() % (round % 2 == 0 ? 4 : 1000)) - 2;
      const std::vector<int64_t> found = best_assignment(gains, rows, columns);
      std::vector<int64_t> sorted = found;
      std::sort(sorted.begin(), sorted.end());
      EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
      EXPECT_GE(sorted.front(), 0);
      const int64_t best = largest_gain(gains, rows, columns);
      EXPECT_EQ(gain_of(gains, columns, found), best);
      std::vector<int64_t> turned(gains.size());
      for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < columns; ++j) turned[static_cast<size_t>(j * rows + i)] = gains[static_cast<size_t>(i * columns + j)];
      }
      const std::vector<int64_t> back = best_assignment(turned, columns, rows);
      EXPECT_EQ(gain_of(turned, rows, back), best);
      EXPECT_EQ(std::count(back.begin(), back.end(), -1), columns - rows);
    }
  }
  EXPECT_TRUE(best_assignment({}, 0, 3).empty());
  EXPECT_EQ(error_text([] {
              best_assignment(std::vector<int64_t>{1, 2}, 1, 3);
            }),
            "[assignment] 2 gains for 1 rows of 3");
}

TEST(ClusterAccuracy, GivesEachClusterAClassOfItsOwn) {
  using Ids = std::vector<int64_t>;
  const Ids truth = {0, 0, 0, 1, 1, 2};
  EXPECT_EQ(cluster_accuracy(truth, Ids{5, 5, 5, 3, 3, 9}), 1.0);
  EXPECT_EQ(cluster_accuracy(truth, Ids{7, 7, 7, 7, 7, 7}), 0.5);
  EXPECT_EQ(cluster_accuracy(truth, Ids{0, 1, 2, 3, 4, 5}), 0.5);  // clusters that get no class count as wrong
  // The largest cluster of class 0 is of class 1 too: 2 + 2 + 1 beats 3 + 0 + 1.
  EXPECT_EQ(cluster_accuracy(truth, Ids{0, 1, 1, 0, 0, 2}), 5.0 / 6.0);
  EXPECT_TRUE(std::isnan(cluster_accuracy(Ids{}, Ids{})));
}

}  // namespace assignment_test
}  // namespace gradus
