// Comparisons and choices, element by element.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

/// bool, true where `a op b` holds; NumPy's broadcasting, both of one dtype. NaN is unequal to everything.
Tensor compare(Comparison op, const Tensor& a, const Tensor& b);
/// `x op scalar`, compared in double.
Tensor compare(Comparison op, const Tensor& x, double scalar);

/// `a` where `condition` (bool) is true, else `b`: all three broadcast, a and b of one dtype.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
/// The same of `x` and one value.
Tensor where(const Tensor& condition, const Tensor& x, double otherwise);

}  // namespace gradus::kernels
