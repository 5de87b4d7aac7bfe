// Loops over strided views: neighbouring dimensions that lie behind one another in every operand become one.
#pragma once

#include <algorithm>
#include <array>

#include "gradus/base/threads.h"
#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// The grain of cheap elementwise work: about 128 KiB of f32, well above the cost of a parallel region.
inline constexpr int64_t kGrain = 32768;
/// The grain of work that takes some nanoseconds an element (exp, random words).
inline constexpr int64_t kCostlyGrain = 8192;

/// Calls `body(row, begin, end)` so that each element of `rows` × `length` is seen once: whole rows if they are short,
/// pieces of `grain` if they are long. The cut depends on the sizes alone.
template <class Body>
void parallel_rows(int64_t rows, int64_t length, int64_t grain, Body&& body) {
  if (rows == 0 || length == 0) return;
  const int64_t pieces = (length + grain - 1) / grain;  // of one row
  parallel_for(rows * pieces, std::max<int64_t>(1, grain / length), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / pieces, first = i % pieces * grain;
      body(row, first, std::min(first + grain, length));
    }
  });
}

/// The strides of `x` seen as `shape`, to which it broadcasts: 0 where it is repeated.
inline Shape broadcast_strides(const Tensor& x, const Shape& shape) {
  Shape strides = shape;
  const int missing = shape.rank() - x.rank();
  for (int i = 0; i < shape.rank(); ++i) {
    strides[i] = i < missing || x.shape()[i - missing] == 1 ? 0 : x.strides()[i - missing];
  }
  return strides;
}

/// A loop nest over N operands of one shape. The innermost loop is the caller's: a row of `inner()` elements.
template <size_t N>
struct Walk {
  using Offsets = std::array<int64_t, N>;

  int rank = 0;
  std::array<int64_t, Shape::kMaxRank> size{};
  std::array<Offsets, Shape::kMaxRank> stride{};

  Walk(const Shape& shape, const std::array<const Shape*, N>& strides) {
    for (int i = 0; i < shape.rank(); ++i) {
      if (shape[i] != 1) add(shape[i], strides, i);
    }
    if (rank == 0) size[static_cast<size_t>(rank++)] = 1;
  }

  size_t last() const { return static_cast<size_t>(rank - 1); }
  int64_t inner() const { return size[last()]; }
  const Offsets& inner_stride() const { return stride[last()]; }
  int64_t rows() const {
    int64_t n = 1;
    for (size_t i = 0; i < last(); ++i) n *= size[i];
    return n;
  }
  /// Calls `body(offsets)` for rows [begin, end): where each begins, in elements of each operand.
  template <class Body>
  void for_rows(int64_t begin, int64_t end, Body&& body) const {
    Offsets offsets = row_offsets(begin);
    std::array<int64_t, Shape::kMaxRank> index{};
    for (size_t i = last(), rest = static_cast<size_t>(begin); i-- > 0; rest /= static_cast<size_t>(size[i])) {
      index[i] = static_cast<int64_t>(rest % static_cast<size_t>(size[i]));
    }
    for (int64_t row = begin; row < end; ++row) {
      body(offsets);
      for (size_t i = last(); i-- > 0;) {
        const bool carries = ++index[i] == size[i];
        for (size_t n = 0; n < N; ++n) offsets[n] += stride[i][n] * (carries ? 1 - size[i] : 1);
        if (!carries) break;
        index[i] = 0;
      }
    }
  }
  /// Where a row begins, in elements of each operand.
  Offsets row_offsets(int64_t row) const {
    Offsets offsets{};
    for (size_t i = last(); i-- > 0;) {
      const int64_t index = row % size[i];
      row /= size[i];
      for (size_t n = 0; n < N; ++n) offsets[n] += index * stride[i][n];
    }
    return offsets;
  }

 private:
  void add(int64_t length, const std::array<const Shape*, N>& strides, int axis) {
    bool joins = rank > 0;
    for (size_t n = 0; n < N && joins; ++n) joins = stride[last()][n] == (*strides[n])[axis] * length;
    if (joins) {
      size[last()] *= length;
    } else {
      size[static_cast<size_t>(rank++)] = length;
    }
    for (size_t n = 0; n < N; ++n) stride[last()][n] = (*strides[n])[axis];
  }
};

}  // namespace gradus::kernels
