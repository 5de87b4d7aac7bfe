#include "gradus/autograd/gradient_tree.h"

#include "gradus/autograd/sink.h"
#include "gradus/base/error.h"

namespace gradus {

LeafSum take_leaf(const Parameters& parameters, double loss, double weight) {
  LeafSum leaf{{}, loss, weight};
  leaf.gradients.reserve(parameters.size());
  for (const Parameter& parameter : parameters) {
    leaf.gradients.push_back(std::exchange(parameter.tensor.state()->grad, Tensor()));
  }
  return leaf;
}

void put_gradients(const Parameters& parameters, LeafSum& sum) {
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].tensor.state()->grad = std::move(sum.gradients[i]);
}

LeafSum add_leaves(LeafSum left, LeafSum right) {
  for (size_t i = 0; i < left.gradients.size(); ++i) {
    if (right.gradients[i].defined()) add_gradient(left.gradients[i], std::move(right.gradients[i]));
  }
  left.loss += right.loss;
  left.weight += right.weight;
  return left;
}

void GradientTree::add_subtree(LeafSum sum, int level) {
  for (int below = 0; below < level && below < static_cast<int>(levels_.size()); ++below) {
    if (levels_[static_cast<size_t>(below)]) {
      fail("gradient_tree", "a subtree of 2^{} leaves at a place that is not a multiple of its size", level);
    }
  }
  size_t at = static_cast<size_t>(level);
  for (; at < levels_.size() && levels_[at]; ++at) {
    sum = add_leaves(std::move(*levels_[at]), std::move(sum));
    levels_[at].reset();
  }
  if (at >= levels_.size()) levels_.resize(at + 1);
  levels_[at] = std::move(sum);
}

LeafSum GradientTree::finish() {
  std::optional<LeafSum> total;
  for (std::optional<LeafSum>& level : levels_) {
    if (!level) continue;
    total = total ? add_leaves(std::move(*level), std::move(*total)) : std::move(*level);
    level.reset();
  }
  if (!total) fail("gradient_tree", "no leaf was added");
  return std::move(*total);
}

}  // namespace gradus
