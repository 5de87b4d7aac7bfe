// What every measure asks of the examples that it is given, and means of them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace gradus {

/// How the numbers of several classes become one.
enum class ClassAverage : uint8_t {
  kMicro,     ///< Every decision (example, class) counts alike.
  kMacro,     ///< Every class counts alike.
  kWeighted,  ///< A class counts as much as the examples that are of it.
};

namespace detail {

/// What a measure is where it is not defined.
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Throws unless there are as many `what` ("predictions") as examples. `measure` is the subject of the error, here and
/// below. Examples are counted from 0.
void check_count(std::string_view measure, std::string_view what, size_t count, size_t examples);
/// Throws unless there are no weights, which stands for 1 each, or one an example: finite, 0 or more.
void check_weights(std::string_view measure, std::span<const double> weights, size_t examples);
/// Throws unless all are finite. Each example has `width` numbers.
void check_finite(std::string_view measure, std::string_view what, std::span<const double> values, int64_t width = 1);
void check_finite(std::string_view measure, std::string_view what, std::span<const float> values, int64_t width = 1);
/// Throws unless each is in [0, classes).
void check_classes(std::string_view measure, std::string_view what, std::span<const int64_t> values, int64_t classes);

inline double weight_of(std::span<const double> weights, size_t example) {
  return weights.empty() ? 1.0 : weights[example];
}

/// Σ w·x / Σ w; NaN of no weight.
class WeightedMean {
 public:
  void add(double value, double weight) {
    sum_ += weight * value;
    weight_ += weight;
  }
  double weight() const { return weight_; }
  double value() const { return sum_ / weight_; }

 private:
  double sum_ = 0.0, weight_ = 0.0;
};

}  // namespace detail
}  // namespace gradus
