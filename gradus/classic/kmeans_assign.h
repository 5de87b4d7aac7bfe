// Rows given to centres and added up by them: what all kinds of k-means have in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "gradus/classic/kmeans_slack.h"
#include "gradus/tensor/tensor.h"

namespace gradus::detail {

/// What a round takes from the rows.
struct Clusters {
  std::vector<double> sums;     ///< (k, D): of the rows with each label.
  std::vector<int64_t> counts;  ///< (k): how many these are.
  bool has_changed = false;     ///< Some label is another than before.
};

/// Sets `labels` (N) i64 to the nearest of `centers` (k, D) f64 for each row of `x` (N, D) f32, and adds up the rows.
/// `slacks` are new, or have seen every move of the centres since the labels were set.
Clusters assign(const Tensor& x, const Tensor& centers, Tensor& labels, Slacks& slacks);

/// Sets the labels alone.
void relabel(const Tensor& x, const Tensor& centers, Tensor& labels, Slacks& slacks);

/// The same anew, (N) i64.
Tensor labels_of(const Tensor& x, const Tensor& centers);

/// ‖x_i − center of its label‖² of each row.
std::vector<double> distances_of(const Tensor& x, const Tensor& labels, const Tensor& centers);

/// Of as many values as there are rows: in parts, so that the rounding of millions of terms stays small.
double sum_of(const std::vector<double>& values);

/// Σ (a − b)² of f64 tensors of one shape.
double squared_difference(const Tensor& a, const Tensor& b);

}  // namespace gradus::detail
