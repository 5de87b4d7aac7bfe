#include "gradus/tensor/kernels/product.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "gradus/tensor/kernels/product.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "gradus/tensor/kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// Depth of a packed strip: with 2 vectors of columns it stays within the first-level cache's half.
constexpr int64_t kDepth = 256;
// Up to this many multiplications packing costs more than it saves.
constexpr int64_t kTiny = 4096;

// Σ x·y over contiguous elements.
template <class T>
T Dot(int64_t k, const T* x, const T* y) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d), odd = hn::Zero(d);  // two chains halve the wait for the adder
  int64_t p = 0;
  for (; p + 2 * lanes <= k; p += 2 * lanes) {
    even = hn::MulAdd(hn::LoadU(d, x + p), hn::LoadU(d, y + p), even);
    odd = hn::MulAdd(hn::LoadU(d, x + p + lanes), hn::LoadU(d, y + p + lanes), odd);
  }
  T sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; p < k; ++p) sum += x[p] * y[p];
  return sum;
}

// A product too small to pack: plain loops, the inner dimension in order. One column, as in simple regression, has
// loops of its own: an outer product of two vectors, and a dot product.
template <class T>
void TinyProduct(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_row,
                 bool accumulate) {
  if (m == 1 && n == 1 && a.column_stride == 1 && b.row_stride == 1) {
    c[0] = (accumulate ? c[0] : T{0}) + Dot(k, a.data, b.data);
    return;
  }
  if (n == 1 && k == 1 && c_row == 1 && a.row_stride == 1 && !accumulate) {
    const T factor = *b.data;
    for (int64_t i = 0; i < m; ++i) c[i] = a.data[i] * factor;
    return;
  }
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const T* a_element = a.data + i * a.row_stride;
      const T* b_element = b.data + j * b.column_stride;
      T even = 0, odd = 0;
      int64_t p = 0;
      for (; p + 2 <= k; p += 2) {
        even += a_element[0] * b_element[0];
        odd += a_element[a.column_stride] * b_element[b.row_stride];
        a_element += 2 * a.column_stride;
        b_element += 2 * b.row_stride;
      }
      if (p < k) even += *a_element * *b_element;
      c[i * c_row + j] = (accumulate ? c[i * c_row + j] : T{0}) + (even + odd);
    }
  }
}

// Columns [column, column + width) of `depth` rows of B as contiguous rows of `strip` elements, padded with zeros.
template <class T>
void PackStrip(const Matrix<T>& b, int64_t row, int64_t depth, int64_t column, int64_t width, int64_t strip, T* out) {
  for (int64_t p = 0; p < depth; ++p) {
    const T* from = b.data + (row + p) * b.row_stride + column * b.column_stride;
    T* to = out + p * strip;
    if (b.column_stride == 1) {
      for (int64_t j = 0; j < width; ++j) to[j] = from[j];
    } else {
      for (int64_t j = 0; j < width; ++j) to[j] = from[j * b.column_stride];
    }
    for (int64_t j = width; j < strip; ++j) to[j] = T{0};
  }
}

template <class T>
void Product(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_row,
             bool accumulate) {
  if (m * n * k <= kTiny || k == 0) return TinyProduct(m, n, k, a, b, c, c_row, accumulate);
  const hn::ScalableTag<T> d;
  const int64_t strip = 2 * static_cast<int64_t>(hn::Lanes(d));
  constexpr int64_t kMaxStrip = 2 * HWY_MAX_BYTES / sizeof(T);
  constexpr int64_t kPanel = 64;  // rows of C that wait in a buffer when the strip is narrower than the block
  HWY_ALIGN T packed[kDepth * kMaxStrip];
  HWY_ALIGN T edge[kPanel * kMaxStrip];
  for (int64_t j = 0; j < n; j += strip) {
    const int64_t width = std::min(strip, n - j);
    for (int64_t p = 0; p < k; p += kDepth) {
      const int64_t depth = std::min(kDepth, k - p);
      PackStrip(b, p, depth, j, width, strip, packed);
      const T* a_block = a.data + p * a.column_stride;
      const bool add = accumulate || p > 0;
      if (width == strip) {
        ProductStrip(d, m, depth, a_block, a.row_stride, a.column_stride, packed, strip, c + j, c_row, add);
        continue;
      }
      for (int64_t i = 0; i < m; i += kPanel) {
        const int64_t rows = std::min(kPanel, m - i);
        ProductStrip(d, rows, depth, a_block + i * a.row_stride, a.row_stride, a.column_stride, packed, strip, edge,
                     strip, false);
        for (int64_t r = 0; r < rows; ++r) {
          T* to = c + (i + r) * c_row + j;
          for (int64_t q = 0; q < width; ++q) to[q] = (add ? to[q] : T{0}) + edge[r * strip + q];
        }
      }
    }
  }
}

void ProductF32(int64_t m, int64_t n, int64_t k, const Matrix<float>& a, const Matrix<float>& b, float* c,
                int64_t c_row, bool accumulate) {
  Product(m, n, k, a, b, c, c_row, accumulate);
}

void ProductF64(int64_t m, int64_t n, int64_t k, const Matrix<double>& a, const Matrix<double>& b, double* c,
                int64_t c_row, bool accumulate) {
  Product(m, n, k, a, b, c, c_row, accumulate);
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(ProductF32);
HWY_EXPORT(ProductF64);

template <>
void packed_product(int64_t m, int64_t n, int64_t k, const Matrix<float>& a, const Matrix<float>& b, float* c,
                    int64_t c_row, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(ProductF32)(m, n, k, a, b, c, c_row, accumulate);
}

template <>
void packed_product(int64_t m, int64_t n, int64_t k, const Matrix<double>& a, const Matrix<double>& b, double* c,
                    int64_t c_row, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(ProductF64)(m, n, k, a, b, c, c_row, accumulate);
}

}  // namespace gradus::kernels
#endif
