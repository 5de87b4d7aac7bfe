#include "gradus/nn/objective.h"

#include <algorithm>
#include <iterator>

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

Tensor loss_of_numbers(const Objective& o, const Tensor& prediction, const Tensor& targets, Reduction reduction) {
  switch (o.kind) {
    case ObjectiveKind::kMae:
      return mae(prediction, targets, reduction);
    case ObjectiveKind::kHuber:
      return huber(prediction, targets, o.delta, reduction);
    case ObjectiveKind::kLogCosh:
      return log_cosh(prediction, targets, reduction);
    case ObjectiveKind::kQuantile:
      return quantile_loss(prediction, targets, o.quantile, reduction);
    case ObjectiveKind::kPoisson:
      return poisson_loss(prediction, targets, reduction);
    default:
      return mse(prediction, targets, reduction);
  }
}

// Two classes: 0 and 1 as numbers (B, 1). Of more, the hinges have an output each, against all others: (B, classes). For
// the hinges 0 becomes −1.
Tensor loss_by_output(const Objective& o, const Tensor& prediction, const Tensor& classes, Reduction reduction) {
  const int64_t rows = classes.numel(), width = prediction.rank() == 2 ? prediction.size(1) : 0;
  const bool one_against_rest = width > 2 && !is_of_two_classes(o.kind);
  if (!(prediction.shape() == Shape{rows, width}) || (width != 1 && !one_against_rest)) {
    fail("objective", "an output of {} for {} examples of two classes; expected ({}, 1)", prediction.describe(), rows,
         rows);
  }
  const Tensor labels = one_against_rest
                            ? one_hot(classes, width, prediction.dtype())
                            : kernels::cast(kernels::contiguous(classes).view({rows, 1}, {1, 1}), prediction.dtype());
  switch (o.kind) {
    case ObjectiveKind::kFocal:
      return focal_loss(prediction, labels, o.gamma, o.alpha, reduction);
    case ObjectiveKind::kHinge:
      return hinge(prediction, labels * 2.0 - 1.0, reduction);
    case ObjectiveKind::kSquaredHinge:
      return squared_hinge(prediction, labels * 2.0 - 1.0, reduction);
    default:
      return binary_cross_entropy(prediction, labels, o.positive_weight, reduction);
  }
}

Tensor loss_of_classes(const Objective& o, const Tensor& logits, const Tensor& classes, Reduction reduction) {
  CrossEntropyOptions options{.reduction = reduction, .label_smoothing = o.label_smoothing};
  if (o.class_weights.empty()) return cross_entropy(logits, classes, options);
  const auto known = static_cast<int64_t>(o.class_weights.size());
  options.class_weights =
      kernels::cast(Tensor::from(std::span<const double>(o.class_weights), {known}), logits.dtype());
  return cross_entropy(logits, classes, options);  // which refuses other classes
}

Tensor loss_of(const Objective& o, const Tensor& prediction, const Tensor& targets, Reduction reduction) {
  if (!is_of_classes(o.kind)) return loss_of_numbers(o, prediction, targets, reduction);
  if (o.kind == ObjectiveKind::kCrossEntropy) return loss_of_classes(o, prediction, targets, reduction);
  return loss_by_output(o, prediction, targets, reduction);
}

// What the mean is over: of a batch's examples or, of numbers, elements.
double weight_of(const Objective& o, const Tensor& targets, const Tensor& weights) {
  const auto elements = static_cast<double>(targets.numel());
  if ((o.class_weights.empty() && !weights.defined()) || targets.numel() == 0) return elements;
  if (DryRun::is_on()) return elements;  // there are no numbers to look at
  const int64_t rows = targets.size(0);
  const Tensor ids = kernels::contiguous(targets);
  double sum = 0.0;
  for (int64_t i = 0; i < rows; ++i) {
    double weight = weights.defined() ? double{weights.data<float>()[i]} : 1.0;
    if (!o.class_weights.empty()) weight *= o.class_weights[static_cast<size_t>(ids.data<int64_t>()[i])];
    sum += weight;
  }
  return sum * elements / static_cast<double>(rows);
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

bool is_of_two_classes(ObjectiveKind kind) {
  return kind == ObjectiveKind::kBinaryCrossEntropy || kind == ObjectiveKind::kFocal;
}

int64_t outputs_for(ObjectiveKind kind, int64_t targets_or_classes) {
  if (!is_of_classes(kind)) return targets_or_classes;
  if (targets_or_classes < 2) fail_usage("objective", "the data has one class; there is nothing to tell apart");
  if (kind == ObjectiveKind::kCrossEntropy) return targets_or_classes;
  if (!is_of_two_classes(kind) && targets_or_classes > 2) return targets_or_classes;
  if (targets_or_classes > 2) {
    fail_usage("objective", "the data has {} classes, and this loss is for two; take cross_entropy",
               targets_or_classes);
  }
  return 1;
}

namespace {

// Cross entropy weighs classes by itself; for other losses they are weights of examples.
Tensor with_class_weights(const Objective& o, const Tensor& targets, const Tensor& weights) {
  const bool by_itself = o.kind == ObjectiveKind::kCrossEntropy || o.class_weights.empty();
  if (by_itself || DryRun::is_on()) return weights;
  const Tensor ids = kernels::contiguous(targets);
  Tensor all = Tensor::empty({targets.size(0)});
  for (int64_t i = 0; i < targets.size(0); ++i) {
    const double own = weights.defined() ? double{weights.data<float>()[i]} : 1.0;
    all.mutable_data<float>()[i] =
        static_cast<float>(own * o.class_weights[static_cast<size_t>(ids.data<int64_t>()[i])]);
  }
  return all;
}

}  // namespace

Loss objective_loss(const Objective& o, const Tensor& prediction, const Tensor& targets, const Tensor& given) {
  const Tensor weights = with_class_weights(o, targets, given);
  if (!weights.defined()) {
    const Tensor sum = loss_of(o, prediction, targets, Reduction::kSum);
    return {sum, weight_of(o, targets, given)};
  }
  if (!(weights.shape() == Shape{targets.size(0)}) || weights.dtype() != DType::kF32 || !weights.is_contiguous()) {
    fail("objective", "weights {} for targets {}; expected contiguous f32 ({},)", weights.describe(),
         targets.describe(), targets.size(0));
  }
  const Tensor rows = loss_of(o, prediction, targets, Reduction::kRows);
  return {sum(rows * kernels::cast(weights, rows.dtype())), weight_of(o, targets, given)};
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
