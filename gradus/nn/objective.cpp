#include "gradus/nn/objective.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "gradus/autograd/loss_terms.h"
#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/nn/embedding_objective.h"
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
    case ObjectiveKind::kCosine:
      return cosine_loss(prediction, targets, Tensor::full({targets.size(0)}, 1.0, prediction.dtype()), 0.0, reduction);
    default:
      return mse(prediction, targets, reduction);
  }
}

// Of the probabilities of two classes, those of the second.
Tensor second_of_two(const Tensor& targets) {
  if (targets.rank() != 2 || targets.size(1) != 2) {
    fail("objective", "targets {}; expected (B, 2), the probabilities of two classes", targets.describe());
  }
  return slice(targets, 1, 1, 2);
}

// −(1 − p)^γ·log p of each class's probability p: that of two classes, by softmax. 1 − p stays off 0, where a power
// below 1 has no slope; what that adds to a term is less than 1e-30 times its logarithm.
Tensor focal_of_classes(const Objective& o, const Tensor& logits, const Tensor& classes, Reduction reduction) {
  constexpr double kLeast = 1e-30;
  const Tensor ids = kernels::contiguous(classes).view({classes.numel(), 1}, {1, 1});
  const Tensor logarithms = gather(log_softmax(logits), 1, ids);
  const Tensor wrong = clamp(1.0 - exp(logarithms), kLeast, 1.0);
  return detail::reduced(sum(pow(wrong, o.gamma) * -logarithms, 1), reduction);
}

// Two classes: 0 and 1 as numbers (B, 1), or the second one's probability. Of more, the hinges and focal have an
// output each, (B, classes), the hinges against all others. For the hinges 0 becomes −1.
Tensor loss_by_output(const Objective& o, const Tensor& prediction, const Tensor& targets, Reduction reduction) {
  const Tensor classes = is_float(targets.dtype()) ? second_of_two(targets) : targets;
  const int64_t rows = classes.numel(), width = prediction.rank() == 2 ? prediction.size(1) : 0;
  const bool has_one_each = width > 2 && !is_of_two_classes(o.kind);
  if (!(prediction.shape() == Shape{rows, width}) || (width != 1 && !has_one_each)) {
    fail("objective", "an output of {} for {} examples of two classes; expected ({}, 1)", prediction.describe(), rows,
         rows);
  }
  const Tensor labels = has_one_each
                            ? one_hot(classes, width, prediction.dtype())
                            : kernels::cast(kernels::contiguous(classes).view({rows, 1}, {1, 1}), prediction.dtype());
  switch (o.kind) {
    case ObjectiveKind::kFocal:
      return has_one_each ? focal_of_classes(o, prediction, classes, reduction)
                          : focal_loss(prediction, labels, o.gamma, o.alpha, reduction);
    case ObjectiveKind::kHinge:
      return hinge(prediction, labels * 2.0 - 1.0, reduction);
    case ObjectiveKind::kSquaredHinge:
      return squared_hinge(prediction, labels * 2.0 - 1.0, reduction);
    default:
      return binary_cross_entropy(prediction, labels * (1.0 - o.label_smoothing) + o.label_smoothing / 2.0,
                                  o.positive_weight, reduction);
  }
}

// (classes), or undefined for 1 each.
Tensor weights_of_classes(const Objective& o, DType dtype) {
  if (o.class_weights.empty()) return {};
  const auto known = static_cast<int64_t>(o.class_weights.size());
  return kernels::cast(Tensor::from(std::span<const double>(o.class_weights), {known}), dtype);
}

// Of targets that are the probabilities of the classes. Smoothing and weights change what they are, as in PyTorch.
Tensor loss_of_soft_labels(const Objective& o, const Tensor& logits, const Tensor& targets, Reduction reduction) {
  Tensor p = kernels::cast(targets, logits.dtype());
  if (o.label_smoothing > 0.0) {
    p = p * (1.0 - o.label_smoothing) + o.label_smoothing / static_cast<double>(targets.size(-1));
  }
  if (!o.class_weights.empty()) p = p * weights_of_classes(o, logits.dtype());
  return soft_cross_entropy(logits, p, reduction);
}

Tensor loss_of_classes(const Objective& o, const Tensor& logits, const Tensor& classes, Reduction reduction) {
  if (is_float(classes.dtype())) return loss_of_soft_labels(o, logits, classes, reduction);
  // Which refuses other classes.
  return cross_entropy(logits, classes,
                       {.reduction = reduction,
                        .label_smoothing = o.label_smoothing,
                        .class_weights = weights_of_classes(o, logits.dtype())});
}

// Of probabilities; a class is one of 1.
Tensor divergence(const Tensor& logits, const Tensor& targets, Reduction reduction) {
  const Tensor p = is_float(targets.dtype()) ? kernels::cast(targets, logits.dtype())
                                             : one_hot(targets, logits.size(-1), logits.dtype());
  return kl_divergence(log_softmax(logits), p, reduction);
}

Tensor loss_of(const Objective& o, const Tensor& prediction, const Tensor& targets, Reduction reduction) {
  if (!is_of_classes(o.kind)) return loss_of_numbers(o, prediction, targets, reduction);
  if (o.kind == ObjectiveKind::kCrossEntropy) return loss_of_classes(o, prediction, targets, reduction);
  if (o.kind == ObjectiveKind::kKlDivergence) return divergence(prediction, targets, reduction);
  return loss_by_output(o, prediction, targets, reduction);
}

bool is_soft(const Objective& o, const Tensor& targets) { return is_of_classes(o.kind) && is_float(targets.dtype()); }

// What each example counts: its own weight times that of its class, unless it is of several. Nothing for 1 each.
std::vector<double> counts_of(const Objective& o, const Tensor& targets, const Tensor& weights) {
  const bool of_class = !o.class_weights.empty() && !is_soft(o, targets);
  if ((!of_class && !weights.defined()) || DryRun::is_on()) return {};  // there are no numbers to look at
  const Tensor ids = kernels::contiguous(targets);
  std::vector<double> counts(static_cast<size_t>(targets.size(0)), 1.0);
  for (size_t i = 0; i < counts.size(); ++i) {
    if (weights.defined()) counts[i] = double{weights.data<float>()[i]};
    if (of_class) counts[i] *= o.class_weights[static_cast<size_t>(ids.data<int64_t>()[i])];
  }
  return counts;
}

// What the mean is over: of a batch's examples or, of numbers, elements.
double weight_of(const Objective& o, const std::vector<double>& counts, const Tensor& targets) {
  const bool by_example = is_soft(o, targets) || o.kind == ObjectiveKind::kCosine;
  const auto elements = static_cast<double>(by_example ? targets.size(0) : targets.numel());
  if (counts.empty()) return elements;
  return std::accumulate(counts.begin(), counts.end(), 0.0) * elements / static_cast<double>(counts.size());
}

}  // namespace

ObjectiveKind objective_kind(std::string_view name) {
  constexpr std::string_view kNames[] = {"mse",           "mae",           "huber",
                                         "log_cosh",      "quantile",      "poisson",
                                         "cosine",        "cross_entropy", "binary_cross_entropy",
                                         "focal",         "hinge",         "squared_hinge",
                                         "kl_divergence", "triplet",       "info_nce"};
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) fail_usage("objective", "there is no loss \"{}\"", name);
  return static_cast<ObjectiveKind>(found - std::begin(kNames));
}

bool is_of_classes(ObjectiveKind kind) { return kind >= ObjectiveKind::kCrossEntropy; }

bool takes_probabilities(ObjectiveKind kind) {
  return kind == ObjectiveKind::kCrossEntropy || kind == ObjectiveKind::kKlDivergence;
}

bool is_of_two_classes(ObjectiveKind kind) { return kind == ObjectiveKind::kBinaryCrossEntropy; }

bool is_of_embeddings(ObjectiveKind kind) { return kind >= ObjectiveKind::kTriplet; }

int64_t outputs_for(const Objective& objective, int64_t targets_or_classes) {
  const ObjectiveKind kind = objective.kind;
  if (!is_of_classes(kind)) return targets_or_classes;
  if (targets_or_classes < 2) fail_usage("objective", "the data has one class; there is nothing to tell apart");
  if (is_of_embeddings(kind)) return objective.embedding;
  if (takes_probabilities(kind)) return targets_or_classes;
  if (!is_of_two_classes(kind) && targets_or_classes > 2) return targets_or_classes;
  if (targets_or_classes > 2) {
    fail_usage("objective", "the data has {} classes, and this loss is for two; take cross_entropy",
               targets_or_classes);
  }
  return 1;
}

Tensor classes_of_targets(const Tensor& targets) { return is_float(targets.dtype()) ? argmax(targets, 1) : targets; }

Loss objective_loss(const Objective& o, const Tensor& prediction, const Tensor& targets, const Tensor& weights) {
  if (weights.defined() &&
      (!(weights.shape() == Shape{targets.size(0)}) || weights.dtype() != DType::kF32 || !weights.is_contiguous())) {
    fail("objective", "weights {} for targets {}; expected contiguous f32 ({},)", weights.describe(),
         targets.describe(), targets.size(0));
  }
  if (is_of_embeddings(o.kind)) {
    if (weights.defined()) fail("objective", "a loss of embeddings compares examples, and takes no weights of them");
    return embedding_loss(o, prediction, targets);
  }
  // Cross entropy weighs classes by itself, and refuses those that are none.
  const bool by_itself = o.kind == ObjectiveKind::kCrossEntropy || o.class_weights.empty();
  if (!weights.defined() && by_itself) {
    const Tensor sum = loss_of(o, prediction, targets, Reduction::kSum);
    return {sum, weight_of(o, counts_of(o, targets, weights), targets)};
  }
  const Tensor rows = loss_of(o, prediction, targets, Reduction::kRows);
  const std::vector<double> counts = counts_of(o, targets, weights);
  if (counts.empty()) return {sum(rows), weight_of(o, counts, targets)};  // a dry run
  const Tensor factors = by_itself ? weights : Tensor::from(counts, {targets.size(0)});
  return {sum(rows * kernels::cast(factors, rows.dtype())), weight_of(o, counts, targets)};
}

bool gives_probabilities(ObjectiveKind kind) {
  return takes_probabilities(kind) || is_of_two_classes(kind) || kind == ObjectiveKind::kFocal;
}

Tensor objective_prediction(const Objective& o, const Tensor& outputs) {
  if (o.kind == ObjectiveKind::kPoisson) return exp(outputs);
  const bool has_one_each = outputs.rank() == 2 && outputs.size(1) > 1;
  if (takes_probabilities(o.kind) || (o.kind == ObjectiveKind::kFocal && has_one_each)) return softmax(outputs);
  if (o.kind == ObjectiveKind::kInfoNce) return detail::unit_rows(outputs);
  if (!gives_probabilities(o.kind)) return outputs;
  return concat({sigmoid(-outputs), sigmoid(outputs)}, 1);
}

}  // namespace gradus
