#include "gradus/tensor/kernels/copy.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "gradus/tensor/kernels/random.h"
#include "tests/tensor/same_bits.h"
#include "tests/testing.h"

namespace gradus {
namespace copy_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

Tensor counted(const Shape& shape, DType dtype = DType::kF32) {
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), 0.0);
  return kernels::cast(Tensor::from(values, shape), dtype);
}

Tensor ids(const Ints& values) { return Tensor::from(values, {static_cast<int64_t>(values.size())}); }

TEST(Copy, ContiguousKeepsAContiguousTensorAndCopiesAView) {
  const Tensor x = counted({2, 3});
  EXPECT_TRUE(kernels::contiguous(x).is_same(x));
  EXPECT_FALSE(kernels::copy(x).is_same(x));
  const Tensor transposed = kernels::contiguous(x.view({3, 2}, {1, 3}));
  EXPECT_TRUE(transposed.is_contiguous());
  EXPECT_EQ(transposed.values<double>(), (Doubles{0, 3, 1, 4, 2, 5}));
}

TEST(Copy, EveryDTypeTransposes) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kI64, DType::kI32, DType::kU8}) {
    const Tensor x = counted({5, 21}, dtype);
    const Doubles result = kernels::copy(x.view({21, 5}, {1, 21})).values<double>();
    for (size_t i = 0; i < 21; ++i) {
      for (size_t j = 0; j < 5; ++j) ASSERT_EQ(result[i * 5 + j], static_cast<double>(j * 21 + i)) << name_of(dtype);
    }
  }
}

TEST(Copy, PermutedFourDimensions) {
  const Tensor x = counted({2, 3, 4, 5});  // (B, T, H, D) to (B, H, T, D), then to (B, H, D, T)
  const Doubles heads = kernels::copy(x.view({2, 4, 3, 5}, {60, 5, 20, 1})).values<double>();
  const Doubles last = kernels::copy(x.view({2, 4, 5, 3}, {60, 5, 1, 20})).values<double>();
  for (size_t b = 0; b < 2; ++b) {
    for (size_t h = 0; h < 4; ++h) {
      for (size_t t = 0; t < 3; ++t) {
        for (size_t d = 0; d < 5; ++d) {
          const double expected = static_cast<double>(((b * 3 + t) * 4 + h) * 5 + d);
          ASSERT_EQ(heads[((b * 4 + h) * 3 + t) * 5 + d], expected);
          ASSERT_EQ(last[((b * 4 + h) * 5 + d) * 3 + t], expected);
        }
      }
    }
  }
}

TEST(Copy, StepsScalarsAndNothing) {
  EXPECT_EQ(kernels::copy(counted({10}).view({4}, {3})).values<double>(), (Doubles{0, 3, 6, 9}));
  EXPECT_EQ(kernels::copy(Tensor::scalar(7)).values<double>(), Doubles{7});
  EXPECT_EQ(kernels::copy(counted({3}).view({3, 2}, {1, 0})).values<double>(), (Doubles{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(kernels::copy(Tensor::empty({2, 0, 3}).view({0, 2, 3}, {3, 0, 1})).shape(), (Shape{0, 2, 3}));
}

TEST(Copy, IntoAWindowLeavesTheRestAlone) {
  const Tensor x = Tensor::zeros({3, 4});
  Tensor window = x.view({2, 2}, {4, 1}, 5);
  kernels::copy_into(window, counted({2, 2}));
  EXPECT_EQ(x.values<double>(), (Doubles{0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 3, 0}));
  EXPECT_EQ(error_text([&] { kernels::copy_into(window, counted({4})); }),
            "[copy] f32 (4,) into f32 (2, 2); shape and dtype must be equal");
}

TEST(Copy, LargeTransposeIsTheSameForAnyThreads) {
  const Tensor x = counted({301, 403}, DType::kI32);
  const Tensor view = x.view({403, 301}, {1, 403});
  expect_same_bits([&] { return kernels::copy(view); });
  const std::vector<int64_t> values = kernels::copy(view).values<int64_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(values[i], static_cast<int64_t>(i % 301 * 403 + i / 301));
  }
}

TEST(Cast, RoundsTruncatesAndAsksForZero) {
  const Tensor x = Tensor::from(Doubles{-1.9, 0, 0.5, 2.7, 1 + 0x1p-30}, {5});
  EXPECT_TRUE(kernels::cast(x, DType::kF64).is_same(x));
  EXPECT_EQ(kernels::cast(x, DType::kI64).values<int64_t>(), (Ints{-1, 0, 0, 2, 1}));
  EXPECT_EQ(kernels::cast(x, DType::kI32).values<int64_t>(), (Ints{-1, 0, 0, 2, 1}));
  EXPECT_EQ(kernels::cast(x, DType::kBool).values<int64_t>(), (Ints{1, 0, 1, 1, 1}));
  EXPECT_EQ(kernels::cast(x, DType::kF32).values<double>()[4], 1.0);
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor ends = Tensor::from(Doubles{1e300, -infinity, std::nan(""), 1 + 0x1p-8, 1 + 3 * 0x1p-8}, {5});
  const Doubles narrow = kernels::cast(ends, DType::kBF16).values<double>();
  EXPECT_EQ(narrow[0], infinity);
  EXPECT_EQ(narrow[1], -infinity);
  EXPECT_TRUE(std::isnan(narrow[2]));
  EXPECT_EQ(narrow[3], 1.0) << "a tie goes to even";
  EXPECT_EQ(narrow[4], 1 + 0x1p-6) << "a tie goes to even";
  EXPECT_EQ(kernels::cast(counted({2, 3}).view({3, 2}, {1, 3}), DType::kI64).values<int64_t>(),
            (Ints{0, 3, 1, 4, 2, 5}));
}

TEST(Expand, RepeatsWithoutACopy) {
  const Tensor x = counted({3, 1});
  const Tensor wide = kernels::expand(x, {2, 3, 2});
  EXPECT_EQ(wide.strides(), (Shape{0, 1, 0}));
  EXPECT_EQ(wide.values<double>(), (Doubles{0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(error_text([&] {
              kernels::expand(x, {4, 2});
            }),
            "[expand] (3, 1) does not repeat to (4, 2); sizes counted from the end must be equal or 1");
}

TEST(Concat, JoinsAlongAnyAxis) {
  const Tensor a = counted({2, 2}), b = counted({2, 1}), parts[] = {a, b, Tensor::empty({2, 0})};
  EXPECT_EQ(kernels::concat(parts, -1).values<double>(), (Doubles{0, 1, 0, 2, 3, 1}));
  const Tensor rows[] = {a, a.view({1, 2}, {2, 1}, 2)};
  EXPECT_EQ(kernels::concat(rows, 0).values<double>(), (Doubles{0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(
      error_text([&] { kernels::concat(parts, 0); }),
      "[concat] part 1 is f32 (2, 1), part 0 is f32 (2, 2); dtype and all sizes but that of axis 0 must be equal");
  EXPECT_EQ(error_text([] { kernels::concat({}, 0); }), "[concat] 0 tensors; at least one is needed");
}

// Dense parts of long rows go another way than those with strides.
TEST(Concat, JoinsLongRows) {
  for (const int64_t rows : {1, 3, 900}) {
    const Tensor a = counted({rows, 2, 17}), b = counted({rows, 5, 17}), none = Tensor::empty({rows, 0, 17});
    const Tensor turned = kernels::copy(b.view({5, rows, 17}, {17, 5 * 17, 1})).view({rows, 5, 17}, {17, rows * 17, 1});
    ASSERT_TRUE(rows == 1 || !turned.is_contiguous());
    const Tensor dense[] = {a, none, b}, strided[] = {a, none, turned};
    const Doubles joined = kernels::concat(dense, 1).values<double>();
    EXPECT_EQ(joined, kernels::concat(strided, 1).values<double>());
    for (size_t i = 0; i < joined.size(); ++i) {
      const size_t row = i / 119, place = i % 119;
      ASSERT_EQ(joined[i], static_cast<double>(place < 34 ? row * 34 + place : row * 85 + place - 34)) << i;
    }
  }
}

TEST(GatherRows, TakesRowsAndItsGradientAddsThem) {
  const Tensor table = counted({3, 2});
  const Tensor where = Tensor::from(Ints{2, 0, 2, 2}, {2, 2});
  const Tensor rows = kernels::gather_rows(table, where);
  EXPECT_EQ(rows.shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(rows.values<double>(), (Doubles{4, 5, 0, 1, 4, 5, 4, 5}));
  EXPECT_EQ(kernels::gather_rows(table, kernels::cast(where, DType::kI32)).values<double>(), rows.values<double>());
  const Tensor gradient = kernels::scatter_add_rows(counted({2, 2, 2}), where, 3);
  EXPECT_EQ(gradient.values<double>(), (Doubles{2, 3, 0, 0, 0 + 4 + 6, 1 + 5 + 7}));
  EXPECT_EQ(kernels::gather_rows(table, ids({})).shape(), (Shape{0, 2}));
}

TEST(GatherRows, ReportsAWrongId) {
  const Tensor table = Tensor::zeros({65, 4});
  EXPECT_EQ(error_text([&] {
              kernels::gather_rows(table, ids({1, 2, 64, 70}));
            }),
            "[embedding] id 70 at position 3; expected 0 to 64 (the table has 65 rows)");
  EXPECT_EQ(error_text([&] { kernels::gather_rows(table, ids({-1})); }),
            "[embedding] id -1 at position 0; expected 0 to 64 (the table has 65 rows)");
  EXPECT_EQ(error_text([&] { kernels::gather_rows(table, table); }),
            "[embedding] ids are f32 (65, 4); expected i64 or i32");
}

TEST(ScatterAddRows, IsTheSameForAnyThreads) {
  const int64_t count = 700, width = 200, rows = 31;
  const Tensor gradient = kernels::random_normal({count, width}, 0, 1, 5);
  Ints where;
  for (int64_t i = 0; i < count; ++i) where.push_back(i * i % rows);
  expect_same_bits([&] { return kernels::scatter_add_rows(gradient, ids(where), rows); });
  Doubles expected(static_cast<size_t>(rows * width));
  const Doubles g = gradient.values<double>();
  for (size_t i = 0; i < g.size(); ++i) expected[static_cast<size_t>(where[i / 200]) * 200 + i % 200] += g[i];
  const Doubles result = kernels::scatter_add_rows(gradient, ids(where), rows).values<double>();
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(result[i], expected[i], 1e-4);
}

TEST(Gather, TakesAlongAnAxisAndItsGradientAdds) {
  const Tensor x = counted({2, 3});
  const Tensor last = Tensor::from(Ints{2, 2, 0, 1}, {2, 2});
  EXPECT_EQ(kernels::gather(x, 1, last).values<double>(), (Doubles{2, 2, 3, 4}));
  EXPECT_EQ(kernels::gather(x.view({3, 2}, {1, 3}), -1, Tensor::from(Ints{1, 0}, {2, 1})).values<double>(),
            (Doubles{3, 1}));
  const Tensor first = Tensor::from(Ints{1, 0, 1}, {1, 3});
  EXPECT_EQ(kernels::gather(x, 0, first).values<double>(), (Doubles{3, 1, 5}));
  EXPECT_EQ(kernels::scatter_add(counted({2, 2}), 1, last, {2, 3}).values<double>(), (Doubles{0, 0, 0 + 1, 2, 3, 0}));
  EXPECT_EQ(kernels::scatter_add(counted({1, 3}), 0, first, {2, 3}).values<double>(), (Doubles{0, 1, 0, 0, 0, 2}));
}

TEST(Gather, ReportsAWrongIndex) {
  const Tensor x = counted({2, 3});
  EXPECT_EQ(error_text([&] {
              kernels::gather(x, 1, Tensor::from(Ints{0, 3}, {2, 1}));
            }),
            "[gather] index 3 at position 1; expected 0 to 2 (axis 1 of (2, 3))");
  EXPECT_EQ(error_text([&] {
              kernels::gather(x, 1, Tensor::from(Ints{0, 0, 0}, {3, 1}));
            }),
            "[gather] an index of shape (3, 1) for (2, 3); expected 2 dimensions, and sizes no larger off axis 1");
}

TEST(AddRowsAt, TakesAGradientOfTheIdsShapeAndTheTablesWidth) {
  Tensor table = Tensor::zeros({5, 3});
  const Tensor ids = Tensor::from(std::vector<int64_t>{0, 4}, {2});
  EXPECT_EQ(error_text([&] {
              kernels::add_rows_at(table, Tensor::zeros({3, 3}), ids);
            }),
            "[embedding] a gradient of f32 (3, 3) for ids of i64 (2,); expected the shape of the ids and one more "
            "dimension");
  EXPECT_EQ(
      error_text([&] {
        kernels::add_rows_at(table, Tensor::zeros({2, 4}), ids);
      }),
      "[embedding] a gradient of f32 (2, 4) for a table of f32 (5, 3); expected a contiguous one of its width and "
      "dtype");
}

}  // namespace copy_test
}  // namespace gradus
