// What was learned, in words.
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/train/experiment.h"

namespace gradus {
namespace {

struct LineFit {
  double slope, intercept, mse;
};

// The closed form of least squares for one input: slope = cov(x, y) / var(x).
LineFit least_squares(const TensorDataset& data) {
  const std::vector<double> x = data.inputs().values<double>(), y = data.targets().values<double>();
  const double n = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0, covariance = 0, variance = 0, squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    covariance += (x[i] - mean_x) * (y[i] - mean_y);
    variance += (x[i] - mean_x) * (x[i] - mean_x);
  }
  const double slope = variance > 0 ? covariance / variance : 0.0, intercept = mean_y - slope * mean_x;
  for (size_t i = 0; i < x.size(); ++i) squares += std::pow(slope * x[i] + intercept - y[i], 2) / n;
  return {slope, intercept, squares};
}

// In nats a token: what guessing by frequency alone would cost.
double unigram_entropy(const TokenSequence& tokens, int64_t vocabulary) {
  double entropy = 0.0;
  for (const int64_t count : tokens.counts(vocabulary)) {
    const double p = static_cast<double>(count) / static_cast<double>(tokens.size());
    if (p > 0) entropy -= p * std::log(p);
  }
  return entropy;
}

std::string describe_line(const TensorDataset& data, const Model& model) {
  const LineFit fit = least_squares(data);
  const double w = model.parameters()[0].tensor.item(), b = model.parameters()[1].tensor.item();
  return fmt::format(
      "                 {:>12} {:>12}\n"
      "learned          {:>12.6f} {:>12.6f}\n"
      "least squares    {:>12.6f} {:>12.6f}   (closed form, same data; its mean squared error is {:.6f})\n",
      "W", "b", w, b, fit.slope, fit.intercept, fit.mse);
}

}  // namespace

std::string describe_result(const Config& config, const ExperimentData& data, const Model& model,
                            const TrainingSummary& summary) {
  const std::string& kind = config.text("model.kind");
  if (kind == "linear") {
    const auto* line = dynamic_cast<const TensorDataset*>(data.training.get());
    if (line != nullptr && data.shape.inputs == 1 && data.shape.outputs == 1) return describe_line(*line, model);
  }
  const auto* text = dynamic_cast<const TokenDataset*>(data.training.get());
  if (text == nullptr) return "";
  std::string result = fmt::format(
      "training loss    {:.4f} nats a token; guessing by frequency alone costs {:.4f} (the text's unigram entropy)\n",
      summary.final_loss, unigram_entropy(text->tokens(), data.shape.vocabulary));
  if (summary.best_validation_loss) {
    result += fmt::format("validation loss  {:.4f} at best, on text that it did not train on\n",
                          *summary.best_validation_loss);
  }
  return result;
}

}  // namespace gradus
