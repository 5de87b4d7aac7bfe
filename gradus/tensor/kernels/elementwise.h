// Elementwise kernels for f32 and f64. Results are contiguous; inputs may have any strides.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

enum class Unary : uint8_t {
  kNegate,
  kExp,
  kLog,
  kTanh,
  kRelu,
  kGelu,  ///< The tanh form of GPT-2: x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))).
};

enum class Binary : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kReluBackward,  ///< (y, g): g where the result y is above 0, else 0.
  kTanhBackward,  ///< (y, g): g · (1 − y²).
  kGeluBackward,  ///< (x, g): g · the derivative of kGelu at x.
};

/// IEEE results at the ends: exp(+∞) = ∞, log(0) = −∞, log of a negative is NaN, tanh(±∞) = ±1, NaN stays NaN.
Tensor unary(Unary op, const Tensor& x);
/// NumPy's broadcasting; `name` is the op in messages. Both of one dtype.
Tensor binary(std::string_view name, Binary op, const Tensor& a, const Tensor& b);
/// `x op scalar`, computed in x's dtype.
Tensor binary(Binary op, const Tensor& x, double scalar);
/// `scalar op x`.
Tensor binary(Binary op, double scalar, const Tensor& x);
/// `into += x`, same shape and dtype, both contiguous.
void accumulate(Tensor& into, const Tensor& x);
/// `x *= factor` in place; contiguous.
void scale_in_place(Tensor& x, double factor);

}  // namespace gradus::kernels
