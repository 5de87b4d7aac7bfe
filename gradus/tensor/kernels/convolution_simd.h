// The inner loops of convolution.cpp, on the instruction set of this processor. T is float or double.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// What one call of the innermost loop keeps in registers.
struct BlockSize {
  int64_t rows;   ///< Results of a block, at most.
  int64_t lanes;  ///< Numbers of a vector; a strip of packed columns is two vectors wide, or the last one.
  int64_t panel;  ///< `rows` in whole vectors.
};
template <class T>
BlockSize block_size();

/// Some results that have the same taps. A tap multiplies `depth` numbers of a source with a part of the weight.
struct TapBlock {
  int64_t first;  ///< The first of its results in `TapTile::places`.
  int64_t rows;
  int64_t first_source;  ///< The first of its sources in `TapTile::sources`, which are (taps, rows).
  int64_t first_tap;     ///< The first of its taps in `TapTile::taps`.
  int64_t taps;
};

/// result[places[i]][j] = bias[j] + Σ over taps and depth of source · weight, + residual[places[i]][j], then relu.
template <class T>
struct TapTile {
  int64_t depth = 0, columns = 0;
  const TapBlock* blocks = nullptr;
  int64_t count = 0;  ///< Of blocks.
  const T* const* sources = nullptr;
  const int64_t* taps = nullptr;    ///< Which part of the packed weight a tap takes.
  const int64_t* places = nullptr;  ///< Where a result begins.
  const T* packed = nullptr;        ///< Strips of (all taps, depth, strip), zeros behind the last column.
  int64_t all_taps = 0;
  const T *bias = nullptr, *residual = nullptr;  ///< Either may be nullptr.
  bool relu = false;
  T* result = nullptr;
};
/// Strips [first, last).
template <class T>
void tap_product(const TapTile<T>& tile, int64_t first, int64_t last);

/// Copies `columns` numbers of each row, and zeros behind them to `width`, of whole vectors: rows `row` apart, or each
/// `first` behind where its pointer points.
template <class T>
void copy_rows(int64_t rows, const T* from, int64_t row, int64_t columns, T* to, int64_t width);
template <class T>
void copy_rows(int64_t rows, const T* const* from, int64_t first, int64_t columns, T* to, int64_t width);

/// Copies `columns` numbers of each row, `row` apart, to panels of `block_size().rows` of them, each (rows, `panel` of
/// `block_size()`) and `to_panel` behind the one before. What is behind a panel's own numbers means nothing.
template <class T>
void copy_panels(int64_t rows, const T* from, int64_t row, int64_t columns, T* to, int64_t to_panel);

/// Numbers that lie side by side in an image and in a patch.
struct PatchPiece {
  int64_t offset;  ///< In the image, behind where the patch's pointer points.
  int64_t count;
};
/// Copies the pieces of each row's patch behind one another, rows `row` apart. Up to a vector is read behind each
/// piece, and written behind the last row.
template <class T>
void copy_patches(int64_t rows, const T* const* from, const PatchPiece* pieces, int64_t count, T* to, int64_t row);

/// C (rows, columns), `c_row` apart, += Σ over k of a[places[k] + row] · b[k][column]. Columns are at most two vectors.
template <class T>
struct OuterTile {
  int64_t count = 0;  ///< Of k.
  const int64_t* places = nullptr;
  const T* a = nullptr;  ///< Panels of `block_size().rows` rows, `panel` elements apart; places count in elements.
  int64_t panel = 0;
  const T* b = nullptr;  ///< One or two whole vectors a k, as the columns need.
  int64_t rows = 0, columns = 0;
  T* c = nullptr;
  int64_t c_row = 0;
};
template <class T>
void outer_product(const OuterTile<T>& tile);

}  // namespace gradus::kernels
