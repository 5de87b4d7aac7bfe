#include "gradus/nn/parameters.h"

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random.h"

namespace gradus {
namespace {

Tensor initial_values(const Shape& shape, const Initializer& init, uint64_t key, DType dtype) {
  switch (init.kind) {
    case Initializer::Kind::kNormal:
      return kernels::random_normal(shape, init.a, init.b, key, dtype);
    case Initializer::Kind::kUniform:
      return kernels::random_uniform(shape, init.a, init.b, key, dtype);
    case Initializer::Kind::kConstant:
      break;
  }
  return Tensor::full(shape, init.a, dtype);
}

}  // namespace

ParameterBuilder ParameterBuilder::operator/(std::string_view name) const {
  ParameterBuilder part = *this;
  part.prefix_ += std::string(name) + ".";
  return part;
}

Tensor ParameterBuilder::add(std::string_view name, const Shape& shape, const Initializer& initializer) const {
  std::string full_name = prefix_ + std::string(name);
  for (const Parameter& other : *into_) {
    if (other.name == full_name) fail("parameters", "the name \"{}\" is taken already", full_name);
  }
  Tensor tensor = initial_values(shape, initializer, mix(seed_, hash_name(full_name)), dtype_);
  tensor.set_requires_grad();
  into_->push_back({std::move(full_name), tensor});
  return tensor;
}

void load_parameters(const Parameters& parameters, const std::vector<std::pair<std::string, Tensor>>& values,
                     std::string_view source) {
  std::string problems;
  const auto find = [&](const std::string& name) -> const Tensor* {
    for (const auto& [other, tensor] : values) {
      if (other == name) return &tensor;
    }
    return nullptr;
  };
  for (const Parameter& parameter : parameters) {
    const Tensor* value = find(parameter.name);
    if (value == nullptr) {
      problems += fmt::format("\n  {} is missing", parameter.name);
    } else if (!(value->shape() == parameter.tensor.shape())) {
      problems +=
          fmt::format("\n  {} is {}, the model has {}", parameter.name, value->describe(), parameter.tensor.describe());
    }
  }
  for (const auto& [name, tensor] : values) {
    bool known = false;
    for (const Parameter& parameter : parameters) known = known || parameter.name == name;
    if (!known) problems += fmt::format("\n  {} {} is not in the model", name, tensor.describe());
  }
  if (!problems.empty()) fail(source, "the weights do not fit the model:{}", problems);
  for (const Parameter& parameter : parameters) {
    Tensor into = parameter.tensor;
    kernels::copy_into(into, kernels::cast(*find(parameter.name), into.dtype()));
  }
}

}  // namespace gradus
