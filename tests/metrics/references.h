// The reference values of tests/references/metrics.json, and the numbers that the large ones are of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/testing.h"

namespace gradus {

inline const nlohmann::json& metric_references() {
  static const nlohmann::json all = nlohmann::json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/metrics.json"));
  return all;
}

/// A field of numbers; none where it is null.
inline std::vector<double> numbers_of(const nlohmann::json& field) {
  return field.is_null() ? std::vector<double>{} : field.get<std::vector<double>>();
}

/// To 1e-9 of the reference, or of 1 where that is smaller; null is NaN.
inline void expect_equals(double value, const nlohmann::json& expected, const std::string& what) {
  if (expected.is_null()) {
    EXPECT_TRUE(std::isnan(value)) << what << ": " << value;
  } else {
    const auto number = expected.get<double>();
    EXPECT_NEAR(value, number, 1e-9 * std::max(1.0, std::abs(number))) << what;
  }
}

inline void expect_equals(const std::vector<double>& values, const nlohmann::json& expected, const std::string& what) {
  ASSERT_EQ(values.size(), expected.size()) << what;
  for (size_t i = 0; i < values.size(); ++i) expect_equals(values[i], expected[i], what + " " + std::to_string(i));
}

/// The fractions of step, 2·step, …: the formula of tools/make_metric_references.py.
inline std::vector<double> sequence(size_t count, double step) {
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = std::fmod(static_cast<double>(i + 1) * step, 1.0);
  return values;
}

/// `large()` of that script.
struct LargeExamples {
  std::vector<int64_t> truth, predicted;
  std::vector<double> probabilities, weights, targets, numbers;
};

inline const LargeExamples& large_examples() {
  static const LargeExamples examples = [] {
    const auto& large = metric_references()["large"];
    const auto rows = large["rows"].get<size_t>(), classes = large["classes"].get<size_t>();
    LargeExamples all;
    all.probabilities = sequence(rows * classes, std::sqrt(3.0));
    all.weights = sequence(rows, std::sqrt(5.0));
    all.targets = sequence(rows, std::sqrt(7.0));
    all.numbers = sequence(rows, std::sqrt(11.0));
    for (const double x : sequence(rows, std::sqrt(2.0))) {
      all.truth.push_back(static_cast<int64_t>(x * static_cast<double>(classes)));
    }
    for (size_t i = 0; i < rows; ++i) {
      double* row = all.probabilities.data() + i * classes;
      row[all.truth[i]] += 0.25;
      double total = 0.0;
      for (size_t c = 0; c < classes; ++c) total += row[c] = std::floor(row[c] * 1000.0) + 1.0;
      for (size_t c = 0; c < classes; ++c) row[c] /= total;
      all.predicted.push_back(std::max_element(row, row + classes) - row);
      all.targets[i] += 0.5;
      all.numbers[i] += 0.5;
    }
    return all;
  }();
  return examples;
}

}  // namespace gradus
