// Rows in tiles that lie across the lanes of vectors, and the search for their nearest centres panel by panel, in a
// precision to be given; compiled once for each instruction set, hence the unusual guard.
#if defined(GRADUS_CLASSIC_KERNELS_NEAREST_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_CLASSIC_KERNELS_NEAREST_TILES_INL_H_
#undef GRADUS_CLASSIC_KERNELS_NEAREST_TILES_INL_H_
#else
#define GRADUS_CLASSIC_KERNELS_NEAREST_TILES_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "gradus/classic/kernels/nearest.h"
#include "hwy/aligned_allocator.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F32>;

constexpr int64_t kLanes = hn::MaxLanes(F32());
constexpr int64_t kWide = 2 * kLanes;                      // rows of a tile
constexpr int64_t kMostTiles = 8, kTileBytes = 128 << 10;  // that share what is read of the centres
constexpr int64_t kMostColumns = 10000;  // beyond, the terms of second order that the bounds leave out would matter

// to (words, kWide) = from (kWide, words), transposed.
template <class T>
void Transpose(const T* from, int64_t words, T* to) {
  int64_t q = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<T, 4> d;
  for (; q + 4 <= words; q += 4) {
    for (int64_t r = 0; r < kWide; r += 4) {
      const T* in = from + r * words + q;
      T* out = to + q * kWide + r;
      const auto row0 = hn::LoadU(d, in), row1 = hn::LoadU(d, in + words);
      const auto row2 = hn::LoadU(d, in + 2 * words), row3 = hn::LoadU(d, in + 3 * words);
      const auto even0 = hn::InterleaveLower(d, row0, row2), even1 = hn::InterleaveUpper(d, row0, row2);
      const auto odd0 = hn::InterleaveLower(d, row1, row3), odd1 = hn::InterleaveUpper(d, row1, row3);
      hn::StoreU(hn::InterleaveLower(d, even0, odd0), d, out);
      hn::StoreU(hn::InterleaveUpper(d, even0, odd0), d, out + kWide);
      hn::StoreU(hn::InterleaveLower(d, even1, odd1), d, out + 2 * kWide);
      hn::StoreU(hn::InterleaveUpper(d, even1, odd1), d, out + 3 * kWide);
    }
  }
#endif
  for (; q < words; ++q) {
    for (int64_t r = 0; r < kWide; ++r) to[q * kWide + r] = from[r * words + q];
  }
}

// Asks for a row that is needed soon.
HWY_INLINE void Fetch(const float* row, int64_t columns) {
  constexpr int64_t kLine = 16;  // floats of a line of the cache
  for (int64_t p = 0; p < columns; p += kLine) hwy::Prefetch(row + p);
}

// Finds labels[place] and slacks[place] for rows at these places of x, and puts the places of those that the precision
// cannot settle at the beginning of `places`, with a slack of 0; returns how many these are. A `Search` has
//   Word, kPanel         what tiles and panels are made of, and the centres of a panel;
//   Words(), Tile        words of a row; what is known of a tile's rows;
//   Pack(rows, count, scratch, packed, tile)      brings rows into a tile, by way of as much scratch;
//   Compare(panel, packed, tile)                  looks at the centres of a panel;
//   Slacks(tile, first)  of a vector of its rows; one that is not above 0 is not settled;
//   Label(tile, r)       the centre found.
template <class Search>
int64_t SearchTiles(const CenterPanels& c, const float* x, int32_t* places, int64_t count, int64_t* labels,
                    float* slacks) {
  using Word = typename Search::Word;
  const Search search(c);
  const int64_t size = kWide * search.Words();
  const int64_t most = std::clamp<int64_t>(kTileBytes / (4 * size), 1, kMostTiles);
  const int64_t tiles_in_all = (count + kWide - 1) / kWide;
  const auto packed = hwy::AllocateAligned<Word>(static_cast<size_t>((std::min(most, tiles_in_all) + 1) * size));
  Word* const scratch = packed.get() + std::min(most, tiles_in_all) * size;
  typename Search::Tile tiles[kMostTiles];
  int64_t doubtful = 0;
  for (int64_t begin = 0; begin < count; begin += most * kWide) {
    const int64_t group = std::min(most, (count - begin + kWide - 1) / kWide);
    for (int64_t t = 0; t < group; ++t) {
      const float* rows[kWide];
      const int64_t first = begin + t * kWide, own = std::min(kWide, count - first);
      for (int64_t r = 0; r < own; ++r) rows[r] = x + places[first + r] * c.columns;
      search.Pack(rows, own, scratch, packed.get() + t * size, tiles[t]);
    }
    int64_t fetched = std::min(count, begin + group * kWide);
    const int64_t rows_a_panel = (group * kWide * Search::kPanel + c.clusters - 1) / c.clusters;
    for (int64_t j = 0; j < c.clusters; j += Search::kPanel) {
      for (int64_t t = 0; t < group; ++t) search.Compare(j, packed.get() + t * size, tiles[t]);
      const int64_t fetched_next = std::min(count, fetched + rows_a_panel);
      for (; fetched < fetched_next; ++fetched) Fetch(x + places[fetched] * c.columns, c.columns);
    }
    for (int64_t i = begin; i < std::min(count, begin + group * kWide); i += kLanes) {
      const auto& tile = tiles[(i - begin) / kWide];
      const int64_t first = (i - begin) % kWide;
      HWY_ALIGN float own[kLanes];
      hn::Store(search.Slacks(tile, first), F32(), own);
      for (int64_t r = 0; r < std::min(kLanes, count - i); ++r) {
        const int32_t place = places[i + r];
        labels[place] = search.Label(tile, first + r);
        const bool is_settled = own[r] > 0.0F;
        slacks[place] = is_settled ? own[r] : 0.0F;
        places[doubtful] = place;
        doubtful += is_settled ? 0 : 1;
      }
    }
  }
  return doubtful;
}

// A lower bound of (distance to the second centre) − (distance to the first), where scores are ½‖x‖² − ½ distance²:
// `margin`, by which the first one's score is higher at least, over the second distance. `squares` and `second` may be
// off by rounding in f32.
HWY_INLINE hn::Vec<F32> SlackOf(hn::Vec<F32> margin, hn::Vec<F32> squares, hn::Vec<F32> second) {
  const F32 d;
  const auto distance = hn::Sqrt(hn::NegMulAdd(hn::Set(d, 2.0F), second, hn::Mul(hn::Set(d, 1.001F), squares)));
  return hn::Mul(hn::Set(d, 0.999F), hn::Div(margin, distance));
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the guard
