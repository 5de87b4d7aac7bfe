// bf16 in vectors, and products of bf16 numbers.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "gradus/tensor/isa.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/linear_cross_entropy.h"
#include "gradus/tensor/matmul.h"
#include "tests/random_tensor.h"
#include "tests/tensor/same_bits.h"
#include "tests/testing.h"

namespace gradus {
namespace bf16_test {

constexpr const char* kNoProducts = "this processor or this build has no products of bf16 numbers";

// Every upper half, with lower halves on both sides of the middle between two bf16 numbers.
TEST(Bf16, RoundsEveryUpperHalfToNearestEven) {
  for (const uint32_t lower : {0x0000U, 0x0001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
    std::vector<float> values;
    for (uint32_t upper = 0; upper < 0x10000; ++upper) values.push_back(std::bit_cast<float>(upper << 16 | lower));
    const Tensor x = Tensor::from(values, {0x10000});
    const Tensor rounded = kernels::cast(x, DType::kBF16), back = kernels::cast(rounded, DType::kF32);
    const BFloat16* bits = rounded.data<BFloat16>();
    for (uint32_t upper = 0; upper < 0x10000; ++upper) {
      const float value = values[upper], got = back.data<float>()[upper];
      EXPECT_EQ(std::bit_cast<uint32_t>(got), uint32_t{bits[upper].bits} << 16);
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(got)) << std::hex << upper;
        continue;
      }
      const bool up = lower > 0x8000 || (lower == 0x8000 && upper % 2 == 1);
      EXPECT_EQ(bits[upper].bits, upper + (up ? 1 : 0)) << std::hex << upper << " " << lower;
    }
  }
}

TEST(Bf16, RoundsWhatIsNoWholeVectorToo) {
  for (int64_t count = 0; count < 40; ++count) {
    std::vector<double> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(1.0 + static_cast<double>(i) / 256);  // half a step apart
    const Tensor back = kernels::cast(
        kernels::cast(kernels::cast(Tensor::from(values, {count}), DType::kF32), DType::kBF16), DType::kF32);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t even = i % 4 == 1 ? i - 1 : (i % 4 == 3 ? i + 1 : i);
      EXPECT_EQ(back.data<float>()[i], 1.0 + static_cast<double>(even) / 256);
    }
  }
}

Tensor rounded_f64(const Tensor& x) { return kernels::cast(kernels::cast(x, DType::kBF16), DType::kF64); }

// Against f64 products of the rounded factors. What is left is the rounding of k additions in f32: at most k·2⁻²⁴ of
// the products' sizes, and √k·2⁻²⁴ if they do not all go one way.
TEST(Bf16, ProductsAreThoseOfRoundedFactorsAddedInF32) {
  if (!has_bf16_products()) GTEST_SKIP() << kNoProducts;
  for (const int64_t m : {1, 7, 130, 600}) {
    for (const int64_t n : {1, 31, 400}) {
      for (const int64_t k : {1, 2, 37, 700}) {
        const Tensor x = random_tensor({m, k}, 1), w = random_tensor({n, k}, 2), bias = random_tensor({n}, 3);
        const Tensor x16 = kernels::cast(x, DType::kBF16), grad = random_tensor({m, n}, 4);
        const Tensor grad16 = kernels::cast(grad, DType::kBF16);
        const double most = 4.0 * std::sqrt(static_cast<double>(std::max({k, m, n}))) * std::ldexp(1.0, -24);
        const Tensor y = kernels::linear(x16, w, bias);
        EXPECT_EQ(y.dtype(), DType::kF32);
        EXPECT_LT(distance(y, kernels::linear(rounded_f64(x), rounded_f64(w), kernels::cast(bias, DType::kF64))), most)
            << m << " " << n << " " << k;
        EXPECT_LT(distance(kernels::linear_backward_input(grad16, w),
                           kernels::linear_backward_input(rounded_f64(grad), rounded_f64(w))),
                  most);
        EXPECT_LT(distance(kernels::linear_backward_weight(grad16, x),
                           kernels::linear_backward_weight(rounded_f64(grad), rounded_f64(x))),
                  most);
      }
    }
  }
}

// On any processor: f32 products of factors that were rounded stand in for those of bf16 numbers. Both add up the same
// exact products in f32, so each is as far from f64 as above, and they from each other twice as far.
TEST(Bf16, ProductsOfRoundedFactorsInF32StandInForThem) {
  const auto rounded_f32 = [](const Tensor& x) { return kernels::cast(kernels::cast(x, DType::kBF16), DType::kF32); };
  for (const int64_t m : {1, 33, 300}) {
    for (const int64_t k : {1, 37, 700}) {
      const int64_t n = 70;
      const Tensor x = random_tensor({m, k}, 1), w = random_tensor({n, k}, 2), grad = random_tensor({m, n}, 4);
      const double most = 4.0 * std::sqrt(static_cast<double>(std::max({k, m, n}))) * std::ldexp(1.0, -24);
      const Tensor y = kernels::linear(rounded_f32(x), rounded_f32(w), {});
      const Tensor x_gradient = kernels::linear_backward_input(rounded_f32(grad), rounded_f32(w));
      const Tensor w_gradient = kernels::linear_backward_weight(rounded_f32(grad), rounded_f32(x));
      EXPECT_LT(distance(y, kernels::linear(rounded_f64(x), rounded_f64(w), {})), most);
      EXPECT_LT(distance(x_gradient, kernels::linear_backward_input(rounded_f64(grad), rounded_f64(w))), most);
      EXPECT_LT(distance(w_gradient, kernels::linear_backward_weight(rounded_f64(grad), rounded_f64(x))), most);
      if (!has_bf16_products()) continue;  // ProductsAreThoseOfRoundedFactorsAddedInF32 says that it is skipped
      const auto bf16 = [](const Tensor& t) { return kernels::cast(t, DType::kBF16); };
      EXPECT_LT(distance(kernels::linear(bf16(x), bf16(w), {}), y), 2 * most);
      EXPECT_LT(distance(kernels::linear_backward_input(bf16(grad), bf16(w)), x_gradient), 2 * most);
      EXPECT_LT(distance(kernels::linear_backward_weight(bf16(grad), bf16(x)), w_gradient), 2 * most);
    }
  }
}

TEST(Bf16, ProductsOfNothingAreZeroAndTheBias) {
  if (!has_bf16_products()) GTEST_SKIP() << kNoProducts;
  const Tensor bias = Tensor::from(std::vector<float>{1.5F, -2.0F}, {2}), none = Tensor::empty({2, 0});
  const Tensor y = kernels::linear(Tensor::empty({3, 0}, DType::kBF16), none, bias);
  EXPECT_EQ(distance(y, Tensor::from(std::vector<float>{1.5F, -2, 1.5F, -2, 1.5F, -2}, {3, 2})), 0.0);
  const Tensor of_weight = kernels::linear_backward_weight(Tensor::empty({0, 2}, DType::kBF16), Tensor::empty({0, 3}));
  EXPECT_EQ(of_weight.shape(), Shape({2, 3}));
  EXPECT_EQ(of_weight.values<double>(), std::vector<double>(6, 0.0));
  EXPECT_EQ(kernels::linear(Tensor::empty({0, 3}, DType::kBF16), Tensor::empty({2, 3}), bias).shape(), Shape({0, 2}));
  std::vector<float> sums = {1.0F, 2.0F};
  kernels::product<BFloat16>(1, 2, 0, {nullptr, 0, 1}, {nullptr, 1, 0}, sums.data(), 2, /*accumulate=*/true, {});
  EXPECT_EQ(sums, (std::vector<float>{1.0F, 2.0F}));
}

// Either factor may be the one that is bf16 already; a bias has the dtype of the result.
TEST(Bf16, AWeightInBf16TakesABiasInF32) {
  if (!has_bf16_products()) GTEST_SKIP() << kNoProducts;
  const Tensor x = random_tensor({5, 24}, 1), w = random_tensor({7, 24}, 2), bias = random_tensor({7}, 3);
  const Tensor x16 = kernels::cast(x, DType::kBF16), w16 = kernels::cast(w, DType::kBF16);
  EXPECT_EQ(distance(kernels::linear(x, w16, bias), kernels::linear(x16, w, bias)), 0.0);
  EXPECT_EQ(distance(kernels::linear(x16, w16, bias), kernels::linear(x16, w, bias)), 0.0);
  EXPECT_EQ(error_text([&] { kernels::linear(x, w16, kernels::cast(bias, DType::kBF16)); }),
            "[linear] bias bf16 (7,) for weight bf16 (7, 24): expected f32 (7,)");
}

TEST(Bf16, ProductsHaveTheSameBitsForAnyThreads) {
  if (!has_bf16_products()) GTEST_SKIP() << kNoProducts;
  const Tensor x = kernels::cast(random_tensor({301, 517}, 1), DType::kBF16), w = random_tensor({1030, 517}, 2);
  const Tensor grad = kernels::cast(random_tensor({301, 1030}, 3), DType::kBF16);
  expect_same_bits([&] { return kernels::linear(x, w, {}); });
  expect_same_bits([&] { return kernels::linear_backward_input(grad, w); });
  expect_same_bits([&] { return kernels::linear_backward_weight(grad, x); });
}

TEST(Bf16, ALossFromBf16IsThatOfRoundedFactors) {
  if (!has_bf16_products()) GTEST_SKIP() << kNoProducts;
  const Tensor x = random_tensor({300, 24}, 1), w = random_tensor({50257, 24}, 2);
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 300; ++i) ids.push_back(i * 7919 % 50257);
  const Tensor targets = Tensor::from(ids, {300});
  const kernels::LinearCrossEntropyOptions options{.scale = 1.0 / 300, .x_gradient = true, .weight_gradient = true};
  const kernels::LinearCrossEntropy got =
      kernels::linear_cross_entropy(kernels::cast(x, DType::kBF16), w, targets, options);
  const kernels::LinearCrossEntropy exact =
      kernels::linear_cross_entropy(rounded_f64(x), rounded_f64(w), targets, options);
  EXPECT_NEAR(got.loss.item(), exact.loss.item(), 1e-5 * exact.loss.item());
  // The gradient of a logit is rounded once more, by up to 2⁻⁹ of itself; sums of them partly cancel, their errors not.
  EXPECT_LT(distance(got.x_gradient, exact.x_gradient), 2 * std::ldexp(1.0, -9));
  EXPECT_LT(distance(got.weight_gradient, exact.weight_gradient), 2 * std::ldexp(1.0, -9));
}

TEST(Bf16, ErrorsSayWhatDoesNotMix) {
  const Tensor x = Tensor::zeros({2, 3}, DType::kBF16), w = Tensor::zeros({4, 3}, DType::kF64);
  EXPECT_EQ(error_text([&] { kernels::linear(x, w, {}); }),
            "[linear] bf16 (2, 3) and f64 (4, 3) do not mix; convert one with cast");
  if (has_bf16_products()) return;
  const std::string text = error_text([&] { kernels::linear(x, Tensor::zeros({4, 3}), {}); });
  EXPECT_TRUE(text.starts_with("[linear] bf16 (2, 3) × f32 (4, 3): products of bf16 numbers need AVX512_BF16, which"))
      << text;
  EXPECT_TRUE(text.ends_with("; cast to f32")) << text;
}

}  // namespace bf16_test
}  // namespace gradus
