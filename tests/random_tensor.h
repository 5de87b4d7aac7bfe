// Made-up tensors, and how far two are apart.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gradus/base/random.h"
#include "gradus/tensor/tensor.h"

namespace gradus {

/// Normal numbers of this deviation in f32, a function of the key.
inline Tensor random_tensor(const Shape& shape, uint64_t key, double deviation = 1.0) {
  const RandomStream random(key);
  std::vector<float> values;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    values.push_back(static_cast<float>(deviation * random.normal(0, static_cast<uint64_t>(i))));
  }
  return Tensor::from(values, shape);
}

/// ‖x − y‖ / ‖y‖ over all elements.
inline double distance(const Tensor& x, const Tensor& y) {
  const std::vector<double> a = x.values<double>(), b = y.values<double>();
  EXPECT_EQ(a.size(), b.size());
  double difference = 0.0, size = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference / size);
}

}  // namespace gradus
