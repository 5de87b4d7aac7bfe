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

void check_matrix(const Shape& shape) {
  if (shape.rank() < 2) {
    fail("parameters",
         "a start by fan, of orthogonal rows, of sparse columns or as the identity needs two dimensions, not {}",
         to_string(shape));
  }
}

double fan_of(const Shape& shape, Initializer::Fan fan) {
  check_matrix(shape);
  const double out = static_cast<double>(shape.numel() / std::max<int64_t>(1, shape.back()));
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
  check_matrix(shape);
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

Tensor identity(const Shape& shape, double gain, DType dtype) {
  check_matrix(shape);
  int64_t middle = 0;  // of the kernel's places
  for (int axis = 1; axis + 1 < shape.rank(); ++axis) middle = middle * shape[axis] + shape[axis] / 2;
  const int64_t in = shape.back(), row = shape[0] > 0 ? shape.numel() / shape[0] : 0;
  std::vector<double> values(static_cast<size_t>(shape.numel()), 0.0);
  for (int64_t i = 0; i < std::min(shape[0], in); ++i) values[static_cast<size_t>(i * row + middle * in + i)] = gain;
  return kernels::cast(Tensor::from(values, shape), dtype);
}

Tensor sparse(const Shape& shape, const Initializer& init, uint64_t key, DType dtype) {
  check_matrix(shape);
  const int64_t rows = shape[0], columns = rows > 0 ? shape.numel() / rows : 0;
  const auto wanted = static_cast<int64_t>(std::ceil(init.sparsity * static_cast<double>(rows)));
  const int64_t zeros = std::min(wanted, rows - 1);  // else a layer of few outputs gives nothing at all
  std::vector<double> values = kernels::random_normal(shape, 0.0, init.b, key, DType::kF64).values<double>();
  for (int64_t column = 0; column < columns; ++column) {
    const uint64_t order = mix(key, static_cast<uint64_t>(column));
    for (int64_t i = 0; i < zeros; ++i) {
      const uint64_t row = permute_index(static_cast<uint64_t>(i), static_cast<uint64_t>(rows), order);
      values[row * static_cast<uint64_t>(columns) + static_cast<uint64_t>(column)] = 0.0;
    }
  }
  return kernels::cast(Tensor::from(values, shape), dtype);
}

// What is left of the deviation where a normal distribution is cut at two of them: √(1 − 4·φ(2)/(2·Φ(2) − 1)).
constexpr double kLeftOfTwoDeviations = 0.87962566103423978;

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
    case Initializer::Kind::kFanTruncated:
      return truncated_normal(shape, init.a / (kLeftOfTwoDeviations * std::sqrt(fan_of(shape, init.fan))), key, dtype);
    case Initializer::Kind::kOrthogonal:
      return orthogonal(shape, init.a, key, dtype);
    case Initializer::Kind::kIdentity:
      return identity(shape, init.a, dtype);
    case Initializer::Kind::kSparse:
      return sparse(shape, init, key, dtype);
    case Initializer::Kind::kConstant:
      break;
  }
  return Tensor::full(shape, init.a, dtype);
}

// As many matrices of the same size, one under the other.
Tensor initial_blocks(const Shape& shape, int64_t blocks, const Initializer& init, uint64_t key, DType dtype) {
  Shape of_one = shape;
  of_one[0] /= blocks;
  std::vector<double> values;
  for (int64_t i = 0; i < blocks; ++i) {
    const Tensor block = initial_values(of_one, init, mix(key, static_cast<uint64_t>(i)), DType::kF64);
    const std::vector<double> own = block.values<double>();
    values.insert(values.end(), own.begin(), own.end());
  }
  return kernels::cast(Tensor::from(values, shape), dtype);
}

}  // namespace

ParameterBuilder ParameterBuilder::starting(const Start& start) const {
  ParameterBuilder other = *this;
  other.start_ = start;
  return other;
}

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
  const uint64_t key = mix(seed_, hash_name(full_name));
  return append(std::move(full_name), initial_values(shape, initializer, key, dtype_));
}

Tensor ParameterBuilder::append(std::string full_name, Tensor values) const {
  values.set_requires_grad();
  into_->push_back({std::move(full_name), values});
  return values;
}

Tensor ParameterBuilder::add_weight(std::string_view name, const Shape& shape, const Initializer& usual,
                                    int64_t blocks) const {
  if (!start_.weight || blocks == 1) return add(name, shape, start_.weight.value_or(usual));
  std::string full_name = free_name(name);
  const uint64_t key = mix(seed_, hash_name(full_name));
  return append(std::move(full_name), initial_blocks(shape, blocks, *start_.weight, key, dtype_));
}

Tensor ParameterBuilder::add_bias(std::string_view name, const Shape& shape, const Initializer& usual) const {
  return add(name, shape, start_.bias.value_or(usual));
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
