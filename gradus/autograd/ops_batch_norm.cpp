// Normalisation by statistics of a batch, and of groups of an example's channels.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/batch_norm.h"
#include "gradus/tensor/kernels/group_norm.h"

namespace gradus {
namespace {

Tensor normalize(const Tensor& x, const Tensor& weight, const Tensor& bias, const BatchStatistics& statistics,
                 bool own_moments, const BatchNormOptions& options, const Tensor& residual) {
  const auto norm_of = [options](const BatchStatistics& s, const Tensor& w, const Tensor& b) {
    return kernels::BatchNorm{s.mean, s.variance, w, b, options.epsilon, options.relu};
  };
  Tensor y = kernels::batch_norm(x, norm_of(statistics, weight, bias), residual);
  if (!needs_gradient(x, weight, bias, residual)) return y;
  // Without a residual, x tells where relu let pass.
  const Saved result(options.relu && residual.defined() ? y : Tensor());
  return record("batch_norm", std::move(y), std::array{&x, &weight, &bias, &residual},
                [x = Saved(x), result, statistics, weight = Saved(weight), bias = Saved(bias), own_moments,
                 norm_of](Gradients& g) {
                  kernels::BatchNormGradients gradients = kernels::batch_norm_backward(
                      g.output(), x.get(), result.get(), norm_of(statistics, weight.get(), bias.get()), own_moments,
                      g.needs(0), g.needs(3));
                  // Examples share their statistics: there is no gradient of one of them for a sink to see.
                  if (g.needs(1)) g.add(1, std::move(gradients.weight));
                  if (g.needs(2)) g.add(2, std::move(gradients.bias));
                  if (g.needs(0)) g.add(0, std::move(gradients.x));
                  if (g.needs(3)) g.add(3, std::move(gradients.residual));
                });
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const BatchNormOptions& options,
                  const Tensor& residual, BatchStatistics* statistics) {
  kernels::BatchMoments moments = kernels::batch_moments(x);
  const BatchStatistics own{std::move(moments.mean), std::move(moments.variance)};
  if (statistics != nullptr) *statistics = own;
  return normalize(x, weight, bias, own, /*own_moments=*/true, options, residual);
}

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const BatchStatistics& given,
                  const BatchNormOptions& options, const Tensor& residual) {
  return normalize(x, weight, bias, {given.mean.clone(), given.variance.clone()}, /*own_moments=*/false, options,
                   residual);
}

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double epsilon) {
  kernels::GroupNorm result = kernels::group_norm(x, groups, weight, bias, epsilon);
  if (!needs_gradient(x, weight, bias)) return result.y;
  return record("group_norm", std::move(result.y), std::array{&x, &weight, &bias},
                [groups, x = Saved(x), weight = Saved(weight), mean = result.mean, rstd = result.rstd](Gradients& g) {
                  kernels::GroupNormGradients back =
                      kernels::group_norm_backward(g.output(), x.get(), groups, mean, rstd, weight.get(), g.needs(0));
                  if (g.needs(1)) g.add(1, GradientKind::kBias, Tensor(), back.weight);
                  if (g.needs(2)) g.add(2, GradientKind::kBias, Tensor(), back.bias);
                  if (g.needs(0)) g.add(0, std::move(back.x));
                });
}

}  // namespace gradus
