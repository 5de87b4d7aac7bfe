#include "gradus/data/array_features.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

// What is above takes no file's place in memory.
constexpr int64_t kMostNumbers = int64_t{1} << 40;

Shape shape_of_one(const Tensor& examples) {
  Shape shape = examples.shape();
  shape.erase(0);
  return shape;
}

std::pair<double, double> range_of(const Tensor& x, std::span<const int64_t> rows, int64_t width) {
  double low = x.data<float>()[rows[0] * width], high = low;
  for (const int64_t row : rows) {
    const auto [least, most] = std::minmax_element(x.data<float>() + row * width, x.data<float>() + (row + 1) * width);
    low = std::min(low, static_cast<double>(*least));
    high = std::max(high, static_cast<double>(*most));
  }
  return {low, high};
}

// The mean of what `term` makes of each number.
template <class Term>
double mean_of(const Tensor& x, std::span<const int64_t> rows, int64_t width, Term&& term) {
  double total = 0.0;
  for (const int64_t row : rows) {
    double sum = 0.0;
    for (int64_t i = 0; i < width; ++i) sum += term(static_cast<double>(x.data<float>()[row * width + i]));
    total += sum;
  }
  return total / static_cast<double>(width) / static_cast<double>(rows.size());
}

[[noreturn]] void fail_array(const std::string& file, std::string_view what) {
  fail(file, "{}; expected the shape and the scale of an array's examples as gradus writes them", what);
}

const JsonValue& array_field(const JsonValue& json, std::string_view key, const std::string& file) {
  const JsonValue* const found = json.find(key);
  if (found == nullptr) fail_array(file, fmt::format("there is no \"{}\"", key));
  return *found;
}

double array_number(const JsonValue& json, std::string_view key, const std::string& file) {
  const JsonValue& value = array_field(json, key, file);
  if (const auto* real = value.get<double>()) return *real;
  if (const auto* integer = value.get<int64_t>()) return static_cast<double>(*integer);
  fail_array(file, fmt::format("\"{}\" is no number", key));
}

}  // namespace

JsonText ArrayFeatures::to_json() const {
  return JsonText()
      .add("shape", std::vector<int64_t>(shape.begin(), shape.end()))
      .add("mean", mean)
      .add("scale", scale);
}

ArrayFeatures fit_array(const Tensor& examples, std::span<const int64_t> rows, Scaling scaling) {
  ArrayFeatures features{.shape = shape_of_one(examples)};
  const int64_t width = features.width();
  if (scaling == Scaling::kMinMax) {
    const auto [low, high] = range_of(examples, rows, width);
    features.mean = low;
    if (high > low) features.scale = high - low;
  } else if (scaling == Scaling::kStandardize) {
    const double mean = mean_of(examples, rows, width, [](double x) { return x; });
    const double variance = mean_of(examples, rows, width, [&](double x) { return (x - mean) * (x - mean); });
    features.mean = mean;
    // What rounding leaves of equal numbers is no deviation.
    if (std::sqrt(variance) > 1e-12 * std::abs(mean)) features.scale = std::sqrt(variance);
  }
  return features;
}

Tensor array_inputs(const ArrayFeatures& features, Tensor examples, std::string_view source) {
  constexpr int64_t kGrain = 1 << 16;
  const Shape shape = shape_of_one(examples);
  if (!(shape == features.shape)) {
    fail(source, "its examples are {}; expected {}, as those that the model learned from", to_string(shape),
         to_string(features.shape));
  }
  float* const numbers = examples.mutable_data<float>();
  parallel_for(examples.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      numbers[i] = static_cast<float>((static_cast<double>(numbers[i]) - features.mean) / features.scale);
    }
  });
  const int64_t width = features.width();
  return examples.view({examples.size(0), width}, {width, 1}, 0);
}

ArrayFeatures array_from_json(const JsonValue& value, const std::string& file) {
  ArrayFeatures features;
  const auto* const sizes = array_field(value, "shape", file).get<JsonValue::List>();
  if (sizes == nullptr) fail_array(file, "\"shape\" is no list");
  int64_t numbers = 1;
  for (const JsonValue& size : *sizes) {
    const auto* const count = size.get<int64_t>();
    if (count == nullptr || *count < 1 || *count > kMostNumbers / numbers) {
      fail_array(file, "a size is no whole number from 1, or there are too many numbers");
    }
    if (features.shape.rank() + 1 == Shape::kMaxRank) fail_array(file, "there are too many sizes");
    features.shape.push_back(*count);
    numbers *= *count;
  }
  features.mean = array_number(value, "mean", file);
  features.scale = array_number(value, "scale", file);
  if (!(features.scale > 0.0)) fail_array(file, "the scale is not above 0");
  return features;
}

}  // namespace gradus
