#include "gradus/tensor/kernels/winograd_simd.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/winograd_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

using F = hn::ScalableTag<float>;
using VF = hn::Vec<F>;

HWY_INLINE int64_t LanesF() { return static_cast<int64_t>(hn::Lanes(F())); }

HWY_INLINE VF LoadUpTo(const float* from, int64_t count) {
  return HWY_LIKELY(count >= LanesF()) ? hn::LoadU(F(), from) : LoadTail(F(), from, static_cast<size_t>(count), 0.0F);
}
HWY_INLINE void StoreUpTo(VF v, float* to, int64_t count) {
  StoreSome(F(), v, to, static_cast<size_t>(std::min(count, LanesF())));
}

// Bᵀ of four numbers of the image, or A of two gradients.
template <int kSide>
HWY_INLINE void TileLine(const VF v[kSide], VF to[4]) {
  if constexpr (kSide == 4) {
    to[0] = hn::Sub(v[0], v[2]), to[1] = hn::Add(v[1], v[2]), to[2] = hn::Sub(v[2], v[1]), to[3] = hn::Sub(v[1], v[3]);
  } else {
    to[0] = v[0], to[1] = hn::Add(v[0], v[1]), to[2] = hn::Sub(v[0], v[1]), to[3] = hn::Neg(v[1]);
  }
}
// Aᵀ of four numbers, G of three and Gᵀ of four.
HWY_INLINE void ResultLine(VF a, VF b, VF c, VF d, VF to[2]) {
  to[0] = hn::Add(hn::Add(a, b), c), to[1] = hn::Sub(hn::Sub(b, c), d);
}
HWY_INLINE void KernelLine(VF a, VF b, VF c, VF to[4]) {
  const VF half = hn::Set(F(), 0.5F), ends = hn::Mul(half, hn::Add(a, c)), middle = hn::Mul(half, b);
  to[0] = a, to[1] = hn::Add(ends, middle), to[2] = hn::Sub(ends, middle), to[3] = c;
}
HWY_INLINE void KernelGradientLine(VF a, VF b, VF c, VF d, VF to[3]) {
  const VF half = hn::Set(F(), 0.5F), sum = hn::Mul(half, hn::Add(b, c));
  to[0] = hn::Add(a, sum), to[1] = hn::Mul(half, hn::Sub(b, c)), to[2] = hn::Add(sum, d);
}

// Of tiles of kSide × kSide.
template <int kSide>
HWY_INLINE void TransformTiles(const TileSources& s, float* to, int64_t plane, int64_t row) {
  const F d;
  const int64_t lanes = LanesF();
  for (int64_t t = 0; t < s.tiles; ++t, to += row) {
    const float* const* from = s.places + kSide * kSide * t;
    float* out = to;
    for (int64_t c = s.first; c < s.last; c += lanes, out += lanes) {
      VF columns[kSide][4];
      for (int x = 0; x < kSide; ++x) {
        VF v[kSide];
        for (int y = 0; y < kSide; ++y) v[y] = LoadUpTo(from[kSide * y + x] + c, s.end - c);
        TileLine<kSide>(v, columns[x]);
      }
      for (int y = 0; y < 4; ++y) {
        VF line[kSide], v[4];
        for (int x = 0; x < kSide; ++x) line[x] = columns[x][y];
        TileLine<kSide>(line, v);
        for (int x = 0; x < 4; ++x) hn::StoreU(v[x], d, out + (4 * y + x) * plane);
      }
    }
  }
}

void Image(const TileSources& s, float* to, int64_t plane, int64_t row) { TransformTiles<4>(s, to, plane, row); }
void Gradient(const TileSources& s, float* to, int64_t plane, int64_t row) { TransformTiles<2>(s, to, plane, row); }

void Kernel(const float* kernels, int64_t tap, bool turned, int64_t count, float* to, int64_t plane) {
  const int64_t lanes = LanesF();
  for (int64_t i = 0; i < count; i += lanes) {
    VF half[3][4];
    for (int x = 0; x < 3; ++x) {
      VF v[3];
      for (int y = 0; y < 3; ++y) {
        const int at = 3 * y + x;
        v[y] = LoadUpTo(kernels + (turned ? 8 - at : at) * tap + i, count - i);
      }
      KernelLine(v[0], v[1], v[2], half[x]);
    }
    for (int y = 0; y < 4; ++y) {
      VF v[4];
      KernelLine(half[0][y], half[1][y], half[2][y], v);
      for (int x = 0; x < 4; ++x) StoreUpTo(v[x], to + (4 * y + x) * plane + i, count - i);
    }
  }
}

void KernelGradient(const float* sums, int64_t plane, int64_t count, float* to, int64_t tap) {
  const int64_t lanes = LanesF();
  for (int64_t i = 0; i < count; i += lanes) {
    VF half[4][3];
    for (int x = 0; x < 4; ++x) {
      VF v[4];
      for (int y = 0; y < 4; ++y) v[y] = LoadUpTo(sums + (4 * y + x) * plane + i, count - i);
      KernelGradientLine(v[0], v[1], v[2], v[3], half[x]);
    }
    for (int y = 0; y < 3; ++y) {
      VF v[3];
      KernelGradientLine(half[0][y], half[1][y], half[2][y], half[3][y], v);
      for (int x = 0; x < 3; ++x) StoreUpTo(v[x], to + (3 * y + x) * tap + i, count - i);
    }
  }
}

void Results(const TileResults& t) {
  const F d;
  const int64_t lanes = LanesF();
  for (int64_t tile = 0; tile < t.tiles; ++tile) {
    const float* from = t.products + tile * t.row;
    const int64_t* const places = t.places + 4 * tile;
    for (int64_t j = 0; j < t.columns; j += lanes) {
      const int64_t count = t.columns - j;
      VF half[4][2];
      for (int x = 0; x < 4; ++x) {
        VF v[4];
        for (int y = 0; y < 4; ++y) v[y] = hn::LoadU(d, from + (4 * y + x) * t.plane + j);
        ResultLine(v[0], v[1], v[2], v[3], half[x]);
      }
      const VF bias = t.bias != nullptr ? LoadUpTo(t.bias + j, count) : hn::Zero(d);
      for (int y = 0; y < 2; ++y) {
        VF v[2];
        ResultLine(half[0][y], half[1][y], half[2][y], half[3][y], v);
        for (int x = 0; x < 2; ++x) {
          const int64_t place = places[2 * y + x];
          if (place < 0) continue;
          VF result = hn::Add(v[x], bias);
          if (t.residual != nullptr) result = hn::Add(result, LoadUpTo(t.residual + place + j, count));
          if (t.relu) result = hn::IfThenZeroElse(hn::Lt(result, hn::Zero(d)), result);
          StoreUpTo(result, t.result + place + j, count);
        }
      }
    }
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(Image);
HWY_EXPORT(Gradient);
HWY_EXPORT(Kernel);
HWY_EXPORT(KernelGradient);
HWY_EXPORT(Results);

void winograd_image(const TileSources& image, float* to, int64_t plane, int64_t row) {
  HWY_DYNAMIC_DISPATCH(Image)(image, to, plane, row);
}
void winograd_gradient(const TileSources& gradient, float* to, int64_t plane, int64_t row) {
  HWY_DYNAMIC_DISPATCH(Gradient)(gradient, to, plane, row);
}
void winograd_kernel(const float* kernels, int64_t tap, bool turned, int64_t count, float* to, int64_t plane) {
  HWY_DYNAMIC_DISPATCH(Kernel)(kernels, tap, turned, count, to, plane);
}
void winograd_kernel_gradient(const float* sums, int64_t plane, int64_t count, float* to, int64_t tap) {
  HWY_DYNAMIC_DISPATCH(KernelGradient)(sums, plane, count, to, tap);
}
void winograd_results(const TileResults& tiles) { HWY_DYNAMIC_DISPATCH(Results)(tiles); }

}  // namespace gradus::kernels
#endif  // HWY_ONCE
