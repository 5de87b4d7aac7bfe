// The search for nearest centres by products of 16-bit integers, at about twice the speed of f32; compiled once for
// each instruction set, hence the unusual guard.
#if defined(GRADUS_CLASSIC_KERNELS_NEAREST_INTEGER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_CLASSIC_KERNELS_NEAREST_INTEGER_INL_H_
#undef GRADUS_CLASSIC_KERNELS_NEAREST_INTEGER_INL_H_
#else
#define GRADUS_CLASSIC_KERNELS_NEAREST_INTEGER_INL_H_
#endif

#include <bit>
#include <cmath>
#include <limits>

#include "gradus/classic/kernels/nearest_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// Whether this target's vectors have one instruction for a product of pairs and its sum (AVX512_VNNI), which Highway
// has not.
HWY_INLINE bool HasPairProducts() {
#if HWY_TARGET == HWY_AVX3
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0;
  return has;
#else
  return false;
#endif
}

// sum + the products of pairs of integers; `unused` is 0. Both ways have the same bits.
template <bool kInOne, class Halves>
HWY_INLINE hn::Vec<I32> AddPairProducts(Halves a, Halves b, hn::Vec<I32> sum, [[maybe_unused]] hn::Vec<I32>& unused) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kInOne) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
    return sum;
  }
#endif
  return hn::ReorderWidenMulAccumulate(I32(), a, b, sum, unused);
}

// Rows and centres, measured from the shift, are scaled and rounded to integers X and C; scores are X·C − H in 32 bits,
// H = ½‖c‖² in the same unit. They cannot overflow, since ‖X‖ + H / ‖C‖ ≤ kRowNorm and ‖C‖ ≤ kCenterNorm, whose product
// is below 2³¹. Without the rounding a score would be another by at most
//   (rounding of X)·‖C‖ + ‖X‖·(rounding of C) + (one times the other), with a rounding of at most ½·√columns,
// by 512 for the rounding of H in f32, and by what the label takes of its lowest bits.
class IntegerSearch {
 public:
  using Word = int32_t;  // two integers: the columns 2q and 2q + 1
#if HWY_TARGET <= HWY_AVX3
  static constexpr int64_t kPanel = 8;
#else
  static constexpr int64_t kPanel = 4;
#endif

  // The two largest scores so far; the lowest bits are the centre's number.
  struct Tile {
    HWY_ALIGN int32_t best[kWide], second[kWide];
    HWY_ALIGN float squares[kWide];
    float unit;             // of scores
    bool is_usable = true;  // the rows have a norm that can be scaled
  };

  static void PackCenters(CenterPanels& c) {
    const int64_t panels = (c.clusters + kPanel - 1) / kPanel, words = (c.columns + 1) / 2;
    double largest = 0.0;
    for (int64_t i = 0; i < c.clusters * c.columns; ++i) {
      largest = std::max(largest, std::abs(c.centers[i] - static_cast<double>(c.shift[size_t(i % c.columns)])));
    }
    const double scale =
        std::min((kCenterNorm - HalfRoot(c)) / static_cast<double>(c.largest_norm), kLargest / largest);
    c.scale = static_cast<float>(scale);
    if (!CanUse(c)) return;
    c.pairs.assign(static_cast<size_t>(panels * kPanel * words), 0);
    c.pair_half_norms.assign(static_cast<size_t>(panels * kPanel), std::numeric_limits<float>::infinity());
    for (int64_t j = 0; j < c.clusters; ++j) {
      int32_t* to = c.pairs.data() + j / kPanel * kPanel * words + j % kPanel;
      double left = 0.0, squares = 0.0;
      for (int64_t p = 0; p < c.columns; ++p) {
        const double value = c.centers[j * c.columns + p] - static_cast<double>(c.shift[size_t(p)]);
        const double scaled = value * static_cast<double>(c.scale), rounded = std::nearbyint(scaled);
        const uint32_t bits = static_cast<uint16_t>(static_cast<int16_t>(rounded));
        to[p / 2 * kPanel] |= static_cast<int32_t>(p % 2 == 0 ? bits : bits << 16);
        left += (scaled - rounded) * (scaled - rounded);
        squares += value * value;
      }
      c.pair_half_norms[static_cast<size_t>(j)] = static_cast<float>(0.5 * squares);
      c.pair_rounding = std::max(c.pair_rounding, static_cast<float>(std::sqrt(left) * (1 + 1e-6)));
    }
    c.pair_norm = c.largest_norm * c.scale * (1 + 1e-6F);
  }

  // Few columns leave too many rows in doubt, and too little to be gained.
  static bool CanUse(const CenterPanels& c) {
    constexpr int64_t kFewestColumns = 16, kMostClusters = 1 << 16;
    return c.columns >= kFewestColumns && c.columns <= kMostColumns && c.clusters <= kMostClusters && c.scale > 0.0F &&
           c.scale < std::numeric_limits<float>::infinity();
  }

  explicit IntegerSearch(const CenterPanels& c) : c_(c), words_((c.columns + 1) / 2) {
    labels_ = static_cast<int32_t>(std::bit_ceil(static_cast<uint64_t>(c.clusters + kPanel)) - 1);
    // A hundredth for X in f32.
    const double rounding = HalfRoot(c) + 0.01;
    const double off = rounding * static_cast<double>(c.pair_norm + c.pair_rounding) +
                       kRowNorm * static_cast<double>(c.pair_rounding) + 512.0 + labels_;
    off_ = static_cast<int32_t>(off) + 1;
  }

  int64_t Words() const { return words_; }

  void Pack(const float* const* rows, int64_t count, int32_t* scratch, int32_t* packed, Tile& tile) const {
    float squares = 0.0F;
    std::fill_n(tile.squares, kWide, 0.0F);
    for (int64_t r = 0; r < count; ++r) {
      tile.squares[r] = SquaredNorm(rows[r]);
      squares = std::max(squares, tile.squares[r]);
    }
    // A hundredth for the rounding of the norm in f32.
    const float norm = 1.01F * (std::sqrt(squares) + 0.5F * c_.largest_norm);
    const float scale = static_cast<float>(kRowNorm - HalfRoot(c_)) / norm;
    tile.unit = scale * c_.scale;
    tile.is_usable = scale > 0.0F && tile.unit > 0.0F && tile.unit < std::numeric_limits<float>::infinity();
    std::fill_n(tile.best, kWide, std::numeric_limits<int32_t>::min());
    std::fill_n(tile.second, kWide, std::numeric_limits<int32_t>::min());
    std::fill_n(scratch, kWide * words_, 0);
    if (!tile.is_usable) count = 0;
    for (int64_t r = 0; r < count; ++r) Round(rows[r], scale, reinterpret_cast<int16_t*>(scratch + r * words_));
    Transpose(scratch, words_, packed);
  }

  void Compare(int64_t first, const int32_t* packed, Tile& tile) const {
    HasPairProducts() ? CompareBy<true>(first, packed, tile) : CompareBy<false>(first, packed, tile);
  }

  template <bool kInOne>
  HWY_INLINE void CompareBy(int64_t first, const int32_t* packed, Tile& tile) const {
    const I32 d;
    const hn::Repartition<int16_t, I32> halves;
    const int32_t* panel = c_.pairs.data() + first * words_;
    hn::Vec<I32> sums[kPanel][2];
    const hn::CappedTag<float, kPanel> of_panel;
    HWY_ALIGN int32_t starts[kPanel];
    for (int64_t j = 0; j < kPanel; j += hn::MaxLanes(of_panel)) {
      // H of what fills up the panel is infinite.
      const auto h = hn::Mul(hn::LoadU(of_panel, c_.pair_half_norms.data() + first + j), hn::Set(of_panel, -tile.unit));
      const auto start =
          hn::ConvertTo(hn::RebindToSigned<decltype(of_panel)>(), hn::Max(h, hn::Set(of_panel, -2147483648.0F)));
      hn::Store(start, hn::RebindToSigned<decltype(of_panel)>(), starts + j);
    }
    for (int64_t j = 0; j < kPanel; ++j) sums[j][0] = sums[j][1] = hn::Set(d, starts[j]);
    auto unused = hn::Zero(d);
    for (int64_t q = 0; q < words_; ++q, packed += kWide, panel += kPanel) {
      const auto x0 = hn::BitCast(halves, hn::Load(d, packed)), x1 = hn::BitCast(halves, hn::Load(d, packed + kLanes));
      for (int64_t j = 0; j < kPanel; ++j) {
        const auto center = hn::BitCast(halves, hn::Set(d, panel[j]));
        sums[j][0] = AddPairProducts<kInOne>(center, x0, sums[j][0], unused);
        sums[j][1] = AddPairProducts<kInOne>(center, x1, sums[j][1], unused);
      }
    }
    const auto keep = hn::Set(d, ~labels_);
    for (int64_t v = 0; v < 2; ++v) {
      auto best = hn::Load(d, tile.best + v * kLanes), second = hn::Load(d, tile.second + v * kLanes);
      for (int64_t j = 0; j < kPanel; ++j) {
        const auto score = hn::OrAnd(hn::Set(d, static_cast<int32_t>(first + j)), sums[j][v], keep);
        second = hn::Max(second, hn::Min(score, best));
        best = hn::Max(score, best);
      }
      hn::Store(best, d, tile.best + v * kLanes);
      hn::Store(second, d, tile.second + v * kLanes);
    }
  }

  HWY_INLINE hn::Vec<F32> Slacks(const Tile& tile, int64_t first) const {
    const F32 d;
    const I32 di;
    const auto best = hn::Load(di, tile.best + first), second = hn::Load(di, tile.second + first);
    const auto unit = hn::Set(d, 1.0F / tile.unit);
    // Of halves, whose difference cannot overflow, and which lose one at most.
    const auto halves = hn::Sub(hn::ShiftRight<1>(best), hn::ShiftRight<1>(second));
    const auto margin = hn::ConvertTo(d, hn::Sub(halves, hn::Set(di, off_ + 1)));
    const auto lowest = hn::ConvertTo(d, hn::Sub(second, hn::Set(di, off_)));
    const auto slack =
        SlackOf(hn::Mul(hn::Add(margin, margin), unit), hn::Load(d, tile.squares + first), hn::Mul(lowest, unit));
    return tile.is_usable ? slack : hn::Zero(d);
  }

  int64_t Label(const Tile& tile, int64_t r) const { return tile.best[r] & labels_; }

 private:
  static constexpr double kRowNorm = 32767.0, kCenterNorm = 65000.0, kLargest = 32766.0;

  static double HalfRoot(const CenterPanels& c) { return 0.5 * std::sqrt(static_cast<double>(c.columns)); }

  HWY_INLINE float SquaredNorm(const float* x) const {
    const F32 d;
    const float* shift = c_.shift.data();
    auto sum = hn::Zero(d);
    int64_t p = 0;
    for (; p + kLanes <= c_.columns; p += kLanes) {
      const auto off = hn::Sub(hn::LoadU(d, x + p), hn::LoadU(d, shift + p));
      sum = hn::MulAdd(off, off, sum);
    }
    float squares = hn::GetLane(hn::SumOfLanes(d, sum));
    for (; p < c_.columns; ++p) squares += (x[p] - shift[p]) * (x[p] - shift[p]);
    return squares;
  }

  // to (columns, and one 0 if they are odd) = (x − shift)·scale, rounded.
  HWY_INLINE void Round(const float* x, float scale, int16_t* to) const {
    const F32 d;
    const hn::Rebind<int16_t, F32> narrow;
    const float* shift = c_.shift.data();
    const auto factor = hn::Set(d, scale);
    int64_t p = 0;
    for (; p + kLanes <= c_.columns; p += kLanes) {
      const auto scaled = hn::Mul(hn::Sub(hn::LoadU(d, x + p), hn::LoadU(d, shift + p)), factor);
      hn::StoreU(hn::DemoteTo(narrow, hn::NearestInt(scaled)), narrow, to + p);
    }
    for (; p < c_.columns; ++p) to[p] = static_cast<int16_t>(std::nearbyint((x[p] - shift[p]) * scale));
    if (c_.columns % 2 != 0) to[p] = 0;
  }

  const CenterPanels& c_;
  int64_t words_;
  int32_t labels_, off_;  // the bits of labels, and what a score may be off by
};

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
