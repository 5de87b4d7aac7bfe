// Where layers get their parameters: named, initialised, and listed for the optimizer and for files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gradus/autograd/parameter.h"

namespace gradus {

/// How a parameter starts. The random ones are a pure function of the seed and the parameter's full name. Of a weight
/// (out, …, in), such as a convolution's (out, kh, kw, in), fan_in is the number of inputs of one output, … · in, and
/// fan_out that of outputs of one input, out · ….
struct Initializer {
  enum class Kind : uint8_t {
    kConstant,
    kNormal,
    kUniform,
    kTruncatedNormal,
    kFanNormal,
    kFanUniform,
    kFanTruncated,
    kOrthogonal,
    kIdentity,
    kSparse
  };
  enum class Fan : uint8_t { kIn, kOut, kMean };
  static constexpr double kReluGain = 1.4142135623730951;
  Kind kind = Kind::kConstant;
  double a = 0.0;  ///< The constant, the mean, the lower end, or the gain.
  double b = 0.0;  ///< The standard deviation, or the upper end.
  Fan fan = Fan::kIn;
  double sparsity = 0.0;  ///< kSparse

  static Initializer constant(double value) { return {Kind::kConstant, value}; }
  static Initializer normal(double deviation, double mean = 0.0) { return {Kind::kNormal, mean, deviation}; }
  static Initializer uniform(double bound) { return {Kind::kUniform, -bound, bound}; }
  /// Normal, drawn again outside of ±2 deviations.
  static Initializer truncated_normal(double deviation) { return {Kind::kTruncatedNormal, 0.0, deviation}; }
  /// Variance gain²/fan: that of the results is that of the inputs, times gain².
  static Initializer fan_normal(Fan fan, double gain) { return {Kind::kFanNormal, gain, 0.0, fan}; }
  static Initializer fan_uniform(Fan fan, double gain) { return {Kind::kFanUniform, gain, 0.0, fan}; }
  /// Normal, drawn again outside of two deviations, which are longer so that the variance is gain²/fan all the same.
  static Initializer fan_truncated(Fan fan, double gain) { return {Kind::kFanTruncated, gain, 0.0, fan}; }
  /// Variance 2/(fan_in + fan_out). Glorot, Bengio, 2010.
  static Initializer xavier_normal(double gain = 1.0) { return fan_normal(Fan::kMean, gain); }
  static Initializer xavier_uniform(double gain = 1.0) { return fan_uniform(Fan::kMean, gain); }
  /// Variance gain²/fan_in, with √2 for relu layers. He et al., 2015.
  static Initializer kaiming_normal(double gain = kReluGain) { return fan_normal(Fan::kIn, gain); }
  static Initializer kaiming_uniform(double gain = kReluGain) { return fan_uniform(Fan::kIn, gain); }
  /// Variance gain²/fan_in. LeCun et al., 1998.
  static Initializer lecun_normal(double gain = 1.0) { return fan_normal(Fan::kIn, gain); }
  static Initializer lecun_uniform(double gain = 1.0) { return fan_uniform(Fan::kIn, gain); }
  /// gain · a random matrix whose rows, or columns if they are more, are orthonormal; at least two dimensions. Saxe et
  /// al., 2014.
  static Initializer orthogonal(double gain = 1.0) { return {Kind::kOrthogonal, gain}; }

  /// Output i is `gain` times input i, as far as there are both; of a convolution through the middle of its kernel.
  static Initializer identity(double gain = 1.0) { return {Kind::kIdentity, gain}; }
  /// Normal, but of each column of the matrix (out, all else) the part `sparsity`, rounded up, is 0, drawn for each; one
  /// weight is left in any case. Martens, 2010.
  static Initializer sparse(double sparsity, double deviation) {
    return {Kind::kSparse, 0.0, deviation, Fan::kIn, sparsity};
  }

  /// Values that are those of this one divided by `divisor`.
  Initializer divided_by(double divisor) const { return {kind, a / divisor, b / divisor, fan, sparsity}; }
};

/// How what a model's layers multiply by starts, and their biases, in place of the layers' own way.
struct Start {
  std::optional<Initializer> weight = {}, bias = {};
};

/// Makes parameters under a name prefix and appends them to a list. A layer takes one by value:
///
///     Block(ParameterBuilder p) : norm(p / "ln_1", 128), attention(p / "attn", …) {}
class ParameterBuilder {
 public:
  /// `into` must outlive the builder and those derived from it.
  ParameterBuilder(Parameters& into, uint64_t seed, DType dtype = DType::kF32)
      : into_(&into), seed_(seed), dtype_(dtype) {}
  /// Of a model that has layers with buffers, which are appended to a list of their own.
  ParameterBuilder(Parameters& into, Parameters& buffers, uint64_t seed, DType dtype = DType::kF32)
      : into_(&into), buffers_(&buffers), seed_(seed), dtype_(dtype) {}

  /// The builder whose layers start so.
  ParameterBuilder starting(const Start& start) const;
  /// The builder for a part: names get "name." in front.
  ParameterBuilder operator/(std::string_view name) const;
  ParameterBuilder operator/(int64_t index) const { return *this / std::to_string(index); }

  /// A new parameter "prefix.name"; a name that exists already is an error.
  Tensor add(std::string_view name, const Shape& shape, const Initializer& initializer) const;
  /// A layer's weight or bias: as `usual` says where `starting` says nothing. One of `blocks` is as many matrices on
  /// top of each other, of the gates of a recurrent layer, and each starts for itself.
  Tensor add_weight(std::string_view name, const Shape& shape, const Initializer& usual, int64_t blocks = 1) const;
  Tensor add_bias(std::string_view name, const Shape& shape, const Initializer& usual) const;
  /// A new buffer "prefix.name": a tensor that belongs to the model and its files, and that its forward passes change
  /// in training, not the optimizer. An error for a builder without a list of them.
  Tensor add_buffer(std::string_view name, const Shape& shape, double value) const;

 private:
  std::string free_name(std::string_view name) const;
  Tensor append(std::string full_name, Tensor values) const;

  Parameters* into_;
  Parameters* buffers_ = nullptr;
  uint64_t seed_;
  DType dtype_;
  Start start_;
  std::string prefix_;
};

/// Copies values into parameters of the same names and shapes. Names that are missing, left over or of another shape
/// are an error that lists them; dtypes are converted. `source` is what messages call the origin, e.g. a path.
void load_parameters(const Parameters& parameters, const std::vector<std::pair<std::string, Tensor>>& values,
                     std::string_view source);

}  // namespace gradus
