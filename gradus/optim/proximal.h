// Regularisers that work on the parameters after an update, so that zeros and limits are exact: proximal steps and
// max-norm.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus {

/// What the groups of a matrix (out, in), or of a convolution's weights (out, k, in) and (out, kh, kw, in), are: the
/// weights that belong to one input, which is the last dimension, or to one output, which is the first.
enum class WeightGroups : uint8_t { kInputs, kOutputs };

/// After its update with the learning rate α a parameter θ becomes, in this order:
///   - soft threshold: sign(θ)·max(|θ| − α·l1, 0), the proximal step of l1·‖θ‖₁ (ISTA; Daubechies, Defrise, De Mol,
///     2004);
///   - group lasso: each group g times max(1 − α·group_lasso/‖g‖, 0), that of group_lasso·Σ‖g‖ (Yuan, Lin, 2006,
///     without their factor √size, as scikit-learn's MultiTaskLasso);
///   - shrinkage: θ/(1 + α·l2), that of ½·l2·‖θ‖²;
///   - max-norm: each row longer than max_norm is scaled to that length (Srivastava et al., 2014).
/// The first three together are the proximal step of the sum of their penalties (elastic net, sparse group lasso).
/// Behind gradient descent this finds the minimum of loss and penalties; with momentum μ the α here is the learning
/// rate/(1 − μ), so that it is the same minimum. A rule that scales the elements of the gradient does not find it: its
/// penalty competes with the scaled gradient, of size about 1 in Adam, where l1 below 1 leaves no lasting mark on a
/// weight whose gradient has a steady sign, and it competes with ever smaller steps in Adagrad, where all becomes 0.
struct ProximalOptions {
  double l1 = 0.0;           ///< From 0.
  double l2 = 0.0;           ///< From 0.
  bool all = false;          ///< l1 and l2 also hold for parameters with fewer than two dimensions; else matrices only.
  double group_lasso = 0.0;  ///< From 0; matrices only.
  WeightGroups groups_of = WeightGroups::kInputs;
  double max_norm = 0.0;  ///< 0 for no limit; matrices only.

  bool any() const { return l1 > 0.0 || l2 > 0.0 || group_lasso > 0.0 || max_norm > 0.0; }
};

/// A usage error for a number out of range.
void check(const ProximalOptions& options);

/// l1·‖θ‖₁ + group_lasso·Σ‖g‖ + ½·l2·‖θ‖² of one parameter, contiguous, f32 or f64.
double proximal_penalty(const Tensor& theta, const ProximalOptions& options);

/// Changes `theta`, contiguous, f32 or f64, as above. Threads change no bit.
void proximal_step(Tensor& theta, double learning_rate, const ProximalOptions& options);

}  // namespace gradus
