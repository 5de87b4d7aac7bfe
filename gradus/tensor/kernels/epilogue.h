// What is done to a tile of a product while it is in cache.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// Applied to C (m, n) in this order; what is nullptr is left out. T is float or double.
template <class T>
struct Epilogue {
  const T* bias = nullptr;  ///< (n): added to each row.
  /// (m, n), rows `residual_row` apart: added.
  const T* residual = nullptr;
  int64_t residual_row = 0;
  /// (m, n), rows `gelu_row` apart: gelu(C) is written here, and C stays; with `gelu_input`, gelu(gelu_input).
  T* gelu = nullptr;
  int64_t gelu_row = 0;
  /// (m, n), rows `gelu_row` apart: C, the gradient of gelu(gelu_input), becomes that of gelu_input. It may be `gelu`.
  const T* gelu_input = nullptr;

  bool is_empty() const { return bias == nullptr && residual == nullptr && gelu == nullptr && gelu_input == nullptr; }
  /// That of the part of C that begins at (row, column).
  Epilogue at(int64_t row, int64_t column) const {
    const auto moved = [&](auto* p, int64_t stride) { return p == nullptr ? p : p + row * stride + column; };
    return {moved(bias, 0), moved(residual, residual_row), residual_row, moved(gelu, gelu_row),
            gelu_row,       moved(gelu_input, gelu_row)};
  }
};

/// Rows of C (m, n) lie `c_row` apart. Every element has the same bits wherever a tile begins.
template <class T>
void apply_epilogue(int64_t m, int64_t n, const Epilogue<T>& epilogue, T* c, int64_t c_row);

}  // namespace gradus::kernels
