#include "gradus/tensor/kernels/softmax.h"

#include <cmath>

#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random.h"
#include "tests/tensor/same_bits.h"
#include "tests/testing.h"

namespace gradus {
namespace softmax_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

Tensor drawn(const Shape& shape, DType dtype = DType::kF64) { return kernels::random_normal(shape, 0, 3, 7, dtype); }

Tensor row_of(const Doubles& values) { return Tensor::from(values, {1, static_cast<int64_t>(values.size())}); }

// log Σ exp of one row, in long double.
double plain_logsumexp(const double* x, size_t length) {
  long double sum = 0;
  for (size_t i = 0; i < length; ++i) sum += std::exp(static_cast<long double>(x[i]));
  return static_cast<double>(std::log(sum));
}

TEST(Softmax, ByHand) {
  const Doubles y = kernels::softmax(row_of({0, std::log(2.0), std::log(5.0)})).values<double>();
  EXPECT_NEAR(y[0], 0.125, 1e-16);
  EXPECT_NEAR(y[1], 0.25, 1e-16);
  EXPECT_NEAR(y[2], 0.625, 1e-15);
  EXPECT_EQ(kernels::softmax(Tensor::full({1, 1}, 1e30)).item(), 1);
  EXPECT_EQ(kernels::softmax(Tensor::empty({2, 0})).shape(), (Shape{2, 0}));
  EXPECT_EQ(kernels::softmax(Tensor::empty({0, 2})).shape(), (Shape{0, 2}));
}

TEST(Softmax, EveryLengthAgainstThePlainFormula) {
  for (const int64_t length : {1, 2, 7, 10, 16, 31, 33, 65, 1024, 3000}) {
    const Tensor x = drawn({3, length});
    const Doubles in = x.values<double>();
    const Doubles y = kernels::softmax(x).values<double>(), log = kernels::logsumexp(x).values<double>();
    const Doubles narrow = kernels::softmax(kernels::cast(x, DType::kF32)).values<double>();
    const Doubles log_y = kernels::log_softmax(x).values<double>();
    const size_t n = static_cast<size_t>(length);
    for (size_t row = 0; row < 3; ++row) {
      const double sum = plain_logsumexp(&in[row * n], n);
      ASSERT_NEAR(log[row], sum, 1e-13);
      for (size_t i = row * n; i < (row + 1) * n; ++i) {
        const double expected = std::exp(in[i] - sum);
        ASSERT_NEAR(y[i], expected, 1e-14 * expected + 1e-300);
        ASSERT_NEAR(narrow[i], expected, 3e-6 * expected);
        ASSERT_NEAR(log_y[i], in[i] - sum, 1e-14 * (1 + std::abs(in[i] - sum)));
      }
    }
  }
}

TEST(Softmax, Extremes) {
  const double infinity = HUGE_VAL;
  EXPECT_EQ(kernels::softmax(row_of({1e300, 1e300})).values<double>(), (Doubles{0.5, 0.5}));
  EXPECT_EQ(kernels::softmax(row_of({-infinity, 3})).values<double>(), (Doubles{0, 1}));
  for (const Doubles& bad : {Doubles{-infinity, -infinity}, Doubles{infinity, 0}}) {
    EXPECT_TRUE(std::isnan(kernels::softmax(row_of(bad)).values<double>()[0]));
  }
  for (size_t place = 0; place < 40; place += 13) {
    Doubles values(40, 1.0);
    values[place] = std::nan("");
    for (const double y : kernels::softmax(row_of(values)).values<double>()) ASSERT_TRUE(std::isnan(y));
    ASSERT_TRUE(std::isnan(kernels::logsumexp(row_of(values)).item()));
  }
}

TEST(Softmax, OfAView) {
  const Tensor x = drawn({3, 4});
  const Tensor turned = x.view({4, 3}, {1, 4});
  EXPECT_EQ(kernels::softmax(turned).values<double>(), kernels::softmax(kernels::copy(turned)).values<double>());
}

TEST(Softmax, BackwardIsTheJacobian) {
  const Tensor y = kernels::softmax(drawn({2, 21})), g = kernels::random_normal({2, 21}, 0, 1, 8, DType::kF64);
  const Doubles p = y.values<double>(), out = g.values<double>();
  const Doubles result = kernels::softmax_backward(y, g).values<double>();
  const Doubles narrow =
      kernels::softmax_backward(kernels::cast(y, DType::kF32), kernels::cast(g, DType::kF32)).values<double>();
  for (size_t i = 0; i < p.size(); ++i) {
    double expected = 0;
    for (size_t j = i / 21 * 21; j < i / 21 * 21 + 21; ++j) expected += out[j] * p[j] * ((i == j ? 1 : 0) - p[i]);
    ASSERT_NEAR(result[i], expected, 1e-15);
    ASSERT_NEAR(narrow[i], expected, 1e-6);
  }
}

TEST(LogSumExp, Extremes) {
  const double infinity = HUGE_VAL;
  EXPECT_EQ(kernels::logsumexp(row_of({-infinity, -infinity})).item(), -infinity);
  EXPECT_EQ(kernels::logsumexp(row_of({infinity, 1e300, -infinity})).item(), infinity);
  EXPECT_EQ(kernels::logsumexp(row_of({1e300, 0})).item(), 1e300);
  EXPECT_EQ(kernels::logsumexp(Tensor::empty({2, 0})).values<double>(), (Doubles{-infinity, -infinity}));
  EXPECT_EQ(kernels::logsumexp(Tensor::empty({4, 5, 0})).shape(), (Shape{4, 5}));
}

TEST(CrossEntropy, AgainstThePlainFormula) {
  const Tensor logits = drawn({5, 37});
  const Tensor targets = Tensor::from(Ints{0, 36, 5, 5, 20}, {5});
  const Doubles x = logits.values<double>();
  double expected = 0;
  for (size_t i = 0; i < 5; ++i) {
    expected += plain_logsumexp(&x[i * 37], 37) - x[i * 37 + static_cast<size_t>(targets.data<int64_t>()[i])];
  }
  const kernels::CrossEntropy result = kernels::cross_entropy(logits, targets);
  EXPECT_EQ(result.sum.shape(), Shape());
  EXPECT_NEAR(result.sum.item(), expected, 1e-13);
  EXPECT_EQ(result.probabilities.values<double>(), kernels::softmax(logits).values<double>());
  const kernels::CrossEntropy narrow = kernels::cross_entropy(kernels::cast(logits, DType::kF32), targets);
  EXPECT_EQ(narrow.sum.dtype(), DType::kF32);
  EXPECT_NEAR(narrow.sum.item(), expected, 1e-5);
}

TEST(CrossEntropy, UniformExtremeAndEmpty) {
  const Tensor zero = Tensor::from(Ints{0}, {1});
  EXPECT_NEAR(kernels::cross_entropy(Tensor::zeros({1, 65}), zero).sum.item(), std::log(65.0), 1e-6);
  EXPECT_EQ(kernels::cross_entropy(row_of({-1e4, 1e4}), zero).sum.item(), 2e4);
  EXPECT_EQ(kernels::cross_entropy(row_of({-HUGE_VAL, 1}), zero).sum.item(), HUGE_VAL);
  EXPECT_EQ(kernels::cross_entropy(Tensor::empty({0, 3}), Tensor::from(Ints{}, {0})).sum.item(), 0);
}

TEST(CrossEntropy, BackwardByHand) {
  const Tensor p = Tensor::from(Doubles{0.25, 0.75, 0.5, 0.5}, {2, 2});
  EXPECT_EQ(kernels::cross_entropy_backward(p, Tensor::from(Ints{1, 0}, {2}), 2).values<double>(),
            (Doubles{0.5, -0.5, -1, 1}));
}

TEST(CrossEntropy, Messages) {
  const Tensor logits = Tensor::zeros({2, 10});
  EXPECT_EQ(error_text([&] {
              kernels::cross_entropy(logits, Tensor::from(Ints{3, 10}, {2}));
            }),
            "[cross_entropy] target 10 in row 1; expected 0 to 9 (there are 10 classes)");
  EXPECT_EQ(error_text([&] { kernels::cross_entropy(logits, Tensor::from(Ints{3}, {1})); }),
            "[cross_entropy] targets i64 (1,); expected i64 (2,), one class a row");
  EXPECT_EQ(error_text([] { kernels::softmax(Tensor::scalar(1)); }),
            "[softmax] a tensor of no dimensions; expected at least one");
}

TEST(Softmax, TheSameForAnyThreads) {
  const Tensor x = drawn({900, 65}, DType::kF32);
  const Tensor targets = kernels::cast(kernels::random_uniform({900}, 0, 64.99, 3), DType::kI64);
  expect_same_bits([&] { return kernels::softmax(x); });
  expect_same_bits([&] { return kernels::softmax_backward(x, x); });
  expect_same_bits([&] { return kernels::logsumexp(x); });
  expect_same_bits([&] { return kernels::cross_entropy(x, targets).sum; });
  expect_same_bits([&] { return kernels::cross_entropy_backward(x, targets, 0.1); });
}

}  // namespace softmax_test
}  // namespace gradus
