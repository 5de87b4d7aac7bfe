#include "gradus/optim/gradient_noise.h"

#include <cmath>

#include "gradus/base/random.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/random.h"

namespace gradus {

void check(const GradientNoiseOptions& o) {
  detail::check_from_0("gradient noise", "variance", o.variance);
  detail::check_from_0("gradient noise", "decay", o.decay);
}

Tensor with_noise(const Tensor& gradient, std::string_view name, int64_t t, double scale,
                  const GradientNoiseOptions& o) {
  const uint64_t key = mix(mix(mix(o.seed, hash_name("gradient noise")), hash_name(name)), static_cast<uint64_t>(t));
  const double deviation = std::sqrt(o.variance / std::pow(1.0 + static_cast<double>(t), o.decay));
  Tensor sum = kernels::random_normal(gradient.shape(), 0.0, scale * deviation, key, gradient.dtype());
  kernels::accumulate(sum, gradient);
  return sum;
}

}  // namespace gradus
