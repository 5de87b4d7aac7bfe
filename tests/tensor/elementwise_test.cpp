#include "gradus/tensor/kernels/elementwise.h"

#include <cmath>
#include <limits>

#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random.h"
#include "tests/tensor/same_bits.h"
#include "tests/testing.h"

namespace gradus {
namespace elementwise_test {

using kernels::Binary;
using kernels::Unary;
using Doubles = std::vector<double>;

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

double gelu(double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

double gelu_slope(double x) {
  const double t = std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
  return (1 + t) / 2 + x / 2 * (1 - t * t) * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
}

// Relative to the result, or absolute near zero; NaN equals NaN.
void expect_close(const Doubles& result, const Doubles& expected, double tolerance) {
  ASSERT_EQ(result.size(), expected.size());
  for (size_t i = 0; i < result.size(); ++i) {
    if (std::isnan(expected[i])) {
      ASSERT_TRUE(std::isnan(result[i])) << "element " << i << " is " << result[i];
    } else if (std::isinf(expected[i])) {
      ASSERT_EQ(result[i], expected[i]) << "element " << i;
    } else {
      ASSERT_NEAR(result[i], expected[i], tolerance * std::max(std::abs(expected[i]), 1e-30)) << "element " << i;
    }
  }
}

// The op on `values` in both dtypes against a function of double, applied to the value as rounded to the dtype.
template <class Function>
void check_unary(Unary op, const Doubles& values, Function function, double f32_tolerance, double f64_tolerance) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    const Tensor x = kernels::cast(Tensor::from(values, {static_cast<int64_t>(values.size())}), dtype);
    Doubles expected = x.values<double>();
    for (double& v : expected) {
      v = function(v);
      if (dtype == DType::kF32) v = static_cast<double>(static_cast<float>(v));
    }
    expect_close(kernels::unary(op, x).values<double>(), expected,
                 dtype == DType::kF32 ? f32_tolerance : f64_tolerance);
  }
}

Doubles spread(double first, double last) { return Tensor::linspace(first, last, 1001, DType::kF64).values<double>(); }

TEST(Unary, ExpMatchesTheStandardOne) {
  const auto exp = [](double x) { return std::exp(x); };
  check_unary(Unary::kExp, spread(-80, 88), exp, 3e-7, 4e-16);
  check_unary(Unary::kExp, {0, -0.0, kInfinity, -kInfinity, kNaN, 1e30, -1e30, 89, 105, 200}, exp, 3e-7, 4e-16);
  const Tensor high = Tensor::from(Doubles{709, 709.7, 709.79, 710, 720, 1000, -700, -746, -1001}, {9});
  Doubles expected = high.values<double>();
  for (double& v : expected) v = std::exp(v);
  expect_close(kernels::unary(Unary::kExp, high).values<double>(), expected, 4e-16);
}

TEST(Unary, LogMatchesTheStandardOne) {
  const auto log = [](double x) { return std::log(x); };
  check_unary(Unary::kLog, spread(0.01, 0.9), log, 5e-7, 1e-15);
  check_unary(Unary::kLog, spread(1.1, 1e6), log, 5e-7, 1e-15);
  check_unary(Unary::kLog, {1, 0, -0.0, kInfinity, -kInfinity, -1, kNaN, 1e-40, 3e38, 1e-37}, log, 5e-7, 1e-15);
  check_unary(Unary::kLog, {1e300, 1e-310}, log, 5e-7, 1e-15);
}

TEST(Unary, TanhMatchesTheStandardOne) {
  const auto tanh = [](double x) { return std::tanh(x); };
  check_unary(Unary::kTanh, spread(-20, 20), tanh, 5e-7, 1e-15);
  check_unary(Unary::kTanh, {1e-8, -1e-3, kInfinity, -kInfinity, kNaN, 1e30, -1e30}, tanh, 5e-7, 1e-15);
}

TEST(Unary, GeluMatchesItsFormula) {
  check_unary(Unary::kGelu, spread(-3, 6), gelu, 2e-6, 2e-13);
  check_unary(Unary::kGelu, {0, 1e10, 1e30, kInfinity, kNaN}, gelu, 1e-6, 1e-15);
  EXPECT_EQ(kernels::unary(Unary::kGelu, Tensor::scalar(-1e30)).item(), 0);
}

TEST(Unary, ReluKeepsNaN) {
  check_unary(
      Unary::kRelu, {-1, 0, 2, kInfinity, -kInfinity, kNaN}, [](double x) { return x < 0 ? 0 : x; }, 0, 0);
  check_unary(
      Unary::kNegate, {-1, 0, 2, kInfinity, kNaN}, [](double x) { return -x; }, 0, 0);
}

TEST(Unary, ViewsEmptyOnesAndWrongTypes) {
  const Tensor x = Tensor::from(Doubles{1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(kernels::unary(Unary::kNegate, x.view({3, 2}, {1, 3})).values<double>(), (Doubles{-1, -4, -2, -5, -3, -6}));
  EXPECT_EQ(kernels::unary(Unary::kExp, Tensor::empty({0, 3})).shape(), (Shape{0, 3}));
  EXPECT_EQ(error_text([] { kernels::unary(Unary::kExp, Tensor::zeros({2}, DType::kI64)); }),
            "[exp] works on f32 and f64, not on i64; convert with cast");
}

TEST(Binary, EverySizeOfTail) {
  for (int64_t n = 1; n < 40; ++n) {
    const Tensor a = Tensor::linspace(1, 2, n), b = Tensor::linspace(3, 5, n);
    const std::vector<float> x = a.values<float>(), y = b.values<float>();
    const std::vector<float> sum = kernels::binary("add", Binary::kAdd, a, b).values<float>();
    const std::vector<float> ratio = kernels::binary("divide", Binary::kDivide, a, b).values<float>();
    for (size_t i = 0; i < sum.size(); ++i) {
      ASSERT_EQ(sum[i], x[i] + y[i]);
      ASSERT_EQ(ratio[i], x[i] / y[i]);
    }
  }
}

// Checks subtraction of `a` and `b`, broadcast to `shape`, against indexing by hand.
void check_broadcast(const Tensor& a, const Tensor& b, const Shape& shape) {
  const Doubles result = kernels::binary("subtract", Binary::kSubtract, a, b).values<double>();
  const Doubles x = kernels::expand(a, shape).values<double>(), y = kernels::expand(b, shape).values<double>();
  ASSERT_EQ(result.size(), x.size());
  for (size_t i = 0; i < result.size(); ++i) ASSERT_EQ(result[i], x[i] - y[i]) << "element " << i;
}

Tensor drawn(const Shape& shape) { return kernels::random_uniform(shape, -1, 1, 3, DType::kF64); }

TEST(Binary, BroadcastsAsNumPyDoes) {
  const Tensor x = drawn({3, 4, 5});
  check_broadcast(x, drawn({5}), {3, 4, 5});
  check_broadcast(drawn({4, 1}), x, {3, 4, 5});
  check_broadcast(x, drawn({3, 1, 1}), {3, 4, 5});
  check_broadcast(drawn({3, 1, 5}), x, {3, 4, 5});
  check_broadcast(drawn({4, 1}), drawn({3}), {4, 3});
  check_broadcast(drawn({1}), x, {3, 4, 5});
  check_broadcast(x, drawn({1, 1, 1, 1}), {1, 3, 4, 5});
  check_broadcast(drawn({}), drawn({}), {});
  check_broadcast(drawn({0, 4}), drawn({4}), {0, 4});
  check_broadcast(drawn({2, 1, 3, 1, 2}), drawn({4, 1, 5, 1}), {2, 4, 3, 5, 2});
}

TEST(Binary, TakesViewsOfAnyStrides) {
  const Tensor x = drawn({4, 5}), y = drawn({5, 4});
  check_broadcast(x.view({5, 4}, {1, 5}), y, {5, 4});
  check_broadcast(x.view({5, 4}, {1, 5}), drawn({4}), {5, 4});
  check_broadcast(x.view({4, 2}, {5, 2}), drawn({4, 1}), {4, 2});
  check_broadcast(x.view({4, 3}, {5, 1}), drawn({3}), {4, 3});
  check_broadcast(kernels::expand(drawn({5, 1}), {5, 4}), kernels::expand(drawn({5, 1}), {5, 4}), {5, 4});
  check_broadcast(kernels::expand(drawn({1}), {4}), drawn({1}), {4});
}

TEST(Binary, ScalarsOnEitherSide) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 4}, {3});
  EXPECT_EQ(kernels::binary(Binary::kDivide, 1.0, x).values<double>(), (Doubles{1, 0.5, 0.25}));
  EXPECT_EQ(kernels::binary(Binary::kSubtract, x, 1.0).values<double>(), (Doubles{0, 1, 3}));
  EXPECT_EQ(kernels::binary(Binary::kMultiply, x.view({2}, {2}), 0.1).values<float>(),
            (std::vector<float>{0.1f, 4 * 0.1f}));
  EXPECT_EQ(kernels::binary(Binary::kAdd, x, 1.0).dtype(), DType::kF32);
}

TEST(Unary, BackwardFormulas) {
  const Tensor x = Tensor::from(Doubles{-2, -0.5, 0, 0.3, 3, 40, -40, 1e200, -1e200}, {9});
  const Tensor g = Tensor::full({9}, 3, DType::kF64);
  const auto run = [&](Unary op) { return kernels::unary_backward(op, x, g).values<double>(); };
  EXPECT_EQ(run(Unary::kRelu), (Doubles{0, 0, 0, 3, 3, 3, 0, 3, 0}));
  EXPECT_EQ(run(Unary::kTanh)[1], 3 * 0.75);  // of the result
  EXPECT_TRUE(kernels::backward_takes_result(Unary::kTanh));
  EXPECT_FALSE(kernels::backward_takes_result(Unary::kGelu));
  Doubles expected;
  for (const double v : {-2.0, -0.5, 0.0, 0.3, 3.0, 40.0}) expected.push_back(3 * gelu_slope(v));
  for (const double v : {0.0, 3.0, 0.0}) expected.push_back(v);
  expect_close(run(Unary::kGelu), expected, 1e-13);
  const Tensor one = Tensor::scalar(1, DType::kF64);
  EXPECT_TRUE(std::isnan(kernels::unary_backward(Unary::kGelu, Tensor::scalar(kNaN, DType::kF64), one).item()));
}

TEST(Binary, Messages) {
  EXPECT_EQ(
      error_text([] { kernels::binary("add", Binary::kAdd, Tensor::zeros({1}), Tensor::zeros({1}, DType::kF64)); }),
      "[add] f32 and f64 do not mix; convert one with cast");
  EXPECT_EQ(error_text([] {
              kernels::binary("add", Binary::kAdd, Tensor::zeros({2, 3}), Tensor::zeros({2}));
            }),
            "[add] shapes (2, 3) and (2,) do not broadcast: 3 against 2 in dimension 1 from the end; sizes must be "
            "equal or 1");
  EXPECT_EQ(error_text([] { kernels::binary(Binary::kAdd, Tensor::zeros({1}, DType::kI64), 1.0); }),
            "[add] works on f32 and f64, not on i64; convert with cast");
}

TEST(InPlace, AccumulateAndScale) {
  Tensor x = Tensor::from(std::vector<float>{1, 2, 3}, {3});
  const uint32_t before = x.version();
  kernels::accumulate(x, Tensor::full({3}, 10));
  kernels::scale_in_place(x, 2);
  EXPECT_EQ(x.values<double>(), (Doubles{22, 24, 26}));
  EXPECT_GT(x.version(), before);
  EXPECT_EQ(error_text([&] { kernels::accumulate(x, Tensor::zeros({1})); }),
            "[accumulate] f32 (1,) into f32 (3,); both must be contiguous, of one shape and dtype");
}

TEST(Elementwise, TheSameForAnyThreads) {
  const Tensor x = kernels::random_normal({300, 401}, 0, 1, 1), row = kernels::random_normal({401}, 0, 1, 2);
  expect_same_bits([&] { return kernels::unary(Unary::kGelu, x); });
  expect_same_bits([&] { return kernels::binary("add", Binary::kAdd, x, row); });
  expect_same_bits([&] { return kernels::binary("add", Binary::kAdd, x, x); });
  const Tensor long_rows = kernels::random_normal({2, 70000}, 0, 1, 1);
  const Tensor column = Tensor::from(std::vector<float>{1, 2}, {2, 1});
  expect_same_bits([&] { return kernels::binary("add", Binary::kAdd, long_rows, column); });
}

}  // namespace elementwise_test
}  // namespace gradus
