#include "gradus/tensor/kernels/machine_limits.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/machine_limits.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
// Highway has single numbers here, but the baseline of every processor of 64 bits has vectors of four, which compilers
// and oneDNN use.
using Vector = float __attribute__((vector_size(16)));
inline Vector Filled(float x) { return Vector{x, x, x, x}; }
inline Vector MultiplyAdd(Vector a, Vector b, Vector c) { return a * b + c; }
inline float FirstLane(Vector v) { return v[0]; }
#else
using Vector = hn::Vec<hn::ScalableTag<float>>;
HWY_INLINE Vector Filled(float x) { return hn::Set(hn::ScalableTag<float>(), x); }
HWY_INLINE Vector MultiplyAdd(Vector a, Vector b, Vector c) { return hn::MulAdd(a, b, c); }
HWY_INLINE float FirstLane(Vector v) { return hn::GetLane(v); }
#endif

// Ten independent chains hide the latency of the multiply-add on every processor so far. Returns flops done.
double FmaChains(int64_t rounds, float* out) {
  constexpr int kChains = 10;
  Vector sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = Filled(static_cast<float>(i));
  const Vector factor = Filled(out[0]), addend = Filled(out[1]);
  for (int64_t r = 0; r < rounds; ++r) {
    for (int i = 0; i < kChains; ++i) sum[i] = MultiplyAdd(sum[i], factor, addend);
  }
  const Vector one = Filled(1.0F);
  for (int i = 1; i < kChains; ++i) sum[0] = MultiplyAdd(sum[i], one, sum[0]);
  out[0] = FirstLane(sum[0]);
  return 2.0 * kChains * static_cast<double>(rounds) * static_cast<double>(sizeof(Vector) / sizeof(float));
}

// y += a·x; `count` is a multiple of every vector.
void AddScaled(int64_t count, float a, const float* x, float* y) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, a);
  for (int64_t i = 0; i < count; i += static_cast<int64_t>(hn::Lanes(d))) {
    hn::Store(hn::MulAdd(factor, hn::Load(d, x + i), hn::Load(d, y + i)), d, y + i);
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <numeric>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/matmul.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {
HWY_EXPORT(FmaChains);
HWY_EXPORT(AddScaled);

namespace {

constexpr int kAttempts = 5;

// The best of some attempts at `work`, which returns what it did.
template <class Work>
double best_rate(Work&& work) {
  double best = 0.0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Clock::time_point start = Clock::now();
    const double done = work();
    best = std::max(best, done / seconds_since(start));
  }
  return best;
}

}  // namespace

double measure_fma_peak() {
  const auto chains = HWY_DYNAMIC_DISPATCH(FmaChains);
  const int64_t pieces = 8 * threads();  // several a thread, in case one comes late
  std::vector<double> flops(static_cast<size_t>(pieces));
  return best_rate([&] {
    parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float values[2] = {0.999F, 0.001F};
        flops[static_cast<size_t>(i)] = chains(1'000'000, values);
      }
    });
    return std::accumulate(flops.begin(), flops.end(), 0.0);
  });
}

double measure_bf16_peak() {
  constexpr int64_t kSize = 2048;
  const Tensor x = Tensor::full({kSize, kSize}, 1.0, DType::kBF16), y = Tensor::full({kSize, kSize}, 0.5, DType::kBF16);
  return best_rate([&] {
    linear(x, y, {});
    return 2.0 * kSize * kSize * kSize;
  });
}

double measure_bandwidth() {
  const auto add_scaled = HWY_DYNAMIC_DISPATCH(AddScaled);
  constexpr int64_t kElements = int64_t{1} << 26, kPiece = int64_t{1} << 16;  // 256 MB an array
  const Tensor x = Tensor::full({kElements}, 1.0, DType::kF32);
  Tensor y = Tensor::full({kElements}, 0.0, DType::kF32);
  const float* from = x.data<float>();
  float* to = y.mutable_data<float>();
  return best_rate([&] {
    parallel_for(kElements, kPiece,
                 [&](int64_t begin, int64_t end) { add_scaled(end - begin, 0.5F, from + begin, to + begin); });
    return 3.0 * sizeof(float) * static_cast<double>(kElements);
  });
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
