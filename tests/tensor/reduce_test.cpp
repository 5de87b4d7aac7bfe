#include "gradus/tensor/kernels/reduce.h"

#include <cmath>
#include <limits>

#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/random.h"
#include "tests/tensor/same_bits.h"
#include "tests/testing.h"

namespace gradus {
namespace reduce_test {

using Doubles = std::vector<double>;

Tensor drawn(const Shape& shape, DType dtype = DType::kF64) { return kernels::random_normal(shape, 0, 1, 7, dtype); }

// The sum of a contiguous (outer, length, inner) over its middle, in order.
Doubles plain_sum(const Tensor& x, size_t outer, size_t length, size_t inner) {
  const Doubles values = x.values<double>();
  Doubles result(outer * inner);
  for (size_t o = 0; o < outer; ++o) {
    for (size_t k = 0; k < length; ++k) {
      for (size_t i = 0; i < inner; ++i) result[o * inner + i] += values[(o * length + k) * inner + i];
    }
  }
  return result;
}

void expect_near(const Doubles& result, const Doubles& expected, double tolerance) {
  ASSERT_EQ(result.size(), expected.size());
  for (size_t i = 0; i < result.size(); ++i) ASSERT_NEAR(result[i], expected[i], tolerance) << "element " << i;
}

TEST(SumAll, OneToN) {
  for (const int64_t n : {1, 2, 15, 16, 17, 63, 64, 100, 2047, 2048, 2049, 5000, 100000}) {
    const double expected = static_cast<double>(n * (n + 1) / 2);
    const Tensor x = Tensor::linspace(1, static_cast<double>(n), n, DType::kF64);
    ASSERT_EQ(kernels::sum_all(x).item(), expected) << n;
    ASSERT_NEAR(kernels::sum_all(kernels::cast(x, DType::kF32)).item(), expected, expected * 1e-7) << n;
  }
}

TEST(SumAll, EmptyScalarAndViews) {
  EXPECT_EQ(kernels::sum_all(Tensor::empty({3, 0})).item(), 0);
  EXPECT_EQ(kernels::sum_all(Tensor::scalar(5)).shape(), Shape());
  EXPECT_EQ(kernels::sum_all(Tensor::linspace(0, 9, 10).view({4}, {3})).item(), 0 + 3 + 6 + 9);
  EXPECT_EQ(kernels::sum_all(kernels::expand(Tensor::full({1}, 0.5), {6})).item(), 3);
  EXPECT_EQ(error_text([] { kernels::sum_all(Tensor::zeros({2}, DType::kI64)); }),
            "[sum] works on f32 and f64, not on i64; convert with cast");
}

TEST(SumAll, RoundsLittle) {
  const int64_t n = 1 << 22;  // added one after another in f32, 0.1f gives 4.19e5 with an error of 2 %
  EXPECT_NEAR(kernels::sum_all(Tensor::full({n}, 0.1)).item(), static_cast<double>(n) * static_cast<double>(0.1f), 5);
}

TEST(SumAll, ExtremesPass) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(kernels::sum_all(Tensor::from(Doubles{1, infinity, 2}, {3})).item(), infinity);
  EXPECT_TRUE(std::isnan(kernels::sum_all(Tensor::from(Doubles{-infinity, infinity}, {2})).item()));
}

TEST(SumAxis, SmallOnesByHand) {
  const Tensor x = Tensor::linspace(1, 6, 6);
  const Tensor matrix = x.view({2, 3}, {3, 1});
  EXPECT_EQ(kernels::sum_axis(matrix, 0, false).values<double>(), (Doubles{5, 7, 9}));
  EXPECT_EQ(kernels::sum_axis(matrix, 1, false).values<double>(), (Doubles{6, 15}));
  EXPECT_EQ(kernels::sum_axis(matrix, 1, true).shape(), (Shape{2, 1}));
  EXPECT_EQ(kernels::sum_axis(x.view({3, 2}, {1, 3}), 0, false).values<double>(), (Doubles{6, 15}));
  EXPECT_EQ(kernels::sum_axis(Tensor::empty({0, 2}), 0, false).values<double>(), (Doubles{0, 0}));
  EXPECT_EQ(kernels::sum_axis(Tensor::empty({0, 2}), 1, false).shape(), Shape{0});
}

TEST(SumAxis, EverySizeAgainstAPlainLoop) {
  struct Case {
    int64_t outer, length, inner;
  };
  for (const Case c : {Case{1, 1000, 3},
                       {1, 1001, 10},
                       {1, 5000, 1},
                       {1, 9, 700},
                       {1, 129, 40},
                       {1, 300, 33},
                       {3, 50, 7},
                       {2, 300, 200},
                       {40, 5, 1},
                       {2, 40000, 1},
                       {1, 40000, 2},
                       {1, 2, 50000}}) {
    const Tensor x = drawn({c.outer, c.length, c.inner});
    const Doubles expected =
        plain_sum(x, static_cast<size_t>(c.outer), static_cast<size_t>(c.length), static_cast<size_t>(c.inner));
    SCOPED_TRACE(to_string(x.shape()));
    expect_near(kernels::sum_axis(x, 1, false).values<double>(), expected, 1e-11);
    const Tensor narrow = kernels::sum_axis(kernels::cast(x, DType::kF32), 1, false);
    expect_near(narrow.values<double>(), expected, 1e-3);
  }
}

TEST(SumTo, UndoesABroadcast) {
  const Tensor x = drawn({2, 3, 4, 5});
  const Doubles last = plain_sum(x, 1, 24, 5);
  expect_near(kernels::sum_to(x, {5}).values<double>(), last, 1e-13);
  EXPECT_EQ(kernels::sum_to(x, {1, 5}).shape(), (Shape{1, 5}));
  expect_near(kernels::sum_to(x, {}).values<double>(), {kernels::sum_all(x).item()}, 1e-13);
  expect_near(kernels::sum_to(x, {2, 1, 1, 1}).values<double>(), plain_sum(x, 2, 60, 1), 1e-13);
  expect_near(kernels::sum_to(x, {2, 1, 1, 5}).values<double>(), plain_sum(x, 2, 12, 5), 1e-13);
  const Tensor middle = kernels::sum_to(x, {3, 1, 5});
  EXPECT_EQ(middle.shape(), (Shape{3, 1, 5}));
  const Tensor in_two_steps = kernels::sum_axis(kernels::sum_axis(x, 2, true), 0, false);
  expect_near(middle.values<double>(), in_two_steps.values<double>(), 1e-13);
  EXPECT_TRUE(kernels::sum_to(x, {2, 3, 4, 5}).is_same(x));
  EXPECT_EQ(kernels::sum_to(drawn({1, 1, 3}), {3}).values<double>(), drawn({3}).values<double>());
  EXPECT_EQ(kernels::sum_to(Tensor::empty({0, 3}), {3}).values<double>(), (Doubles{0, 0, 0}));
  EXPECT_EQ(error_text([&] { kernels::sum_to(x, {4}); }), "[sum_to] (2, 3, 4, 5) is not a broadcast of (4,)");
}

// The terms and the order of their sums are those of a product's columns.
TEST(SumOfProducts, IsThatOfTheColumnsOfAProduct) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const Shape& shape : {Shape{7}, {3, 5}, {130, 2}, {3000, 3}, {301, 30}, {40, 513}, {3, 301, 517}, {0, 3}}) {
      const Tensor a = drawn(shape, dtype), b = kernels::random_normal(shape, 0, 1, 8, dtype);
      const Tensor product = kernels::binary("multiply", kernels::Binary::kMultiply, a, b);
      EXPECT_EQ(kernels::sum_of_products(a, b).values<double>(),
                kernels::sum_to(product, {shape.back()}).values<double>())
          << to_string(shape);
    }
  }
  const Tensor x = drawn({4, 3}), turned = x.view({3, 4}, {1, 3});
  EXPECT_EQ(kernels::sum_of_products(turned, turned).values<double>(),
            kernels::sum_of_products(kernels::copy(turned), kernels::copy(turned)).values<double>());
  EXPECT_EQ(error_text([&] { kernels::sum_of_products(x, turned); }),
            "[sum_of_products] f64 (4, 3) and f64 (3, 4); both must be of one dtype and one shape with a dimension");
}

TEST(SquaredNorm, IsInDouble) {
  EXPECT_EQ(kernels::squared_norm(Tensor::from(std::vector<float>{3, 4}, {2})), 25);
  EXPECT_EQ(kernels::squared_norm(Tensor::from(std::vector<float>{1e30f, 1}, {2})),
            static_cast<double>(1e30f) * static_cast<double>(1e30f) + 1);
  EXPECT_EQ(kernels::squared_norm(Tensor::empty({0})), 0);
  const Tensor x = Tensor::full({100003}, 0.5);
  EXPECT_EQ(kernels::squared_norm(x), 100003 * 0.25);
  EXPECT_EQ(kernels::squared_norm(kernels::cast(x, DType::kF64)), 100003 * 0.25);
}

TEST(SquaredNorm, OfRows) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4, 0, -1, 5, 6}, {2, 2, 2});
  EXPECT_EQ(kernels::squared_norm_rows(x).values<double>(), (Doubles{30, 62}));
  EXPECT_EQ(kernels::squared_norm_rows(x).dtype(), DType::kF64);
  EXPECT_EQ(kernels::squared_norm_rows(Tensor::full({3, 5000}, 2)).values<double>(), (Doubles{20000, 20000, 20000}));
  EXPECT_EQ(kernels::squared_norm_rows(Tensor::empty({2, 0})).values<double>(), (Doubles{0, 0}));
  EXPECT_EQ(kernels::squared_norm_rows(Tensor::empty({0, 2})).shape(), Shape{0});
}

TEST(AllFinite, FindsOneElement) {
  EXPECT_TRUE(kernels::all_finite(Tensor::empty({0})));
  EXPECT_TRUE(kernels::all_finite(Tensor::full({7}, 3e38)));
  for (const int64_t n : {1, 5, 64, 70000}) {
    for (const double bad : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
      Tensor x = Tensor::full({n}, -3e38);
      x.mutable_data<float>()[n - 1] = static_cast<float>(bad);
      EXPECT_FALSE(kernels::all_finite(x)) << n;
      EXPECT_FALSE(kernels::all_finite(kernels::cast(x, DType::kF64))) << n;
    }
  }
}

TEST(Reduce, TheSameForAnyThreads) {
  const Tensor x = drawn({700, 333}, DType::kF32);
  expect_same_bits([&] { return kernels::sum_all(x); });
  expect_same_bits([&] { return kernels::sum_axis(x, 0, false); });
  expect_same_bits([&] { return kernels::sum_axis(x, 1, false); });
  expect_same_bits([&] { return kernels::sum_axis(x.view({2, 350, 333}, {350 * 333, 333, 1}), 1, false); });
  expect_same_bits([&] { return kernels::sum_axis(x.view({33300, 7}, {7, 1}), 0, false); });
  expect_same_bits([&] { return kernels::squared_norm_rows(x); });
  expect_same_bits([&] { return Tensor::scalar(kernels::squared_norm(x), DType::kF64); });
}

}  // namespace reduce_test
}  // namespace gradus
