#include "gradus/nn/objective.h"

#include <algorithm>
#include <iterator>

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

constexpr Reduction kSum = Reduction::kSum;

Tensor loss_of_numbers(const Objective& o, const Tensor& prediction, const Tensor& targets) {
  switch (o.kind) {
    case ObjectiveKind::kMae:
      return mae(prediction, targets, kSum);
    case ObjectiveKind::kHuber:
      return huber(prediction, targets, o.delta, kSum);
    case ObjectiveKind::kLogCosh:
      return log_cosh(prediction, targets, kSum);
    case ObjectiveKind::kQuantile:
      return quantile_loss(prediction, targets, o.quantile, kSum);
    case ObjectiveKind::kPoisson:
      return poisson_loss(prediction, targets, kSum);
    default:
      return mse(prediction, targets, kSum);
  }
}

// Two classes: 0 and 1 as numbers (B, 1), and for the hinges −1 and 1.
Tensor loss_of_two_classes(const Objective& o, const Tensor& prediction, const Tensor& classes) {
  const int64_t rows = classes.numel();
  if (!(prediction.shape() == Shape{rows, 1})) {
    fail("objective", "an output of {} for {} examples of two classes; expected ({}, 1)", prediction.describe(), rows,
         rows);
  }
  Tensor labels = kernels::cast(kernels::contiguous(classes).view({rows, 1}, {1, 1}), prediction.dtype());
  switch (o.kind) {
    case ObjectiveKind::kFocal:
      return focal_loss(prediction, labels, o.gamma, o.alpha, kSum);
    case ObjectiveKind::kHinge:
      return hinge(prediction, labels * 2.0 - 1.0, kSum);
    case ObjectiveKind::kSquaredHinge:
      return squared_hinge(prediction, labels * 2.0 - 1.0, kSum);
    default:
      return binary_cross_entropy(prediction, labels, o.positive_weight, kSum);
  }
}

Loss loss_of_classes(const Objective& o, const Tensor& logits, const Tensor& classes) {
  CrossEntropyOptions options{.reduction = kSum, .label_smoothing = o.label_smoothing};
  if (o.class_weights.empty()) return {cross_entropy(logits, classes, options), static_cast<double>(classes.numel())};
  const int64_t known = static_cast<int64_t>(o.class_weights.size());
  options.class_weights =
      kernels::cast(Tensor::from(std::span<const double>(o.class_weights), {known}), logits.dtype());
  const Tensor loss = cross_entropy(logits, classes, options);  // which refuses other classes
  if (DryRun::is_on()) return {loss, 1.0};                      // there are no classes to look at
  double weight = 0.0;
  const Tensor ids = kernels::contiguous(classes);
  for (const int64_t id : std::span(ids.data<int64_t>(), static_cast<size_t>(ids.numel()))) {
    weight += o.class_weights[static_cast<size_t>(id)];
  }
  return {loss, weight};
}

}  // namespace

ObjectiveKind objective_kind(std::string_view name) {
  constexpr std::string_view kNames[] = {"mse",      "mae",     "huber",         "log_cosh",
                                         "quantile", "poisson", "cross_entropy", "binary_cross_entropy",
                                         "focal",    "hinge",   "squared_hinge"};
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) fail_usage("objective", "there is no loss \"{}\"", name);
  return static_cast<ObjectiveKind>(found - std::begin(kNames));
}

bool is_of_classes(ObjectiveKind kind) { return kind >= ObjectiveKind::kCrossEntropy; }

bool is_of_two_classes(ObjectiveKind kind) { return kind > ObjectiveKind::kCrossEntropy; }

int64_t outputs_for(ObjectiveKind kind, int64_t targets_or_classes) {
  if (!is_of_classes(kind)) return targets_or_classes;
  if (targets_or_classes < 2) fail_usage("objective", "the data has one class; there is nothing to tell apart");
  if (!is_of_two_classes(kind)) return targets_or_classes;
  if (targets_or_classes > 2) {
    fail_usage("objective", "the data has {} classes, and this loss is for two; take cross_entropy",
               targets_or_classes);
  }
  return 1;
}

Loss objective_loss(const Objective& o, const Tensor& prediction, const Tensor& targets) {
  if (!is_of_classes(o.kind)) {
    return {loss_of_numbers(o, prediction, targets), static_cast<double>(targets.numel())};
  }
  if (!is_of_two_classes(o.kind)) return loss_of_classes(o, prediction, targets);
  return {loss_of_two_classes(o, prediction, targets), static_cast<double>(targets.numel())};
}

bool gives_probabilities(ObjectiveKind kind) {
  return kind == ObjectiveKind::kCrossEntropy || kind == ObjectiveKind::kBinaryCrossEntropy ||
         kind == ObjectiveKind::kFocal;
}

Tensor objective_prediction(const Objective& o, const Tensor& outputs) {
  if (o.kind == ObjectiveKind::kPoisson) return exp(outputs);
  if (o.kind == ObjectiveKind::kCrossEntropy) return softmax(outputs);
  if (!gives_probabilities(o.kind)) return outputs;
  return concat({sigmoid(-outputs), sigmoid(outputs)}, 1);
}

}  // namespace gradus
