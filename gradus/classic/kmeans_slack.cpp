#include "gradus/classic/kmeans_slack.h"

#include <algorithm>
#include <cmath>

namespace gradus::detail {

void Slacks::note_moves(const Tensor& before, const Tensor& after) {
  const int64_t columns = before.size(1);
  const double *a = before.data<double>(), *b = after.data<double>();
  std::vector<double> moves;
  for (int64_t j = 0; j < before.size(0); ++j, a += columns, b += columns) {
    double squares = 0.0;
    for (int64_t p = 0; p < columns; ++p) squares += (a[p] - b[p]) * (a[p] - b[p]);
    moves.push_back(std::sqrt(squares));
  }
  // A row's own centre moves away, and the one that moves farthest of the others comes nearer.
  const auto farthest = std::max_element(moves.begin(), moves.end());
  double second = 0.0;
  for (auto move = moves.begin(); move != moves.end(); ++move) {
    if (move != farthest) second = std::max(second, *move);
  }
  losses_.clear();
  for (auto move = moves.begin(); move != moves.end(); ++move) {
    losses_.push_back(static_cast<float>((*move + (move == farthest ? second : *farthest)) * (1 + 1e-6)));
  }
}

void Slacks::find(const kernels::CenterPanels& centers, const float* x, int64_t first, int64_t count, int64_t* labels) {
  constexpr float kRounding = 1.0F - 0x1p-22F;
  float* slacks = slacks_.data() + first;
  std::vector<int32_t> places(static_cast<size_t>(count));
  int64_t unsure = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (!losses_.empty()) slacks[i] = (slacks[i] - losses_[static_cast<size_t>(labels[i])]) * kRounding;
    places[static_cast<size_t>(unsure)] = static_cast<int32_t>(i);
    unsure += slacks[i] > 0.0F ? 0 : 1;
  }
  kernels::find_nearest(centers, x, places.data(), unsure, labels, slacks);
}

}  // namespace gradus::detail
