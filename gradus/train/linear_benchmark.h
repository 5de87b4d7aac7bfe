// The speed of the solvers of linear models, on made-up data or on what another program gets too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/classic/linear_problem.h"
#include "gradus/train/timing.h"

namespace gradus {

struct LinearBenchmarkOptions {
  /// A safetensors file with "x" f32 (N, F), or "shape" i64 (2), "offsets" i64, "indices" i32 and "values" f32 of a
  /// sparse one, and "y" (N): i64 classes or f32 numbers. Empty: made up.
  std::string data = {};
  int64_t rows = 200'000, columns = 50;  ///< Of made-up data: normal numbers.
  int64_t stored = 0;                    ///< Of these so many in a row are not 0; 0 for dense rows.
  std::string solver = "sgd";            ///< Or newton, lbfgs, gradient_descent, coordinate_descent, dual_descent,
                                         ///< interior_point; lasso_path, whose outcome is its last point.
  LinearLoss loss = LinearLoss::kLogistic;
  double l1 = 0.0, l2 = 1e-4;
  bool intercept = true;
  double tolerance = 1e-5;  ///< The solver's own; SGD has none.
  int64_t steps = 5;        ///< At most; of SGD passes.
  int64_t repeats = 3;
};

/// Work to measure: "sgd", "sgd_sparse", "logistic" and "lasso_path", each with its data; a usage error for another
/// name.
LinearBenchmarkOptions linear_preset(std::string_view name);

struct LinearBenchmark {
  Timing timing;                              ///< From the problem in memory, its checks included, to the coefficients.
  int64_t rows = 0, columns = 0, stored = 0;  ///< `stored` in all.
  int64_t steps = 0;                          ///< Of the solver; of a path its points.
  double l1 = 0.0;                            ///< That the coefficients are for.
  double objective = 0.0;
  std::vector<double> coefficients;  ///< Weights, then bias.

  /// Rows that the steps went over in a second.
  double rows_per_s() const;
};

LinearBenchmark run_linear_benchmark(const LinearBenchmarkOptions& options);

}  // namespace gradus
