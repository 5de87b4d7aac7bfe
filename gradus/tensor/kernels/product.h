// Our own matrix product on one thread: f64, and f32 where oneDNN is not built in or the product is small.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// A matrix in memory with any strides, in elements.
template <class T>
struct Matrix {
  const T* data;
  int64_t row_stride;
  int64_t column_stride;
};

/// C (m, n) = A (m, k) · B (k, n), or += with `accumulate`; rows of C are contiguous, `c_row` apart. T is float or
/// double. Strips of B are packed, so B may lie either way. Fixed order: the bits depend on the arguments alone.
template <class T>
void packed_product(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_row,
                    bool accumulate);

}  // namespace gradus::kernels
