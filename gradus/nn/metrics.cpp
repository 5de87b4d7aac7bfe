#include "gradus/nn/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

void Metrics::add_embeddings(const Tensor& embeddings, const Tensor& classes) {
  constexpr size_t kMost = 5000;
  const auto rows = static_cast<size_t>(classes.numel());
  if (embeddings.rank() != 2 || static_cast<size_t>(embeddings.size(0)) != rows) {
    fail("metrics", "embeddings {} for classes {}; expected a row for each", embeddings.describe(), classes.describe());
  }
  const auto width = static_cast<size_t>(embeddings.size(1));
  const std::vector<double> all = embeddings.values<double>();
  const std::vector<int64_t> ids = classes.values<int64_t>();
  for (size_t row = 0; row < rows && embedded_classes_.size() < kMost; ++row) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(row * width);
    embeddings_.insert(embeddings_.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
    embedded_classes_.push_back(ids[row]);
  }
}

namespace {

double squared_distance(const double* a, const double* b, size_t width) {
  double sum = 0.0;
  for (size_t i = 0; i < width; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// The part of the rows whose nearest other row, the first of equally near ones, is of their class.
double recall_at_1(const std::vector<double>& rows, const std::vector<int64_t>& classes) {
  const size_t count = classes.size(), width = rows.size() / count;
  size_t right = 0;
  for (size_t a = 0; a < count; ++a) {
    double least = std::numeric_limits<double>::infinity();
    int64_t nearest = -1;
    for (size_t b = 0; b < count; ++b) {
      const double distance = a == b ? least : squared_distance(&rows[a * width], &rows[b * width], width);
      if (distance >= least) continue;
      least = distance;
      nearest = classes[b];
    }
    right += nearest == classes[a] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(count);
}

}  // namespace

void Metrics::add_numbers(const Tensor& prediction, const Tensor& targets) {
  if (!(prediction.shape() == targets.shape()) || targets.rank() != 2) {
    fail("metrics", "a prediction {} for targets {}; expected two equal shapes (examples, outputs)",
         prediction.describe(), targets.describe());
  }
  const std::vector<double> predicted = prediction.values<double>(), truth = targets.values<double>();
  const auto width = static_cast<size_t>(targets.size(1));
  if (!units_.target_scales.empty() && units_.target_scales.size() != width) {
    fail("metrics", "targets {} and units of {} outputs; expected one of each", targets.describe(),
         units_.target_scales.size());
  }
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
  if (embedded_classes_.size() > 1) add_value(values, "recall_at_1", recall_at_1(embeddings_, embedded_classes_));
  if (numbers_ > 0) {
    const double count = static_cast<double>(numbers_), width = static_cast<double>(outputs_.size());
    double r2 = 0.0, rmse = 0.0, mae = 0.0;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const Output& output = outputs_[i];
      const double scale = units_.target_scales.empty() ? 1.0 : units_.target_scales[i];
      r2 += (1.0 - output.squared_error / (output.squares - output.sum * output.sum / count)) / width;
      rmse += std::sqrt(output.squared_error / count) * scale / width;
      mae += output.absolute_error / count * scale / width;
    }
    add_value(values, "r2", r2);
    add_value(values, "rmse", rmse);
    add_value(values, "mae", mae);
  }
  const double of_token = likelihood_weight_ > 0.0 ? likelihood_ / likelihood_weight_ : loss();
  if (units_.is_text) add_value(values, "perplexity", std::exp(of_token));
  if (units_.bytes_per_token > 0.0) {
    add_value(values, "bits_per_byte", of_token / std::numbers::ln2 / units_.bytes_per_token);
  }
  return values;
}

}  // namespace gradus
