// The losses of linear models, a number a row: value, slope and curvature by the prediction.
#pragma once

#include <cstdint>
#include <string_view>

namespace gradus {

/// z is a row's prediction, y its target, s = ±1 whether it is of a class (+1) or not.
enum class LinearLoss : uint8_t {
  kSquared,       ///< ½·(z − y)²
  kAbsolute,      ///< |z − y|
  kQuantile,      ///< max(τ·(y − z), (τ − 1)·(y − z)); Koenker, Bassett, 1978.
  kHuber,         ///< ½·r² where |r| ≤ δ, else δ·|r| − ½·δ², with r = z − y; Huber, 1964.
  kPoisson,       ///< exp(z) − y·z, y ≥ 0: a logarithmic link.
  kLogistic,      ///< log(1 + exp(−s·z)): 2 classes, one output.
  kSoftmax,       ///< log Σₖ exp(zₖ) − z_y: as many outputs as classes.
  kHinge,         ///< max(0, 1 − s·z): 2 classes one output; more one for each class, against the rest.
  kSquaredHinge,  ///< Its square.
};

/// "squared", "absolute", "quantile", "huber", "poisson", "logistic", "softmax", "hinge", "squared_hinge".
std::string_view name_of(LinearLoss loss);

/// Whether targets are classes.
constexpr bool is_classification(LinearLoss loss) { return loss >= LinearLoss::kLogistic; }
/// Whether the slope is continuous, so that a gradient says how far the minimum is.
constexpr bool is_smooth(LinearLoss loss) {
  return loss != LinearLoss::kAbsolute && loss != LinearLoss::kQuantile && loss != LinearLoss::kHinge;
}

namespace kernels {

/// For `count` rows of any loss but softmax: the loss, its first and its second derivative by z. Any output may be
/// nullptr. `parameter` is τ or δ. Where a derivative jumps it is one from the side where the loss is least.
void loss_terms(LinearLoss loss, double parameter, const double* z, const float* y, int64_t count, double* value,
                double* slope, double* curvature);

/// Softmax of `count` rows and `classes` classes; z and `slope` are (classes, count), `slope` may be z itself or
/// nullptr; y is the class. Slopes are pₖ − [k = y].
void softmax_terms(const double* z, const int32_t* y, int64_t classes, int64_t count, double* value, double* slope);

}  // namespace kernels
}  // namespace gradus
