#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/data/dataset.h"

namespace gradus {

TensorDataset make_line(const LineOptions& options, uint64_t seed) {
  const auto [points, slope, intercept, noise, x_min, x_max] = options;
  if (points < 1) fail_usage("line", "points is {}; expected at least 1", points);
  for (const double value : {slope, intercept, noise, x_min, x_max}) {
    if (!std::isfinite(value)) fail_usage("line", "an option is {}; expected finite numbers", value);
  }
  const Tensor x = Tensor::linspace(x_min, x_max, points).view({points, 1}, {1, 1});
  Tensor y = Tensor::empty({points, 1});
  const RandomStream stream(mix(seed, hash_name("line.noise")));
  const float* from = x.data<float>();
  float* to = y.mutable_data<float>();
  for (int64_t i = 0; i < points; ++i) {
    const double exact = slope * static_cast<double>(from[i]) + intercept;
    to[i] = static_cast<float>(exact + noise * stream.normal(0, static_cast<uint64_t>(i)));
  }
  return TensorDataset(x, y);
}

}  // namespace gradus
