#include "gradus/nn/metrics.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gradus/base/error.h"

namespace gradus {

void Metrics::add(const Loss& loss) {
  loss_ += loss.sum.item();
  weight_ += loss.weight;
}

void Metrics::add_likelihood(const Loss& loss) {
  likelihood_ += loss.sum.item();
  likelihood_weight_ += loss.weight;
}

void Metrics::add_classes(const Tensor& scores, const Tensor& classes) {
  const int64_t rows = classes.numel(), width = scores.numel() / std::max<int64_t>(1, rows);
  if (rows * width != scores.numel() || width < 1) {
    fail("metrics", "scores {} for classes {}; expected a row for each", scores.describe(), classes.describe());
  }
  const std::vector<double> score = scores.values<double>(), truth = classes.values<double>();
  for (int64_t row = 0; row < rows; ++row) {
    const auto begin = score.begin() + row * width;
    const int64_t predicted = width == 1 ? (*begin > 0.0 ? 1 : 0) : std::max_element(begin, begin + width) - begin;
    correct_ += predicted == static_cast<int64_t>(truth[static_cast<size_t>(row)]) ? 1 : 0;
  }
  classified_ += rows;
}

void Metrics::add_numbers(const Tensor& prediction, const Tensor& targets) {
  if (!(prediction.shape() == targets.shape()) || targets.rank() != 2) {
    fail("metrics", "a prediction {} for targets {}; expected two equal shapes (examples, outputs)",
         prediction.describe(), targets.describe());
  }
  const std::vector<double> predicted = prediction.values<double>(), truth = targets.values<double>();
  const auto width = static_cast<size_t>(targets.size(1));
  if (outputs_.empty()) {
    outputs_.resize(width);
    for (size_t i = 0; i < width && i < truth.size(); ++i) outputs_[i].first = truth[i];
  }
  for (size_t i = 0; i < truth.size(); ++i) {
    Output& output = outputs_[i % width];
    const double y = truth[i] - output.first, error = predicted[i] - truth[i];
    output.sum += y;
    output.squares += y * y;
    output.squared_error += error * error;
    output.absolute_error += std::abs(error);
  }
  numbers_ += targets.size(0);
}

void Metrics::add_value(std::vector<Metric>& to, const char* name, double value) const {
  if (std::isfinite(value)) to.push_back({name, value});
}

std::vector<Metric> Metrics::values() const {
  std::vector<Metric> values;
  if (classified_ > 0) {
    add_value(values, "accuracy", static_cast<double>(correct_) / static_cast<double>(classified_));
  }
  if (numbers_ > 0) {
    const double count = static_cast<double>(numbers_), width = static_cast<double>(outputs_.size());
    double r2 = 0.0, squared = 0.0, absolute = 0.0;
    for (const Output& output : outputs_) {
      r2 += (1.0 - output.squared_error / (output.squares - output.sum * output.sum / count)) / width;
      squared += output.squared_error / (count * width);
      absolute += output.absolute_error / (count * width);
    }
    add_value(values, "r2", r2);
    add_value(values, "rmse", std::sqrt(squared) * units_.target_scale);
    add_value(values, "mae", absolute * units_.target_scale);
  }
  const double of_token = likelihood_weight_ > 0.0 ? likelihood_ / likelihood_weight_ : loss();
  if (units_.is_text) add_value(values, "perplexity", std::exp(of_token));
  if (units_.bytes_per_token > 0.0) {
    add_value(values, "bits_per_byte", of_token / std::numbers::ln2 / units_.bytes_per_token);
  }
  return values;
}

}  // namespace gradus
