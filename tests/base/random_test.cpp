#include "gradus/base/random.h"

#include <cmath>
#include <set>
#include <vector>

#include "tests/testing.h"

namespace gradus {
namespace random_test {

// kat_vectors of Random123 1.14, philox4x32 10.
TEST(Philox, MatchesThePublishedVectors) {
  using Words = std::array<uint32_t, 4>;
  constexpr uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(philox({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}),
            (Words{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

// FNV-1a's published vectors.
TEST(HashName, IsFnv1a) {
  EXPECT_EQ(hash_name(""), 0xCBF29CE484222325u);
  EXPECT_EQ(hash_name("a"), 0xAF63DC4C8601EC8Cu);
  EXPECT_EQ(hash_name("foobar"), 0x85944171F73967E8u);
}

// The first outputs of SplitMix64 from state 0.
TEST(Mix, IsSplitMix) {
  EXPECT_EQ(mix(0, 0), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(mix(0, 1), 0x6E789E6AA1B965F4u);
  EXPECT_EQ(mix(0, 2), 0x06C45D188009454Fu);
}

TEST(RandomStream, AddressesTheWordsOfPhilox) {
  const RandomStream stream(0x299F31D0A4093822);
  const uint64_t example = 0x0370734413198A2E, block = 0x85A308D3243F6A88 >> 1;
  EXPECT_EQ(stream.block(0x0370734413198A2E, 0x85A308D3243F6A88)[0], 0xD16CFE09u);
  const std::array<uint32_t, 4> words = stream.block(example, block);
  EXPECT_EQ(stream.bits(example, 2 * block), uint64_t{words[1]} << 32 | words[0]);
  EXPECT_EQ(stream.bits(example, 2 * block + 1), uint64_t{words[3]} << 32 | words[2]);
}

TEST(RandomStream, IsAFunctionOfItsKey) {
  const RandomStream a(7), b(7), c(8);
  EXPECT_EQ(a.bits(1, 2), b.bits(1, 2));
  EXPECT_NE(a.bits(1, 2), c.bits(1, 2));
  EXPECT_NE(a.bits(1, 2), a.bits(2, 1));
}

TEST(RandomStream, UniformHasItsMoments) {
  const RandomStream stream(1);
  constexpr int kCount = 200'000;
  double sum = 0, squares = 0, least = 1, most = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double u = stream.uniform(3, i);
    sum += u;
    squares += u * u;
    least = std::min(least, u);
    most = std::max(most, u);
  }
  EXPECT_GE(least, 0.0);
  EXPECT_LT(least, 1e-4);
  EXPECT_LT(most, 1.0);
  EXPECT_GT(most, 1 - 1e-4);
  EXPECT_NEAR(sum / kCount, 0.5, 0.0026);  // 4 standard errors
  EXPECT_NEAR(squares / kCount, 1.0 / 3, 0.0027);
}

TEST(RandomStream, NormalHasItsMoments) {
  const RandomStream stream(2);
  constexpr int kCount = 200'000;
  double moments[5] = {}, pairs = 0, previous = 0;
  int inside = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double z = stream.normal(0, i);
    ASSERT_LE(std::abs(z), 8.6);
    for (int power = 1; power <= 4; ++power) moments[power] += std::pow(z, power) / kCount;
    pairs += z * previous / kCount;
    inside += std::abs(z) < 1;
    previous = z;
  }
  const double error = 4 / std::sqrt(static_cast<double>(kCount));
  EXPECT_NEAR(moments[1], 0, error);
  EXPECT_NEAR(moments[2], 1, error * std::sqrt(2.0));
  EXPECT_NEAR(moments[3], 0, error * std::sqrt(15.0));
  EXPECT_NEAR(moments[4], 3, error * std::sqrt(96.0));
  EXPECT_NEAR(pairs, 0, error);
  EXPECT_NEAR(inside / static_cast<double>(kCount), 0.682689, error * 0.47);
}

TEST(PermuteIndex, IsABijection) {
  for (const uint64_t size :
       {1u, 2u, 3u, 4u, 5u, 7u, 8u, 15u, 16u, 17u, 63u, 64u, 65u, 100u, 255u, 256u, 257u, 1000u, 4097u, 65537u}) {
    for (const uint64_t key : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
      std::vector<bool> seen(size);
      for (uint64_t i = 0; i < size; ++i) {
        const uint64_t image = permute_index(i, size, key);
        ASSERT_LT(image, size);
        ASSERT_FALSE(seen[image]) << size << " " << i;
        seen[image] = true;
      }
    }
  }
}

TEST(PermuteIndex, WorksForHugeSizes) {
  for (const uint64_t size : {uint64_t{1} << 40, (uint64_t{1} << 63) + 1, ~uint64_t{0}}) {
    std::set<uint64_t> images;
    for (uint64_t i = 0; i < 1000; ++i) {
      images.insert(permute_index(i, size, 5));
      images.insert(permute_index(size - 1 - i, size, 5));
    }
    EXPECT_EQ(images.size(), 2000u);
    EXPECT_LT(*images.rbegin(), size);
  }
}

/// How often each (index, image) pair is met over many keys.
std::vector<int> pair_counts(uint64_t size, uint64_t keys) {
  std::vector<int> counts(size * size);
  for (uint64_t key = 0; key < keys; ++key) {
    for (uint64_t i = 0; i < size; ++i) ++counts[i * size + permute_index(i, size, mix(9, key))];
  }
  return counts;
}

TEST(PermuteIndex, PairsAreAsOftenAsChanceHasIt) {
  constexpr uint64_t kKeys = 20'000;
  for (const uint64_t size : {2u, 3u, 4u, 5u, 7u, 9u, 10u, 13u, 16u, 17u, 20u, 33u, 64u}) {
    const double expected = kKeys / static_cast<double>(size);
    double chi_squared = 0;
    for (const int count : pair_counts(size, kKeys)) chi_squared += (count - expected) * (count - expected) / expected;
    const double freedom = static_cast<double>((size - 1) * (size - 1));
    EXPECT_LT(chi_squared, freedom + 5 * std::sqrt(2 * freedom)) << size;
  }
}

// Neighbours do not stay neighbours, and fixed points are about one a permutation.
TEST(PermuteIndex, LooksRandom) {
  constexpr uint64_t kSize = 1000, kKeys = 200;
  double fixed = 0, follow = 0, correlation = 0;
  for (uint64_t key = 0; key < kKeys; ++key) {
    for (uint64_t i = 0; i < kSize; ++i) {
      const uint64_t image = permute_index(i, kSize, mix(3, key));
      fixed += image == i;
      follow += permute_index((i + 1) % kSize, kSize, mix(3, key)) == image + 1;
      correlation += (static_cast<double>(i) - 499.5) * (static_cast<double>(image) - 499.5) / (kSize * 83333.0);
    }
  }
  EXPECT_NEAR(fixed / kKeys, 1, 0.3);
  EXPECT_NEAR(follow / kKeys, 1, 0.3);
  EXPECT_NEAR(correlation / kKeys, 0, 0.01);
}

TEST(PermuteIndex, RefusesAnIndexOutside) {
  EXPECT_EQ(error_text([] { permute_index(5, 5, 0); }), "[permute_index] index 5 is not below the size 5");
  EXPECT_EQ(error_text([] { permute_index(0, 0, 0); }), "[permute_index] index 0 is not below the size 0");
}

}  // namespace random_test
}  // namespace gradus
