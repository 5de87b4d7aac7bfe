#include "gradus/metrics/classification.h"

#include <cmath>
#include <limits>

#include "gradus/base/error.h"

namespace gradus {
namespace {

using detail::kNaN;

struct Sums {
  std::vector<double> truths, predictions;  // of each class
  double correct = 0.0, total = 0.0;
};

Sums sums_of(const ConfusionMatrix& matrix) {
  const auto classes = static_cast<size_t>(matrix.classes);
  Sums sums{std::vector<double>(classes), std::vector<double>(classes)};
  for (size_t t = 0; t < classes; ++t) {
    for (size_t p = 0; p < classes; ++p) {
      const double count = matrix.counts[t * classes + p];
      sums.truths[t] += count;
      sums.predictions[p] += count;
      sums.total += count;
    }
    sums.correct += matrix.counts[t * classes + t];
  }
  return sums;
}

double part(double a, double of) { return of == 0.0 ? 0.0 : a / of; }

ClassScores scores_of(double right, double truths, double predictions) {
  return {.precision = part(right, predictions),
          .recall = part(right, truths),
          .f1 = part(2.0 * right, truths + predictions),
          .support = truths};
}

}  // namespace

ConfusionMatrix confusion_matrix(std::span<const int64_t> truth, std::span<const int64_t> predicted, int64_t classes,
                                 std::span<const double> weights) {
  constexpr const char* kName = "confusion_matrix";
  constexpr int64_t kMost = 32768;  // a matrix of 8 GiB
  if (classes < 1 || classes > kMost) fail_usage(kName, "{} classes; expected 1 to {}", classes, kMost);
  detail::check_count(kName, "predictions", predicted.size(), truth.size());
  detail::check_weights(kName, weights, truth.size());
  detail::check_classes(kName, "true class", truth, classes);
  detail::check_classes(kName, "predicted class", predicted, classes);
  ConfusionMatrix matrix{classes, std::vector<double>(static_cast<size_t>(classes * classes))};
  for (size_t i = 0; i < truth.size(); ++i) {
    matrix.counts[static_cast<size_t>(truth[i] * classes + predicted[i])] += detail::weight_of(weights, i);
  }
  return matrix;
}

double accuracy(const ConfusionMatrix& matrix) {
  const Sums sums = sums_of(matrix);
  return sums.correct / sums.total;
}

double balanced_accuracy(const ConfusionMatrix& matrix) {
  detail::WeightedMean mean;
  for (const ClassScores& scores : class_scores(matrix)) mean.add(scores.recall, scores.support > 0.0 ? 1.0 : 0.0);
  return mean.value();
}

double matthews_correlation(const ConfusionMatrix& matrix) {
  const Sums sums = sums_of(matrix);
  if (sums.total == 0.0) return kNaN;
  const double total = sums.total;
  double both = sums.correct * total, truths = total * total, predictions = total * total;
  for (size_t c = 0; c < sums.truths.size(); ++c) {
    both -= sums.truths[c] * sums.predictions[c];
    truths -= sums.truths[c] * sums.truths[c];
    predictions -= sums.predictions[c] * sums.predictions[c];
  }
  const double product = truths * predictions;
  return product == 0.0 ? 0.0 : both / std::sqrt(product);
}

std::vector<ClassScores> class_scores(const ConfusionMatrix& matrix) {
  const Sums sums = sums_of(matrix);
  std::vector<ClassScores> scores;
  for (int64_t c = 0; c < matrix.classes; ++c) {
    const auto i = static_cast<size_t>(c);
    scores.push_back(scores_of(matrix.at(c, c), sums.truths[i], sums.predictions[i]));
  }
  return scores;
}

ClassScores average_scores(const ConfusionMatrix& matrix, ClassAverage average) {
  const Sums sums = sums_of(matrix);
  if (sums.total == 0.0) return {kNaN, kNaN, kNaN, 0.0};
  if (average == ClassAverage::kMicro) return scores_of(sums.correct, sums.total, sums.total);
  detail::WeightedMean precision, recall, f1;
  for (const ClassScores& scores : class_scores(matrix)) {
    const double weight = average == ClassAverage::kMacro ? 1.0 : scores.support;
    precision.add(scores.precision, weight);
    recall.add(scores.recall, weight);
    f1.add(scores.f1, weight);
  }
  return {precision.value(), recall.value(), f1.value(), sums.total};
}

}  // namespace gradus
