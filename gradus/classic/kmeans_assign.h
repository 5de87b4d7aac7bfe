// Rows given to centres and added up by them: what all kinds of k-means have in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "gradus/tensor/tensor.h"

namespace gradus::detail {

/// What a round takes from the rows.
struct Clusters {
  std::vector<double> sums;     ///< (k, D): of the rows with each label.
  std::vector<int64_t> counts;  ///< (k): how many these are.
  bool has_changed = false;     ///< Some label is another than before.
};

/// How far the centres may move before rows can change their labels, so that a round need not look at each row again.
/// Nothing depends on it but time. Source: Hamerly, "Making k-means even faster", SDM 2010.
struct Slacks {
  std::vector<float>
      rows;  ///< (N): a lower bound of the second distance minus the first; empty before the first round.
  std::vector<float> moves;  ///< (k): what a row with this label loses of it by the last move of the centres.
};

/// Sets `moves` by centres (k, D) f64 before and after.
void note_moves(const Tensor& before, const Tensor& after, Slacks& slacks);

/// Sets `labels` (N) i64 to the nearest of `centers` (k, D) f64 for each row of `x` (N, D) f32, and adds up the rows.
/// `slacks`, with its moves since the labels were set, is read and set.
Clusters assign(const Tensor& x, const Tensor& centers, Tensor& labels, Slacks& slacks);

/// The labels alone, (N) i64.
Tensor labels_of(const Tensor& x, const Tensor& centers);

/// ‖x_i − center of its label‖² of each row.
std::vector<double> distances_of(const Tensor& x, const Tensor& labels, const Tensor& centers);

/// Of as many values as there are rows: in parts, so that the rounding of millions of terms stays small.
double sum_of(const std::vector<double>& values);

/// Σ (a − b)² of f64 tensors of one shape.
double squared_difference(const Tensor& a, const Tensor& b);

}  // namespace gradus::detail
