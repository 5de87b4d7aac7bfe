// Losses that are a sum over elements of a function of (prediction, target). Each kernel has the value and its slopes
// side by side (tensor/kernels/losses-inl.h).
#include <cmath>

#include "gradus/autograd/loss_terms.h"
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/losses.h"

namespace gradus {

using detail::check_same_shape;
using kernels::Loss;
using kernels::LossArguments;

namespace {

Tensor weighted(const char* name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
                const Tensor& target, double weight) {
  const double sum = kernels::loss_sum(name, loss, arguments, prediction, target);
  Tensor y = Tensor::scalar(sum * weight, prediction.dtype());
  if (!needs_gradient(prediction, target)) return y;
  return record(name, std::move(y), std::array{&prediction, &target},
                [prediction = Saved(prediction), target = Saved(target), loss, arguments, weight](Gradients& g) {
                  kernels::LossGradients own =
                      kernels::loss_backward(loss, arguments, prediction.get(), target.get(),
                                             weight * g.output().item(), {g.needs(0), g.needs(1)});
                  if (g.needs(0)) g.add(0, std::move(own.prediction));
                  if (g.needs(1)) g.add(1, std::move(own.target));
                });
}

// x (N, …) with each row times its factor, factors (N).
Tensor rows_times(const Tensor& x, const Tensor& factors) {
  Shape column = x.shape();
  for (int i = 1; i < column.rank(); ++i) column[i] = 1;
  const Tensor wide = kernels::contiguous(factors).view(column, contiguous_strides(column));
  return kernels::binary("multiply", kernels::Binary::kMultiply, x, wide);
}

Tensor of_rows(const char* name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
               const Tensor& target) {
  Tensor y = kernels::loss_of_rows(name, loss, arguments, prediction, target);
  if (!needs_gradient(prediction, target)) return y;
  return record(name, std::move(y), std::array{&prediction, &target},
                [prediction = Saved(prediction), target = Saved(target), loss, arguments](Gradients& g) {
                  const kernels::LossGradients own = kernels::loss_backward(
                      loss, arguments, prediction.get(), target.get(), 1.0, {g.needs(0), g.needs(1)});
                  if (g.needs(0)) g.add(0, rows_times(own.prediction, g.output()));
                  if (g.needs(1)) g.add(1, rows_times(own.target, g.output()));
                });
}

Tensor reduced(const char* name, Loss loss, const LossArguments& arguments, const Tensor& prediction,
               const Tensor& target, Reduction reduction) {
  check_same_shape(name, prediction, target);
  if (reduction == Reduction::kRows) return of_rows(name, loss, arguments, prediction, target);
  const double weight = reduction == Reduction::kMean ? 1.0 / static_cast<double>(prediction.numel()) : 1.0;
  return weighted(name, loss, arguments, prediction, target, weight);
}

}  // namespace

Tensor mse(const Tensor& prediction, const Tensor& target, Reduction reduction) {
  return reduced("mse", Loss::kSquared, {}, prediction, target, reduction);
}

Tensor mae(const Tensor& prediction, const Tensor& target, Reduction reduction) {
  return reduced("mae", Loss::kAbsolute, {}, prediction, target, reduction);
}

Tensor huber(const Tensor& prediction, const Tensor& target, double delta, Reduction reduction) {
  if (!(delta > 0.0 && std::isfinite(delta))) fail("huber", "delta {}; expected a finite number above 0", delta);
  return reduced("huber", Loss::kHuber, {delta}, prediction, target, reduction);
}

Tensor log_cosh(const Tensor& prediction, const Tensor& target, Reduction reduction) {
  return reduced("log_cosh", Loss::kLogCosh, {}, prediction, target, reduction);
}

Tensor quantile_loss(const Tensor& prediction, const Tensor& target, double quantile, Reduction reduction) {
  if (!(quantile > 0.0 && quantile < 1.0)) fail("quantile_loss", "quantile {}; expected 0 < quantile < 1", quantile);
  return reduced("quantile_loss", Loss::kQuantile, {quantile}, prediction, target, reduction);
}

Tensor poisson_loss(const Tensor& log_rate, const Tensor& count, Reduction reduction) {
  return reduced("poisson_loss", Loss::kPoisson, {}, log_rate, count, reduction);
}

Tensor hinge(const Tensor& score, const Tensor& target, Reduction reduction) {
  return reduced("hinge", Loss::kHinge, {}, score, target, reduction);
}

Tensor squared_hinge(const Tensor& score, const Tensor& target, Reduction reduction) {
  return reduced("squared_hinge", Loss::kSquaredHinge, {}, score, target, reduction);
}

Tensor binary_cross_entropy(const Tensor& logits, const Tensor& target, double positive_weight, Reduction reduction) {
  if (!(positive_weight > 0.0 && std::isfinite(positive_weight))) {
    fail("binary_cross_entropy", "positive_weight {}; expected a finite number above 0", positive_weight);
  }
  return reduced("binary_cross_entropy", Loss::kLogistic, {positive_weight}, logits, target, reduction);
}

Tensor focal_loss(const Tensor& logits, const Tensor& target, double gamma, double alpha, Reduction reduction) {
  if (!(gamma >= 0.0 && std::isfinite(gamma))) fail("focal_loss", "gamma {}; expected a number from 0", gamma);
  if (!(alpha >= 0.0 && alpha <= 1.0)) fail("focal_loss", "alpha {}; expected 0 <= alpha <= 1", alpha);
  return reduced("focal_loss", Loss::kFocal, {gamma, alpha}, logits, target, reduction);
}

Tensor kl_divergence(const Tensor& log_probabilities, const Tensor& target, Reduction reduction) {
  check_same_shape("kl_divergence", log_probabilities, target);
  if (reduction == Reduction::kRows) return of_rows("kl_divergence", Loss::kDivergence, {}, log_probabilities, target);
  const double rows = log_probabilities.rank() > 0 ? static_cast<double>(log_probabilities.size(0)) : 1.0;
  return weighted("kl_divergence", Loss::kDivergence, {}, log_probabilities, target,
                  reduction == Reduction::kMean ? 1.0 / rows : 1.0);
}

}  // namespace gradus
