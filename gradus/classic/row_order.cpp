#include "gradus/classic/row_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/random.h"

namespace gradus {
namespace {

constexpr int64_t kMixedBlocks = 64;  // of rows that lie together

// SplitMix64 (Steele, Lea, Flood, 2014): quick, and good enough for an order.
struct SplitMix {
  uint64_t state;
  uint64_t next() {
    uint64_t bits = state += 0x9E3779B97F4A7C15;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
    return bits ^ (bits >> 31);
  }
  // Fisher and Yates' shuffle. The upper half of the bits × left is uniform to left / 2^64.
  void shuffle(int32_t* ids, int64_t count) {
    for (int64_t left = count; left > 1; --left) {
      const auto other = static_cast<int64_t>(static_cast<__uint128_t>(next()) * static_cast<uint64_t>(left) >> 64);
      std::swap(ids[left - 1], ids[other]);
    }
  }
};

}  // namespace

RowOrder row_order(const LinearInputs& inputs, uint64_t seed) {
  constexpr int64_t kBlockBytes = 2048, kMostTogether = 16;
  const int64_t bytes = std::max<int64_t>(1, (inputs.is_sparse() ? 8 : 4) * inputs.stored() / inputs.rows());
  return {seed, inputs.rows(), std::clamp<int64_t>(kBlockBytes / bytes, 1, kMostTogether)};
}

void shuffle_rows(const RowOrder& order, int64_t pass, std::vector<int32_t>& ids) {
  constexpr int64_t kMostRows = (int64_t{1} << 31) - 1;
  if (order.rows > kMostRows) fail_usage("sgd", "{} rows to shuffle; expected at most {}", order.rows, kMostRows);
  SplitMix random{mix(mix(order.seed, hash_name("sgd.shuffle")), static_cast<uint64_t>(pass))};
  const int64_t together = order.together, blocks = (order.rows + together - 1) / together;
  std::vector<int32_t> starts(static_cast<size_t>(blocks));
  std::iota(starts.begin(), starts.end(), 0);
  random.shuffle(starts.data(), blocks);
  ids.resize(static_cast<size_t>(order.rows));
  int32_t* to = ids.data();
  int32_t* mixed = to;  // what is mixed already ends here
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t begin = starts[b] * together, end = std::min(begin + together, order.rows);
    std::iota(to, to + (end - begin), static_cast<int32_t>(begin));
    to += end - begin;
    if (together > 1 && ((b + 1) % kMixedBlocks == 0 || b + 1 == blocks)) {
      random.shuffle(mixed, to - mixed);
      mixed = to;
    }
  }
}

}  // namespace gradus
