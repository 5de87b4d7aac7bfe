// The line search of L-BFGS.
#pragma once

#include <functional>
#include <vector>

#include "gradus/tensor/tensor.h"

namespace gradus::detail {

/// The parts of a vector over all parameters, one a parameter.
using Vectors = std::vector<Tensor>;

/// A point at distance `t` along the direction.
struct SearchPoint {
  double t = 0.0;
  double loss = 0.0;
  double slope = 0.0;  ///< gradient · direction.
  Vectors gradient = {};
};

/// A point where the strong conditions of Wolfe hold, loss(t) ≤ loss(0) + 1e-4·t·slope(0) and |slope(t)| ≤
/// 0.9·|slope(0)|, by bracketing and cubic interpolation (Nocedal, Wright, "Numerical optimization", algorithms 3.5
/// and 3.6, with the safeguards of Schmidt's minFunc that PyTorch has); after 25 evaluations, or when the bracket is
/// shorter than 1e-9 in the largest element of the direction, which is `size`, the best so far. `first` is the first t.
/// `start` is the point at t = 0, whose slope is negative. A point whose loss or slope is not finite is taken as
/// infinitely high.
SearchPoint strong_wolfe(const std::function<SearchPoint(double t)>& at, const SearchPoint& start, double first,
                         double size);

}  // namespace gradus::detail
