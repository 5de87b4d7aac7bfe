// Rounds of k-means that need not look at each row again.
#pragma once

#include <cstdint>
#include <vector>

#include "gradus/classic/kernels/nearest.h"
#include "gradus/tensor/tensor.h"

namespace gradus::detail {

/// How far the centres may move before rows can change their labels: a row's slack is a lower bound of (distance to the
/// second nearest centre) − (distance to the nearest). Nothing depends on it but time. Source: Hamerly, "Making k-means
/// even faster", SDM 2010.
class Slacks {
 public:
  /// To be called before rows are asked for: how many there are. The first time none has a slack.
  void resize(int64_t rows) { slacks_.resize(static_cast<size_t>(rows)); }
  /// To be called when centres (k, D) f64 have moved.
  void note_moves(const Tensor& before, const Tensor& after);

  /// Sets the labels of the rows first … first + count − 1, which are at `x`, to their nearest centres. Labels of
  /// before, but for the first time, belong to the centres before their last move. Several threads may ask for
  /// different rows.
  void find(const kernels::CenterPanels& centers, const float* x, int64_t first, int64_t count, int64_t* labels);

 private:
  std::vector<float> slacks_;  // (N)
  std::vector<float> losses_;  // (k): of rows with this label, by the last move
};

}  // namespace gradus::detail
