#include "gradus/tensor/kernels/layer_norm.h"

#include <cmath>

#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random.h"
#include "tests/tensor/same_bits.h"
#include "tests/testing.h"

namespace gradus {
namespace layer_norm_test {

using Doubles = std::vector<double>;
using kernels::LayerNorm;

Tensor drawn(const Shape& shape, uint64_t key, DType dtype = DType::kF64) {
  return kernels::random_normal(shape, 1, 2, key, dtype);
}

TEST(LayerNorm, ByHand) {
  const Tensor x = Tensor::from(Doubles{1, 3, -2, -2}, {2, 2});
  const LayerNorm result =
      kernels::layer_norm(x, Tensor::from(Doubles{2, 10}, {2}), Tensor::from(Doubles{5, 7}, {2}), 0.25);
  const double rstd = 1 / std::sqrt(1.25);
  EXPECT_EQ(result.mean.values<double>(), (Doubles{2, -2}));
  EXPECT_EQ(result.rstd.values<double>(), (Doubles{rstd, 2}));
  EXPECT_EQ(result.y.values<double>(), (Doubles{5 - 2 * rstd, 7 + 10 * rstd, 5, 7}));
  EXPECT_EQ(kernels::normalized(x, result.mean, result.rstd).values<double>(), (Doubles{-rstd, rstd, 0, 0}));
  EXPECT_EQ(kernels::layer_norm(x, {}, {}, 0.25).y.values<double>(), (Doubles{-rstd, rstd, 0, 0}));
}

TEST(LayerNorm, RowsHaveMeanZeroAndVarianceOne) {
  for (const int64_t width : {2, 3, 16, 17, 40, 768}) {
    for (const DType dtype : {DType::kF32, DType::kF64}) {
      const LayerNorm result = kernels::layer_norm(drawn({2, 3, width}, 1, dtype), {}, {}, 0);
      EXPECT_EQ(result.mean.shape(), (Shape{2, 3}));
      const Doubles y = result.y.values<double>();
      const double tolerance = dtype == DType::kF32 ? 1e-4 : 1e-12, count = static_cast<double>(width);
      for (size_t row = 0; row < 6; ++row) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
          const double v = y[row * static_cast<size_t>(width) + i];
          sum += v;
          squares += v * v;
        }
        ASSERT_NEAR(sum / count, 0, tolerance);
        ASSERT_NEAR(squares / count, 1, tolerance);
      }
    }
  }
}

TEST(LayerNorm, LargeMeanDoesNotCancel) {
  const Tensor x = Tensor::from(std::vector<float>{10000, 10001, 10002, 10003}, {1, 4});
  const LayerNorm result = kernels::layer_norm(x, {}, {}, 0);
  EXPECT_EQ(result.mean.item(), 10001.5);
  EXPECT_NEAR(result.rstd.item(), 1 / std::sqrt(1.25), 1e-6);
}

TEST(LayerNorm, BackwardAgainstDifferences) {
  const int64_t width = 21;
  const Tensor x = drawn({2, width}, 1), weight = drawn({width}, 2), g = drawn({2, width}, 3);
  const auto loss = [&](const Tensor& input) {
    const Doubles y = kernels::layer_norm(input, weight, {}, 1e-5).y.values<double>(), out = g.values<double>();
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * out[i];
    return sum;
  };
  const LayerNorm forward = kernels::layer_norm(x, weight, {}, 1e-5);
  const Doubles result = kernels::layer_norm_backward(g, x, forward.mean, forward.rstd, weight).values<double>();
  for (int64_t i = 0; i < x.numel(); ++i) {
    Tensor up = kernels::copy(x), down = kernels::copy(x);
    up.mutable_data<double>()[i] += 1e-5;
    down.mutable_data<double>()[i] -= 1e-5;
    ASSERT_NEAR(result[static_cast<size_t>(i)], (loss(up) - loss(down)) / 2e-5, 1e-8);
  }
  const auto f32 = [](const Tensor& t) { return kernels::cast(t, DType::kF32); };
  const Doubles narrow =
      kernels::layer_norm_backward(f32(g), f32(x), f32(forward.mean), f32(forward.rstd), f32(weight)).values<double>();
  for (size_t i = 0; i < narrow.size(); ++i) ASSERT_NEAR(narrow[i], result[i], 2e-5);
}

TEST(LayerNorm, ViewsEmptyRowsAndMessages) {
  const Tensor x = drawn({3, 4}, 1), turned = x.view({4, 3}, {1, 4});
  EXPECT_EQ(kernels::layer_norm(turned, {}, {}, 1e-5).y.values<double>(),
            kernels::layer_norm(kernels::copy(turned), {}, {}, 1e-5).y.values<double>());
  EXPECT_EQ(kernels::layer_norm(Tensor::empty({0, 3}), {}, {}, 1e-5).y.shape(), (Shape{0, 3}));
  EXPECT_TRUE(
      std::isnan(kernels::layer_norm(Tensor::from(Doubles{1, NAN}, {1, 2}), {}, {}, 1e-5).y.values<double>()[0]));
  EXPECT_EQ(error_text([&] { kernels::layer_norm(x, Tensor::zeros({3}, DType::kF64), {}, 1e-5); }),
            "[layer_norm] weight f64 (3,) for f64 (3, 4); expected f64 (4,)");
  EXPECT_EQ(error_text([&] {
              kernels::layer_norm(Tensor::empty({2, 0}), {}, {}, 1e-5);
            }),
            "[layer_norm] f32 (2, 0) has nothing to normalise; the last dimension must be at least 1");
}

TEST(LayerNorm, TheSameForAnyThreads) {
  const Tensor x = drawn({500, 96}, 1, DType::kF32), weight = drawn({96}, 2, DType::kF32);
  const LayerNorm forward = kernels::layer_norm(x, weight, weight, 1e-5);
  expect_same_bits([&] { return kernels::layer_norm(x, weight, weight, 1e-5).y; });
  expect_same_bits([&] { return kernels::layer_norm(x, weight, weight, 1e-5).rstd; });
  expect_same_bits([&] { return kernels::layer_norm_backward(x, x, forward.mean, forward.rstd, weight); });
  expect_same_bits([&] { return kernels::normalized(x, forward.mean, forward.rstd); });
}

}  // namespace layer_norm_test
}  // namespace gradus
