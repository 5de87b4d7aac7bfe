// How `tap_product` wants the columns that it multiplies with.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gradus::kernels {

/// `columns` of `depth` numbers each as rows of `width`, with zeros behind the last column. Number k of column j is at
/// from[k·depth_stride + j·column_stride].
template <class T>
void pack_columns(const T* from, int64_t depth_stride, int64_t column_stride, int64_t depth, int64_t columns,
                  int64_t width, T* to) {
  if (column_stride == 1) {
    for (int64_t k = 0; k < depth; ++k) {
      std::copy_n(from + k * depth_stride, columns, to + k * width);
      std::fill(to + k * width + columns, to + (k + 1) * width, T{0});
    }
    return;
  }
  // Some of the depth at a time: a column's numbers lie side by side.
  constexpr int64_t kPart = 16;
  for (int64_t k = 0; k < depth; k += kPart) {
    const int64_t end = std::min(k + kPart, depth);
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t q = k; q < end; ++q) to[q * width + j] = from[q * depth_stride + j * column_stride];
    }
    for (int64_t q = k; q < end; ++q) std::fill(to + q * width + columns, to + (q + 1) * width, T{0});
  }
}

/// The width of a strip of so many columns: one vector or two.
inline int64_t width_of_strip(int64_t columns, int64_t lanes) { return columns > lanes ? 2 * lanes : lanes; }

/// Whether rows so many numbers apart all meet in the same few lines of the first-level cache.
template <class T>
bool is_unlucky(int64_t size) {
  return size * static_cast<int64_t>(sizeof(T)) % 4096 == 0;
}

/// How far apart to put copies of rows of `size` numbers that are read side by side.
template <class T>
int64_t row_of_copies(int64_t size, int64_t lanes) {
  const int64_t whole = (size + lanes - 1) / lanes * lanes;
  return is_unlucky<T>(whole) ? whole + lanes : whole;
}

}  // namespace gradus::kernels
