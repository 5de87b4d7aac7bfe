// The inner loops of batch_norm.cpp, on the instruction set of this processor. T is float or double.
#pragma once

#include <cstdint>

namespace gradus::kernels {

/// Contiguous rows of `channels`. Pointers without a remark are to rows; those that a function does not name are
/// unused.
template <class T>
struct BatchNormRows {
  int64_t rows = 0, channels = 0;
  bool relu = false;
  const T *x = nullptr, *residual = nullptr, *y = nullptr, *grad = nullptr;
  const T *mean = nullptr, *scale = nullptr, *bias = nullptr;  ///< (channels); scale is weight/√(variance + epsilon).
  T* out = nullptr;
  T* of_residual = nullptr;                     ///< May be nullptr.
  T *sum = nullptr, *products = nullptr;        ///< (channels)
  const T *centre = nullptr, *slope = nullptr;  ///< (channels)
};

/// sum = the mean of the rows of x, products = Σ (x − that)².
template <class T>
void run_moments(const BatchNormRows<T>& rows);
/// out = (x − mean)·scale + bias + residual, then relu; residual may be nullptr.
template <class T>
void run_batch_norm(const BatchNormRows<T>& rows);
/// sum = Σ g, products = Σ g·(x − mean), where g is grad where relu let pass: by y, or by what x gives.
template <class T>
void run_batch_norm_sums(const BatchNormRows<T>& rows);
/// out = scale·g − (centre + (x − mean)·slope), of_residual = g; out may be nullptr.
template <class T>
void run_batch_norm_backward(const BatchNormRows<T>& rows);

}  // namespace gradus::kernels
