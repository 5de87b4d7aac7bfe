#include "gradus/metrics/examples.h"

#include <cmath>

#include "gradus/base/error.h"

namespace gradus::detail {
namespace {

template <class T>
void check_all_finite(std::string_view measure, std::string_view what, std::span<const T> values, int64_t width) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      fail(measure, "the {} of example {} is {}; expected a finite number", what, i / static_cast<size_t>(width),
           values[i]);
    }
  }
}

}  // namespace

void check_count(std::string_view measure, std::string_view what, size_t count, size_t examples) {
  if (count != examples) fail(measure, "{} {} for {} examples; expected one an example", count, what, examples);
}

void check_weights(std::string_view measure, std::span<const double> weights, size_t examples) {
  if (weights.empty()) return;
  check_count(measure, "weights", weights.size(), examples);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0.0) {
      fail(measure, "the weight of example {} is {}; expected a finite number, 0 or more", i, weights[i]);
    }
  }
}

void check_finite(std::string_view measure, std::string_view what, std::span<const double> values, int64_t width) {
  check_all_finite(measure, what, values, width);
}

void check_finite(std::string_view measure, std::string_view what, std::span<const float> values, int64_t width) {
  check_all_finite(measure, what, values, width);
}

void check_classes(std::string_view measure, std::string_view what, std::span<const int64_t> values, int64_t classes) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= classes) {
      fail(measure, "the {} of example {} is {}; expected a class from 0 to {}", what, i, values[i], classes - 1);
    }
  }
}

}  // namespace gradus::detail
