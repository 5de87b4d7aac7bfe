// Elementwise arithmetic with broadcasting.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/compare.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/reduce.h"

namespace gradus {

using kernels::Binary;
using kernels::Comparison;
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

Tensor divide(const Tensor& a, double b) {
  Tensor y = kernels::binary(Binary::kDivide, a, b);
  if (!needs_gradient(a)) return y;
  return record("divide", std::move(y), std::array{&a},
                [b](Gradients& g) { g.add(0, kernels::binary(Binary::kDivide, g.output(), b)); });
}

Tensor divide(double a, const Tensor& b) {
  Tensor y = kernels::binary(Binary::kDivide, a, b);
  if (!needs_gradient(b)) return y;
  return record("divide", y, std::array{&b}, [b = Saved(b), y = Saved(y)](Gradients& g) {
    const Tensor slope = kernels::binary("divide", Binary::kDivide, y.get(), b.get());
    g.add(0, kernels::unary(Unary::kNegate, product_of(g.output(), slope)));
  });
}

namespace {

// The larger or smaller of two: the gradient goes to it, and half to each where they are equal.
Tensor extreme(const char* name, Binary op, Comparison loses, const Tensor& a, const Tensor& b) {
  Tensor y = kernels::binary(name, op, a, b);
  if (!needs_gradient(a, b)) return y;
  return record(name, std::move(y), std::array{&a, &b}, [a = Saved(a), b = Saved(b), loses](Gradients& g) {
    const Tensor halved = kernels::binary(Binary::kMultiply, g.output(), 0.5);
    const Tensor none = Tensor::zeros({}, halved.dtype());
    const auto give = [&](int i, const Tensor& own, const Tensor& other) {
      if (!g.needs(i)) return;
      const Tensor won = kernels::where(kernels::compare(loses, own, other), none, g.output());
      const Tensor shared = kernels::where(kernels::compare(Comparison::kEqual, own, other), halved, won);
      g.add(i, kernels::sum_to(shared, own.shape()));
    };
    give(0, a.get(), b.get());
    give(1, b.get(), a.get());
  });
}

}  // namespace

Tensor maximum(const Tensor& a, const Tensor& b) {
  return extreme("maximum", Binary::kMaximum, Comparison::kLess, a, b);
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  return extreme("minimum", Binary::kMinimum, Comparison::kGreater, a, b);
}

Tensor pow(const Tensor& a, const Tensor& b) {
  Tensor y = kernels::binary("pow", Binary::kPower, a, b);
  if (!needs_gradient(a, b)) return y;
  return record("pow", y, std::array{&a, &b}, [a = Saved(a), b = Saved(b), y = Saved(y)](Gradients& g) {
    const Tensor &base = a.get(), &exponent = b.get();
    if (g.needs(0)) {
      const Tensor slope = kernels::binary("pow", Binary::kPower, base, kernels::binary(Binary::kAdd, exponent, -1.0));
      const Tensor scaled = product_of(g.output(), product_of(exponent, slope));
      const Tensor is_flat = kernels::compare(Comparison::kEqual, exponent, 0.0);
      g.add(0, kernels::sum_to(kernels::where(is_flat, Tensor::zeros({}, y.get().dtype()), scaled), base.shape()));
    }
    if (!g.needs(1)) return;
    // At 0 the logarithm is −∞, and the power 0 for exponents from 0 on.
    const Tensor slope = product_of(product_of(g.output(), y.get()), kernels::unary(Unary::kLog, base));
    const Tensor is_zero = kernels::compare(Comparison::kEqual, product_of(base, y.get()), 0.0);
    const Tensor grows = kernels::compare(Comparison::kGreaterEqual, exponent, 0.0);
    const Tensor kept = kernels::where(is_zero, Tensor::zeros({}, y.get().dtype()), slope);
    g.add(1, kernels::sum_to(kernels::where(grows, kept, slope), exponent.shape()));
  });
}

Tensor swiglu(const Tensor& gate, const Tensor& x) {
  if (!(gate.shape() == x.shape())) {
    fail("swiglu", "gate {} and input {} must have one shape", gate.describe(), x.describe());
  }
  Tensor y = kernels::binary("swiglu", Binary::kSwiglu, gate, x);
  if (!needs_gradient(gate, x)) return y;
  return record("swiglu", std::move(y), std::array{&gate, &x}, [gate = Saved(gate), x = Saved(x)](Gradients& g) {
    if (g.needs(0)) g.add(0, kernels::unary_backward(Unary::kSilu, gate.get(), product_of(g.output(), x.get())));
    if (g.needs(1)) g.add(1, kernels::binary("swiglu", Binary::kSwiglu, gate.get(), g.output()));
  });
}

}  // namespace gradus
