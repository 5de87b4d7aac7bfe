#include "gradus/metrics/regression.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/metrics/examples.h"

namespace gradus {
namespace {

using detail::weight_of;
using detail::WeightedMean;

using detail::kNaN;

void check(const char* measure, std::span<const double> truth, std::span<const double> predicted,
           std::span<const double> weights) {
  detail::check_count(measure, "predictions", predicted.size(), truth.size());
  detail::check_weights(measure, weights, truth.size());
  detail::check_finite(measure, "target", truth);
  detail::check_finite(measure, "prediction", predicted);
}

// The mean of `loss(y, ŷ)`.
template <class Loss>
double mean_loss(std::span<const double> truth, std::span<const double> predicted, std::span<const double> weights,
                 Loss&& loss) {
  WeightedMean mean;
  for (size_t i = 0; i < truth.size(); ++i) mean.add(loss(truth[i], predicted[i]), weight_of(weights, i));
  return mean.value();
}

// The mean of the squared distances from the mean of `value(example)`; exactly 0 where all are equal.
template <class Value>
double variance(size_t examples, std::span<const double> weights, Value&& value) {
  size_t start = 0;
  while (start < examples && weight_of(weights, start) == 0.0) ++start;
  if (start == examples) return kNaN;
  const double first = value(start);
  WeightedMean mean, squares;
  for (size_t i = 0; i < examples; ++i) mean.add(value(i) - first, weight_of(weights, i));
  for (size_t i = 0; i < examples; ++i) {
    const double from_mean = value(i) - first - mean.value();
    squares.add(from_mean * from_mean, weight_of(weights, i));
  }
  return squares.value();
}

double squared_error(double y, double p) { return (y - p) * (y - p); }

// 1 − left/whole, and what stands for it where nothing is to be explained.
double explained(double left, double whole) {
  if (std::isnan(whole)) return kNaN;
  if (left == 0.0) return 1.0;
  return whole == 0.0 ? 0.0 : 1.0 - left / whole;
}

void check_deviance_range(const char* measure, std::span<const double> truth, std::span<const double> predicted,
                          double power) {
  if (power == 0.0) return;
  for (size_t i = 0; i < truth.size(); ++i) {
    if (predicted[i] <= 0.0) {
      fail(measure, "the prediction of example {} is {}; a deviance of power {} needs it above 0", i, predicted[i],
           power);
    }
    if ((power >= 2.0 && truth[i] <= 0.0) || (power >= 1.0 && truth[i] < 0.0)) {
      fail(measure, "the target of example {} is {}; a deviance of power {} needs it {}", i, truth[i], power,
           power >= 2.0 ? "above 0" : "to be 0 or more");
    }
  }
}

double unit_deviance(double y, double mean, double p) {
  if (p == 0.0) return squared_error(y, mean);
  if (p == 1.0) return 2.0 * ((y == 0.0 ? 0.0 : y * std::log(y / mean)) - y + mean);
  if (p == 2.0) return 2.0 * (std::log(mean / y) + y / mean - 1.0);
  // Below power 0 targets may be negative, where the first term is taken to be 0.
  const double own = std::pow(p < 0.0 ? std::max(y, 0.0) : y, 2.0 - p) / ((1.0 - p) * (2.0 - p));
  return 2.0 * (own - y * std::pow(mean, 1.0 - p) / (1.0 - p) + std::pow(mean, 2.0 - p) / (2.0 - p));
}

double deviance(const char* measure, std::span<const double> truth, std::span<const double> predicted, double power,
                std::span<const double> weights) {
  if (!std::isfinite(power) || (power > 0.0 && power < 1.0)) {
    fail_usage(measure, "power is {}; expected a number that is 0 or less, or 1 or more", power);
  }
  check(measure, truth, predicted, weights);
  check_deviance_range(measure, truth, predicted, power);
  return mean_loss(truth, predicted, weights, [&](double y, double mean) { return unit_deviance(y, mean, power); });
}

struct Weighed {
  double value, weight;
};

// Where the sum of the weights, by value, comes to half; exactly there it is the mean of this value and the next.
double weighted_median(std::vector<Weighed> values) {
  std::erase_if(values, [](const Weighed& v) { return v.weight == 0.0; });
  if (values.empty()) return kNaN;
  std::stable_sort(values.begin(), values.end(), [](const Weighed& a, const Weighed& b) { return a.value < b.value; });
  double sum = 0.0;
  for (Weighed& v : values) v.weight = sum += v.weight;
  const double half = 0.5 * sum;
  const auto at = std::lower_bound(values.begin(), values.end(), half,
                                   [](const Weighed& v, double target) { return v.weight < target; });
  if (at->weight - half > std::numeric_limits<double>::epsilon()) return at->value;
  return 0.5 * (at->value + std::min(at + 1, values.end() - 1)->value);
}

}  // namespace

double mean_squared_error(std::span<const double> truth, std::span<const double> predicted,
                          std::span<const double> weights) {
  check("mean_squared_error", truth, predicted, weights);
  return mean_loss(truth, predicted, weights, squared_error);
}

double root_mean_squared_error(std::span<const double> truth, std::span<const double> predicted,
                               std::span<const double> weights) {
  check("root_mean_squared_error", truth, predicted, weights);
  return std::sqrt(mean_loss(truth, predicted, weights, squared_error));
}

double mean_absolute_error(std::span<const double> truth, std::span<const double> predicted,
                           std::span<const double> weights) {
  check("mean_absolute_error", truth, predicted, weights);
  return mean_loss(truth, predicted, weights, [](double y, double p) { return std::abs(y - p); });
}

double median_absolute_error(std::span<const double> truth, std::span<const double> predicted,
                             std::span<const double> weights) {
  check("median_absolute_error", truth, predicted, weights);
  std::vector<Weighed> errors(truth.size());
  for (size_t i = 0; i < truth.size(); ++i) errors[i] = {std::abs(truth[i] - predicted[i]), weight_of(weights, i)};
  return weighted_median(std::move(errors));
}

double max_error(std::span<const double> truth, std::span<const double> predicted) {
  check("max_error", truth, predicted, {});
  double largest = truth.empty() ? kNaN : 0.0;
  for (size_t i = 0; i < truth.size(); ++i) largest = std::max(largest, std::abs(truth[i] - predicted[i]));
  return largest;
}

double r2_score(std::span<const double> truth, std::span<const double> predicted, std::span<const double> weights) {
  check("r2_score", truth, predicted, weights);
  if (truth.size() < 2) return kNaN;
  return explained(mean_loss(truth, predicted, weights, squared_error),
                   variance(truth.size(), weights, [&](size_t i) { return truth[i]; }));
}

double explained_variance(std::span<const double> truth, std::span<const double> predicted,
                          std::span<const double> weights) {
  check("explained_variance", truth, predicted, weights);
  return explained(variance(truth.size(), weights, [&](size_t i) { return truth[i] - predicted[i]; }),
                   variance(truth.size(), weights, [&](size_t i) { return truth[i]; }));
}

double pinball_loss(std::span<const double> truth, std::span<const double> predicted, double quantile,
                    std::span<const double> weights) {
  constexpr const char* kName = "pinball_loss";
  if (!(quantile >= 0.0 && quantile <= 1.0)) {
    fail_usage(kName, "quantile is {}; expected a number from 0 to 1", quantile);
  }
  check(kName, truth, predicted, weights);
  return mean_loss(truth, predicted, weights,
                   [&](double y, double p) { return y >= p ? quantile * (y - p) : (1.0 - quantile) * (p - y); });
}

double tweedie_deviance(std::span<const double> truth, std::span<const double> predicted, double power,
                        std::span<const double> weights) {
  return deviance("tweedie_deviance", truth, predicted, power, weights);
}

double poisson_deviance(std::span<const double> truth, std::span<const double> predicted,
                        std::span<const double> weights) {
  return deviance("poisson_deviance", truth, predicted, 1.0, weights);
}

double gamma_deviance(std::span<const double> truth, std::span<const double> predicted,
                      std::span<const double> weights) {
  return deviance("gamma_deviance", truth, predicted, 2.0, weights);
}

}  // namespace gradus
