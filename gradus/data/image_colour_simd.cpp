#include "gradus/data/image_colour_simd.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/data/image_colour_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::detail::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// The channels of some pixels; of a grey picture `r` alone.
struct Pixels {
  V r, g, b, a;
};

template <int64_t kChannels>
HWY_INLINE void LoadPixels(const float* from, Pixels& p) {
  const D d;
  if constexpr (kChannels == 1) {
    p.r = hn::LoadU(d, from);
    p.g = p.b = p.a = p.r;
  } else if constexpr (kChannels == 3) {
    hn::LoadInterleaved3(d, from, p.r, p.g, p.b);
    p.a = p.r;
  } else {
    hn::LoadInterleaved4(d, from, p.r, p.g, p.b, p.a);
  }
}

template <int64_t kChannels>
HWY_INLINE void StorePixels(const Pixels& p, float* to) {
  const D d;
  if constexpr (kChannels == 1) {
    hn::StoreU(p.r, d, to);
  } else if constexpr (kChannels == 3) {
    hn::StoreInterleaved3(p.r, p.g, p.b, d, to);
  } else {
    hn::StoreInterleaved4(p.r, p.g, p.b, p.a, d, to);
  }
}

// Puts what `body` makes of some pixels in their place. Those at the end are copied, and zeros behind them.
template <int64_t kChannels, class Body>
HWY_INLINE void ForPixels(float* samples, int64_t pixels, Body&& body) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  Pixels p;
  for (; pixels >= lanes; pixels -= lanes, samples += lanes * kChannels) {
    LoadPixels<kChannels>(samples, p);
    body(p);
    StorePixels<kChannels>(p, samples);
  }
  if (pixels == 0) return;
  HWY_ALIGN float rest[kChannels * hn::MaxLanes(D())] = {};
  std::copy_n(samples, pixels * kChannels, rest);
  LoadPixels<kChannels>(rest, p);
  body(p);
  StorePixels<kChannels>(p, rest);
  std::copy_n(rest, pixels * kChannels, samples);
}

template <int64_t kChannels>
HWY_INLINE V GreyOf(const Pixels& p) {
  if constexpr (kChannels == 1) return p.r;
  const D d;
  return hn::MulAdd(p.r, hn::Set(d, 0.2989F), hn::MulAdd(p.g, hn::Set(d, 0.587F), hn::Mul(p.b, hn::Set(d, 0.114F))));
}

HWY_INLINE V Cut(V x) {
  const D d;
  return hn::Min(hn::Max(x, hn::Zero(d)), hn::Set(d, 1.0F));
}

template <int64_t kChannels>
double GreySumOf(const float* samples, int64_t pixels) {
  // Of few enough pixels that floats hold it.
  constexpr int64_t kTogether = 1024;
  const D d;
  double total = 0.0;
  for (int64_t begin = 0; begin < pixels; begin += kTogether) {
    const int64_t count = std::min(kTogether, pixels - begin);
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const float* from = samples + begin * kChannels;
    V sum = hn::Zero(d);
    Pixels p;
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      LoadPixels<kChannels>(from + i * kChannels, p);
      sum = hn::Add(sum, GreyOf<kChannels>(p));
    }
    if (i < count) {
      HWY_ALIGN float rest[kChannels * hn::MaxLanes(d)] = {};
      std::copy_n(from + i * kChannels, (count - i) * kChannels, rest);
      LoadPixels<kChannels>(rest, p);
      sum = hn::Add(sum, GreyOf<kChannels>(p));
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return total;
}

template <int64_t kChannels>
void BlendOf(float* samples, int64_t pixels, float factor, float rest) {
  const D d;
  const V all_factor = hn::Set(d, factor), all_rest = hn::Set(d, rest);
  ForPixels<kChannels>(samples, pixels, [&](Pixels& p) HWY_ATTR {
    p.r = Cut(hn::MulAdd(p.r, all_factor, all_rest));
    if constexpr (kChannels > 1) {
      p.g = Cut(hn::MulAdd(p.g, all_factor, all_rest));
      p.b = Cut(hn::MulAdd(p.b, all_factor, all_rest));
    }
  });
}

template <int64_t kChannels>
void BlendWithGreyOf(float* samples, int64_t pixels, float factor) {
  const D d;
  const V all_factor = hn::Set(d, factor), other = hn::Set(d, 1.0F - factor);
  ForPixels<kChannels>(samples, pixels, [&](Pixels& p) HWY_ATTR {
    const V grey = hn::Mul(GreyOf<kChannels>(p), other);
    p.r = Cut(hn::MulAdd(p.r, all_factor, grey));
    p.g = Cut(hn::MulAdd(p.g, all_factor, grey));
    p.b = Cut(hn::MulAdd(p.b, all_factor, grey));
  });
}

// A channel of a colour whose hue is that of the channel plus k sixths of the circle.
HWY_INLINE V ChannelOf(V value, V chroma, V k) {
  const D d;
  const V six = hn::Set(d, 6.0F);
  k = hn::Sub(k, hn::Mul(six, hn::Floor(hn::Mul(k, hn::Set(d, 1.0F / 6.0F)))));
  const V near = hn::Min(hn::Min(k, hn::Sub(hn::Set(d, 4.0F), k)), hn::Set(d, 1.0F));
  return hn::NegMulAdd(chroma, hn::Max(near, hn::Zero(d)), value);
}

// From RGB to hue (in sixths of the circle), chroma and value, and back: Smith, "Color gamut transform pairs", 1978.
template <int64_t kChannels>
void TurnHueOf(float* samples, int64_t pixels, float shift) {
  const D d;
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0F), turn = hn::Set(d, 6.0F * shift);
  ForPixels<kChannels>(samples, pixels, [&](Pixels& p) HWY_ATTR {
    const V value = hn::Max(p.r, hn::Max(p.g, p.b)), least = hn::Min(p.r, hn::Min(p.g, p.b));
    const V chroma = hn::Sub(value, least);
    const V unit = hn::Div(one, hn::IfThenElse(hn::Eq(chroma, zero), one, chroma));
    const V of_red = hn::Mul(hn::Sub(p.g, p.b), unit);
    const V of_green = hn::MulAdd(hn::Sub(p.b, p.r), unit, hn::Set(d, 2.0F));
    const V of_blue = hn::MulAdd(hn::Sub(p.r, p.g), unit, hn::Set(d, 4.0F));
    const V hue = hn::Add(turn, hn::IfThenElse(hn::Eq(p.r, value), of_red,
                                               hn::IfThenElse(hn::Eq(p.g, value), of_green, of_blue)));
    p.r = ChannelOf(value, chroma, hn::Add(hue, hn::Set(d, 5.0F)));
    p.g = ChannelOf(value, chroma, hn::Add(hue, hn::Set(d, 3.0F)));
    p.b = ChannelOf(value, chroma, hn::Add(hue, one));
  });
}

template <int64_t kChannels>
void NormalizeOf(float* samples, int64_t pixels, const float* mean, const float* scale) {
  const D d;
  const auto channel = [&](V x, int64_t c) HWY_ATTR {
    return hn::Div(hn::Sub(x, hn::Set(d, mean[c])), hn::Set(d, scale[c]));
  };
  ForPixels<kChannels>(samples, pixels, [&](Pixels& p) HWY_ATTR {
    p.r = channel(p.r, 0);
    if constexpr (kChannels > 1) {
      p.g = channel(p.g, 1);
      p.b = channel(p.b, 2);
    }
    if constexpr (kChannels > 3) p.a = channel(p.a, 3);
  });
}

double GreySum(const float* samples, int64_t pixels, int64_t channels) {
  return channels == 1   ? GreySumOf<1>(samples, pixels)
         : channels == 3 ? GreySumOf<3>(samples, pixels)
                         : GreySumOf<4>(samples, pixels);
}

void Blend(float* samples, int64_t pixels, int64_t channels, float factor, float rest) {
  channels == 1   ? BlendOf<1>(samples, pixels, factor, rest)
  : channels == 3 ? BlendOf<3>(samples, pixels, factor, rest)
                  : BlendOf<4>(samples, pixels, factor, rest);
}

void BlendWithGrey(float* samples, int64_t pixels, int64_t channels, float factor) {
  channels == 3 ? BlendWithGreyOf<3>(samples, pixels, factor) : BlendWithGreyOf<4>(samples, pixels, factor);
}

void TurnHue(float* samples, int64_t pixels, int64_t channels, float shift) {
  channels == 3 ? TurnHueOf<3>(samples, pixels, shift) : TurnHueOf<4>(samples, pixels, shift);
}

void Normalize(float* samples, int64_t pixels, int64_t channels, const float* mean, const float* scale) {
  channels == 1   ? NormalizeOf<1>(samples, pixels, mean, scale)
  : channels == 3 ? NormalizeOf<3>(samples, pixels, mean, scale)
                  : NormalizeOf<4>(samples, pixels, mean, scale);
}

}  // namespace
}  // namespace gradus::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::detail {
namespace {
HWY_EXPORT(GreySum);
HWY_EXPORT(Blend);
HWY_EXPORT(BlendWithGrey);
HWY_EXPORT(TurnHue);
HWY_EXPORT(Normalize);
}  // namespace

double run_grey_sum(const float* samples, int64_t pixels, int64_t channels) {
  return HWY_DYNAMIC_DISPATCH(GreySum)(samples, pixels, channels);
}

void run_blend(float* samples, int64_t pixels, int64_t channels, float factor, float rest) {
  HWY_DYNAMIC_DISPATCH(Blend)(samples, pixels, channels, factor, rest);
}

void run_blend_with_grey(float* samples, int64_t pixels, int64_t channels, float factor) {
  HWY_DYNAMIC_DISPATCH(BlendWithGrey)(samples, pixels, channels, factor);
}

void run_turn_hue(float* samples, int64_t pixels, int64_t channels, float shift) {
  HWY_DYNAMIC_DISPATCH(TurnHue)(samples, pixels, channels, shift);
}

void run_normalize(float* samples, int64_t pixels, int64_t channels, const float* mean, const float* scale) {
  HWY_DYNAMIC_DISPATCH(Normalize)(samples, pixels, channels, mean, scale);
}

}  // namespace gradus::detail
#endif  // HWY_ONCE
