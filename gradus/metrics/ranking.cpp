#include "gradus/metrics/ranking.h"

#include <algorithm>
#include <limits>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"

namespace gradus {
namespace {

using detail::kNaN;
constexpr const char *kRocAuc = "roc_auc", *kAveragePrecision = "average_precision";

struct Scored {
  double score, positive, negative;  // the last two: weights, one of which is 0
};

/// The weights of what has a score of at least a threshold.
struct Above {
  double positive, negative;
};

// At each score that there is, from the highest on.
std::vector<Above> thresholds(std::vector<Scored> scored) {
  std::stable_sort(scored.begin(), scored.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
  std::vector<Above> points;
  Above sum{0.0, 0.0};
  for (size_t i = 0; i < scored.size(); ++i) {
    sum.positive += scored[i].positive;
    sum.negative += scored[i].negative;
    if (i + 1 == scored.size() || scored[i + 1].score != scored[i].score) points.push_back(sum);
  }
  return points;
}

double area_under_roc(const std::vector<Above>& points) {
  if (points.empty()) return kNaN;
  double area = 0.0;
  Above last{0.0, 0.0};
  for (const Above& point : points) {
    area += (point.negative - last.negative) * 0.5 * (point.positive + last.positive);
    last = point;
  }
  return area / last.negative / last.positive;
}

double area_of_steps(const std::vector<Above>& points) {
  if (points.empty()) return kNaN;
  double area = 0.0, last = 0.0;
  for (const Above& point : points) {
    // A step of no width says nothing, and what is above its threshold may have no weight.
    if (point.positive > last) area += (point.positive - last) * point.positive / (point.positive + point.negative);
    last = point.positive;
  }
  return area / last;
}

using Area = double (*)(const std::vector<Above>& points);

void check(const char* measure, std::span<const int64_t> truth, std::span<const double> scores, int64_t classes,
           int64_t width, std::span<const double> weights) {
  if (classes < 2) fail_usage(measure, "{} classes; expected 2 or more", classes);
  if (scores.size() / static_cast<size_t>(width) != truth.size() || scores.size() % static_cast<size_t>(width) != 0) {
    fail(measure, "{} scores for {} examples; expected {} an example", scores.size(), truth.size(), width);
  }
  detail::check_weights(measure, weights, truth.size());
  detail::check_classes(measure, "true class", truth, classes);
  detail::check_finite(measure, "score", scores, width);
}

double area_of_two(const char* measure, Area area, std::span<const int64_t> truth, std::span<const double> scores,
                   std::span<const double> weights) {
  check(measure, truth, scores, 2, 1, weights);
  std::vector<Scored> scored(truth.size());
  for (size_t i = 0; i < truth.size(); ++i) {
    const double weight = detail::weight_of(weights, i), is_positive = truth[i] == 1 ? 1.0 : 0.0;
    scored[i] = {scores[i], weight * is_positive, weight * (1.0 - is_positive)};
  }
  return area(thresholds(std::move(scored)));
}

// Examples and scores of several classes, checked.
struct Classes {
  std::span<const int64_t> truth;
  std::span<const double> scores;
  int64_t count;
  std::span<const double> weights;

  Scored at(size_t row, int64_t c) const {
    const double weight = detail::weight_of(weights, row), is_positive = truth[row] == c ? 1.0 : 0.0;
    const double score = scores[row * static_cast<size_t>(count) + static_cast<size_t>(c)];
    return {score, weight * is_positive, weight * (1.0 - is_positive)};
  }
};

std::vector<double> areas(const Classes& all, Area area) {
  std::vector<double> values(static_cast<size_t>(all.count));
  parallel_for(all.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      std::vector<Scored> scored(all.truth.size());
      for (size_t i = 0; i < scored.size(); ++i) scored[i] = all.at(i, c);
      values[static_cast<size_t>(c)] = area(thresholds(std::move(scored)));
    }
  });
  return values;
}

double area_of_pairs(const Classes& all, Area area) {
  std::vector<Scored> scored;
  scored.reserve(all.scores.size());
  for (size_t i = 0; i < all.truth.size(); ++i) {
    for (int64_t c = 0; c < all.count; ++c) scored.push_back(all.at(i, c));
  }
  return area(thresholds(std::move(scored)));
}

double average_of(const Classes& all, Area area, ClassAverage average) {
  if (average == ClassAverage::kMicro) return area_of_pairs(all, area);
  const std::vector<double> values = areas(all, area);
  std::vector<double> support(values.size(), 1.0);
  if (average == ClassAverage::kWeighted) {
    std::fill(support.begin(), support.end(), 0.0);
    for (size_t i = 0; i < all.truth.size(); ++i) {
      support[static_cast<size_t>(all.truth[i])] += detail::weight_of(all.weights, i);
    }
  }
  detail::WeightedMean mean;
  for (size_t c = 0; c < values.size(); ++c) {
    if (support[c] > 0.0) mean.add(values[c], support[c]);
  }
  return mean.value();
}

}  // namespace

double roc_auc(std::span<const int64_t> truth, std::span<const double> scores, std::span<const double> weights) {
  return area_of_two(kRocAuc, area_under_roc, truth, scores, weights);
}

std::vector<double> roc_auc_per_class(std::span<const int64_t> truth, std::span<const double> scores, int64_t classes,
                                      std::span<const double> weights) {
  check(kRocAuc, truth, scores, classes, classes, weights);
  return areas({truth, scores, classes, weights}, area_under_roc);
}

double roc_auc(std::span<const int64_t> truth, std::span<const double> scores, int64_t classes, ClassAverage average,
               std::span<const double> weights) {
  check(kRocAuc, truth, scores, classes, classes, weights);
  return average_of({truth, scores, classes, weights}, area_under_roc, average);
}

double average_precision(std::span<const int64_t> truth, std::span<const double> scores,
                         std::span<const double> weights) {
  return area_of_two(kAveragePrecision, area_of_steps, truth, scores, weights);
}

std::vector<double> average_precision_per_class(std::span<const int64_t> truth, std::span<const double> scores,
                                                int64_t classes, std::span<const double> weights) {
  check(kAveragePrecision, truth, scores, classes, classes, weights);
  return areas({truth, scores, classes, weights}, area_of_steps);
}

double average_precision(std::span<const int64_t> truth, std::span<const double> scores, int64_t classes,
                         ClassAverage average, std::span<const double> weights) {
  check(kAveragePrecision, truth, scores, classes, classes, weights);
  return average_of({truth, scores, classes, weights}, area_of_steps, average);
}

double top_k_accuracy(std::span<const int64_t> truth, std::span<const double> scores, int64_t classes, int64_t k,
                      std::span<const double> weights) {
  constexpr const char* kName = "top_k_accuracy";
  check(kName, truth, scores, classes, classes, weights);
  if (k < 1 || k > classes) fail_usage(kName, "k is {}; expected 1 to {}, the number of classes", k, classes);
  detail::WeightedMean mean;
  for (size_t i = 0; i < truth.size(); ++i) {
    const auto row = scores.subspan(i * static_cast<size_t>(classes), static_cast<size_t>(classes));
    const auto own = static_cast<size_t>(truth[i]);
    int64_t before = 0;
    for (size_t c = 0; c < row.size(); ++c) {
      before += row[c] > row[own] || (row[c] == row[own] && c > own) ? 1 : 0;
    }
    mean.add(before < k ? 1.0 : 0.0, detail::weight_of(weights, i));
  }
  return mean.value();
}

}  // namespace gradus
