#include "gradus/tensor/isa.h"

#include <gtest/gtest.h>

#include "gradus/tensor/matmul.h"
#include "tests/testing.h"

namespace gradus {
namespace isa_test {

TEST(Isa, NamesGoBothWays) {
  for (const Isa isa : {Isa::kBaseline, Isa::kAvx2, Isa::kAvx512}) EXPECT_EQ(isa_from_name(name_of(isa)), isa);
  EXPECT_EQ(usage_error_text([] { isa_from_name("avx"); }),
            "[isa] \"avx\" is not known; expected baseline, avx2 or avx512");
}

TEST(Isa, TheActiveOneIsAtMostTheDetectedOne) { EXPECT_LE(active_isa(), detected_isa()); }

TEST(Isa, MoreThanTheProcessorHasIsRefused) {
  if (detected_isa() == Isa::kAvx512) GTEST_SKIP() << "this processor has the highest instruction set";
  EXPECT_EQ(usage_error_text([] { limit_isa(Isa::kAvx512); }),
            "[isa] avx512 is asked for, but this processor has " + std::string(name_of(detected_isa())) + " at most");
}

TEST(Isa, IsChosenBeforeTheFirstProduct) {
#if GRADUS_ONEDNN
  const Tensor x = Tensor::full({64, 64}, 1.0);  // large enough for oneDNN
  kernels::matmul(x, x);
  const Isa other = active_isa() == Isa::kBaseline ? Isa::kAvx2 : Isa::kBaseline;
  EXPECT_EQ(usage_error_text([&] { limit_isa(other); }),
            "[isa] it is too late to choose " + std::string(name_of(other)) +
                ": an op has run, or it was asked for products of bf16 numbers, before");
#else
  GTEST_SKIP() << "without oneDNN it can be chosen at any time";
#endif
}

TEST(Isa, ProductsOfBf16NeedAProcessorWithThem) {
  if (has_bf16_products()) GTEST_SKIP() << "this processor has them";
  const Tensor x = Tensor::full({2, 2}, 1.0, DType::kBF16);
  EXPECT_EQ(error_text([&] { kernels::Operands("product", x, x); }).substr(0, 87),
            "[product] bf16 (2, 2) × bf16 (2, 2): products of bf16 numbers need AVX512_BF16, which ");
}

}  // namespace isa_test
}  // namespace gradus
