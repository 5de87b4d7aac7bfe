// Elementwise arithmetic with broadcasting.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/reduce.h"

namespace gradus {

using kernels::Binary;
using kernels::Unary;

namespace {

Tensor product_of(const Tensor& a, const Tensor& b) { return kernels::binary("multiply", Binary::kMultiply, a, b); }

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor y = kernels::binary("add", Binary::kAdd, a, b);
  if (!needs_gradient(a, b)) return y;
  return record("add", std::move(y), std::array{&a, &b}, [a_shape = a.shape(), b_shape = b.shape()](Gradients& g) {
    if (g.needs(0)) g.add(0, kernels::sum_to(g.output(), a_shape));
    if (g.needs(1)) g.add(1, kernels::sum_to(g.output(), b_shape));
  });
}

Tensor subtract(const Tensor& a, const Tensor& b) {
  Tensor y = kernels::binary("subtract", Binary::kSubtract, a, b);
  if (!needs_gradient(a, b)) return y;
  return record("subtract", std::move(y), std::array{&a, &b}, [a_shape = a.shape(), b_shape = b.shape()](Gradients& g) {
    if (g.needs(0)) g.add(0, kernels::sum_to(g.output(), a_shape));
    if (g.needs(1)) g.add(1, kernels::unary(Unary::kNegate, kernels::sum_to(g.output(), b_shape)));
  });
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  Tensor y = kernels::binary("multiply", Binary::kMultiply, a, b);
  if (!needs_gradient(a, b)) return y;
  return record("multiply", std::move(y), std::array{&a, &b}, [a = Saved(a), b = Saved(b)](Gradients& g) {
    if (g.needs(0)) g.add(0, kernels::sum_to(product_of(g.output(), b.get()), a.get().shape()));
    if (g.needs(1)) g.add(1, kernels::sum_to(product_of(g.output(), a.get()), b.get().shape()));
  });
}

Tensor divide(const Tensor& a, const Tensor& b) {
  Tensor y = kernels::binary("divide", Binary::kDivide, a, b);
  if (!needs_gradient(a, b)) return y;
  return record("divide", y, std::array{&a, &b}, [a_shape = a.shape(), b = Saved(b), y = Saved(y)](Gradients& g) {
    const Tensor by_a = kernels::binary("divide", Binary::kDivide, g.output(), b.get());
    if (g.needs(0)) g.add(0, kernels::sum_to(by_a, a_shape));
    if (g.needs(1)) {
      const Tensor by_b = kernels::unary(Unary::kNegate, product_of(by_a, y.get()));
      g.add(1, kernels::sum_to(by_b, b.get().shape()));
    }
  });
}

Tensor add(const Tensor& a, double b) {
  Tensor y = kernels::binary(Binary::kAdd, a, b);
  if (!needs_gradient(a)) return y;
  return record("add", std::move(y), std::array{&a}, [](Gradients& g) { g.add(0, g.output()); });
}

Tensor subtract(double a, const Tensor& b) {
  Tensor y = kernels::binary(Binary::kSubtract, a, b);
  if (!needs_gradient(b)) return y;
  return record("subtract", std::move(y), std::array{&b},
                [](Gradients& g) { g.add(0, kernels::unary(Unary::kNegate, g.output())); });
}

Tensor multiply(const Tensor& a, double b) {
  Tensor y = kernels::binary(Binary::kMultiply, a, b);
  if (!needs_gradient(a)) return y;
  return record("multiply", std::move(y), std::array{&a},
                [b](Gradients& g) { g.add(0, kernels::binary(Binary::kMultiply, g.output(), b)); });
}

Tensor divide(double a, const Tensor& b) {
  Tensor y = kernels::binary(Binary::kDivide, a, b);
  if (!needs_gradient(b)) return y;
  return record("divide", y, std::array{&b}, [b = Saved(b), y = Saved(y)](Gradients& g) {
    const Tensor slope = kernels::binary("divide", Binary::kDivide, y.get(), b.get());
    g.add(0, kernels::unary(Unary::kNegate, product_of(g.output(), slope)));
  });
}

Tensor negate(const Tensor& x) {
  Tensor y = kernels::unary(Unary::kNegate, x);
  if (!needs_gradient(x)) return y;
  return record("negate", std::move(y), std::array{&x},
                [](Gradients& g) { g.add(0, kernels::unary(Unary::kNegate, g.output())); });
}

Tensor exp(const Tensor& x) {
  Tensor y = kernels::unary(Unary::kExp, x);
  if (!needs_gradient(x)) return y;
  return record("exp", y, std::array{&x}, [y = Saved(y)](Gradients& g) { g.add(0, product_of(g.output(), y.get())); });
}

Tensor log(const Tensor& x) {
  Tensor y = kernels::unary(Unary::kLog, x);
  if (!needs_gradient(x)) return y;
  return record("log", std::move(y), std::array{&x}, [x = Saved(x)](Gradients& g) {
    g.add(0, kernels::binary("divide", Binary::kDivide, g.output(), x.get()));
  });
}

Tensor tanh(const Tensor& x) {
  Tensor y = kernels::unary(Unary::kTanh, x);
  if (!needs_gradient(x)) return y;
  return record("tanh", y, std::array{&x}, [y = Saved(y)](Gradients& g) {
    g.add(0, kernels::binary("tanh", Binary::kTanhBackward, y.get(), g.output()));
  });
}

Tensor relu(const Tensor& x) {
  Tensor y = kernels::unary(Unary::kRelu, x);
  if (!needs_gradient(x)) return y;
  return record("relu", y, std::array{&x}, [y = Saved(y)](Gradients& g) {
    g.add(0, kernels::binary("relu", Binary::kReluBackward, y.get(), g.output()));
  });
}

Tensor gelu(const Tensor& x) {
  Tensor y = kernels::unary(Unary::kGelu, x);
  if (!needs_gradient(x)) return y;
  return record("gelu", std::move(y), std::array{&x}, [x = Saved(x)](Gradients& g) {
    g.add(0, kernels::binary("gelu", Binary::kGeluBackward, x.get(), g.output()));
  });
}

}  // namespace gradus
