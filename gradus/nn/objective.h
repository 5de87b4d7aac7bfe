// What a model of rows of features is trained for: a loss, and what it says about the model's outputs and targets.
#pragma once

#include <string_view>
#include <vector>

#include "gradus/nn/context.h"

namespace gradus {

/// See the losses in gradus/autograd/ops.h. The first group is of numbers, the second of classes.
enum class ObjectiveKind : uint8_t {
  kMse,
  kMae,
  kHuber,
  kLogCosh,
  kQuantile,
  kPoisson,  ///< The model's output is the logarithm of the rate.
  kCosine,   ///< Of the directions of prediction and target: 1 − their `cosine_similarity`, a row.
  kCrossEntropy,
  kBinaryCrossEntropy,
  kFocal,
  kHinge,
  kSquaredHinge,
  kKlDivergence,  ///< Of probabilities as targets: kCrossEntropy less what the targets' own entropy is.
  // Outputs are embeddings, near each other where the class is one (nn/embedding_objective.h).
  kTriplet,
  kInfoNce,
};

struct Objective {
  ObjectiveKind kind = ObjectiveKind::kMse;
  double delta = 1.0;            ///< kHuber
  double quantile = 0.5;         ///< kQuantile
  double label_smoothing = 0.0;  ///< kCrossEntropy, kBinaryCrossEntropy
  /// What an example of each class counts, each from 0; empty for 1 each.
  std::vector<double> class_weights = {};
  double positive_weight = 1.0;  ///< kBinaryCrossEntropy
  double gamma = 2.0;            ///< kFocal
  double alpha = 0.25;           ///< kFocal of two classes; of more, `class_weights` are α.
  double margin = 1.0;           ///< kTriplet
  double temperature = 0.07;     ///< kInfoNce
  int64_t embedding = 32;        ///< kTriplet, kInfoNce: numbers of an embedding.
};

/// "mse", "mae", "huber", "log_cosh", "quantile", "poisson", "cosine", "cross_entropy", "binary_cross_entropy",
/// "focal", "hinge", "squared_hinge", "kl_divergence", "triplet" or "info_nce"; a usage error for any other name.
ObjectiveKind objective_kind(std::string_view name);
/// Whether targets are classes, i64 (B), and not numbers, f32 (B, outputs).
bool is_of_classes(ObjectiveKind kind);
/// Whether there can be two classes only: 0, and 1, which a positive output stands for.
bool is_of_two_classes(ObjectiveKind kind);
/// Whether targets of classes may be their probabilities.
bool takes_probabilities(ObjectiveKind kind);
/// Whether outputs are embeddings, which are compared with each other.
bool is_of_embeddings(ObjectiveKind kind);
/// The outputs that a model needs: `embedding`; one a class for kCrossEntropy and kKlDivergence, and of
/// more than two classes for kFocal, by softmax, and the hinges, which tell each from all others, the losses added; one
/// for the other objectives of classes; one a target for those of numbers. A usage error if there are too few or too
/// many classes.
int64_t outputs_for(const Objective& objective, int64_t targets_or_classes);

/// The classes that targets of classes mean, i64 (B): where they are probabilities, f32 (B, classes), the likeliest.
Tensor classes_of_targets(const Tensor& targets);

/// The sum of the loss over a batch, weighted by examples (classes; with `class_weights` by their weights) or elements
/// (numbers; of kCosine by examples). Targets of kCrossEntropy may be probabilities, f32 (B, classes):
/// `label_smoothing` mixes them with equal ones, `class_weights` multiply their terms, and the weight is that of the
/// examples, as in PyTorch; those of kBinaryCrossEntropy, too, f32 (B, 2). With `weights` (B) each example counts so
/// much, times what its class does; embeddings take none.
Loss objective_loss(const Objective& objective, const Tensor& prediction, const Tensor& targets,
                    const Tensor& weights = {});

/// What a model's outputs say: numbers as they are, and for kPoisson the rate; probabilities of the classes (B,
/// classes) for kCrossEntropy, kKlDivergence, kBinaryCrossEntropy and kFocal, each row adding up to 1; scores as they
/// are for the hinges; embeddings as they are compared: of kInfoNce of length 1.
Tensor objective_prediction(const Objective& objective, const Tensor& outputs);
/// Whether that is probabilities.
bool gives_probabilities(ObjectiveKind kind);

}  // namespace gradus
