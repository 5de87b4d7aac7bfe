// Matrix products.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/layer_norm.h"
#include "gradus/tensor/kernels/reduce.h"
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
  Tensor y = kernels::matmul(a, b);
  if (!needs_gradient(a, b)) return y;
  return record("matmul", std::move(y), std::array{&a, &b}, [a = Saved(a), b = Saved(b)](Gradients& g) {
    const Tensor &left = a.get(), &right = b.get();
    if (g.needs(0)) g.add(0, kernels::sum_to(kernels::matmul(g.output(), transposed(right)), left.shape()));
    if (g.needs(1)) g.add(1, kernels::sum_to(kernels::matmul(transposed(left), g.output()), right.shape()));
  });
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual) {
  Tensor y = kernels::linear(x, weight, bias, residual);
  if (!needs_gradient(x, weight, bias, residual)) return y;
  return record("linear", std::move(y), std::array{&x, &weight, &bias, &residual},
                [x = Saved(x), weight = Saved(weight)](Gradients& g) {
                  if (g.needs(1)) g.add(1, GradientKind::kLinear, x.get(), g.output());
                  if (g.needs(2)) g.add(2, GradientKind::kBias, Tensor(), g.output());
                  if (g.needs(0)) g.add(0, kernels::linear_backward_input(g.output(), weight.get()));
                  if (g.needs(3)) g.add(3, g.output());
                });
}

namespace {

// What follows from the gradient of a norm's result, for the inputs (x, weight, bias) from `first` on. Returns the
// gradient of x, which may have more added to it.
Tensor norm_backward(Gradients& g, int first, const Tensor& grad, const Tensor& x, const kernels::LayerNorm& norm,
                     const Tensor& weight) {
  if (g.needs(first + 1)) {
    g.add(first + 1, GradientKind::kScale, kernels::normalized(x, norm.mean, norm.rstd), grad);
  }
  if (g.needs(first + 2)) g.add(first + 2, GradientKind::kBias, Tensor(), grad);
  return g.needs(first) ? kernels::layer_norm_backward(grad, x, norm.mean, norm.rstd, weight) : Tensor();
}

}  // namespace

Tensor norm_linear(const Tensor& x, const NormParameters& norm, const LinearParameters& layer) {
  Tensor y = kernels::linear(kernels::layer_norm(x, norm.weight, norm.bias, norm.epsilon).y, layer.weight, layer.bias);
  if (!needs_gradient(x, norm.weight, norm.bias, layer.weight, layer.bias)) return y;
  return record("norm_linear", std::move(y), std::array{&x, &norm.weight, &norm.bias, &layer.weight, &layer.bias},
                [x = Saved(x), scale = Saved(norm.weight), shift = Saved(norm.bias), epsilon = norm.epsilon,
                 weight = Saved(layer.weight)](Gradients& g) {
                  kernels::LayerNorm again = kernels::layer_norm(x.get(), scale.get(), shift.get(), epsilon);
                  if (g.needs(3)) g.add(3, GradientKind::kLinear, again.y, g.output());
                  if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), g.output());
                  again.y = Tensor();
                  if (!g.needs(0) && !g.needs(1) && !g.needs(2)) return;
                  const Tensor grad = kernels::linear_backward_input(g.output(), weight.get());
                  Tensor of_x = norm_backward(g, 0, grad, x.get(), again, scale.get());
                  if (of_x.defined()) g.add(0, std::move(of_x));
                });
}

Tensor norm_feed_forward(const Tensor& x, const NormParameters& norm, const LinearParameters& in,
                         const LinearParameters& out, bool add_input) {
  kernels::LinearGelu hidden =
      kernels::linear_gelu(kernels::layer_norm(x, norm.weight, norm.bias, norm.epsilon).y, in.weight, in.bias);
  Tensor y = kernels::linear(hidden.y, out.weight, out.bias, add_input ? x : Tensor());
  if (!needs_gradient(x, norm.weight, norm.bias, in.weight, in.bias, out.weight, out.bias)) return y;
  return record(
      "norm_feed_forward", std::move(y),
      std::array{&x, &norm.weight, &norm.bias, &in.weight, &in.bias, &out.weight, &out.bias},
      [x = Saved(x), scale = Saved(norm.weight), shift = Saved(norm.bias), epsilon = norm.epsilon,
       in = Saved(in.weight), out = Saved(out.weight), before = std::move(hidden.before), add_input](Gradients& g) {
        kernels::LinearGelu back = kernels::gelu_linear_backward(g.output(), out.get(), before, !g.retained());
        if (g.needs(5)) g.add(5, GradientKind::kLinear, back.y, g.output());
        if (g.needs(6)) g.add(6, GradientKind::kBias, Tensor(), g.output());
        back.y = Tensor();
        kernels::LayerNorm again = kernels::layer_norm(x.get(), scale.get(), shift.get(), epsilon);
        if (g.needs(3)) g.add(3, GradientKind::kLinear, again.y, back.before);
        if (g.needs(4)) g.add(4, GradientKind::kBias, Tensor(), back.before);
        again.y = Tensor();
        if (!g.needs(0) && !g.needs(1) && !g.needs(2)) return;
        const Tensor grad = kernels::linear_backward_input(back.before, in.get());
        back.before = Tensor();
        Tensor of_x = norm_backward(g, 0, grad, x.get(), again, scale.get());
        if (!of_x.defined()) return;
        if (add_input) kernels::accumulate(of_x, kernels::contiguous(g.output()));
        g.add(0, std::move(of_x));
      });
}

}  // namespace gradus
