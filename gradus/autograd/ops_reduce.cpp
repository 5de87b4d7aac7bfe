// Sums, means and what normalises along the last dimension.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/compare.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/kernels/softmax.h"

namespace gradus {

using kernels::Binary;

namespace {

// A reduced tensor seen again in the shape that it was reduced from.
Tensor spread(const Tensor& reduced, const Shape& shape, int axis) {
  Shape kept = reduced_shape(shape, axis, true);
  return kernels::expand(kernels::contiguous(reduced).view(kept, contiguous_strides(kept)), shape);
}

Tensor sum_scaled(const char* op, const Tensor& x, double factor) {
  Tensor y = kernels::sum_all(x);
  if (factor != 1.0) kernels::scale_in_place(y, factor);
  if (!needs_gradient(x)) return y;
  return record(op, std::move(y), std::array{&x}, [shape = x.shape(), factor](Gradients& g) {
    g.add(0, kernels::expand(kernels::binary(Binary::kMultiply, g.output(), factor), shape));
  });
}

Tensor sum_scaled(const char* op, const Tensor& x, int axis, bool keep_dims, double factor) {
  Tensor y = kernels::sum_axis(x, axis, keep_dims);
  if (factor != 1.0) kernels::scale_in_place(y, factor);
  if (!needs_gradient(x)) return y;
  return record(op, std::move(y), std::array{&x}, [shape = x.shape(), axis, factor](Gradients& g) {
    g.add(0, spread(kernels::binary(Binary::kMultiply, g.output(), factor), shape, axis));
  });
}

}  // namespace

Tensor sum(const Tensor& x) { return sum_scaled("sum", x, 1.0); }

Tensor sum(const Tensor& x, int axis, bool keep_dims) {
  return sum_scaled("sum", x, normalize_axis("sum", axis, x.rank()), keep_dims, 1.0);
}

Tensor mean(const Tensor& x) { return sum_scaled("mean", x, 1.0 / static_cast<double>(x.numel())); }

Tensor mean(const Tensor& x, int axis, bool keep_dims) {
  axis = normalize_axis("mean", axis, x.rank());
  return sum_scaled("mean", x, axis, keep_dims, 1.0 / static_cast<double>(x.shape()[axis]));
}

namespace {

// Moments about the mean over one axis, or over everything (a flat view).
Tensor centred(const Tensor& x, int axis) {
  Tensor mean = kernels::sum_axis(x, axis, true);
  kernels::scale_in_place(mean, 1.0 / static_cast<double>(x.shape()[axis]));
  return kernels::binary("var", Binary::kSubtract, x, mean);
}

double degrees_of_freedom(const Tensor& x, int axis, double correction) {
  return std::max(0.0, static_cast<double>(x.shape()[axis]) - correction);
}

Tensor variance_of(const Tensor& centred, int axis, bool keep_dims, double degrees) {
  Tensor sum = kernels::sum_axis(kernels::binary("var", Binary::kMultiply, centred, centred), axis, keep_dims);
  return kernels::binary(Binary::kDivide, sum, degrees);
}

// The gradient of each element of x where `factor` is that of half its square's.
Tensor centred_backward(const Tensor& centred, const Tensor& factor, int axis) {
  return kernels::binary("var", Binary::kMultiply, centred, spread(factor, centred.shape(), axis));
}

}  // namespace

Tensor var(const Tensor& x, int axis, double correction, bool keep_dims) {
  axis = normalize_axis("var", axis, x.rank());
  Tensor rest = centred(x, axis);
  const double degrees = degrees_of_freedom(x, axis, correction);
  Tensor y = variance_of(rest, axis, keep_dims, degrees);
  if (!needs_gradient(x)) return y;
  return record("var", std::move(y), std::array{&x}, [rest = std::move(rest), axis, degrees](Gradients& g) {
    g.add(0, centred_backward(rest, kernels::binary(Binary::kMultiply, g.output(), 2.0 / degrees), axis));
  });
}

Tensor stddev(const Tensor& x, int axis, double correction, bool keep_dims) {
  axis = normalize_axis("stddev", axis, x.rank());
  Tensor rest = centred(x, axis);
  const double degrees = degrees_of_freedom(x, axis, correction);
  Tensor y = kernels::unary(kernels::Unary::kSqrt, variance_of(rest, axis, keep_dims, degrees));
  if (!needs_gradient(x)) return y;
  return record("stddev", y, std::array{&x}, [rest = std::move(rest), y = Saved(y), axis, degrees](Gradients& g) {
    const Tensor by_y = kernels::binary("stddev", Binary::kDivide, g.output(), y.get());
    const Tensor is_zero = kernels::compare(kernels::Comparison::kEqual, y.get(), 0.0);
    const Tensor factor = kernels::where(is_zero, Tensor::zeros({}, by_y.dtype()), by_y);
    g.add(0, centred_backward(rest, kernels::binary(Binary::kMultiply, factor, 1.0 / degrees), axis));
  });
}

Tensor var(const Tensor& x, double correction) { return var(reshape(x, {-1}), 0, correction); }
Tensor stddev(const Tensor& x, double correction) { return stddev(reshape(x, {-1}), 0, correction); }

Tensor log_softmax(const Tensor& x) {
  Tensor y = kernels::log_softmax(x);
  if (!needs_gradient(x)) return y;
  return record("log_softmax", y, std::array{&x},
                [y = Saved(y)](Gradients& g) { g.add(0, kernels::log_softmax_backward(y.get(), g.output())); });
}

Tensor logsumexp(const Tensor& x) {
  Tensor y = kernels::logsumexp(x);
  if (!needs_gradient(x)) return y;
  return record("logsumexp", std::move(y), std::array{&x}, [x = Saved(x)](Gradients& g) {
    const Tensor grad = spread(g.output(), x.get().shape(), x.get().rank() - 1);
    g.add(0, kernels::binary("multiply", Binary::kMultiply, kernels::softmax(x.get()), grad));
  });
}

Tensor softmax(const Tensor& x) {
  Tensor y = kernels::softmax(x);
  if (!needs_gradient(x)) return y;
  return record("softmax", y, std::array{&x},
                [y = Saved(y)](Gradients& g) { g.add(0, kernels::softmax_backward(y.get(), g.output())); });
}

}  // namespace gradus
