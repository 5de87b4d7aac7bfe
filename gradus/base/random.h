// Random numbers that are a pure function of what they are for: seed, use, step, example and index.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gradus {

/// Philox 4×32 with 10 rounds: four random 32-bit words from a 128-bit counter and a 64-bit key.
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A well-mixed 64-bit value of two (the finaliser of SplitMix64 over both); used to derive keys from keys.
uint64_t mix(uint64_t a, uint64_t b);

/// A 64-bit value of a name (FNV-1a), so that a parameter's random start depends on its name and not on its order.
uint64_t hash_name(std::string_view name);

/// A stream of random numbers addressed by (example, index). Two streams of one key are the same stream.
class RandomStream {
 public:
  /// `key` is derived with `mix` from the seed and what the numbers are for.
  explicit RandomStream(uint64_t key) : key_{static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)} {}

  /// Four words for the `block`-th group of four numbers of `example`.
  std::array<uint32_t, 4> block(uint64_t example, uint64_t block) const {
    return philox({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), static_cast<uint32_t>(example),
                   static_cast<uint32_t>(example >> 32)},
                  key_);
  }

  /// 64 random bits; `index` counts such values.
  uint64_t bits(uint64_t example, uint64_t index) const;
  /// Uniform in [0, 1), 53 bits.
  double uniform(uint64_t example, uint64_t index) const;
  /// Standard normal, by Box and Muller's transform of two uniforms; finite, at most 8.6 in size.
  double normal(uint64_t example, uint64_t index) const;

 private:
  std::array<uint32_t, 2> key_;
};

/// A permutation of [0, size) that is computed element by element: the image of `index` under the key, in O(1) time and
/// without a table (a Feistel network over the next even number of bits, walked until the image is below `size`).
uint64_t permute_index(uint64_t index, uint64_t size, uint64_t key);

}  // namespace gradus
