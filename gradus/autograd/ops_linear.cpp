// Matrix products.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/kernels/sparse.h"
#include "gradus/tensor/matmul.h"

namespace gradus {
namespace {

Tensor transposed(const Tensor& x) {
  Shape shape = x.shape(), strides = x.strides();
  std::swap(shape[x.rank() - 1], shape[x.rank() - 2]);
  std::swap(strides[x.rank() - 1], strides[x.rank() - 2]);
  return x.view(shape, strides);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.rank() == 1 || b.rank() == 1) {  // a row on the left, a column on the right
    const Tensor y =
        matmul(a.rank() == 1 ? reshape(a, {1, a.size(0)}) : a, b.rank() == 1 ? reshape(b, {b.size(0), 1}) : b);
    Shape shape = y.shape();
    if (b.rank() == 1) shape.erase(shape.rank() - 1);
    if (a.rank() == 1) shape.erase(shape.rank() - (b.rank() == 1 ? 1 : 2));
    return reshape(y, shape);
  }
  Tensor y = kernels::matmul(a, b);
  if (!needs_gradient(a, b)) return y;
  return record("matmul", std::move(y), std::array{&a, &b}, [a = Saved(a), b = Saved(b)](Gradients& g) {
    const Tensor &left = a.get(), &right = b.get();
    if (g.needs(0)) g.add(0, kernels::sum_to(kernels::matmul(g.output(), transposed(right)), left.shape()));
    if (g.needs(1)) g.add(1, kernels::sum_to(kernels::matmul(transposed(left), g.output()), right.shape()));
  });
}

Tensor linear(const Tensor& x_any, const Tensor& weight, const Tensor& bias, const Tensor& residual,
              const Precision& precision) {
  const Tensor x = precision.factor(x_any);
  Tensor y = kernels::linear(x, weight, bias, residual);
  if (!needs_gradient(x_any, weight, bias, residual)) return y;
  return record("linear", std::move(y), std::array{&x_any, &weight, &bias, &residual},
                [x = Kept(x, precision), weight = Saved(weight), precision](Gradients& g) {
                  const Tensor grad = precision.factor(g.output());
                  if (g.needs(1)) g.add(1, GradientKind::kLinear, x.get(), grad);
                  if (g.needs(2)) g.add(2, GradientKind::kBias, Tensor(), g.output());
                  if (g.needs(0)) g.add(0, kernels::linear_backward_input(grad, weight.get()));
                  if (g.needs(3)) g.add(3, g.output());
                });
}

Tensor sparse_linear(const std::shared_ptr<const SparseMatrix>& x, const Tensor& weight, const Tensor& bias) {
  if (x == nullptr) fail("sparse_linear", "there are no rows");
  if (weight.rank() != 2 || !is_float(weight.dtype()) || weight.size(1) != x->columns) {
    fail("sparse_linear", "weight {} for rows of {} columns; expected f32 or f64 (out, {})", weight.describe(),
         x->columns, x->columns);
  }
  const Tensor own = kernels::contiguous(weight);
  Tensor y = kernels::sparse_product(*x, own);
  if (needs_gradient(weight)) {
    y = record("sparse_linear", std::move(y), std::array{&weight}, [x](Gradients& g) {
      g.add(0, kernels::sparse_product_backward(*x, kernels::contiguous(g.output())));
    });
  }
  return bias.defined() ? y + bias : y;
}

}  // namespace gradus
