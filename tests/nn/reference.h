// The inputs and results of tools/make_model_references.py and tools/make_network_references.py.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/autograd/tape.h"
#include "gradus/nn/models/model.h"
#include "gradus/tensor/safetensors.h"

namespace gradus {

/// A multiple of 1/256 in [-0.5, 0.5], which f32 holds exactly.
inline double formula(int64_t i, int64_t seed) {
  return static_cast<double>((i * 7919 + i * i * 31 + seed * 104729) % 257 - 128) / 256;
}

/// The f32 tensor of that name.
inline Tensor filled(std::string_view name, const Shape& shape, double scale = 1.0, double shift = 0.0) {
  int64_t seed = 0;
  for (const char c : name) seed += static_cast<unsigned char>(c);
  std::vector<float> values;
  for (int64_t i = 0; i < shape.numel(); ++i) values.push_back(static_cast<float>(scale * formula(i, seed) + shift));
  return Tensor::from(values, shape);
}

/// The stored result "gpt/loss", …; the test fails if there is none.
inline Tensor reference(const std::string& name) {
  static const Safetensors files[] = {
      read_safetensors(GRADUS_SOURCE_DIR "/tests/references/models.safetensors"),
      read_safetensors(GRADUS_SOURCE_DIR "/tests/references/networks.safetensors"),
  };
  for (const Safetensors& file : files) {
    if (const Tensor found = file.find(name); found.defined()) return found;
  }
  throw std::runtime_error("no reference " + name);
}

/// ‖actual − expected‖ / ‖expected‖.
inline double relative_error(const Tensor& actual, const Tensor& expected) {
  const std::vector<double> a = actual.values<double>(), e = expected.values<double>();
  if (a.size() != e.size()) return INFINITY;
  double difference = 0.0, size = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - e[i]) * (a[i] - e[i]);
    size += e[i] * e[i];
  }
  return std::sqrt(difference / size);
}

/// One forward and backward pass: loss and gradients against "<prefix>/loss" and "<prefix>/grad/<name>", which are of
/// the mean. f32 rounds by 2^-24 = 6e-8 an op, some tens of ops deep, in sums of some tens of terms, mostly not in one
/// direction.
inline void expect_loss_and_gradients(const Model& model, const Tensor& inputs, const Tensor& targets,
                                      const std::string& prefix) {
  Tape tape;
  Context context;
  const Loss loss = model.loss({.inputs = inputs, .targets = targets}, context);
  tape.backward(loss.sum);
  const double expected = reference(prefix + "/loss").item();
  EXPECT_NEAR(loss.sum.item() / loss.weight, expected, 1e-6 * expected) << prefix;
  for (const Parameter& p : model.parameters()) {
    const Tensor mean = reference(prefix + "/grad/" + p.name);
    ASSERT_EQ(p.tensor.grad().shape(), p.tensor.shape()) << p.name;
    std::vector<double> sum = mean.values<double>();
    for (double& x : sum) x *= loss.weight;
    EXPECT_LT(relative_error(p.tensor.grad(), Tensor::from(sum, mean.shape())), 3e-6) << prefix << " " << p.name;
  }
}

inline std::vector<std::string> names_of(const Parameters& parameters) {
  std::vector<std::string> names;
  for (const Parameter& p : parameters) names.push_back(p.name);
  return names;
}

}  // namespace gradus
