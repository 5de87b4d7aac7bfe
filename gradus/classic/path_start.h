// Where a path of penalties begins.
#pragma once

#include <vector>

#include "gradus/classic/linear_objective.h"

namespace gradus {

/// The coefficients of weights that are 0 and the best bias, and the least l1 for which they are a minimum: the largest
/// size of an element of the smooth part's gradient there.
struct PathStart {
  std::vector<double> x;  ///< As of LinearObjective.
  double l1 = 0.0;
};

/// For smooth losses. The bias is a closed form of the targets, of the huber loss found by bisection; of a softmax its
/// mean is 0. Throws a usage error where no bias is the best: logistic targets of one class, Poisson targets that are
/// all 0, a class of a softmax without a row.
PathStart path_start(const LinearObjective& objective);

}  // namespace gradus
