#include "gradus/classic/row_order.h"

#include <algorithm>
#include <cmath>

#include "tests/testing.h"

namespace gradus {
namespace row_order_test {

TEST(ShuffleRows, IsAPermutationOfItsOwnForEachSeedAndPass) {
  for (const int64_t together : {1, 7}) {
    std::vector<int32_t> order, again, other;
    shuffle_rows({1, 1000, together}, 2, order);
    shuffle_rows({1, 1000, together}, 2, again);
    EXPECT_EQ(order, again);
    shuffle_rows({1, 1000, together}, 3, other);
    EXPECT_NE(order, other);
    shuffle_rows({2, 1000, together}, 2, other);
    EXPECT_NE(order, other);
    std::sort(order.begin(), order.end());
    for (int32_t i = 0; i < 1000; ++i) ASSERT_EQ(order[i], i);
  }
}

// Of a uniform permutation of n, the mean distance of an element from its place is (n² − 1) / 3n; its deviation over
// permutations is about 0.14·√n of that scale: 1 % here.
TEST(ShuffleRows, CarriesRowsFarWhateverLiesTogether) {
  constexpr int64_t kRows = 20000;
  for (const int64_t together : {1, 10}) {
    std::vector<int32_t> order;
    shuffle_rows({1, kRows, together}, 0, order);
    double distance = 0.0;
    int64_t neighbours = 0;
    for (int64_t i = 0; i < kRows; ++i) {
      distance += std::abs(static_cast<double>(order[i] - i)) / kRows;
      neighbours += i > 0 && order[i] == order[i - 1] + 1;
    }
    EXPECT_NEAR(distance, kRows / 3.0, 0.05 * kRows / 3.0);
    EXPECT_LT(neighbours, 60) << "of the 64·10 that are mixed, one in 640 follows its neighbour";
  }
}

TEST(ShuffleRows, TakesSomeKilobytesTogether) {
  EXPECT_EQ(row_order(Tensor::zeros({100, 50}), 7).together, 10);  // 200 bytes a row
  EXPECT_EQ(row_order(Tensor::zeros({100, 1}), 7).together, 16);
  EXPECT_EQ(row_order(Tensor::zeros({100, 5000}), 7).together, 1);
  EXPECT_EQ(row_order(Tensor::zeros({100, 50}), 7).rows, 100);
  EXPECT_EQ(row_order(Tensor::zeros({100, 50}), 7).seed, 7U);
}

TEST(ShuffleRows, RefusesMoreThanItsNumbersHold) {
  std::vector<int32_t> ids;
  EXPECT_EQ(usage_error_text([&] {
              shuffle_rows({0, int64_t{1} << 31, 1}, 0, ids);
            }),
            "[sgd] 2147483648 rows to shuffle; expected at most 2147483647");
}

}  // namespace row_order_test
}  // namespace gradus
