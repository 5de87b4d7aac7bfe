#include "gradus/metrics/probabilities.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradus/base/error.h"

namespace gradus {
namespace {

constexpr double kSumTolerance = 1e-4;  // softmax in f32 of many classes is not nearer

/// Checked examples.
class Examples {
 public:
  Examples(const char* measure, std::span<const int64_t> truth, std::span<const double> probabilities, int64_t classes,
           std::span<const double> weights)
      : truth_(truth), probabilities_(probabilities), weights_(weights), classes_(classes) {
    if (classes < 2) fail_usage(measure, "{} classes; expected 2 or more", classes);
    width_ = static_cast<size_t>(classes == 2 && probabilities.size() == truth.size() ? 1 : classes);
    if (probabilities.size() / width_ != truth.size() || probabilities.size() % width_ != 0) {
      fail(measure, "{} probabilities for {} examples; expected {} an example{}", probabilities.size(), truth.size(),
           classes, classes == 2 ? ", or that of class 1 alone" : "");
    }
    detail::check_weights(measure, weights, truth.size());
    detail::check_classes(measure, "true class", truth, classes);
    for (size_t i = 0; i < truth.size(); ++i) check_probabilities(measure, i);
  }

  size_t count() const { return truth_.size(); }
  size_t classes() const { return static_cast<size_t>(classes_); }
  size_t truth(size_t row) const { return static_cast<size_t>(truth_[row]); }
  double weight(size_t row) const { return detail::weight_of(weights_, row); }
  double probability(size_t row, size_t c) const {
    if (width_ > 1) return probabilities_[row * width_ + c];
    return c == 1 ? probabilities_[row] : 1.0 - probabilities_[row];
  }
  size_t predicted(size_t row) const {
    size_t best = 0;
    for (size_t c = 1; c < classes(); ++c) {
      if (probability(row, c) > probability(row, best)) best = c;
    }
    return best;
  }

 private:
  void check_probabilities(const char* measure, size_t row) const {
    double sum = 0.0;
    for (const double p : probabilities_.subspan(row * width_, width_)) {
      if (!(p >= 0.0 && p <= 1.0)) {
        fail(measure, "a probability of example {} is {}; expected a number from 0 to 1", row, p);
      }
      sum += p;
    }
    if (width_ > 1 && std::abs(sum - 1.0) > kSumTolerance) {
      fail(measure, "the probabilities of example {} have the sum {}; expected 1", row, sum);
    }
  }

  std::span<const int64_t> truth_;
  std::span<const double> probabilities_, weights_;
  int64_t classes_;
  size_t width_ = 1;  // probabilities of an example
};

// The bin whose ends, as doubles, `confidence` lies between.
size_t bin_of(double confidence, int64_t bins) {
  const auto end = [bins](int64_t i) { return static_cast<double>(i) / static_cast<double>(bins); };
  int64_t bin = std::min(static_cast<int64_t>(confidence * static_cast<double>(bins)), bins - 1);
  while (bin > 0 && confidence <= end(bin)) --bin;
  while (bin + 1 < bins && confidence > end(bin + 1)) ++bin;
  return static_cast<size_t>(bin);
}

}  // namespace

double log_loss(std::span<const int64_t> truth, std::span<const double> probabilities, int64_t classes,
                std::span<const double> weights) {
  constexpr double kSmallest = std::numeric_limits<double>::epsilon();
  const Examples all("log_loss", truth, probabilities, classes, weights);
  detail::WeightedMean mean;
  for (size_t i = 0; i < all.count(); ++i) {
    mean.add(-std::log(std::clamp(all.probability(i, all.truth(i)), kSmallest, 1.0 - kSmallest)), all.weight(i));
  }
  return mean.value();
}

double brier_score(std::span<const int64_t> truth, std::span<const double> probabilities, int64_t classes,
                   std::span<const double> weights) {
  const Examples all("brier_score", truth, probabilities, classes, weights);
  detail::WeightedMean mean;
  for (size_t i = 0; i < all.count(); ++i) {
    double squares = 0.0;
    for (size_t c = 0; c < all.classes(); ++c) {
      const double error = all.probability(i, c) - (c == all.truth(i) ? 1.0 : 0.0);
      squares += error * error;
    }
    mean.add(squares, all.weight(i));
  }
  return classes == 2 ? 0.5 * mean.value() : mean.value();
}

std::vector<CalibrationBin> calibration_bins(std::span<const int64_t> truth, std::span<const double> probabilities,
                                             int64_t classes, int64_t bins, std::span<const double> weights) {
  constexpr const char* kName = "calibration";
  constexpr int64_t kMost = 1'000'000;
  if (bins < 1 || bins > kMost) fail_usage(kName, "{} bins; expected 1 to {}", bins, kMost);
  const Examples all(kName, truth, probabilities, classes, weights);
  std::vector<CalibrationBin> found(static_cast<size_t>(bins));
  for (size_t i = 0; i < all.count(); ++i) {
    const size_t predicted = all.predicted(i);
    const double confidence = all.probability(i, predicted), weight = all.weight(i);
    CalibrationBin& bin = found[bin_of(confidence, bins)];
    bin.weight += weight;
    bin.confidence += weight * confidence;
    bin.accuracy += predicted == all.truth(i) ? weight : 0.0;
  }
  for (CalibrationBin& bin : found) {
    if (bin.weight == 0.0) continue;
    bin.confidence /= bin.weight;
    bin.accuracy /= bin.weight;
  }
  return found;
}

double expected_calibration_error(std::span<const int64_t> truth, std::span<const double> probabilities,
                                  int64_t classes, int64_t bins, std::span<const double> weights) {
  detail::WeightedMean mean;
  for (const CalibrationBin& bin : calibration_bins(truth, probabilities, classes, bins, weights)) {
    mean.add(std::abs(bin.accuracy - bin.confidence), bin.weight);
  }
  return mean.value();
}

}  // namespace gradus
