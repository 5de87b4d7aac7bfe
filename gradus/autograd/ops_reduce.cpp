// Sums, means and what normalises along the last dimension.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
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
