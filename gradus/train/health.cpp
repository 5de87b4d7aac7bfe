#include "gradus/train/health.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace gradus {
namespace {

constexpr int64_t kMemory = 100, kLeastKnown = 10;
constexpr double kLeastOfPeak = 0.1;
constexpr double kLossDeviations = 50.0, kGradientDeviations = 50.0, kGradientFactor = 10.0;
// Weights that move by a tenth a step forget what they learned; by a hundred-millionth, f32 rounds the step away.
constexpr double kLargeUpdate = 0.1, kSmallUpdate = 1e-8;
constexpr int64_t kLooks = 5;            // in a row, before anything is said
constexpr int64_t kSettlingSteps = 100;  // the first steps from small weights are large, relative to them
constexpr int64_t kLeastRows = 64;
constexpr double kManyDead = 0.5;

}  // namespace

void MovingBand::add(double value) {
  ++count;
  const double part = 1.0 / static_cast<double>(std::min(count, kMemory));
  if (count > 1) deviation += part * (std::abs(value - mean) - deviation);
  mean += part * (value - mean);
  if (count >= kLeastKnown) peak = std::max(peak, std::abs(mean));
}

bool MovingBand::is_exceeded_by(double value, double deviations) const {
  if (count < kLeastKnown || value <= kLeastOfPeak * peak) return false;
  return value - mean > std::max(deviations * deviation, std::abs(mean));
}

double MovingBand::within(double value, double deviations) const {
  return is_exceeded_by(value, deviations) ? mean + std::max(deviations * deviation, std::abs(mean)) : value;
}

void DeadUnits::on_op(const RecordedOp& op) {
  if (std::string_view(op.name) != "relu" || op.result.rank() < 2 || op.result.dtype() != DType::kF32) return;
  if (!op.result.is_contiguous()) return;
  const auto units = static_cast<size_t>(op.result.size(-1));
  if (use_ == layers_.size()) layers_.push_back({std::vector<uint8_t>(units), 0});
  Layer& layer = layers_[use_++];
  if (layer.alive.size() != units || units == 0) return;
  const float* y = op.result.data<float>();
  const auto count = static_cast<size_t>(op.result.numel());
  for (size_t row = 0; row < count; row += units) {
    for (size_t i = 0; i < units; ++i) layer.alive[i] |= static_cast<uint8_t>(y[row + i] > 0.0f);
  }
  layer.rows += static_cast<int64_t>(count / units);
}

std::optional<double> DeadUnits::worst_part() const {
  std::optional<double> worst;
  for (const Layer& layer : layers_) {
    if (layer.rows < kLeastRows || layer.alive.empty()) continue;
    const auto dead = static_cast<double>(std::count(layer.alive.begin(), layer.alive.end(), uint8_t{0}));
    worst = std::max(worst.value_or(0.0), dead / static_cast<double>(layer.alive.size()));
  }
  return worst;
}

void HealthMonitor::warn(const char* name, std::string text) {
  std::vector<std::string>& warned = state_.warned;
  if (std::find(warned.begin(), warned.end(), name) != warned.end()) return;
  warned.emplace_back(name);
  warnings_.push_back({name, std::move(text)});
}

std::vector<HealthWarning> HealthMonitor::take_warnings() { return std::exchange(warnings_, {}); }

void HealthMonitor::on_weightless(int64_t step) {
  warn("weightless", fmt::format("step {}: nothing in its batch counts (weights of 0, or no pair to compare), so the "
                                 "step changes nothing; a larger train.batch_size would have fewer such steps",
                                 step));
}

void HealthMonitor::on_spike(int64_t step, double loss) {
  ++state_.spikes;
  warn("loss_spike", fmt::format("step {}: the loss is {:.4g}, and was near {:.4g} before: an odd batch, or a learning "
                                 "rate that is too high",
                                 step, loss, state_.loss.mean));
}

void HealthMonitor::look_at_gradient(int64_t step, const StepReport& report) {
  const double norm = report.gradient_norm;
  const MovingBand& band = state_.gradient_norm;
  if (norm == 0.0) {
    warn("zero_gradient", fmt::format("step {}: the gradient is exactly 0, so nothing is learned from it: the loss may "
                                      "be flat here, or all units dead",
                                      step));
  } else if (band.is_exceeded_by(norm, kGradientDeviations) && norm > kGradientFactor * band.mean) {
    warn("gradient_norm", fmt::format("step {}: the gradient's norm is {:.4g}, and was near {:.4g} before: a step on "
                                      "it may undo much; optimizer.clip_norm would shorten it",
                                      step, norm, band.mean));
  }
}

void HealthMonitor::look_at_update(int64_t step, double ratio) {
  state_.large_updates = ratio > kLargeUpdate ? state_.large_updates + 1 : 0;
  state_.small_updates = ratio < kSmallUpdate ? state_.small_updates + 1 : 0;
  if (step >= kSettlingSteps && state_.large_updates >= kLooks) {
    warn("large_updates", fmt::format("step {}: a step changes the weights by {:.2g} of their size: the learning rate "
                                      "may be too high (healthy training is often near 0.001)",
                                      step, ratio));
  }
  if (step >= kSettlingSteps && state_.small_updates >= kLooks) {
    warn("small_updates", fmt::format("step {}: a step changes the weights by only {:.2g} of their size: the learning "
                                      "rate may be too low, or training has come to its end",
                                      step, ratio));
  }
}

void HealthMonitor::on_update(int64_t step, double loss, const StepReport& report, std::optional<double> dead_part) {
  look_at_gradient(step, report);
  if (std::isfinite(report.update_ratio)) look_at_update(step, report.update_ratio);
  if (dead_part) {
    state_.dead_looks = *dead_part > kManyDead ? state_.dead_looks + 1 : 0;
    if (state_.dead_looks >= kLooks) {
      warn("dead_units", fmt::format("step {}: {:.0f}% of the units of a relu layer give 0 for every example of the "
                                     "batch, so they learn nothing: a lower learning rate, or another activation, "
                                     "may keep them alive",
                                     step, 100.0 * *dead_part));
    }
  }
  if (report.clipped) ++state_.clipped_steps;
  state_.loss.add(state_.loss.within(loss, kLossDeviations));
  state_.gradient_norm.add(state_.gradient_norm.within(report.gradient_norm, kGradientDeviations));
}

}  // namespace gradus
