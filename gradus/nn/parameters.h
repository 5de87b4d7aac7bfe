// Where layers get their parameters: named, initialised, and listed for the optimizer and for files.
#pragma once

#include <string>
#include <string_view>

#include "gradus/autograd/parameter.h"

namespace gradus {

/// How a parameter starts. The random ones are a pure function of the seed and the parameter's full name.
struct Initializer {
  enum class Kind : uint8_t { kConstant, kNormal, kUniform };
  Kind kind = Kind::kConstant;
  double a = 0.0;  ///< The constant, the mean, or the lower end.
  double b = 0.0;  ///< The standard deviation, or the upper end.

  static Initializer constant(double value) { return {Kind::kConstant, value, 0.0}; }
  static Initializer normal(double deviation, double mean = 0.0) { return {Kind::kNormal, mean, deviation}; }
  static Initializer uniform(double bound) { return {Kind::kUniform, -bound, bound}; }
};

/// Makes parameters under a name prefix and appends them to a list. A layer takes one by value:
///
///     Block(ParameterBuilder p) : norm(p / "ln_1", 128), attention(p / "attn", …) {}
class ParameterBuilder {
 public:
  /// `into` must outlive the builder and those derived from it.
  ParameterBuilder(Parameters& into, uint64_t seed, DType dtype = DType::kF32)
      : into_(&into), seed_(seed), dtype_(dtype) {}

  /// The builder for a part: names get "name." in front.
  ParameterBuilder operator/(std::string_view name) const;
  ParameterBuilder operator/(int64_t index) const { return *this / std::to_string(index); }

  /// A new parameter "prefix.name"; a name that exists already is an error.
  Tensor add(std::string_view name, const Shape& shape, const Initializer& initializer) const;

 private:
  Parameters* into_;
  uint64_t seed_;
  DType dtype_;
  std::string prefix_;
};

/// Copies values into parameters of the same names and shapes. Names that are missing, left over or of another shape
/// are an error that lists them; dtypes are converted. `source` is what messages call the origin, e.g. a path.
void load_parameters(const Parameters& parameters, const std::vector<std::pair<std::string, Tensor>>& values,
                     std::string_view source);

}  // namespace gradus
