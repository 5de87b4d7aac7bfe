#include "gradus/tensor/kernels/spectral.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random.h"

namespace gradus {
namespace spectral_test {

double norm(const Tensor& x) {
  double squares = 0.0;
  for (const double v : x.values<double>()) squares += v * v;
  return std::sqrt(squares);
}

// H·diag(s)·K, with reflections H = I − 2hhᵀ and K: its singular values are s.
Tensor with_singular_values(const std::vector<double>& s, int64_t rows, int64_t columns) {
  const auto unit = [](int64_t size, double speed) {
    std::vector<double> x;
    double squares = 0.0;
    for (int64_t i = 0; i < size; ++i) {
      x.push_back(std::sin(1.0 + speed * static_cast<double>(i)));
      squares += x.back() * x.back();
    }
    for (double& v : x) v /= std::sqrt(squares);
    return x;
  };
  const std::vector<double> h = unit(rows, 1.3), k = unit(columns, 2.1);
  std::vector<double> w(static_cast<size_t>(rows * columns), 0.0);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      for (size_t m = 0; m < s.size(); ++m) {
        const auto n = static_cast<int64_t>(m);
        w[i * columns + j] +=
            ((i == n ? 1.0 : 0.0) - 2 * h[i] * h[m]) * s[m] * ((j == n ? 1.0 : 0.0) - 2 * k[m] * k[j]);
      }
    }
  }
  return Tensor::from(w, {rows, columns});
}

TEST(Spectral, IsTheLargestSingularValue) {
  for (const auto& [rows, columns] : {std::pair(5, 9), {9, 5}, {70, 3}, {33, 130}}) {
    const Tensor w = with_singular_values({0.5, 3.0, 2.5}, rows, columns);
    for (const DType dtype : {DType::kF32, DType::kF64}) {
      const kernels::Spectral s = kernels::largest_singular(kernels::cast(w, dtype));
      // Of f32 the rounding of the matrix, at most 2⁻²⁴ of its Frobenius norm.
      EXPECT_NEAR(s.sigma, 3.0, dtype == DType::kF32 ? 4.0 * 0x1p-24 : 1e-14);
      EXPECT_NEAR(norm(s.u), 1.0, 1e-14);
      EXPECT_NEAR(norm(s.v), 1.0, 1e-14);
    }
  }
}

// Two equal ones have any vector of their plane; σ is theirs.
TEST(Spectral, OfEqualSingularValuesIsTheirValue) {
  EXPECT_NEAR(kernels::largest_singular(with_singular_values({2.0, 2.0, 1.0}, 6, 4)).sigma, 2.0, 1e-14);
}

// 1000 rounds do not part values 1e-6 apart, but σ lies between them.
TEST(Spectral, OfValuesTooNearToPartLiesBetweenThem) {
  const double sigma = kernels::largest_singular(with_singular_values({2.0, 2.0 - 1e-6, 1.0}, 6, 4)).sigma;
  EXPECT_GE(sigma, 2.0 - 1e-6);
  EXPECT_LE(sigma, 2.0 + 1e-14);
}

TEST(Spectral, OfNothing) {
  const kernels::Spectral s = kernels::largest_singular(Tensor::zeros({3, 4}));
  EXPECT_EQ(s.sigma, 0.0);
  EXPECT_EQ(norm(s.u), 0.0);
  EXPECT_EQ(kernels::largest_singular(Tensor::zeros({0, 4})).sigma, 0.0);
  EXPECT_EQ(kernels::largest_singular(Tensor::zeros({4, 0})).sigma, 0.0);
  Tensor w = Tensor::full({2, 2}, std::nan(""));
  EXPECT_TRUE(std::isnan(kernels::largest_singular(w).sigma));
}

TEST(Spectral, ThreadsChangeNoBit) {
  for (const Shape& shape : {Shape{301, 217}, Shape{3, 20'003}, Shape{20'003, 3}}) {
    const Tensor w = kernels::random_normal(shape, 1.0, 1.0, 7);
    std::vector<double> first;
    for (const int count : {1, 2, 3, 8}) {
      set_threads(count);
      const kernels::Spectral s = kernels::largest_singular(w);
      std::vector<double> got = s.u.values<double>();
      for (const double v : s.v.values<double>()) got.push_back(v);
      got.push_back(s.sigma);
      if (first.empty()) first = got;
      EXPECT_TRUE(got == first) << count;
    }
  }
  set_threads(0);
}

}  // namespace spectral_test
}  // namespace gradus
