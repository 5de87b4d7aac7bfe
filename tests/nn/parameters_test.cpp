#include "gradus/nn/parameters.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/threads.h"
#include "tests/testing.h"

namespace gradus {
namespace parameters_test {

using Values = std::vector<double>;
using Named = std::vector<std::pair<std::string, Tensor>>;

struct Moments {
  double mean, deviation, skew, kurtosis, low, high;
};

Moments moments_of(const Tensor& x) {
  const Values v = x.values<double>();
  const double n = static_cast<double>(v.size());
  Moments m{0, 0, 0, 0, *std::ranges::min_element(v), *std::ranges::max_element(v)};
  for (const double e : v) m.mean += e / n;
  double second = 0, third = 0, fourth = 0;
  for (const double e : v) {
    const double d = e - m.mean;
    second += d * d / n;
    third += d * d * d / n;
    fourth += d * d * d * d / n;
  }
  m.deviation = std::sqrt(second);
  m.skew = third / std::pow(second, 1.5);
  m.kurtosis = fourth / (second * second);
  return m;
}

Tensor initial(const Initializer& init, const Shape& shape, std::string_view name = "w", uint64_t seed = 1,
               DType dtype = DType::kF32) {
  Parameters list;
  return ParameterBuilder(list, seed, dtype).add(name, shape, init);
}

// n = 100,000 values: five standard errors of each moment.
TEST(Initializer, NormalHasItsMoments) {
  const double n = 100000;
  const Moments m = moments_of(initial(Initializer::normal(0.02, 3.0), {400, 250}));
  EXPECT_NEAR(m.mean, 3.0, 5 * 0.02 / std::sqrt(n));
  EXPECT_NEAR(m.deviation, 0.02, 5 * 0.02 / std::sqrt(2 * n));
  EXPECT_NEAR(m.skew, 0, 5 * std::sqrt(6 / n));
  EXPECT_NEAR(m.kurtosis, 3, 5 * std::sqrt(24 / n));
  EXPECT_GT(m.high - m.low, 7 * 0.02);  // tails are there
}

// (out, in) = (400, 250); n values, five standard errors.
TEST(Initializer, ThoseByFanHaveTheVarianceOfTheirPaper) {
  const double n = 100000;
  const auto deviation = [](const Initializer& init) { return moments_of(initial(init, {400, 250})).deviation; };
  const auto expect = [&](const Initializer& init, double variance) {
    EXPECT_NEAR(deviation(init), std::sqrt(variance), 5 * std::sqrt(variance / (2 * n)));
  };
  expect(Initializer::xavier_normal(), 2.0 / 650);
  expect(Initializer::xavier_uniform(), 2.0 / 650);
  expect(Initializer::kaiming_normal(), 2.0 / 250);
  expect(Initializer::kaiming_uniform(), 2.0 / 250);
  expect(Initializer::lecun_normal(), 1.0 / 250);
  expect(Initializer::lecun_uniform(), 1.0 / 250);
  expect(Initializer::fan_normal(Initializer::Fan::kOut, 3.0), 9.0 / 400);
  const Moments uniform = moments_of(initial(Initializer::xavier_uniform(), {400, 250}));
  EXPECT_LE(uniform.high, std::sqrt(6.0 / 650) * 1.000001);
  EXPECT_NEAR(uniform.kurtosis, 1.8, 0.05);
  EXPECT_EQ(error_text([] { initial(Initializer::kaiming_normal(), {5}); }),
            "[parameters] a start by fan, of orthogonal rows, of sparse columns or as the identity needs two "
            "dimensions, not (5,)");
}

// A normal distribution cut at ±2 has variance 1 − 4·φ(2)/(2·Φ(2) − 1) = 0.7737.
TEST(Initializer, TruncatedNormalStaysInsideTwoDeviations) {
  const Moments m = moments_of(initial(Initializer::truncated_normal(0.5), {400, 250}));
  EXPECT_LE(m.high, 1.0);
  EXPECT_GE(m.low, -1.0);
  EXPECT_GT(m.high, 0.999);
  EXPECT_NEAR(m.deviation, 0.5 * std::sqrt(0.7737), 0.002);
}

// As PyTorch's _calculate_fan_in_and_fan_out of (out, in, kh, kw): the inputs are the last dimension here.
TEST(Initializer, TheFansOfAConvolutionCountItsKernel) {
  const auto expect = [](const Initializer& init, const Shape& shape, double variance) {
    const double n = static_cast<double>(shape.numel());
    EXPECT_NEAR(moments_of(initial(init, shape)).deviation, std::sqrt(variance), 5 * std::sqrt(variance / (2 * n)));
  };
  const Shape square = {80, 3, 5, 60}, line = {80, 7, 90};
  expect(Initializer::fan_normal(Initializer::Fan::kIn, 1.0), square, 1.0 / (3 * 5 * 60));
  expect(Initializer::fan_normal(Initializer::Fan::kOut, 1.0), square, 1.0 / (3 * 5 * 80));
  expect(Initializer::xavier_uniform(), square, 2.0 / (3 * 5 * 140));
  expect(Initializer::fan_uniform(Initializer::Fan::kIn, 1.0), line, 1.0 / (7 * 90));
  expect(Initializer::fan_uniform(Initializer::Fan::kOut, 1.0), line, 1.0 / (7 * 80));
}

// Keras's he_normal: cut at two deviations of √(2/fan)/0.8796, so that the variance is 2/fan.
TEST(Initializer, TruncatedByFanHasTheVarianceAndTheCut) {
  const Moments m = moments_of(initial(Initializer::fan_truncated(Initializer::Fan::kIn, std::sqrt(2.0)), {400, 250}));
  const double deviation = std::sqrt(2.0 / 250), bound = 2 * deviation / 0.87962566103423978;
  EXPECT_NEAR(m.deviation, deviation, 5 * deviation / std::sqrt(2e5));
  EXPECT_LE(m.high, bound * 1.000001);
  EXPECT_GT(m.high, 0.998 * bound);
}

// torch.nn.init.eye_, and dirac_ of (out, in, kh, kw) with the inputs moved to the end.
TEST(Initializer, TheIdentityPassesInputsThrough) {
  EXPECT_EQ(initial(Initializer::identity(), {2, 3}).values<double>(), (Values{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(initial(Initializer::identity(0.5), {3, 2}).values<double>(), (Values{0.5, 0, 0, 0.5, 0, 0}));
  const auto expect_ones = [](const Shape& shape, const std::vector<size_t>& places) {
    Values expected(static_cast<size_t>(shape.numel()), 0.0);
    for (const size_t place : places) expected[place] = 1.0;
    EXPECT_EQ(initial(Initializer::identity(), shape).values<double>(), expected) << to_string(shape);
  };
  expect_ones({3, 3, 2}, {2, 9});                // (out, k, in): [0, 1, 0], [1, 1, 1]
  expect_ones({2, 3, 3, 2}, {8, 18 + 8 + 1});    // [0, 1, 1, 0], [1, 1, 1, 1]
  expect_ones({2, 4, 2, 3}, {15, 24 + 15 + 1});  // [0, 2, 1, 0], …, the middle of even kernels as dirac_'s
}

TEST(Initializer, SparseColumnsHaveTheirZerosEach) {
  const int64_t rows = 30, columns = 2000;
  const Values w = initial(Initializer::sparse(0.75, 0.5), {rows, columns}).values<double>();
  std::vector<int64_t> of_row(rows, 0);
  double squares = 0;
  for (int64_t j = 0; j < columns; ++j) {
    int64_t zeros = 0;
    for (int64_t i = 0; i < rows; ++i) {
      const double v = w[static_cast<size_t>(i * columns + j)];
      zeros += v == 0.0 ? 1 : 0;
      of_row[static_cast<size_t>(i)] += v == 0.0 ? 1 : 0;
      squares += v * v;
    }
    EXPECT_EQ(zeros, 23);  // ⌈0.75 · 30⌉
  }
  EXPECT_NEAR(std::sqrt(squares / (7 * columns)), 0.5, 5 * 0.5 / std::sqrt(2.0 * 7 * columns));
  // Each row has its share: 23/30 of the columns, to five deviations of a binomial.
  const double p = 23.0 / 30;
  for (const int64_t zeros : of_row)
    EXPECT_NEAR(static_cast<double>(zeros), p * columns, 5 * std::sqrt(p * (1 - p) * columns));
  for (const int64_t few : {1, 4}) {
    const Values v = initial(Initializer::sparse(0.9, 1.0), {few, 50}).values<double>();
    EXPECT_EQ(std::ranges::count(v, 0.0), (few - 1) * 50);
  }
  EXPECT_EQ(initial(Initializer::sparse(0.0, 1.0), {2, 2}).values<double>(),
            initial(Initializer::normal(1.0), {2, 2}).values<double>());
}

// Each gate's matrix is a matrix of its own.
TEST(Initializer, BlocksStartEachForItself) {
  Parameters list;
  const ParameterBuilder p(list, 3, DType::kF64);
  const Initializer usual = Initializer::constant(7.0);
  const ParameterBuilder identity = p.starting({.weight = Initializer::identity(), .bias = Initializer::constant(0.0)});
  EXPECT_EQ(identity.add_weight("a", {4, 2}, usual, 2).values<double>(), (Values{1, 0, 0, 1, 1, 0, 0, 1}));
  EXPECT_EQ((identity / "part").add_bias("b", {2}, usual).values<double>(), (Values{0, 0}));
  EXPECT_EQ(p.add_weight("c", {2, 1}, usual, 2).values<double>(), (Values{7, 7}));
  const Values w = p.starting({.weight = Initializer::orthogonal()}).add_weight("d", {6, 3}, usual, 2).values<double>();
  EXPECT_NE(w[0], w[9]);
  for (const size_t block : {0U, 9U}) {
    for (size_t a = 0; a < 3; ++a) {
      for (size_t b = 0; b < 3; ++b) {
        double product = 0;
        for (size_t j = 0; j < 3; ++j) product += w[block + 3 * a + j] * w[block + 3 * b + j];
        EXPECT_NEAR(product, a == b ? 1.0 : 0.0, 1e-14);
      }
    }
  }
}

TEST(Initializer, ThreadsChangeNoBit) {
  for (const Initializer& init :
       {Initializer::sparse(0.5, 1.0), Initializer::identity(), Initializer::orthogonal(),
        Initializer::fan_truncated(Initializer::Fan::kOut, 1.0), Initializer::xavier_normal()}) {
    Values first;
    for (const int count : {1, 3}) {
      set_threads(count);
      const Values own = initial(init, {64, 3, 3, 16}).values<double>();
      if (first.empty()) first = own;
      EXPECT_EQ(own, first);
    }
  }
  set_threads(0);
}

TEST(Initializer, OrthogonalRowsOrColumnsAreOrthonormal) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{5, 9}, {9, 5}, {6, 6}}) {
    const Values w = initial(Initializer::orthogonal(2.0), {rows, columns}, "w", 1, DType::kF64).values<double>();
    const bool by_rows = rows <= columns;
    const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    const auto at = [&](int64_t i, int64_t j) {
      return w[static_cast<size_t>(by_rows ? i * columns + j : j * columns + i)];
    };
    for (int64_t a = 0; a < count; ++a) {
      for (int64_t b = 0; b < count; ++b) {
        double product = 0;
        for (int64_t j = 0; j < length; ++j) product += at(a, j) * at(b, j);
        EXPECT_NEAR(product, a == b ? 4.0 : 0.0, 1e-14);
      }
    }
  }
}

TEST(Initializer, UniformHasItsMomentsAndBounds) {
  const double n = 100000;
  const Moments m = moments_of(initial(Initializer::uniform(0.25), {400, 250}));
  EXPECT_GE(m.low, -0.25);
  EXPECT_LE(m.high, 0.25);
  EXPECT_LT(m.low, -0.2499);
  EXPECT_GT(m.high, 0.2499);
  EXPECT_NEAR(m.mean, 0, 5 * 0.25 / std::sqrt(3 * n));
  EXPECT_NEAR(m.deviation, 0.25 / std::sqrt(3), 5 * 0.25 / std::sqrt(n));
  EXPECT_NEAR(m.kurtosis, 1.8, 0.03);
}

TEST(Initializer, ConstantFills) {
  EXPECT_EQ(initial(Initializer::constant(0.5), {2, 2}).values<double>(), (Values{0.5, 0.5, 0.5, 0.5}));
}

// Neighbours must not be related, as they would be if one counter were used twice.
TEST(Initializer, NeighboursAreUncorrelated) {
  const Values v = initial(Initializer::normal(1.0), {100000}).values<double>();
  for (const size_t lag : {1u, 2u, 4u, 8u, 16u}) {
    double sum = 0;
    for (size_t i = 0; i + lag < v.size(); ++i) sum += v[i] * v[i + lag];
    EXPECT_NEAR(sum / 100000, 0, 5 / std::sqrt(100000)) << lag;
  }
}

TEST(ParameterBuilder, ValuesFollowFromSeedAndFullNameAlone) {
  const Initializer normal = Initializer::normal(1.0);
  Parameters one, other;
  const ParameterBuilder p(one, 7), q(other, 7);
  const Values a = (p / "h" / 0).add("w", {3, 4}, normal).values<double>();
  const Values b = (p / "h" / 1).add("w", {3, 4}, normal).values<double>();
  q.add("unrelated", {5}, normal);
  EXPECT_EQ((q / "h" / 1).add("w", {3, 4}, normal).values<double>(), b);
  EXPECT_EQ((q / "h").add("0.w", {3, 4}, normal).values<double>(), a);
  EXPECT_NE(a, b);
  EXPECT_NE(initial(normal, {3, 4}, "h.0.w", 8).values<double>(), a);
}

TEST(ParameterBuilder, ListsNamesInOrderAndAsksForGradients) {
  Parameters list;
  const ParameterBuilder p(list, 1);
  (p / "a" / 3).add("w", {2}, Initializer::constant(1));
  p.add("b", {1, 2}, Initializer::constant(1));
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].name, "a.3.w");
  EXPECT_EQ(list[1].name, "b");
  EXPECT_TRUE(list[1].tensor.requires_grad());
  EXPECT_EQ(count_elements(list), 4);
}

TEST(ParameterBuilder, RefusesANameTwice) {
  Parameters list;
  const ParameterBuilder p(list, 1);
  (p / "a").add("w", {2}, Initializer::constant(1));
  EXPECT_EQ(error_text([&] { p.add("a.w", {3}, Initializer::constant(1)); }),
            "[parameters] the name \"a.w\" is taken already");
  EXPECT_EQ(list.size(), 1u);
}

TEST(ParameterBuilder, MakesTheDtypeAsked) {
  const Tensor wide = initial(Initializer::normal(1.0), {50}, "w", 1, DType::kF64);
  EXPECT_EQ(wide.dtype(), DType::kF64);
  const Values narrow = initial(Initializer::normal(1.0), {50}).values<double>();
  for (size_t i = 0; i < narrow.size(); ++i) EXPECT_NEAR(wide.values<double>()[i], narrow[i], 1e-6);
}

TEST(LoadParameters, CopiesByNameAndConverts) {
  Parameters list;
  const ParameterBuilder p(list, 1);
  const Tensor a = p.add("a", {2}, Initializer::constant(0)), b = p.add("b", {1, 2}, Initializer::constant(0));
  load_parameters(list, {{"b", Tensor::from(Values{3, 4}, {1, 2})}, {"a", Tensor::from(Values{1, 2}, {2})}}, "x");
  EXPECT_EQ(a.values<double>(), (Values{1, 2}));
  EXPECT_EQ(b.values<double>(), (Values{3, 4}));
  EXPECT_EQ(a.dtype(), DType::kF32);
  EXPECT_TRUE(a.requires_grad());
}

TEST(LoadParameters, DoesNotShareMemoryWithItsSource) {
  Parameters list;
  const Tensor a = ParameterBuilder(list, 1).add("a", {1}, Initializer::constant(0));
  Tensor source = Tensor::full({1}, 5);
  load_parameters(list, {{"a", source}}, "x");
  source.mutable_data<float>()[0] = 6;
  EXPECT_EQ(a.item(), 5);
}

TEST(LoadParameters, ListsEveryMisfitAndChangesNothing) {
  Parameters list;
  const ParameterBuilder p(list, 1);
  const Tensor a = p.add("a", {2}, Initializer::constant(0));
  p.add("b", {1, 2}, Initializer::constant(0));
  p.add("c", {}, Initializer::constant(0));
  const Named values = {{"a", Tensor::full({2}, 1)}, {"b", Tensor::full({2, 1}, 1)}, {"d", Tensor::full({3}, 1)}};
  EXPECT_EQ(error_text([&] { load_parameters(list, values, "run/model.safetensors"); }),
            "[run/model.safetensors] the weights do not fit the model:\n"
            "  b is f32 (2, 1), the model has f32 (1, 2)\n"
            "  c is missing\n"
            "  d f32 (3,) is not in the model");
  EXPECT_EQ(a.values<double>(), (Values{0, 0}));
}

}  // namespace parameters_test
}  // namespace gradus
