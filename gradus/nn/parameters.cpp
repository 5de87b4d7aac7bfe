#include "gradus/nn/parameters.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/random.h"

namespace gradus {
namespace {

double fan_of(const Shape& shape, Initializer::Fan fan) {
  if (shape.rank() < 2) {
    fail("parameters", "a start by fan or of orthogonal rows needs two dimensions, not {}", to_string(shape));
  }
  const double out = static_cast<double>(shape.numel() / std::max<int64_t>(1, shape[1]));
  const double in = static_cast<double>(shape.numel() / std::max<int64_t>(1, shape[0]));
  return fan == Initializer::Fan::kIn ? in : fan == Initializer::Fan::kOut ? out : (in + out) / 2;
}

Tensor truncated_normal(const Shape& shape, double deviation, uint64_t key, DType dtype) {
  const RandomStream stream(key);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    uint64_t attempt = 0;
    while (std::abs(values[i] = stream.normal(i, attempt)) > 2.0) ++attempt;
    values[i] *= deviation;
  }
  return kernels::cast(Tensor::from(values, shape), dtype);
}

// Rows of normal numbers, each without its part along those before (twice, since once leaves roundings), made of length
// 1. Where there are more rows than columns, the same of the columns.
Tensor orthogonal(const Shape& shape, double gain, uint64_t key, DType dtype) {
  fan_of(shape, Initializer::Fan::kIn);  // two dimensions
  const size_t rows = static_cast<size_t>(shape[0]),
               columns = static_cast<size_t>(shape.numel()) / std::max<size_t>(1, rows);
  const size_t count = std::min(rows, columns), length = std::max(rows, columns);
  const RandomStream stream(key);
  std::vector<std::vector<double>> basis(count, std::vector<double>(length));
  for (size_t i = 0; i < count; ++i) {
    std::vector<double>& own = basis[i];
    for (size_t j = 0; j < length; ++j) own[j] = stream.normal(i, j);
    for (size_t pass = 0; pass < 2; ++pass) {
      for (size_t other = 0; other < i; ++other) {
        const double along = std::inner_product(own.begin(), own.end(), basis[other].begin(), 0.0);
        for (size_t j = 0; j < length; ++j) own[j] -= along * basis[other][j];
      }
    }
    const double norm = std::sqrt(std::inner_product(own.begin(), own.end(), own.begin(), 0.0));
    for (double& v : own) v /= norm;
  }
  std::vector<double> values(rows * columns);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) values[i * columns + j] = gain * (rows <= columns ? basis[i][j] : basis[j][i]);
  }
  return kernels::cast(Tensor::from(values, shape), dtype);
}

Tensor initial_values(const Shape& shape, const Initializer& init, uint64_t key, DType dtype) {
  switch (init.kind) {
    case Initializer::Kind::kNormal:
      return kernels::random_normal(shape, init.a, init.b, key, dtype);
    case Initializer::Kind::kUniform:
      return kernels::random_uniform(shape, init.a, init.b, key, dtype);
    case Initializer::Kind::kTruncatedNormal:
      return truncated_normal(shape, init.b, key, dtype);
    case Initializer::Kind::kFanNormal:
      return kernels::random_normal(shape, 0.0, init.a / std::sqrt(fan_of(shape, init.fan)), key, dtype);
    case Initializer::Kind::kFanUniform: {
      const double bound = init.a * std::sqrt(3.0 / fan_of(shape, init.fan));
      return kernels::random_uniform(shape, -bound, bound, key, dtype);
    }
    case Initializer::Kind::kOrthogonal:
      return orthogonal(shape, init.a, key, dtype);
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

std::string ParameterBuilder::free_name(std::string_view name) const {
  std::string full_name = prefix_ + std::string(name);
  for (const Parameters* list : {into_, buffers_}) {
    if (list == nullptr) continue;
    for (const Parameter& other : *list) {
      if (other.name == full_name) fail("parameters", "the name \"{}\" is taken already", full_name);
    }
  }
  return full_name;
}

Tensor ParameterBuilder::add_buffer(std::string_view name, const Shape& shape, double value) const {
  std::string full_name = free_name(name);
  if (buffers_ == nullptr) {
    fail("parameters", "\"{}\" is a buffer, and the model has no list of them; give its buffers to the builder",
         full_name);
  }
  Tensor tensor = Tensor::full(shape, value, dtype_);
  buffers_->push_back({std::move(full_name), tensor});
  return tensor;
}

Tensor ParameterBuilder::add(std::string_view name, const Shape& shape, const Initializer& initializer) const {
  std::string full_name = free_name(name);
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
