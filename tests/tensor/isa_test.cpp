#include "gradus/tensor/isa.h"

#include <gtest/gtest.h>

#include "tests/testing.h"

namespace gradus {
namespace {

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

}  // namespace
}  // namespace gradus
