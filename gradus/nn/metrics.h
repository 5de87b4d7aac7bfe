// How good a model is, beside its loss: measures under their usual names.
#pragma once

#include <string>
#include <vector>

#include "gradus/nn/context.h"

namespace gradus {

/// "accuracy": the part of the examples whose class has the highest score. "r2": 1 − Σ(y − ŷ)²/Σ(y − mean)², the
/// coefficient of determination. "rmse", "mae": root of the mean squared, and mean absolute error. Of several outputs
/// these three are means over the outputs. "recall_at_1": of embeddings, the part of the examples whose nearest other
/// has their class, among the first 5,000 of them. "perplexity": e to the power of the loss a token. "bits_per_byte":
/// the loss a byte of text, in bits.
struct Metric {
  std::string name;
  double value = 0.0;
};

/// What the numbers of a data set stand for.
struct MetricUnits {
  /// Of each output the target's unit, of which the model's numbers are parts (rmse, mae); empty for 1 each.
  std::vector<double> target_scales = {};
  bool is_text = false;          ///< Whether targets are tokens of a text.
  double bytes_per_token = 0.0;  ///< Of a text; 0 where that is not known, and for other data.
};

/// Sums over the batches of a data set, from which its loss and metrics follow. They do not depend on how it was cut
/// into batches but for rounding.
class Metrics {
 public:
  explicit Metrics(const MetricUnits& units = {}) : units_(units) {}

  void add(const Loss& loss);
  /// Of tokens, where the loss is not minus the logarithm of their probability, that: perplexity and bits are made of
  /// it.
  void add_likelihood(const Loss& loss);
  /// Classes, i64 (B), and scores (B, classes); or (B, 1) of two classes, where one above 0 means the second.
  void add_classes(const Tensor& scores, const Tensor& classes);
  /// Classes, i64 (B), and embeddings (B, C), which are near where their distance is small.
  void add_embeddings(const Tensor& embeddings, const Tensor& classes);
  /// Predicted and true numbers, both (B, outputs).
  void add_numbers(const Tensor& prediction, const Tensor& targets);

  /// The mean over the weight of all that was added; NaN for nothing.
  double loss() const { return loss_ / weight_; }
  bool is_weightless() const { return weight_ == 0.0; }
  /// Those that the added batches give, without any that is not finite: no r2 where all targets are equal.
  std::vector<Metric> values() const;

 private:
  // Of one output: sums of y − y₀ and its square, y₀ being the first target, so that little is lost to rounding.
  struct Output {
    double first = 0.0, sum = 0.0, squares = 0.0, squared_error = 0.0, absolute_error = 0.0;
  };
  void add_value(std::vector<Metric>& to, const char* name, double value) const;

  MetricUnits units_;
  double loss_ = 0.0, weight_ = 0.0;
  double likelihood_ = 0.0, likelihood_weight_ = 0.0;  // of add_likelihood
  int64_t classified_ = 0, correct_ = 0;
  std::vector<double> embeddings_;  // a row for each of those
  std::vector<int64_t> embedded_classes_;
  int64_t numbers_ = 0;  // examples
  std::vector<Output> outputs_;
};

}  // namespace gradus
