#include "gradus/tensor/matmul.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <cmath>
#include <vector>

#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace matmul_test {

// Small whole numbers: every product and sum is exact, in any order, in f32 and f64.
Tensor whole_numbers(const Shape& shape, int64_t step, DType dtype = DType::kF32) {
  std::vector<double> values;
  for (int64_t i = 0; i < shape.numel(); ++i) values.push_back(static_cast<double>(i * step % 7 - 3));
  return kernels::cast(Tensor::from(values, shape), dtype);
}

std::vector<double> plain_product(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.values<double>(), y = b.values<double>();
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  std::vector<double> c(static_cast<size_t>(m * n), 0.0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t j = 0; j < n; ++j) {
        c[static_cast<size_t>(i * n + j)] += x[static_cast<size_t>(i * k + p)] * y[static_cast<size_t>(p * n + j)];
      }
    }
  }
  return c;
}

TEST(Matmul, IsExactOnWholeNumbersAtEverySize) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const int64_t m : {1, 2, 7, 33, 130}) {
      for (const int64_t n : {1, 5, 31, 65, 129}) {
        for (const int64_t k : {1, 3, 64, 257}) {
          const Tensor a = whole_numbers({m, k}, 3, dtype), b = whole_numbers({k, n}, 5, dtype);
          EXPECT_EQ(kernels::matmul(a, b).values<double>(), plain_product(a, b)) << m << " " << n << " " << k;
        }
      }
    }
  }
}

TEST(Matmul, OurOwnProductEqualsThePlainOneInF32) {
  for (const int64_t m : {1, 9, 70}) {
    for (const int64_t n : {1, 33, 100}) {
      for (const int64_t k : {1, 40, 600}) {
        const Tensor a = whole_numbers({m, k}, 3), b = whole_numbers({k, n}, 5);
        Tensor c = Tensor::full({m, n}, 2.0);
        kernels::packed_product<float>(m, n, k, {a.data<float>(), k, 1}, {b.data<float>(), n, 1},
                                       c.mutable_data<float>(), n, true);
        std::vector<double> expected = plain_product(a, b);
        for (double& value : expected) value += 2.0;
        EXPECT_EQ(c.values<double>(), expected) << m << " " << n << " " << k;
      }
    }
  }
}

TEST(Matmul, TheBiasIsAddedToEveryRow) {
  const Tensor x = whole_numbers({70, 90}, 3), weight = whole_numbers({50, 90}, 5), bias = whole_numbers({50}, 2);
  const Tensor y = kernels::linear(x, weight, bias);
  std::vector<double> expected = plain_product(x, weight.view({90, 50}, {1, 90}));
  const std::vector<double> b = bias.values<double>();
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += b[i % 50];
  EXPECT_EQ(y.values<double>(), expected);
}

std::atomic<int> g_alarms{0};

// oneDNN's code uses the stack pointer for other memory: a signal handler that ran meanwhile would write over the heap.
TEST(Matmul, SignalsDoNotDisturbIt) {
  struct sigaction action {
  }, previous{};
  action.sa_handler = [](int) { ++g_alarms; };
  ASSERT_EQ(sigaction(SIGALRM, &action, &previous), 0);
  const itimerval often{{0, 200}, {0, 200}}, never{};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  const Tensor a = whole_numbers({300, 300}, 3), b = whole_numbers({300, 200}, 5);
  const std::vector<double> expected = plain_product(a, b);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(kernels::matmul(a, b).values<double>(), expected) << i;
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &previous, nullptr);
  EXPECT_GT(g_alarms, 10);
}

}  // namespace matmul_test
}  // namespace gradus
