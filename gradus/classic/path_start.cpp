#include "gradus/classic/path_start.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/base/error.h"

namespace gradus {
namespace {

double weight_of(const LinearObjective& objective, int64_t row) {
  return objective.example_weights() == nullptr ? 1.0 : double{objective.example_weights()[row]};
}

// The mean of the targets, of classes 1 or −1.
double mean_target(const LinearObjective& objective, int64_t output) {
  double sum = 0.0;
  for (int64_t i = 0; i < objective.rows(); ++i) sum += weight_of(objective, i) * double{objective.targets(output)[i]};
  return sum / objective.total_weight();
}

// Where the sum of the slopes, which grows with the bias, changes its sign.
double huber_bias(const LinearObjective& objective, int64_t output) {
  const float* const y = objective.targets(output);
  const double delta = objective.loss_parameter();
  const auto slope = [&](double bias) {
    double sum = 0.0;
    for (int64_t i = 0; i < objective.rows(); ++i) {
      sum += weight_of(objective, i) * std::clamp(bias - double{y[i]}, -delta, delta);
    }
    return sum;
  };
  const auto [least, most] = std::minmax_element(y, y + objective.rows());
  double low = double{*least}, high = double{*most};
  for (double middle = std::midpoint(low, high); low < middle && middle < high; middle = std::midpoint(low, high)) {
    (slope(middle) > 0.0 ? high : low) = middle;
  }
  return std::abs(slope(low)) < std::abs(slope(high)) ? low : high;
}

std::vector<double> softmax_bias(const LinearObjective& objective) {
  std::vector<double> bias(static_cast<size_t>(objective.outputs()));
  for (int64_t i = 0; i < objective.rows(); ++i) bias[objective.classes()[i]] += weight_of(objective, i);
  double mean = 0.0;
  for (double& v : bias) {
    v = std::log(v / objective.total_weight());
    mean += v / static_cast<double>(bias.size());
  }
  if (std::isfinite(mean)) {
    for (double& v : bias) v -= mean;
  }
  return bias;
}

// Infinite where there is none: logistic targets of one class, Poisson targets that are all 0, a class without a row.
std::vector<double> best_bias(const LinearObjective& objective) {
  const LinearLoss loss = objective.problem().loss;
  std::vector<double> bias(static_cast<size_t>(objective.outputs()));
  if (!objective.problem().intercept) return bias;
  if (loss == LinearLoss::kSoftmax) return softmax_bias(objective);
  for (int64_t k = 0; k < objective.outputs(); ++k) {
    if (loss == LinearLoss::kHuber) {
      bias[k] = huber_bias(objective, k);
      continue;
    }
    const double mean = mean_target(objective, k);
    bias[k] = mean;  // of the squared loss, and of the squared hinge, which is a square between −1 and 1
    if (loss == LinearLoss::kPoisson) bias[k] = std::log(mean);
    if (loss == LinearLoss::kLogistic) bias[k] = std::log((1.0 + mean) / (1.0 - mean));
  }
  return bias;
}

void check_bias(const LinearObjective& objective, const std::vector<double>& bias) {
  const auto bad = std::ranges::find_if(bias, [](double b) { return !std::isfinite(b); });
  if (bad == bias.end()) return;
  const auto output = bad - bias.begin();
  if (objective.problem().loss == LinearLoss::kSoftmax) {
    fail_usage("lasso_path", "no row of class {} has a weight above 0; expected some of each class", output);
  }
  fail_usage("lasso_path", "the targets{} are all {}; expected some that differ",
             bias.size() > 1 ? fmt::format(" of output {}", output) : "",
             objective.problem().loss == LinearLoss::kLogistic ? "of one class" : "0");
}

}  // namespace

PathStart path_start(const LinearObjective& objective) {
  const std::vector<double> bias = best_bias(objective);
  check_bias(objective, bias);
  PathStart start;
  start.x.resize(static_cast<size_t>(objective.weights_size()));
  start.x.insert(start.x.end(), bias.begin(), bias.end());
  std::vector<double> gradient(start.x.size());
  objective.smooth_part(start.x.data(), gradient.data());
  for (int64_t j = 0; j < objective.weights_size(); ++j) start.l1 = std::max(start.l1, std::abs(gradient[j]));
  return start;
}

}  // namespace gradus
