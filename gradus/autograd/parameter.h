// Parameters: the named tensors that training changes.
#pragma once

#include <string>
#include <vector>

#include "gradus/tensor/tensor.h"

namespace gradus {

/// A leaf tensor that requires a gradient, and its name in files ("h.0.attn.c_attn.weight").
struct Parameter {
  std::string name;
  Tensor tensor;
};

using Parameters = std::vector<Parameter>;

/// The number of elements of all parameters.
inline int64_t count_elements(const Parameters& parameters) {
  int64_t count = 0;
  for (const Parameter& parameter : parameters) count += parameter.tensor.numel();
  return count;
}

/// Gradients are undefined again.
inline void drop_gradients(const Parameters& parameters) {
  for (const Parameter& parameter : parameters) parameter.tensor.state()->grad = Tensor();
}

}  // namespace gradus
