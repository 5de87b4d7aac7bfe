// Random words in vectors, for use inside one Highway target. Include guards are per target.
#if defined(GRADUS_TENSOR_KERNELS_RANDOM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_TENSOR_KERNELS_RANDOM_INL_H_
#undef GRADUS_TENSOR_KERNELS_RANDOM_INL_H_
#else
#define GRADUS_TENSOR_KERNELS_RANDOM_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using RandomWords = hn::ScalableTag<uint64_t>;

// The two 64-bit values of each of `Lanes(RandomWords())` consecutive blocks: RandomStream::bits at 2·block and 2·block
// + 1.
struct RandomBits {
  hn::Vec<RandomWords> even, odd;
};

// The product of the lower halves.
HWY_INLINE hn::Vec<RandomWords> MulLow(hn::Vec<RandomWords> a, hn::Vec<RandomWords> b) {
#if HWY_TARGET == HWY_SCALAR
  const auto low = hn::Set(RandomWords(), uint64_t{0xFFFFFFFF});
  return hn::Mul(hn::And(a, low), hn::And(b, low));
#else
  const hn::Repartition<uint32_t, RandomWords> halves;
  return hn::MulEven(hn::BitCast(halves, a), hn::BitCast(halves, b));
#endif
}

// base/random.h's philox, one block a 64-bit lane. Products read the lower halves only, so the upper halves of the
// counter words may hold anything until the end.
struct RoundKeys {
  explicit RoundKeys(uint64_t key) {
    uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
    for (size_t round = 0; round < 10; ++round, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
      first[round] = k0;
      second[round] = k1;
    }
  }
  uint64_t first[10], second[10];
};

HWY_INLINE RandomBits RandomPair(const RoundKeys& keys, uint64_t example, uint64_t block) {
  const RandomWords d;
  const auto m0 = hn::Set(d, uint64_t{0xD2511F53}), m1 = hn::Set(d, uint64_t{0xCD9E8D57});
  auto c0 = hn::Iota(d, block), c1 = hn::ShiftRight<32>(c0);
  auto c2 = hn::Set(d, example), c3 = hn::ShiftRight<32>(c2);
  for (size_t round = 0; round < 10; ++round) {
    const auto p0 = MulLow(m0, c0), p1 = MulLow(m1, c2);
    c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c1), hn::Set(d, keys.first[round]));
    c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c3), hn::Set(d, keys.second[round]));
    c1 = p1;
    c3 = p0;
  }
  const auto low = hn::Set(d, uint64_t{0xFFFFFFFF});
  return {hn::Or(hn::And(c0, low), hn::ShiftLeft<32>(c1)), hn::Or(hn::And(c2, low), hn::ShiftLeft<32>(c3))};
}

constexpr int64_t kWordChunk = 512;  // 32-bit words at a time, on the stack

// Writes `count` words of an example's stream, at most `kWordChunk`, from those of its group of four `block` on; what
// lies behind them may be written, too. `words` has room for `kWordChunk`.
HWY_INLINE void RandomWordChunk(const RoundKeys& keys, uint64_t example, uint64_t block, int64_t count,
                                uint32_t* words) {
  const RandomWords d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN uint64_t pairs[kWordChunk / 2];
  for (int64_t j = 0; j < count; j += 4 * lanes) {
    const RandomBits bits = RandomPair(keys, example, block + static_cast<uint64_t>(j / 4));
    hn::StoreInterleaved2(bits.even, bits.odd, d, pairs + j / 2);
  }
  std::memcpy(words, pairs, static_cast<size_t>(count) * sizeof(uint32_t));  // little endian: the lower half first
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
