#include "gradus/classic/kernels/nearest.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/classic/kernels/nearest.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "gradus/tensor/kernels/product-inl.h"
#include "gradus/tensor/kernels/simd-inl.h"
#include "hwy/aligned_allocator.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using F32 = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F32>;
using F64 = hn::ScalableTag<double>;
using HalfF32 = hn::Rebind<float, F64>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kPanel = kMaxRows;                       // centres side by side
constexpr int64_t kWide = 2 * hn::MaxLanes(F32());         // rows side by side: a tile
constexpr int64_t kMostTiles = 8, kTileBytes = 128 << 10;  // that share what is read of the centres

int64_t Panels(int64_t clusters) { return (clusters + kPanel - 1) / kPanel; }

void RunPackCenters(CenterPanels& c) {
  const int64_t panels = Panels(c.clusters);
  c.panels.assign(static_cast<size_t>(panels * kPanel * c.columns), 0.0F);
  c.half_norms.assign(static_cast<size_t>(panels * kPanel), kInfinity);
  double largest = 0.0;
  for (int64_t j = 0; j < c.clusters; ++j) {
    const double* from = c.centers + j * c.columns;
    float* to = c.panels.data() + j / kPanel * kPanel * c.columns + j % kPanel;
    double squares = 0.0;
    for (int64_t p = 0; p < c.columns; ++p) {
      const double value = from[p] - static_cast<double>(c.shift[static_cast<size_t>(p)]);
      to[p * kPanel] = static_cast<float>(value);
      squares += value * value;
    }
    c.half_norms[static_cast<size_t>(j)] = static_cast<float>(0.5 * squares);
    largest = std::max(largest, squares);
  }
  c.largest_norm = static_cast<float>(std::sqrt(largest) * (1 + 1e-6));
}

// What is known about the rows of a tile: the two largest of x·c − ½‖c‖² so far, and whose the largest is.
struct Tile {
  HWY_ALIGN float best[kWide], second[kWide], squares[kWide];
  HWY_ALIGN int32_t label[kWide];
};

// to[p][r] = x[r][p] − shift[p], zeros beyond the last row.
void PackRows(const float* x, int64_t rows, int64_t columns, const float* shift, float* to) {
  int64_t p = 0;
#if HWY_MAX_BYTES >= 16 && HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<float, 4> d;
  for (; p + 4 <= columns; p += 4) {
    const auto s0 = hn::Set(d, shift[p]), s1 = hn::Set(d, shift[p + 1]);
    const auto s2 = hn::Set(d, shift[p + 2]), s3 = hn::Set(d, shift[p + 3]);
    for (int64_t r = 0; r + 4 <= rows; r += 4) {
      const float* from = x + r * columns + p;
      const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + columns);
      const auto c = hn::LoadU(d, from + 2 * columns), e = hn::LoadU(d, from + 3 * columns);
      const auto ac0 = hn::InterleaveLower(d, a, c), ac1 = hn::InterleaveUpper(d, a, c);
      const auto be0 = hn::InterleaveLower(d, b, e), be1 = hn::InterleaveUpper(d, b, e);
      float* out = to + p * kWide + r;
      hn::StoreU(hn::Sub(hn::InterleaveLower(d, ac0, be0), s0), d, out);
      hn::StoreU(hn::Sub(hn::InterleaveUpper(d, ac0, be0), s1), d, out + kWide);
      hn::StoreU(hn::Sub(hn::InterleaveLower(d, ac1, be1), s2), d, out + 2 * kWide);
      hn::StoreU(hn::Sub(hn::InterleaveUpper(d, ac1, be1), s3), d, out + 3 * kWide);
    }
    for (int64_t r = rows / 4 * 4; r < kWide; ++r) {
      for (int64_t q = p; q < p + 4; ++q) to[q * kWide + r] = r < rows ? x[r * columns + q] - shift[q] : 0.0F;
    }
  }
#endif
  for (; p < columns; ++p) {
    for (int64_t r = 0; r < kWide; ++r) to[p * kWide + r] = r < rows ? x[r * columns + p] - shift[p] : 0.0F;
  }
}

void StartTile(const float* packed, int64_t columns, Tile& tile) {
  const F32 d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < kWide; r += lanes) {
    auto squares = hn::Zero(d);
    for (int64_t p = 0; p < columns; ++p) {
      const auto x = hn::Load(d, packed + p * kWide + r);
      squares = hn::MulAdd(x, x, squares);
    }
    hn::Store(squares, d, tile.squares + r);
    hn::Store(hn::Set(d, -kInfinity), d, tile.best + r);
    hn::Store(hn::Set(d, -kInfinity), d, tile.second + r);
    hn::Store(hn::Zero(I32()), I32(), tile.label + r);
  }
}

// dots (kPanel, kWide) are of the centres from `first` on.
HWY_INLINE void Compare(const float* dots, const float* half_norms, int32_t first, Tile& tile) {
  const F32 d;
  const I32 di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < kWide; r += lanes) {
    auto best = hn::Load(d, tile.best + r), second = hn::Load(d, tile.second + r);
    auto label = hn::Load(di, tile.label + r);
    for (int64_t j = 0; j < kPanel; ++j) {
      const auto score = hn::Sub(hn::Load(d, dots + j * kWide + r), hn::Set(d, half_norms[j]));
      const auto is_better = hn::Gt(score, best);
      second = hn::Max(second, hn::Min(score, best));
      best = hn::Max(score, best);
      label = hn::IfThenElse(hn::RebindMask(di, is_better), hn::Set(di, first + static_cast<int32_t>(j)), label);
    }
    hn::Store(best, d, tile.best + r);
    hn::Store(second, d, tile.second + r);
    hn::Store(label, di, tile.label + r);
  }
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

// With u = 2⁻²⁴, a score x·c − ½‖c‖² of n columns is off by at most γ·(‖x‖·‖c‖ + ½‖c‖²), γ = (n + 8)·u and a tenth more
// for terms of second order and the norms' own rounding. Only centres within ‖x‖ + (distance to the nearest) of the
// shift can be the nearest, so that this bounds their norm; √γ is what the distance itself may be off by.
class Doubt {
 public:
  explicit Doubt(const CenterPanels& c) : largest_(c.largest_norm) {
    constexpr int64_t kMostColumns = 1000000;  // beyond, second order is more than a tenth
    const float columns = static_cast<float>(c.columns);
    gamma_ = c.columns < kMostColumns ? 1.1F * (columns + 8.0F) * 0x1p-24F : kInfinity;
    reach_ = 1.0F + 3.0F * std::sqrt(gamma_);
  }

  // Bit r: whether rounding may have hidden the nearest centre of row first + r.
  HWY_INLINE uint64_t Of(const Tile& tile, int64_t first) const {
    const F32 d;
    const auto best = hn::Load(d, tile.best + first), second = hn::Load(d, tile.second + first);
    const auto squares = hn::Load(d, tile.squares + first), zero = hn::Zero(d);
    const auto norm = hn::Sqrt(squares);
    const auto distance = hn::Sqrt(hn::Max(zero, hn::NegMulAdd(hn::Set(d, 2.0F), best, squares)));
    const auto reach = hn::Min(hn::Set(d, largest_), hn::Mul(hn::Set(d, reach_), hn::Add(norm, distance)));
    const auto size = hn::MulAdd(hn::Set(d, 0.5F), reach, norm);
    const auto off =
        hn::MulAdd(hn::Mul(hn::Set(d, 2.0F * gamma_), reach), size, hn::Set(d, std::numeric_limits<float>::min()));
    uint8_t bits[8] = {};
    const auto is_sure = hn::And(hn::Gt(hn::Sub(best, second), off), hn::Lt(best, hn::Set(d, kInfinity)));  // no NaN
    hn::StoreMaskBits(d, is_sure, bits);
    uint64_t sure = 0;
    for (int i = 0; i < 8; ++i) sure |= static_cast<uint64_t>(bits[i]) << (8 * i);
    return ~sure & ((uint64_t{1} << hn::Lanes(d)) - 1);
  }

 private:
  float largest_, gamma_, reach_;
};

void FinishTile(const CenterPanels& c, const Doubt& doubt, const float* x, int64_t rows, const Tile& tile,
                int64_t* labels) {
  for (int64_t r = 0; r < rows; ++r) labels[r] = tile.label[r];
  if (c.clusters == 1) return;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(F32()));
  for (int64_t first = 0; first < rows; first += lanes) {
    for (uint64_t doubts = doubt.Of(tile, first); doubts != 0; doubts &= doubts - 1) {
      const int64_t r = first + static_cast<int64_t>(hwy::Num0BitsBelowLS1Bit_Nonzero64(doubts));
      if (r < rows) labels[r] = NearestInDouble(c, x + r * c.columns);
    }
  }
}

void RunFindNearest(const CenterPanels& c, const float* x, int64_t rows, int64_t* labels) {
  const int64_t tile_size = kWide * c.columns;
  const int64_t most = std::clamp<int64_t>(kTileBytes / (4 * tile_size), 1, kMostTiles);
  const auto packed = hwy::AllocateAligned<float>(static_cast<size_t>(std::min(most, rows / kWide + 1) * tile_size));
  const Doubt doubt(c);
  Tile tiles[kMostTiles];
  HWY_ALIGN float dots[kPanel * kWide];
  for (int64_t begin = 0; begin < rows; begin += most * kWide) {
    const int64_t count = std::min(most, (rows - begin + kWide - 1) / kWide);
    for (int64_t t = 0; t < count; ++t) {
      const int64_t row = begin + t * kWide;
      PackRows(x + row * c.columns, std::min(kWide, rows - row), c.columns, c.shift.data(),
               packed.get() + t * tile_size);
      StartTile(packed.get() + t * tile_size, c.columns, tiles[t]);
    }
    for (int64_t j = 0; j < Panels(c.clusters); ++j) {
      const float* panel = c.panels.data() + j * kPanel * c.columns;
      for (int64_t t = 0; t < count; ++t) {
        ProductBlock<kMaxRows>(F32(), c.columns, panel, 1, kPanel, packed.get() + t * tile_size, kWide, dots, kWide,
                               false);
        Compare(dots, c.half_norms.data() + j * kPanel, static_cast<int32_t>(j * kPanel), tiles[t]);
      }
    }
    for (int64_t t = 0; t < count; ++t) {
      const int64_t row = begin + t * kWide;
      FinishTile(c, doubt, x + row * c.columns, std::min(kWide, rows - row), tiles[t], labels + row);
    }
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

void find_nearest(const CenterPanels& centers, const float* x, int64_t rows, int64_t* labels) {
  HWY_DYNAMIC_DISPATCH(RunFindNearest)(centers, x, rows, labels);
}

void add_rows(const float* x, int64_t rows, int64_t columns, const int64_t* labels, double* sums, int64_t* counts) {
  HWY_DYNAMIC_DISPATCH(RunAddRows)(x, rows, columns, labels, sums, counts);
}

void squared_distances(const float* x, int64_t rows, int64_t columns, const int64_t* labels, const double* centers,
                       double* out) {
  HWY_DYNAMIC_DISPATCH(RunSquaredDistances)(x, rows, columns, labels, centers, out);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
