#include "gradus/tensor/kernels/random.h"

#include <cmath>

#include "gradus/base/random.h"
#include "gradus/tensor/kernels/copy.h"
#include "tests/tensor/same_bits.h"
#include "tests/testing.h"

namespace gradus {
namespace random_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

constexpr uint64_t kKey = 0x123456789ABCDEF0;

TEST(RandomUniform, IsTheStreamElementByElement) {
  const RandomStream stream(kKey);
  for (const int64_t n : {1, 7, 513, 20001}) {
    const Doubles wide = kernels::random_uniform({n}, -2, 6, kKey, DType::kF64).values<double>();
    const Doubles narrow = kernels::random_uniform({n}, -2, 6, kKey).values<double>();
    for (size_t i = 0; i < wide.size(); ++i) {
      ASSERT_NEAR(wide[i], -2 + 8 * stream.uniform(0, i), 1e-14);
      ASSERT_NEAR(narrow[i], wide[i], 4e-7);
    }
  }
}

TEST(RandomUniform, StaysBelowTheUpperEnd) {
  // In f32 every second draw from these ranges rounds to the end.
  const Doubles close = kernels::random_uniform({1000}, 1, 1 + 0x1p-23, 1).values<double>();
  for (const double v : close) ASSERT_EQ(v, 1);
  for (const double v : kernels::random_uniform({1000}, 1, 1 + 0x1p-52, 1, DType::kF64).values<double>())
    ASSERT_EQ(v, 1);
  EXPECT_EQ(error_text([] { kernels::random_uniform({1}, 2, 2, 1); }),
            "[random_uniform] the range 2 to 2; expected two finite numbers, the lower one first");
}

TEST(RandomNormal, IsTheStreamElementByElement) {
  const RandomStream stream(kKey);
  for (const int64_t n : {1, 8, 515, 20001}) {
    const Doubles wide = kernels::random_normal({n}, 1, 0.5, kKey, DType::kF64).values<double>();
    const Doubles narrow = kernels::random_normal({n}, 1, 0.5, kKey).values<double>();
    for (size_t i = 0; i < wide.size(); ++i) {
      ASSERT_NEAR(wide[i], 1 + 0.5 * stream.normal(0, i), 1e-13);
      ASSERT_NEAR(narrow[i], wide[i], 2e-7);
    }
  }
}

TEST(RandomNormal, HasItsMoments) {
  const Doubles values = kernels::random_normal({200000}, 0, 1, 3, DType::kF64).values<double>();
  double sum = 0, squares = 0, fourth = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
    fourth += v * v * v * v;
  }
  EXPECT_NEAR(sum / 200000, 0, 0.01);
  EXPECT_NEAR(squares / 200000, 1, 0.015);
  EXPECT_NEAR(fourth / 200000, 3, 0.1);
  EXPECT_EQ(kernels::random_normal({0, 3}, 0, 1, 3).shape(), (Shape{0, 3}));
  EXPECT_EQ(kernels::random_normal({2}, 5, 0, 3).values<double>(), (Doubles{5, 5}));
  EXPECT_EQ(error_text([] { kernels::random_normal({1}, 0, -1, 1); }),
            "[random_normal] mean 0 and deviation -1; expected finite numbers, the deviation not negative");
}

TEST(Dropout, KeepsByTheWordOfTheElement) {
  const RandomStream stream(kKey);
  const Ints examples{5, 0, int64_t{1} << 40};
  for (const int64_t width : {1, 3, 10, 64, 1030}) {
    const Tensor x = kernels::random_uniform({3, width}, 1, 2, 9);
    const std::vector<float> in = x.values<float>(), out = kernels::dropout(x, 0.25, kKey, examples).values<float>();
    for (size_t i = 0; i < in.size(); ++i) {
      const size_t row = i / static_cast<size_t>(width), j = i % static_cast<size_t>(width);
      const uint32_t word = stream.block(static_cast<uint64_t>(examples[row]), j / 4)[j % 4];
      ASSERT_EQ(out[i], word >= 0x40000000 ? in[i] * static_cast<float>(1 / 0.75) : 0.0f);
    }
  }
}

TEST(Dropout, DoesNotDependOnTheBatch) {
  const Tensor x = kernels::random_uniform({2, 5, 7}, 1, 2, 9, DType::kF64);
  const Doubles both = kernels::dropout(x, 0.5, 1, Ints{8, 3}).values<double>();
  const Doubles second = kernels::dropout(x.view({1, 5, 7}, {35, 7, 1}, 35), 0.5, 1, Ints{3}).values<double>();
  EXPECT_EQ(second, Doubles(both.begin() + 35, both.end()));
}

TEST(Dropout, RatesAndMessages) {
  const Tensor x = Tensor::full({1, 10000}, 3);
  EXPECT_EQ(kernels::dropout(x, 0, 1, Ints{0}).values<double>(), x.values<double>());
  int64_t kept = 0;
  for (const double v : kernels::dropout(x, 0.9, 1, Ints{0}).values<double>()) kept += v > 0 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(kept), 1000, 100);
  EXPECT_EQ(kernels::dropout(Tensor::empty({0, 3}), 0.5, 1, {}).shape(), (Shape{0, 3}));
  EXPECT_EQ(error_text([&] { kernels::dropout(x, 1, 1, Ints{0}); }),
            "[dropout] rate 1; expected at least 0 and below 1");
  EXPECT_EQ(error_text([&] {
              kernels::dropout(x, 0.5, 1, Ints{0, 1});
            }),
            "[dropout] 2 example ids for f32 (1, 10000); expected one for each index of dimension 0");
}

TEST(Random, TheSameForAnyThreads) {
  expect_same_bits([] { return kernels::random_uniform({50000}, 0, 1, 4); });
  expect_same_bits([] { return kernels::random_normal({50000}, 0, 1, 4); });
  const Tensor x = kernels::random_uniform({40, 999}, 1, 2, 9);
  Ints examples;
  for (int64_t i = 0; i < 40; ++i) examples.push_back(i * i);
  expect_same_bits([&] { return kernels::dropout(x, 0.1, 2, examples); });
}

}  // namespace random_test
}  // namespace gradus
