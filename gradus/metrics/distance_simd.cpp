#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/metrics/distance_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/metrics/distance_simd.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::detail::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void TileDistances(const double* rows, const float* others, size_t features, double* out) {
  const hn::CappedTag<double, kTileWidth> d;
  const hn::Rebind<float, decltype(d)> narrow;
  for (size_t t = 0; t < kTileWidth; t += hn::Lanes(d)) {
    auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (size_t f = 0; f < features; ++f) {
      const double* row = rows + f * kTileRows;
      const auto other = hn::PromoteTo(d, hn::LoadU(narrow, others + f * kTileWidth + t));
      const auto d0 = hn::Sub(other, hn::Set(d, row[0])), d1 = hn::Sub(other, hn::Set(d, row[1]));
      const auto d2 = hn::Sub(other, hn::Set(d, row[2])), d3 = hn::Sub(other, hn::Set(d, row[3]));
      s0 = hn::MulAdd(d0, d0, s0);
      s1 = hn::MulAdd(d1, d1, s1);
      s2 = hn::MulAdd(d2, d2, s2);
      s3 = hn::MulAdd(d3, d3, s3);
    }
    hn::StoreU(hn::Sqrt(s0), d, out + t);
    hn::StoreU(hn::Sqrt(s1), d, out + kTileWidth + t);
    hn::StoreU(hn::Sqrt(s2), d, out + 2 * kTileWidth + t);
    hn::StoreU(hn::Sqrt(s3), d, out + 3 * kTileWidth + t);
  }
}

}  // namespace
}  // namespace gradus::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::detail {
namespace {
HWY_EXPORT(TileDistances);
}  // namespace

void tile_distances(const double* rows, const float* others, size_t features, double* out) {
  HWY_DYNAMIC_DISPATCH(TileDistances)(rows, others, features, out);
}

}  // namespace gradus::detail
#endif  // HWY_ONCE
