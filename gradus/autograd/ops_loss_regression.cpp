// Losses of numbers: put together from other ops.
#include <cmath>

#include "gradus/autograd/loss_terms.h"
#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"

namespace gradus {

using detail::check_same_shape;
using detail::reduced;

Tensor mae(const Tensor& prediction, const Tensor& target, Reduction reduction) {
  check_same_shape("mae", prediction, target);
  return reduced(abs(prediction - target), reduction);
}

// ½·d² up to delta, then a line: with c = clamp(d, ±delta) it is c·(d − c/2).
Tensor huber(const Tensor& prediction, const Tensor& target, double delta, Reduction reduction) {
  check_same_shape("huber", prediction, target);
  if (!(delta > 0.0 && std::isfinite(delta))) fail("huber", "delta {}; expected a finite number above 0", delta);
  const Tensor d = prediction - target, c = clamp(d, -delta, delta);
  return reduced(c * (d - 0.5 * c), reduction);
}

// log cosh d = d + softplus(−2d) − log 2.
Tensor log_cosh(const Tensor& prediction, const Tensor& target, Reduction reduction) {
  check_same_shape("log_cosh", prediction, target);
  const Tensor d = prediction - target;
  return reduced(d + softplus(d * -2.0) - std::log(2.0), reduction);
}

Tensor quantile_loss(const Tensor& prediction, const Tensor& target, double quantile, Reduction reduction) {
  check_same_shape("quantile_loss", prediction, target);
  if (!(quantile > 0.0 && quantile < 1.0)) fail("quantile_loss", "quantile {}; expected 0 < quantile < 1", quantile);
  const Tensor d = target - prediction;
  return reduced(maximum(d * quantile, d * (quantile - 1.0)), reduction);
}

Tensor poisson_loss(const Tensor& log_rate, const Tensor& count, Reduction reduction) {
  check_same_shape("poisson_loss", log_rate, count);
  return reduced(exp(log_rate) - count * log_rate, reduction);
}

Tensor hinge(const Tensor& score, const Tensor& target, Reduction reduction) {
  check_same_shape("hinge", score, target);
  return reduced(relu(1.0 - score * target), reduction);
}

Tensor squared_hinge(const Tensor& score, const Tensor& target, Reduction reduction) {
  check_same_shape("squared_hinge", score, target);
  const Tensor short_of = relu(1.0 - score * target);
  return reduced(short_of * short_of, reduction);
}

}  // namespace gradus
