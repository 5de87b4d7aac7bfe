// How good predicted classes are: what follows from the confusion matrix.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gradus/metrics/examples.h"

namespace gradus {

/// How often examples of each class were predicted as each: (classes, classes), a row a true class, a column a
/// predicted one. Entries are sums of the examples' weights.
struct ConfusionMatrix {
  int64_t classes = 0;
  std::vector<double> counts;

  double at(int64_t truth, int64_t predicted) const { return counts[static_cast<size_t>(truth * classes + predicted)]; }
};

/// Counts `predicted` classes against the true ones, each in [0, classes), at most 32768 of them. No weights stand for
/// 1 each. Throws unless there is a prediction an example, and weights are finite and 0 or more.
ConfusionMatrix confusion_matrix(std::span<const int64_t> truth, std::span<const int64_t> predicted, int64_t classes,
                                 std::span<const double> weights = {});

/// The part that is predicted rightly; NaN of no examples, by which is meant here and below a total weight of 0.
double accuracy(const ConfusionMatrix& matrix);

/// The mean recall of the classes that some example is of; NaN of no examples.
double balanced_accuracy(const ConfusionMatrix& matrix);

/// Matthews' correlation coefficient, in [-1, 1], of any number of classes; 0 where all truths or all predictions are
/// of one class, NaN of no examples. Source: Gorodkin, "Comparing two K-category assignments by a K-category
/// correlation coefficient", Computational Biology and Chemistry 28, 2004.
double matthews_correlation(const ConfusionMatrix& matrix);

/// Of one class, or an average. What would be divided by 0 is 0.
struct ClassScores {
  double precision = 0.0;  ///< Of what is predicted as the class, the part that is of it.
  double recall = 0.0;     ///< Of what is of the class, the part that is predicted as it.
  double f1 = 0.0;         ///< The harmonic mean of both.
  double support = 0.0;    ///< The weight of what is of the class; in an average, of all.
};

/// Those of each class. One that is never predicted has precision 0, one that no example is of has recall 0.
std::vector<ClassScores> class_scores(const ConfusionMatrix& matrix);

/// The average over all classes, those without examples or predictions among them; NaN of no examples.
ClassScores average_scores(const ConfusionMatrix& matrix, ClassAverage average);

}  // namespace gradus
