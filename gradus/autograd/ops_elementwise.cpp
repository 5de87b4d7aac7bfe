// Functions of one number. Each kernel has the value and its backward side by side (tensor/kernels/functions-inl.h).
#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/elementwise.h"

namespace gradus {

using kernels::Unary;

namespace {

Tensor apply(const char* name, Unary op, const Tensor& x, const kernels::UnaryArguments& arguments = {}) {
  Tensor y = kernels::unary(op, x, arguments);
  if (!needs_gradient(x)) return y;
  const Saved saved(kernels::backward_takes_result(op) ? y : x);
  return record(name, std::move(y), std::array{&x}, [saved, op, arguments](Gradients& g) {
    g.add(0, kernels::unary_backward(op, saved.get(), g.give_output(), arguments));
  });
}

}  // namespace

Tensor negate(const Tensor& x) { return apply("negate", Unary::kNegate, x); }
Tensor abs(const Tensor& x) { return apply("abs", Unary::kAbs, x); }
Tensor sign(const Tensor& x) { return apply("sign", Unary::kSign, x); }
Tensor floor(const Tensor& x) { return apply("floor", Unary::kFloor, x); }
Tensor sqrt(const Tensor& x) { return apply("sqrt", Unary::kSqrt, x); }
Tensor rsqrt(const Tensor& x) { return apply("rsqrt", Unary::kRsqrt, x); }
Tensor exp(const Tensor& x) { return apply("exp", Unary::kExp, x); }
Tensor log(const Tensor& x) { return apply("log", Unary::kLog, x); }
Tensor sin(const Tensor& x) { return apply("sin", Unary::kSin, x); }
Tensor cos(const Tensor& x) { return apply("cos", Unary::kCos, x); }
Tensor tanh(const Tensor& x) { return apply("tanh", Unary::kTanh, x); }
Tensor sigmoid(const Tensor& x) { return apply("sigmoid", Unary::kSigmoid, x); }
Tensor silu(const Tensor& x) { return apply("silu", Unary::kSilu, x); }
Tensor relu(const Tensor& x) { return apply("relu", Unary::kRelu, x); }
Tensor selu(const Tensor& x) { return apply("selu", Unary::kSelu, x); }
Tensor gelu(const Tensor& x) { return apply("gelu", Unary::kGelu, x); }
Tensor gelu_exact(const Tensor& x) { return apply("gelu_exact", Unary::kGeluExact, x); }
Tensor softplus(const Tensor& x) { return apply("softplus", Unary::kSoftplus, x); }
Tensor mish(const Tensor& x) { return apply("mish", Unary::kMish, x); }

Tensor leaky_relu(const Tensor& x, double slope) { return apply("leaky_relu", Unary::kLeakyRelu, x, {slope}); }

Tensor elu(const Tensor& x, double alpha) { return apply("elu", Unary::kElu, x, {alpha}); }

Tensor clamp(const Tensor& x, double low, double high) {
  if (!(low <= high)) fail("clamp", "from {} to {}; the first must not exceed the second", low, high);
  return apply("clamp", Unary::kClamp, x, {low, high});
}

Tensor pow(const Tensor& x, double exponent) {
  if (std::isnan(exponent)) fail("pow", "an exponent of NaN; expected a number");
  return apply("pow", Unary::kPow, x, {exponent});
}

}  // namespace gradus
