// The search for nearest centres by f32 products; compiled once for each instruction set, hence the unusual guard.
#if defined(GRADUS_CLASSIC_KERNELS_NEAREST_FLOAT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_CLASSIC_KERNELS_NEAREST_FLOAT_INL_H_
#undef GRADUS_CLASSIC_KERNELS_NEAREST_FLOAT_INL_H_
#else
#define GRADUS_CLASSIC_KERNELS_NEAREST_FLOAT_INL_H_
#endif

#include <cmath>
#include <limits>

#include "gradus/classic/kernels/nearest_tiles-inl.h"
#include "gradus/tensor/kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Scores are x·c − ½‖c‖², all measured from the shift: the nearest centre has the largest. With u = 2⁻²⁴, one of n
// columns is off by at most γ·(‖x‖·‖c‖ + ½‖c‖²), γ = (n + 8)·u and a tenth more for terms of second order and the
// norms' own rounding. Only centres within ‖x‖ + (distance to the nearest) of the shift can be the nearest, which
// bounds their norm; √γ is what that distance itself may be off by.
class FloatSearch {
 public:
  using Word = float;
  static constexpr int64_t kPanel = kMaxRows;

  // The two largest scores so far, and whose the largest is.
  struct Tile {
    HWY_ALIGN float best[kWide], second[kWide], squares[kWide];
    HWY_ALIGN int32_t label[kWide];
  };

  static void PackCenters(CenterPanels& c) {
    const int64_t panels = (c.clusters + kPanel - 1) / kPanel;
    c.floats.assign(static_cast<size_t>(panels * kPanel * c.columns), 0.0F);
    c.half_norms.assign(static_cast<size_t>(panels * kPanel), kInfinity);
    for (int64_t j = 0; j < c.clusters; ++j) {
      const double* from = c.centers + j * c.columns;
      float* to = c.floats.data() + j / kPanel * kPanel * c.columns + j % kPanel;
      double squares = 0.0;
      for (int64_t p = 0; p < c.columns; ++p) {
        const double value = from[p] - static_cast<double>(c.shift[static_cast<size_t>(p)]);
        to[p * kPanel] = static_cast<float>(value);
        squares += value * value;
      }
      c.half_norms[static_cast<size_t>(j)] = static_cast<float>(0.5 * squares);
      c.largest_norm = std::max(c.largest_norm, static_cast<float>(std::sqrt(squares) * (1 + 1e-6)));
    }
  }

  explicit FloatSearch(const CenterPanels& c) : c_(c) {
    gamma_ = c.columns <= kMostColumns ? 1.1F * (static_cast<float>(c.columns) + 8.0F) * 0x1p-24F : kInfinity;
    reach_ = 1.0F + 3.0F * std::sqrt(gamma_);
  }

  int64_t Words() const { return c_.columns; }

  void Pack(const float* const* rows, int64_t count, float* scratch, float* packed, Tile& tile) const {
    const F32 d;
    std::fill_n(scratch + count * c_.columns, (kWide - count) * c_.columns, 0.0F);
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t p = 0; p < c_.columns; ++p) scratch[r * c_.columns + p] = rows[r][p] - c_.shift[size_t(p)];
    }
    Transpose(scratch, c_.columns, packed);
    for (int64_t r = 0; r < kWide; r += kLanes) {
      auto squares = hn::Zero(d);
      for (int64_t p = 0; p < c_.columns; ++p) {
        const auto x = hn::Load(d, packed + p * kWide + r);
        squares = hn::MulAdd(x, x, squares);
      }
      hn::Store(squares, d, tile.squares + r);
    }
    std::fill_n(tile.best, kWide, -kInfinity);
    std::fill_n(tile.second, kWide, -kInfinity);
    std::fill_n(tile.label, kWide, 0);
  }

  void Compare(int64_t first, const float* packed, Tile& tile) const {
    const F32 d;
    const I32 di;
    HWY_ALIGN float dots[kPanel * kWide];
    ProductBlock<kMaxRows>(d, c_.columns, c_.floats.data() + first * c_.columns, 1, kPanel, packed, kWide, dots, kWide,
                           false);
    for (int64_t r = 0; r < kWide; r += kLanes) {
      auto best = hn::Load(d, tile.best + r), second = hn::Load(d, tile.second + r);
      auto label = hn::Load(di, tile.label + r);
      for (int64_t j = 0; j < kPanel; ++j) {
        const auto score =
            hn::Sub(hn::Load(d, dots + j * kWide + r), hn::Set(d, c_.half_norms[static_cast<size_t>(first + j)]));
        const auto is_better = hn::Gt(score, best);
        second = hn::Max(second, hn::Min(score, best));
        best = hn::Max(score, best);
        label = hn::IfThenElse(hn::RebindMask(di, is_better), hn::Set(di, static_cast<int32_t>(first + j)), label);
      }
      hn::Store(best, d, tile.best + r);
      hn::Store(second, d, tile.second + r);
      hn::Store(label, di, tile.label + r);
    }
  }

  HWY_INLINE hn::Vec<F32> Slacks(const Tile& tile, int64_t first) const {
    const F32 d;
    const auto best = hn::Load(d, tile.best + first), second = hn::Load(d, tile.second + first);
    const auto squares = hn::Load(d, tile.squares + first);
    const auto norm = hn::Sqrt(squares);
    const auto distance = hn::Sqrt(hn::Max(hn::Zero(d), hn::NegMulAdd(hn::Set(d, 2.0F), best, squares)));
    const auto reach = hn::Min(hn::Set(d, c_.largest_norm), hn::Mul(hn::Set(d, reach_), hn::Add(norm, distance)));
    const auto size = hn::MulAdd(hn::Set(d, 0.5F), reach, norm);
    const auto off =
        hn::MulAdd(hn::Mul(hn::Set(d, 2.0F * gamma_), reach), size, hn::Set(d, std::numeric_limits<float>::min()));
    const auto margin = hn::Sub(hn::Sub(best, second), off);
    const auto slack = SlackOf(margin, squares, hn::Sub(second, off));
    return hn::IfThenElseZero(hn::And(hn::Gt(margin, hn::Zero(d)), hn::Lt(best, hn::Set(d, kInfinity))), slack);
  }

  static int64_t Label(const Tile& tile, int64_t r) { return tile.label[r]; }

 private:
  const CenterPanels& c_;
  float gamma_, reach_;
};

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
