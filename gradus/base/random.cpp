#include "gradus/base/random.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "gradus/base/error.h"

namespace gradus {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t z = a + 0x9E3779B97F4A7C15 * (b + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

uint64_t hash_name(std::string_view name) {
  uint64_t h = 0xCBF29CE484222325;
  for (const char ch : name) h = (h ^ static_cast<unsigned char>(ch)) * 0x100000001B3;
  return h;
}

uint64_t RandomStream::bits(uint64_t example, uint64_t index) const {
  const std::array<uint32_t, 4> words = block(example, index / 2);
  const size_t half = 2 * (index % 2);
  return uint64_t{words[half + 1]} << 32 | words[half];
}

double RandomStream::uniform(uint64_t example, uint64_t index) const {
  return static_cast<double>(bits(example, index) >> 11) * 0x1p-53;
}

double RandomStream::normal(uint64_t example, uint64_t index) const {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(example, index & ~uint64_t{1})));
  const double angle = 2.0 * std::numbers::pi * uniform(example, index | 1);
  return radius * (index % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

uint64_t permute_index(uint64_t index, uint64_t size, uint64_t key) {
  if (index >= size) fail("permute_index", "index {} is not below the size {}", index, size);
  const int half = std::max(1, (static_cast<int>(std::bit_width(size - 1)) + 1) / 2);
  const uint64_t mask = (uint64_t{1} << half) - 1;
  const uint64_t rounds = half <= 2 ? 12 : 6;  // halves this narrow mix slowly
  do {
    uint64_t left = index >> half, right = index & mask;
    for (uint64_t round = 0; round < rounds; ++round) {
      const uint64_t next = left ^ (mix(mix(key, round), right) & mask);
      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= size);
  return index;
}

}  // namespace gradus
