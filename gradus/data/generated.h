// Data made up by a formula and noise: what models can be tried on where the right answer is known. All of it is a pure
// function of the options and the seed.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/data/dataset.h"

namespace gradus {

/// Points (x, y) of a function with normal noise on y: inputs and targets f32 (points, 1), x evenly spaced.
struct CurveOptions {
  int64_t points = 100;
  double x_min = -1.0;
  double x_max = 1.0;
  double noise = 0.3;  ///< Its standard deviation.
};
/// y = slope·x + intercept: the textbook's line.
struct LineOptions {
  int64_t points = 100;
  double slope = 2.0;
  double intercept = 0.0;
  double noise = 0.3;
  double x_min = -1.0;
  double x_max = 1.0;
};
TensorDataset make_line(const LineOptions& options, uint64_t seed);
/// y = Σ coefficients[i]·xⁱ.
TensorDataset make_polynomial(const CurveOptions& options, const std::vector<double>& coefficients, uint64_t seed);
/// y = amplitude·sin(2π·frequency·x).
TensorDataset make_sine(const CurveOptions& options, double amplitude, double frequency, uint64_t seed);

/// Points of several classes in turn: example i is of class i mod classes. Inputs f32 (points, 2, or dimensions),
/// targets i64 (points).
struct ClassOptions {
  int64_t points = 300;
  int64_t classes = 3;
  double noise = 0.1;  ///< The standard deviation of what is added to each coordinate.
};
/// Normal clouds of deviation `noise` around centres drawn uniformly from [−1, 1] in each dimension.
TensorDataset make_blobs(const ClassOptions& options, int64_t dimensions, uint64_t seed);
/// Two half circles that reach into each other: (cos t, sin t) and (1 − cos t, ½ − sin t), t in [0, π].
TensorDataset make_moons(const ClassOptions& options, uint64_t seed);
/// Arms (r·cos t, r·sin t) with r growing from 0 to 1 over `turns` turns, the classes' arms turned against each other.
TensorDataset make_spirals(const ClassOptions& options, double turns, uint64_t seed);
/// Uniform in the square [−1, 1]², class 1 where the coordinates' signs differ; before the noise.
TensorDataset make_xor(const ClassOptions& options, uint64_t seed);

}  // namespace gradus
