#include "gradus/tensor/kernels/convolution_simd.h"

#include <hwy/cache_control.h>

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/convolution_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// Results by two vectors of columns that stay in registers; a broadcast number and two vectors of weights come beside.
#if HWY_TARGET <= HWY_AVX3
constexpr int kRows = 14;
#else
constexpr int kRows = 6;
#endif

template <class T>
using Tag = hn::ScalableTag<T>;

template <class T>
BlockSize Size() {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  return {kRows, lanes, (kRows + lanes - 1) / lanes * lanes};
}

BlockSize SizeF32() { return Size<float>(); }
BlockSize SizeF64() { return Size<double>(); }

// Calls `body.operator()<Rows>(row)` for pieces that together are all rows.
template <class Body>
HWY_INLINE void ForRows(int64_t rows, Body&& body) {
  int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) body.template operator()<kRows>(r);
  if constexpr (kRows > 8) {
    if (r + 8 <= rows) body.template operator()<8>(r), r += 8;
  }
  if (r + 4 <= rows) body.template operator()<4>(r), r += 4;
  if (r + 2 <= rows) body.template operator()<2>(r), r += 2;
  if (r < rows) body.template operator()<1>(r);
}

// How many lanes of a strip's vector `v` there are.
template <class T>
HWY_INLINE size_t LanesOf(int64_t columns, int v) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  return static_cast<size_t>(std::clamp<int64_t>(columns - v * lanes, 0, lanes));
}

template <class T>
HWY_INLINE hn::Vec<Tag<T>> LoadFew(const T* from, size_t count) {
  const Tag<T> d;
  return HWY_LIKELY(count == hn::Lanes(d)) ? hn::LoadU(d, from) : LoadTail(d, from, count, T{0});
}

template <int Rows, int Vectors, class T>
HWY_NOINLINE void TapRows(const TapTile<T>& t, const TapBlock& block, int64_t row, const T* packed, int64_t column) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), columns = t.columns - column;
  hn::Vec<Tag<T>> sum[Rows][Vectors];
  for (int v = 0; v < Vectors; ++v) {
    const auto start = t.bias != nullptr ? LoadFew(t.bias + column + v * lanes, LanesOf<T>(columns, v)) : hn::Zero(d);
    for (int r = 0; r < Rows; ++r) sum[r][v] = start;
  }
  // Where results go is asked for long before they do.
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) hwy::Prefetch(t.result + t.places[block.first + row + r] + column + v * lanes);
  }
  const T* const* sources = t.sources + block.first_source + row;
  for (int64_t i = 0; i < block.taps; ++i, sources += block.rows) {
    const T* w = packed + t.taps[block.first_tap + i] * t.depth * Vectors * lanes;
    const T* x[Rows];
    for (int r = 0; r < Rows; ++r) x[r] = sources[r];
    for (int64_t k = 0; k < t.depth; ++k, w += Vectors * lanes) {
      hn::Vec<Tag<T>> weight[Vectors];
      for (int v = 0; v < Vectors; ++v) weight[v] = hn::LoadU(d, w + v * lanes);
      for (int r = 0; r < Rows; ++r) {
        const auto all = hn::Set(d, x[r][k]);
        for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(all, weight[v], sum[r][v]);
      }
    }
  }
  for (int r = 0; r < Rows; ++r) {
    const int64_t place = t.places[block.first + row + r] + column;
    for (int v = 0; v < Vectors; ++v) {
      const size_t count = LanesOf<T>(columns, v);
      auto y = sum[r][v];
      if (t.residual != nullptr) y = hn::Add(y, LoadFew(t.residual + place + v * lanes, count));
      if (t.relu) y = hn::IfThenZeroElse(hn::Lt(y, hn::Zero(d)), y);
      StoreSome(d, y, t.result + place + v * lanes, count);
    }
  }
}

// What the last tap of a block takes: the others' numbers were mostly a neighbour's too.
template <class T>
HWY_INLINE void PrefetchLastTap(const TapTile<T>& t, const TapBlock& block) {
  constexpr int64_t kLine = 64 / sizeof(T);
  const T* const* sources = t.sources + block.first_source + (block.taps - 1) * block.rows;
  for (int64_t r = 0; r < block.rows; ++r) {
    for (int64_t k = 0; k < t.depth; k += kLine) hwy::Prefetch(sources[r] + k);
  }
}

template <int Vectors, class T>
HWY_INLINE void TapStrip(const TapTile<T>& t, const T* packed, int64_t column) {
  for (int64_t b = 0; b < t.count; ++b) {
    const TapBlock& block = t.blocks[b];
    if (column == 0 && b + 1 < t.count && t.blocks[b + 1].taps > 0) PrefetchLastTap(t, t.blocks[b + 1]);
    ForRows(block.rows, [&]<int Rows>(int64_t row) { TapRows<Rows, Vectors, T>(t, block, row, packed, column); });
  }
}

template <class T>
void TapProduct(const TapTile<T>& t, int64_t first, int64_t last) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(Tag<T>())), strip = 2 * lanes;
  for (int64_t s = first; s < last; ++s) {
    const T* packed = t.packed + s * strip * t.all_taps * t.depth;
    if (t.columns - s * strip > lanes) {
      TapStrip<2>(t, packed, s * strip);
    } else {
      TapStrip<1>(t, packed, s * strip);
    }
  }
}

// `at(i)` is where row i begins.
template <class T, class At>
HWY_INLINE void CopyRows(int64_t rows, At&& at, int64_t columns, T* to, int64_t width) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const size_t last = LanesOf<T>(columns, static_cast<int>(width / lanes) - 1);
  for (int64_t i = 0; i < rows; ++i, to += width) {
    const T* from = at(i);
    for (int64_t j = 0; j + lanes < width; j += lanes)
      hn::StoreU(LoadFew(from + j, LanesOf<T>(columns - j, 0)), d, to + j);
    hn::StoreU(LoadFew(from + width - lanes, last), d, to + width - lanes);
  }
}

template <class T>
void CopyStrided(int64_t rows, const T* from, int64_t row, int64_t columns, T* to, int64_t width) {
  CopyRows(
      rows, [=](int64_t i) { return from + i * row; }, columns, to, width);
}

template <class T>
void CopyPointed(int64_t rows, const T* const* from, int64_t first, int64_t columns, T* to, int64_t width) {
  CopyRows(
      rows, [=](int64_t i) { return from[i] + first; }, columns, to, width);
}

// Row by row, as they lie in memory.
template <class T>
void CopyPanels(int64_t rows, const T* from, int64_t row, int64_t columns, T* to, int64_t to_panel) {
  const Tag<T> d;
  const BlockSize size = Size<T>();
  for (int64_t i = 0; i < rows; ++i) {
    T* panel = to + i * size.panel;
    for (int64_t c = 0; c < columns; c += size.rows, panel += to_panel) {
      for (int64_t j = 0; j < size.panel; j += size.lanes) {
        hn::StoreU(LoadFew(from + i * row + c + j, LanesOf<T>(columns - c - j, 0)), d, panel + j);
      }
    }
  }
}

// Whole vectors: what one writes too much the next piece, or the next row, writes over.
template <class T>
void CopyPatches(int64_t rows, const T* const* from, const PatchPiece* pieces, int64_t count, T* to, int64_t row) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < rows; ++i) {
    T* patch = to + i * row;
    for (int64_t p = 0; p < count; ++p) {
      const T* piece = from[i] + pieces[p].offset;
      const int64_t size = pieces[p].count;
      for (int64_t j = 0; j < size; j += lanes) hn::StoreU(hn::LoadU(d, piece + j), d, patch + j);
      patch += size;
    }
  }
}

template <int Rows, int Vectors, class T>
HWY_NOINLINE void OuterRows(const OuterTile<T>& t, int64_t row) {
  const Tag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  hn::Vec<Tag<T>> sum[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    const T* c = t.c + (row + r) * t.c_row;
    for (int v = 0; v < Vectors; ++v) sum[r][v] = LoadFew(c + v * lanes, LanesOf<T>(t.columns, v));
  }
  const T* a = t.a + row / kRows * t.panel + row % kRows;
  const T* b = t.b;
  for (int64_t k = 0; k < t.count; ++k, b += Vectors * lanes) {
    const T* x = a + t.places[k];
    hn::Vec<Tag<T>> y[Vectors];
    for (int v = 0; v < Vectors; ++v) y[v] = hn::LoadU(d, b + v * lanes);
    for (int r = 0; r < Rows; ++r) {
      const auto all = hn::Set(d, x[r]);
      for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(all, y[v], sum[r][v]);
    }
  }
  for (int r = 0; r < Rows; ++r) {
    T* c = t.c + (row + r) * t.c_row;
    for (int v = 0; v < Vectors; ++v) StoreSome(d, sum[r][v], c + v * lanes, LanesOf<T>(t.columns, v));
  }
}

template <class T>
void Outer(const OuterTile<T>& t) {
  if (t.columns > static_cast<int64_t>(hn::Lanes(Tag<T>()))) {
    ForRows(t.rows, [&]<int Rows>(int64_t row) { OuterRows<Rows, 2, T>(t, row); });
  } else {
    ForRows(t.rows, [&]<int Rows>(int64_t row) { OuterRows<Rows, 1, T>(t, row); });
  }
}

void TapProductF32(const TapTile<float>& t, int64_t first, int64_t last) { TapProduct(t, first, last); }
void TapProductF64(const TapTile<double>& t, int64_t first, int64_t last) { TapProduct(t, first, last); }
void CopyStridedF32(int64_t rows, const float* from, int64_t row, int64_t columns, float* to, int64_t width) {
  CopyStrided(rows, from, row, columns, to, width);
}
void CopyStridedF64(int64_t rows, const double* from, int64_t row, int64_t columns, double* to, int64_t width) {
  CopyStrided(rows, from, row, columns, to, width);
}
void CopyPointedF32(int64_t rows, const float* const* from, int64_t first, int64_t columns, float* to, int64_t width) {
  CopyPointed(rows, from, first, columns, to, width);
}
void CopyPointedF64(int64_t rows, const double* const* from, int64_t first, int64_t columns, double* to,
                    int64_t width) {
  CopyPointed(rows, from, first, columns, to, width);
}
void CopyPatchesF32(int64_t rows, const float* const* from, const PatchPiece* pieces, int64_t count, float* to,
                    int64_t row) {
  CopyPatches(rows, from, pieces, count, to, row);
}
void CopyPatchesF64(int64_t rows, const double* const* from, const PatchPiece* pieces, int64_t count, double* to,
                    int64_t row) {
  CopyPatches(rows, from, pieces, count, to, row);
}
void CopyPanelsF32(int64_t rows, const float* from, int64_t row, int64_t columns, float* to, int64_t to_panel) {
  CopyPanels(rows, from, row, columns, to, to_panel);
}
void CopyPanelsF64(int64_t rows, const double* from, int64_t row, int64_t columns, double* to, int64_t to_panel) {
  CopyPanels(rows, from, row, columns, to, to_panel);
}
void OuterF32(const OuterTile<float>& t) { Outer(t); }
void OuterF64(const OuterTile<double>& t) { Outer(t); }

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(SizeF32);
HWY_EXPORT(SizeF64);
HWY_EXPORT(TapProductF32);
HWY_EXPORT(TapProductF64);
HWY_EXPORT(CopyStridedF32);
HWY_EXPORT(CopyStridedF64);
HWY_EXPORT(CopyPointedF32);
HWY_EXPORT(CopyPointedF64);
HWY_EXPORT(CopyPatchesF32);
HWY_EXPORT(CopyPatchesF64);
HWY_EXPORT(CopyPanelsF32);
HWY_EXPORT(CopyPanelsF64);
HWY_EXPORT(OuterF32);
HWY_EXPORT(OuterF64);

template <>
BlockSize block_size<float>() {
  return HWY_DYNAMIC_DISPATCH(SizeF32)();
}
template <>
BlockSize block_size<double>() {
  return HWY_DYNAMIC_DISPATCH(SizeF64)();
}
template <>
void tap_product(const TapTile<float>& tile, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(TapProductF32)(tile, first, last);
}
template <>
void tap_product(const TapTile<double>& tile, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(TapProductF64)(tile, first, last);
}
template <>
void copy_rows(int64_t rows, const float* from, int64_t row, int64_t columns, float* to, int64_t width) {
  HWY_DYNAMIC_DISPATCH(CopyStridedF32)(rows, from, row, columns, to, width);
}
template <>
void copy_rows(int64_t rows, const double* from, int64_t row, int64_t columns, double* to, int64_t width) {
  HWY_DYNAMIC_DISPATCH(CopyStridedF64)(rows, from, row, columns, to, width);
}
template <>
void copy_rows(int64_t rows, const float* const* from, int64_t first, int64_t columns, float* to, int64_t width) {
  HWY_DYNAMIC_DISPATCH(CopyPointedF32)(rows, from, first, columns, to, width);
}
template <>
void copy_rows(int64_t rows, const double* const* from, int64_t first, int64_t columns, double* to, int64_t width) {
  HWY_DYNAMIC_DISPATCH(CopyPointedF64)(rows, from, first, columns, to, width);
}
template <>
void copy_patches(int64_t rows, const float* const* from, const PatchPiece* pieces, int64_t count, float* to,
                  int64_t row) {
  HWY_DYNAMIC_DISPATCH(CopyPatchesF32)(rows, from, pieces, count, to, row);
}
template <>
void copy_patches(int64_t rows, const double* const* from, const PatchPiece* pieces, int64_t count, double* to,
                  int64_t row) {
  HWY_DYNAMIC_DISPATCH(CopyPatchesF64)(rows, from, pieces, count, to, row);
}
template <>
void copy_panels(int64_t rows, const float* from, int64_t row, int64_t columns, float* to, int64_t to_panel) {
  HWY_DYNAMIC_DISPATCH(CopyPanelsF32)(rows, from, row, columns, to, to_panel);
}
template <>
void copy_panels(int64_t rows, const double* from, int64_t row, int64_t columns, double* to, int64_t to_panel) {
  HWY_DYNAMIC_DISPATCH(CopyPanelsF64)(rows, from, row, columns, to, to_panel);
}
template <>
void outer_product(const OuterTile<float>& tile) {
  HWY_DYNAMIC_DISPATCH(OuterF32)(tile);
}
template <>
void outer_product(const OuterTile<double>& tile) {
  HWY_DYNAMIC_DISPATCH(OuterF64)(tile);
}

}  // namespace gradus::kernels
#endif  // HWY_ONCE
