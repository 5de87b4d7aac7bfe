// Weights divided by their spectral norm.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/spectral.h"
#include "gradus/tensor/kernels/vector.h"

namespace gradus {
namespace {

Tensor shaped(const Tensor& contiguous, const Shape& shape) {
  return contiguous.view(shape, contiguous_strides(shape));
}

Tensor as_matrix(const Tensor& x) {
  const int64_t rows = x.size(0);
  return shaped(kernels::contiguous(x), {rows, rows == 0 ? 0 : x.numel() / rows});
}

// (g − (Σ g∘w/σ)·u·vᵀ)/σ: of w/σ with σ = uᵀ·w·v, where u and v are held constant.
Tensor spectral_backward(const Tensor& grad, const Tensor& weight, const kernels::Spectral& s) {
  const Tensor g = as_matrix(grad);
  Tensor u = s.u.clone();
  kernels::scale_in_place(u, kernels::dot(g, as_matrix(weight)) / s.sigma);
  const Tensor outer =
      kernels::binary("spectral_norm", kernels::Binary::kMultiply, shaped(kernels::cast(u, g.dtype()), {u.numel(), 1}),
                      kernels::cast(s.v, g.dtype()));
  Tensor of_weight = kernels::binary("spectral_norm", kernels::Binary::kSubtract, g, outer);
  kernels::scale_in_place(of_weight, 1.0 / s.sigma);
  return shaped(of_weight, weight.shape());
}

}  // namespace

Tensor spectral_norm(const Tensor& weight) {
  if (!is_float(weight.dtype())) fail_not_float("spectral_norm", weight.dtype());
  if (weight.rank() < 2) fail("spectral_norm", "{}; expected at least 2 dimensions", weight.describe());
  const kernels::Spectral s = kernels::largest_singular(as_matrix(weight));
  if (s.sigma == 0.0 && weight.numel() > 0 && !DryRun::is_on()) {
    fail("spectral_norm", "a weight {} of zeros, which has no length to divide by; start it otherwise",
         weight.describe());
  }
  Tensor y = kernels::binary(kernels::Binary::kDivide, kernels::contiguous(weight), s.sigma);
  if (!needs_gradient(weight)) return y;
  return record("spectral_norm", std::move(y), std::array{&weight}, [weight = Saved(weight), s](Gradients& g) {
    g.add(0, spectral_backward(g.output(), weight.get(), s));
  });
}

}  // namespace gradus
