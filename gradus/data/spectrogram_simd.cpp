#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/data/spectrogram_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include <cmath>
#include <numbers>

#include "gradus/data/spectrogram_simd.h"
#include "gradus/tensor/kernels/simd-inl.h"
#include "hwy/aligned_allocator.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::detail::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

struct Complex {
  V re, im;
};
HWY_INLINE Complex operator+(Complex a, Complex b) { return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)}; }
HWY_INLINE Complex operator-(Complex a, Complex b) { return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)}; }
HWY_INLINE Complex Scaled(Complex a, float factor) {
  const V f = hn::Set(D(), factor);
  return {hn::Mul(a.re, f), hn::Mul(a.im, f)};
}
// a + factor · b
HWY_INLINE Complex AddScaled(Complex a, Complex b, float factor) {
  const V f = hn::Set(D(), factor);
  return {hn::MulAdd(b.re, f, a.re), hn::MulAdd(b.im, f, a.im)};
}
// a − i·b and a + i·b
HWY_INLINE Complex MinusI(Complex a, Complex b) { return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)}; }
HWY_INLINE Complex PlusI(Complex a, Complex b) { return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)}; }
// a · (factor[0] + i·factor[1])
HWY_INLINE Complex Turned(Complex a, const float* factor) {
  const V c = hn::Set(D(), factor[0]), s = hn::Set(D(), factor[1]);
  return {hn::NegMulAdd(a.im, s, hn::Mul(a.re, c)), hn::MulAdd(a.im, c, hn::Mul(a.re, s))};
}

// Numbers in memory, each of which is a vector of real parts and one of imaginary parts.
HWY_INLINE Complex LoadNumber(const float* numbers, int64_t i) {
  const size_t lanes = hn::Lanes(D());
  const float* const from = numbers + 2 * lanes * static_cast<size_t>(i);
  return {hn::Load(D(), from), hn::Load(D(), from + lanes)};
}
HWY_INLINE void StoreNumber(Complex value, float* numbers, int64_t i) {
  const size_t lanes = hn::Lanes(D());
  float* const to = numbers + 2 * lanes * static_cast<size_t>(i);
  hn::Store(value.re, D(), to);
  hn::Store(value.im, D(), to + lanes);
}

// Transforms of as many numbers as an array has, in place.
HWY_INLINE void Butterfly(Complex (&x)[2]) {
  const Complex a = x[0];
  x[0] = a + x[1];
  x[1] = a - x[1];
}
HWY_INLINE void Butterfly(Complex (&x)[3]) {
  const Complex sum = x[1] + x[2], difference = Scaled(x[1] - x[2], 0.86602540378443864676F);  // sin(2π/3)
  const Complex rest = AddScaled(x[0], sum, -0.5F);
  x[0] = x[0] + sum;
  x[1] = MinusI(rest, difference);
  x[2] = PlusI(rest, difference);
}
HWY_INLINE void Butterfly(Complex (&x)[4]) {
  const Complex a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = x[1] - x[3];
  x[0] = a + c;
  x[1] = MinusI(b, d);
  x[2] = a - c;
  x[3] = PlusI(b, d);
}
HWY_INLINE void Butterfly(Complex (&x)[5]) {
  constexpr float kCos1 = 0.30901699437494742410F, kCos2 = -0.80901699437494742410F;  // of 2π/5 and 4π/5
  constexpr float kSin1 = 0.95105651629515357212F, kSin2 = 0.58778525229247312917F;
  const Complex sum1 = x[1] + x[4], sum2 = x[2] + x[3], apart1 = x[1] - x[4], apart2 = x[2] - x[3];
  const Complex even1 = AddScaled(AddScaled(x[0], sum1, kCos1), sum2, kCos2);
  const Complex even2 = AddScaled(AddScaled(x[0], sum1, kCos2), sum2, kCos1);
  const Complex odd1 = AddScaled(Scaled(apart1, kSin1), apart2, kSin2);
  const Complex odd2 = AddScaled(Scaled(apart1, kSin2), apart2, -kSin1);
  x[0] = x[0] + sum1 + sum2;
  x[1] = MinusI(even1, odd1);
  x[2] = MinusI(even2, odd2);
  x[3] = PlusI(even2, odd2);
  x[4] = PlusI(even1, odd1);
}

// One step of Stockham's transform: `steps` groups of `stride` transforms of kRadix numbers each.
template <size_t kRadix>
HWY_INLINE void Step(const float* from, float* to, int64_t steps, int64_t stride, const float* factors) {
  constexpr auto kStep = static_cast<int64_t>(kRadix);
  for (int64_t p = 0; p < steps; ++p, factors += 2 * (kRadix - 1)) {
    for (int64_t q = 0; q < stride; ++q) {
      Complex x[kRadix];
      for (size_t j = 0; j < kRadix; ++j) x[j] = LoadNumber(from, q + stride * (p + steps * static_cast<int64_t>(j)));
      Butterfly(x);
      StoreNumber(x[0], to, q + stride * kStep * p);
      for (size_t k = 1; k < kRadix; ++k) {
        StoreNumber(Turned(x[k], factors + 2 * (k - 1)), to, q + stride * (kStep * p + static_cast<int64_t>(k)));
      }
    }
  }
}

// Of fft/2 numbers in `numbers`; where the result is: there, or in `other`.
float* Transform(const SpectrogramPlan& plan, float* numbers, float* other) {
  const float* factors = plan.factors.data();
  int64_t rest = plan.fft / 2, stride = 1;
  for (const int64_t radix : plan.radices) {
    rest /= radix;
    if (radix == 2) Step<2>(numbers, other, rest, stride, factors);
    if (radix == 3) Step<3>(numbers, other, rest, stride, factors);
    if (radix == 4) Step<4>(numbers, other, rest, stride, factors);
    if (radix == 5) Step<5>(numbers, other, rest, stride, factors);
    factors += 2 * rest * (radix - 1);
    stride *= radix;
    float* const swapped = numbers;
    numbers = other;
    other = swapped;
  }
  return numbers;
}

// As many frames as there are lanes, times the window; a real signal's even samples are real parts, its odd ones
// imaginary parts. Lanes from `frames` on are copies of the last.
void LoadFrames(const SpectrogramPlan& plan, const float* samples, size_t frames, float* numbers) {
  const D d;
  const hn::RebindToSigned<D> places;
  const auto lane = hn::Min(hn::Iota(places, 0), hn::Set(places, static_cast<int32_t>(frames - 1)));
  const auto place = hn::Mul(lane, hn::Set(places, static_cast<int32_t>(plan.hop)));
  for (int64_t i = 0; i < plan.fft / 2; ++i) {
    const float* const window = plan.window.data() + 2 * i;
    const Complex x = {hn::Mul(hn::GatherIndex(d, samples + 2 * i, place), hn::Set(d, window[0])),
                       hn::Mul(hn::GatherIndex(d, samples + 2 * i + 1, place), hn::Set(d, window[1]))};
    StoreNumber(x, numbers, i);
  }
}

// |X|² of the real signals' frequencies [0, fft/2], from the transform of their halves.
void Powers(const SpectrogramPlan& plan, const float* numbers, float* powers) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const int64_t half = plan.fft / 2;
  const V scale = hn::Set(d, 0.25F);  // of squares of what is twice too large
  for (int64_t k = 0; k <= half / 2; ++k) {
    const Complex a = LoadNumber(numbers, k), b = LoadNumber(numbers, k == 0 ? 0 : half - k);
    const Complex even = {hn::Add(a.re, b.re), hn::Sub(a.im, b.im)};
    const Complex odd = Turned({hn::Sub(a.re, b.re), hn::Add(a.im, b.im)}, plan.turns.data() + 2 * k);
    const Complex x = MinusI(even, odd), y = PlusI(even, odd);
    hn::Store(hn::Mul(scale, hn::MulAdd(x.re, x.re, hn::Mul(x.im, x.im))), d, powers + lanes * static_cast<size_t>(k));
    hn::Store(hn::Mul(scale, hn::MulAdd(y.re, y.re, hn::Mul(y.im, y.im))), d,
              powers + lanes * static_cast<size_t>(half - k));
  }
}

void Bands(const SpectrogramPlan& plan, const float* powers, size_t frames, float* to) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V floor = hn::Set(d, static_cast<float>(plan.floor)), scale = hn::Set(d, static_cast<float>(plan.scale));
  HWY_ALIGN float values[hn::MaxLanes(d)];
  for (size_t b = 0; b < plan.bands.size(); ++b) {
    const MelBand& band = plan.bands[b];
    const float* const weights = plan.weights.data() + band.weights;
    const float* power = powers + lanes * static_cast<size_t>(band.first);
    V sum = hn::Zero(d);
    for (int64_t k = 0; k < band.count; ++k, power += lanes) {
      sum = hn::MulAdd(hn::Load(d, power), hn::Set(d, weights[k]), sum);
    }
    sum = plan.adds_floor ? hn::Add(sum, floor) : hn::Max(sum, floor);
    hn::Store(hn::Mul(scale, kernels::HWY_NAMESPACE::LogAny(d, sum)), d, values);
    for (size_t l = 0; l < frames; ++l) to[l * plan.bands.size() + b] = values[l];
  }
}

void RunSpectrogram(const SpectrogramPlan& plan, const float* samples, int64_t frames, float* to) {
  const size_t lanes = hn::Lanes(D()), size = static_cast<size_t>(plan.fft) * lanes;
  const auto first = hwy::AllocateAligned<float>(size + lanes), second = hwy::AllocateAligned<float>(size + lanes);
  if (first == nullptr || second == nullptr) throw std::bad_alloc();
  const auto together = static_cast<int64_t>(lanes);
  for (int64_t t = 0; t < frames; t += together) {
    const auto part = static_cast<size_t>(HWY_MIN(together, frames - t));
    LoadFrames(plan, samples + t * plan.hop, part, first.get());
    float* const numbers = Transform(plan, first.get(), second.get());
    float* const powers = numbers == first.get() ? second.get() : first.get();
    Powers(plan, numbers, powers);
    Bands(plan, powers, part, to + t * static_cast<int64_t>(plan.bands.size()));
  }
}

}  // namespace
}  // namespace gradus::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::detail {
namespace {
HWY_EXPORT(RunSpectrogram);

void add_turn(std::vector<float>& to, int64_t part, int64_t whole) {
  const double angle = -2.0 * std::numbers::pi * static_cast<double>(part) / static_cast<double>(whole);
  to.push_back(static_cast<float>(std::cos(angle)));
  to.push_back(static_cast<float>(std::sin(angle)));
}

}  // namespace

void plan_transform(int64_t fft, SpectrogramPlan& plan) {
  plan.fft = fft;
  int64_t rest = fft / 2;
  for (const int64_t radix : {5, 3, 4, 2}) {
    for (; rest % radix == 0; rest /= radix) {
      plan.radices.push_back(radix);
      for (int64_t p = 0; p < rest / radix; ++p) {
        for (int64_t k = 1; k < radix; ++k) add_turn(plan.factors, p * k, rest);
      }
    }
  }
  for (int64_t k = 0; k <= fft / 4; ++k) add_turn(plan.turns, k, fft);
}

void run_spectrogram(const SpectrogramPlan& plan, const float* samples, int64_t frames, float* to) {
  HWY_DYNAMIC_DISPATCH(RunSpectrogram)(plan, samples, frames, to);
}

}  // namespace gradus::detail
#endif  // HWY_ONCE
