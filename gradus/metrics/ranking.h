// How well scores put examples in order: areas under curves, and whether the true class is among the first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gradus/metrics/examples.h"

namespace gradus {

// Scores may be on any scale. No weights stand for 1 each. All of these throw unless there are as many truths, scores
// and weights as they say, scores are finite, classes are in their range, and weights are finite and 0 or more.

/// The area under the receiver operating characteristic: the probability that an example of class 1 has a higher score
/// than one of class 0, equal scores counting half. `truth` is 0 or 1. NaN where either class has no weight.
double roc_auc(std::span<const int64_t> truth, std::span<const double> scores, std::span<const double> weights = {});

/// The same of each class against all others, by its own scores; `scores` are (N, classes).
std::vector<double> roc_auc_per_class(std::span<const int64_t> truth, std::span<const double> scores, int64_t classes,
                                      std::span<const double> weights = {});

/// Their average. Of kMacro, NaN if that of any class is; of kWeighted, classes without examples do not count. kMicro
/// is the area over all pairs of an example and a class, of which those with its true class are positive.
double roc_auc(std::span<const int64_t> truth, std::span<const double> scores, int64_t classes, ClassAverage average,
               std::span<const double> weights = {});

/// Average precision, the area under the precision-recall curve as a sum of steps: Σ (Rₙ − Rₙ₋₁) Pₙ over the
/// thresholds, without interpolation. `truth` is 0 or 1. NaN where class 1 has no weight.
double average_precision(std::span<const int64_t> truth, std::span<const double> scores,
                         std::span<const double> weights = {});

/// The same of each class against all others; `scores` are (N, classes).
std::vector<double> average_precision_per_class(std::span<const int64_t> truth, std::span<const double> scores,
                                                int64_t classes, std::span<const double> weights = {});

/// Their average, as `roc_auc` has it.
double average_precision(std::span<const int64_t> truth, std::span<const double> scores, int64_t classes,
                         ClassAverage average, std::span<const double> weights = {});

/// The part of the examples whose true class is among the `k` of the highest scores, k from 1 to `classes`. Of equal
/// scores the class of the higher number comes first. `scores` are (N, classes). NaN of no weight.
double top_k_accuracy(std::span<const int64_t> truth, std::span<const double> scores, int64_t classes, int64_t k,
                      std::span<const double> weights = {});

}  // namespace gradus
