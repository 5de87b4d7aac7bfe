#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/random_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/random-inl.h"
#include "gradus/tensor/kernels/random_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using Doubles = hn::ScalableTag<double>;

HWY_INLINE hn::Vec<Doubles> Uniform(hn::Vec<RandomWords> bits) {
  const Doubles d;
  const hn::RebindToSigned<Doubles> integers;
  return hn::Mul(hn::ConvertTo(d, hn::BitCast(integers, hn::ShiftRight<11>(bits))), hn::Set(d, 0x1p-53));
}

constexpr int64_t kChunk = 512;  // numbers at a time, on the stack

// Writes `kChunk` numbers from an even `first` on.
struct UniformChunk {
  RoundKeys keys;
  HWY_INLINE void operator()(int64_t first, double* out) const {
    const Doubles d;
    const size_t lanes = hn::Lanes(d);
    for (size_t i = 0; i < kChunk; i += 2 * lanes) {
      const RandomBits bits = RandomPair(keys, 0, (static_cast<uint64_t>(first) + i) / 2);
      hn::StoreInterleaved2(Uniform(bits.even), Uniform(bits.odd), d, out + i);
    }
  }
};

// Box and Muller's transform: each block gives two normals.
struct NormalChunk {
  RoundKeys keys;
  HWY_INLINE void operator()(int64_t first, double* out) const {
    const Doubles d;
    const size_t lanes = hn::Lanes(d);
    for (size_t i = 0; i < kChunk; i += 2 * lanes) {
      const RandomBits bits = RandomPair(keys, 0, (static_cast<uint64_t>(first) + i) / 2);
      const auto log = hn::Log(d, hn::Sub(hn::Set(d, 1.0), Uniform(bits.even)));
      const auto radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0), hn::Min(log, hn::Zero(d))));
      const auto angle = hn::Mul(Uniform(bits.odd), hn::Set(d, 6.283185307179586476925286766559));
      hn::StoreInterleaved2(hn::Mul(radius, hn::Cos(d, angle)), hn::Mul(radius, hn::Sin(d, angle)), d, out + i);
    }
  }
};

template <class T, class Chunk>
void Fill(const Chunk& chunk, int64_t first, int64_t count, double scale, double shift, double limit,
          std::byte* bytes) {
  HWY_ALIGN double numbers[kChunk];
  T* out = reinterpret_cast<T*>(bytes);
  for (int64_t i = 0; i < count; i += kChunk, out += kChunk) {
    chunk(first + i, numbers);
    const int64_t part = HWY_MIN(kChunk, count - i);
    for (int64_t j = 0; j < part; ++j) {
      const double value = numbers[j] * scale + shift;
      out[j] = static_cast<T>(value < limit ? value : limit);
    }
  }
}

void RunUniform(DType dtype, uint64_t key, int64_t first, int64_t count, double scale, double shift, double limit,
                std::byte* out) {
  dtype == DType::kF32 ? Fill<float>(UniformChunk{RoundKeys(key)}, first, count, scale, shift, limit, out)
                       : Fill<double>(UniformChunk{RoundKeys(key)}, first, count, scale, shift, limit, out);
}

void RunNormal(DType dtype, uint64_t key, int64_t first, int64_t count, double scale, double shift, std::byte* out) {
  const double none = std::numeric_limits<double>::infinity();
  dtype == DType::kF32 ? Fill<float>(NormalChunk{RoundKeys(key)}, first, count, scale, shift, none, out)
                       : Fill<double>(NormalChunk{RoundKeys(key)}, first, count, scale, shift, none, out);
}

template <class T>
void Dropout(uint64_t key, uint64_t example, int64_t first, int64_t count, uint32_t threshold, T scale,
             const std::byte* x_bytes, std::byte* out_bytes) {
  const T* x = reinterpret_cast<const T*>(x_bytes);
  T* out = reinterpret_cast<T*>(out_bytes);
  const RoundKeys keys(key);
  HWY_ALIGN uint32_t words[kWordChunk];
  for (int64_t i = 0; i < count; i += kWordChunk) {
    const int64_t part = HWY_MIN(kWordChunk, count - i);
    RandomWordChunk(keys, example, static_cast<uint64_t>((first + i) / 4), part, words);
    for (int64_t j = 0; j < part; ++j) out[i + j] = words[j] >= threshold ? x[i + j] * scale : T{0};
  }
}

void RunDropout(DType dtype, uint64_t key, uint64_t example, int64_t first, int64_t count, uint32_t threshold,
                double scale, const std::byte* x, std::byte* out) {
  dtype == DType::kF32 ? Dropout(key, example, first, count, threshold, static_cast<float>(scale), x, out)
                       : Dropout(key, example, first, count, threshold, scale, x, out);
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunUniform);
HWY_EXPORT(RunNormal);
HWY_EXPORT(RunDropout);
}  // namespace

void run_uniform(DType dtype, uint64_t key, int64_t first, int64_t count, double scale, double shift, double limit,
                 std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunUniform)(dtype, key, first, count, scale, shift, limit, out);
}

void run_normal(DType dtype, uint64_t key, int64_t first, int64_t count, double scale, double shift, std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunNormal)(dtype, key, first, count, scale, shift, out);
}

void run_dropout(DType dtype, uint64_t key, uint64_t example, int64_t first, int64_t count, uint32_t threshold,
                 double scale, const std::byte* x, std::byte* out) {
  HWY_DYNAMIC_DISPATCH(RunDropout)(dtype, key, example, first, count, threshold, scale, x, out);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
