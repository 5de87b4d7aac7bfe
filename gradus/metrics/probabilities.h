// How good predicted probabilities of classes are.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gradus/metrics/examples.h"

namespace gradus {

// `probabilities` are (N, classes), each in [0, 1], those of an example with a sum within 1e-4 of 1; or of two classes
// (N), that of class 1 alone. True classes are in [0, classes), of which there are 2 or more. No weights stand for 1
// each. All of these throw unless it is so and weights are finite and 0 or more. They are NaN of no weight.

/// The mean of −ln p of the true class, with p no nearer to 0 and 1 than 2⁻⁵².
double log_loss(std::span<const int64_t> truth, std::span<const double> probabilities, int64_t classes,
                std::span<const double> weights = {});

/// The mean of Σ (p − y)² over the classes, y being 1 of the true class and 0 of the others; of two classes half of it,
/// which is (p − y)² of class 1. In [0, 1] of two classes, else in [0, 2].
/// Source: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950.
double brier_score(std::span<const int64_t> truth, std::span<const double> probabilities, int64_t classes,
                   std::span<const double> weights = {});

/// The examples whose confidence lies in one of the bins.
struct CalibrationBin {
  double weight = 0.0;      ///< Sum of their weights.
  double confidence = 0.0;  ///< Their mean confidence; 0 of no weight.
  double accuracy = 0.0;    ///< The part whose class is predicted rightly; 0 of no weight.
};

/// The reliability diagram. The predicted class is the one of the highest probability (of equal ones the first), and
/// this probability is the confidence. Of `bins` bins of equal width the i-th holds those in (i/bins, (i+1)/bins].
/// Throws unless there are 1 to 1000000 bins.
std::vector<CalibrationBin> calibration_bins(std::span<const int64_t> truth, std::span<const double> probabilities,
                                             int64_t classes, int64_t bins, std::span<const double> weights = {});

/// Expected calibration error: the mean of |accuracy − confidence| over these bins, weighted by their weights.
/// Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017 (with 15 bins).
double expected_calibration_error(std::span<const int64_t> truth, std::span<const double> probabilities,
                                  int64_t classes, int64_t bins = 15, std::span<const double> weights = {});

}  // namespace gradus
