#include "gradus/classic/kernels/nearest.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/classic/kernels/nearest.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/classic/kernels/nearest_float-inl.h"
#if HWY_TARGET != HWY_SCALAR
#include "gradus/classic/kernels/nearest_integer-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using F64 = hn::ScalableTag<double>;
using HalfF32 = hn::Rebind<float, F64>;

void RunPackCenters(CenterPanels& c) {
  FloatSearch::PackCenters(c);
#if HWY_TARGET != HWY_SCALAR
  IntegerSearch::PackCenters(c);
#endif
}

double SquaredDistance(const float* x, const double* c, size_t columns) {
  const F64 d;
  const HalfF32 half;
  const size_t lanes = hn::Lanes(d);
  auto even = hn::Zero(d), odd = hn::Zero(d);
  size_t p = 0;
  for (; p + 2 * lanes <= columns; p += 2 * lanes) {
    const auto e = hn::Sub(hn::PromoteTo(d, hn::LoadU(half, x + p)), hn::LoadU(d, c + p));
    const auto o = hn::Sub(hn::PromoteTo(d, hn::LoadU(half, x + p + lanes)), hn::LoadU(d, c + p + lanes));
    even = hn::MulAdd(e, e, even);
    odd = hn::MulAdd(o, o, odd);
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; p < columns; ++p) {
    const double e = static_cast<double>(x[p]) - c[p];
    sum += e * e;
  }
  return sum;
}

int64_t NearestInDouble(const CenterPanels& c, const float* x) {
  int64_t nearest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t j = 0; j < c.clusters; ++j) {
    const double distance = SquaredDistance(x, c.centers + j * c.columns, static_cast<size_t>(c.columns));
    if (distance < least) {
      least = distance;
      nearest = j;
    }
  }
  return nearest;
}

void RunFindNearest(const CenterPanels& c, const float* x, int32_t* places, int64_t count, int64_t* labels,
                    float* slacks) {
  if (c.clusters == 1) {
    for (int64_t i = 0; i < count; ++i) {
      labels[places[i]] = 0;
      slacks[places[i]] = std::numeric_limits<float>::infinity();
    }
    return;
  }
#if HWY_TARGET != HWY_SCALAR
  if (IntegerSearch::CanUse(c)) count = SearchTiles<IntegerSearch>(c, x, places, count, labels, slacks);
#endif
  // A tile that is nearly empty costs more than its few rows in f64.
  if (count > kWide / 4) count = SearchTiles<FloatSearch>(c, x, places, count, labels, slacks);
  for (int64_t i = 0; i < count; ++i) {
    labels[places[i]] = NearestInDouble(c, x + places[i] * c.columns);
    slacks[places[i]] = 0.0F;
  }
}

void RunAddRows(const float* x, int64_t rows, int64_t columns, const int64_t* labels, double* sums, int64_t* counts) {
  const F64 d;
  const HalfF32 half;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < rows; ++i, x += columns) {
    double* to = sums + labels[i] * columns;
    ++counts[labels[i]];
    int64_t p = 0;
    for (; p + lanes <= columns; p += lanes) {
      hn::StoreU(hn::Add(hn::LoadU(d, to + p), hn::PromoteTo(d, hn::LoadU(half, x + p))), d, to + p);
    }
    for (; p < columns; ++p) to[p] += static_cast<double>(x[p]);
  }
}

void RunSquaredDistances(const float* x, int64_t rows, int64_t columns, const int64_t* labels, const double* centers,
                         double* out) {
  for (int64_t i = 0; i < rows; ++i) {
    const double* center = labels == nullptr ? centers : centers + labels[i] * columns;
    out[i] = SquaredDistance(x + i * columns, center, static_cast<size_t>(columns));
  }
}

// As SquaredDistance, to some centres at once: the row is converted once, and the sums do not wait for each other.
template <int64_t kCenters>
void SquaredDistancesToSome(const float* x, int64_t rows, int64_t columns, const double* centers, double* out,
                            int64_t stride) {
  const F64 d;
  const HalfF32 half;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < rows; ++i, x += columns) {
    hn::Vec<F64> sums[kCenters];
    for (auto& sum : sums) sum = hn::Zero(d);
    int64_t p = 0;
    for (; p + lanes <= columns; p += lanes) {
      const auto value = hn::PromoteTo(d, hn::LoadU(half, x + p));
      for (int64_t j = 0; j < kCenters; ++j) {
        const auto off = hn::Sub(value, hn::LoadU(d, centers + j * columns + p));
        sums[j] = hn::MulAdd(off, off, sums[j]);
      }
    }
    for (int64_t j = 0; j < kCenters; ++j) {
      double sum = hn::GetLane(hn::SumOfLanes(d, sums[j]));
      for (int64_t q = p; q < columns; ++q) {
        const double off = static_cast<double>(x[q]) - centers[j * columns + q];
        sum += off * off;
      }
      out[j * stride + i] = sum;
    }
  }
}

void RunSquaredDistancesToAll(const float* x, int64_t rows, int64_t columns, const double* centers, int64_t clusters,
                              double* out, int64_t stride) {
  int64_t j = 0;
  for (; j + 4 <= clusters; j += 4) {
    SquaredDistancesToSome<4>(x, rows, columns, centers + j * columns, out + j * stride, stride);
  }
  for (; j + 2 <= clusters; j += 2) {
    SquaredDistancesToSome<2>(x, rows, columns, centers + j * columns, out + j * stride, stride);
  }
  for (; j < clusters; ++j) {
    SquaredDistancesToSome<1>(x, rows, columns, centers + j * columns, out + j * stride, stride);
  }
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
namespace {
HWY_EXPORT(RunPackCenters);
HWY_EXPORT(RunFindNearest);
HWY_EXPORT(RunAddRows);
HWY_EXPORT(RunSquaredDistances);
HWY_EXPORT(RunSquaredDistancesToAll);
}  // namespace

CenterPanels::CenterPanels(const double* centers_, int64_t clusters_, int64_t columns_)
    : centers(centers_), clusters(clusters_), columns(columns_), shift(static_cast<size_t>(columns_)) {
  std::vector<double> sums(static_cast<size_t>(columns));
  for (int64_t j = 0; j < clusters; ++j) {
    for (int64_t p = 0; p < columns; ++p) sums[static_cast<size_t>(p)] += centers[j * columns + p];
  }
  for (size_t p = 0; p < sums.size(); ++p) shift[p] = static_cast<float>(sums[p] / static_cast<double>(clusters));
  HWY_DYNAMIC_DISPATCH(RunPackCenters)(*this);
}

void find_nearest(const CenterPanels& centers, const float* x, int32_t* places, int64_t count, int64_t* labels,
                  float* slacks) {
  HWY_DYNAMIC_DISPATCH(RunFindNearest)(centers, x, places, count, labels, slacks);
}

void add_rows(const float* x, int64_t rows, int64_t columns, const int64_t* labels, double* sums, int64_t* counts) {
  HWY_DYNAMIC_DISPATCH(RunAddRows)(x, rows, columns, labels, sums, counts);
}

void squared_distances(const float* x, int64_t rows, int64_t columns, const int64_t* labels, const double* centers,
                       double* out) {
  HWY_DYNAMIC_DISPATCH(RunSquaredDistances)(x, rows, columns, labels, centers, out);
}

void squared_distances_to_all(const float* x, int64_t rows, int64_t columns, const double* centers, int64_t clusters,
                              double* out, int64_t stride) {
  HWY_DYNAMIC_DISPATCH(RunSquaredDistancesToAll)(x, rows, columns, centers, clusters, out, stride);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
