// Elementwise kernels for f32 and f64. Results are contiguous; inputs may have any strides.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// What `gradus/autograd/ops.h` says of each; parameters in `UnaryArguments`.
enum class Unary : uint8_t {
  kNegate,
  kAbs,
  kSign,
  kFloor,
  kSqrt,
  kRsqrt,
  kExp,
  kLog,
  kSin,
  kCos,
  kTanh,
  kSigmoid,
  kSilu,
  kRelu,
  kLeakyRelu,  ///< a: the slope below 0.
  kElu,        ///< a: alpha.
  kSelu,
  kGelu,  ///< The tanh form of GPT-2: x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))).
  kGeluExact,
  kSoftplus,
  kMish,
  kClamp,  ///< a, b: the lowest and the highest value.
  kPow,    ///< a: the exponent.
};
struct UnaryArguments {
  double a = 0.0, b = 0.0;
};

enum class Binary : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kMaximum,
  kMinimum,
  kPower,
  kSwiglu,  ///< (gate, x): silu(gate) · x.
};

/// IEEE results at the ends: exp(+∞) = ∞, log(0) = −∞, log of a negative is NaN, tanh(±∞) = ±1, NaN stays NaN.
Tensor unary(Unary op, const Tensor& x, const UnaryArguments& arguments = {});
/// The gradient of x, where `saved` is x, or the function's value if `backward_takes_result(op)`; in the memory of a
/// `grad` that nobody else sees.
Tensor unary_backward(Unary op, const Tensor& saved, Tensor grad, const UnaryArguments& arguments = {});
bool backward_takes_result(Unary op);
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
