// The sum of micro-batches in a fixed binary tree, so that where it is done changes no bit.
#pragma once

#include <optional>
#include <vector>

#include "gradus/autograd/parameter.h"

namespace gradus {

/// What one micro-batch (a leaf), or a sum of them, gives to a step.
struct LeafSum {
  std::vector<Tensor> gradients;  ///< One a parameter, in order; undefined where it got none.
  double loss = 0.0;              ///< Σ of the losses' sums.
  double weight = 0.0;            ///< Σ of their weights.
};

/// Takes the gradients from the parameters' grad() (which become undefined).
LeafSum take_leaf(const Parameters& parameters, double loss, double weight);
/// Puts summed gradients back into grad() for the optimizer.
void put_gradients(const Parameters& parameters, LeafSum& sum);
/// left + right; `left` stands before `right` in the order of the leaves.
LeafSum add_leaves(LeafSum left, LeafSum right);

/// Sums leaves 0, 1, 2, … as they come. Aligned groups of 2, 4, 8, … are summed as complete binary trees; what remains
/// at the end is joined from the last, smallest group to the first. At most log₂(n) + 1 sums are held at once. A group
/// of 2^k leaves that starts at a multiple of 2^k may be summed by a tree of its own, elsewhere, and given to
/// `add_subtree`.
class GradientTree {
 public:
  void add_leaf(LeafSum leaf) { add_subtree(std::move(leaf), 0); }
  /// The sum of the next 2^level leaves. An error unless the number of leaves so far is a multiple of 2^level.
  void add_subtree(LeafSum sum, int level);
  /// The sum of all; the tree is empty afterwards. An error if there was none.
  LeafSum finish();

 private:
  std::vector<std::optional<LeafSum>> levels_;  // levels_[k]: a group of 2^k leaves that waits for its neighbour
};

}  // namespace gradus
