// Adam's state and update, which AdamW, Adam, RAdam and (for what is no matrix) Muon share.
#pragma once

#include <cmath>
#include <vector>

#include "gradus/optim/optimizer.h"

namespace gradus::kernels {
struct AdamUpdate;
}

namespace gradus::detail {

/// 1 − betaᵗ: what a mean that started at 0 is divided by.
class Corrections {
 public:
  Corrections(double beta1, double beta2) : beta1_(beta1), beta2_(beta2) {}

  // Powers are slow beside a small parameter, and nearly always the same for all parameters of a step.
  void set(int64_t steps) {
    if (steps == steps_) return;
    steps_ = steps;
    first_ = 1.0 - std::pow(beta1_, static_cast<double>(steps));
    root_ = 1.0 / std::sqrt(1.0 - std::pow(beta2_, static_cast<double>(steps)));
  }
  /// 1 − beta1ᵗ.
  double first() const { return first_; }
  /// 1 / √(1 − beta2ᵗ).
  double root() const { return root_; }

 private:
  double beta1_, beta2_;
  int64_t steps_ = 0;
  double first_ = 1.0, root_ = 1.0;
};

/// Adam with decoupled (AdamW's) or coupled weight decay.
class Adam : public Optimizer {
 public:
  Adam(Parameters parameters, std::string_view name, const AdamWOptions& options, bool decoupled);

 protected:
  void add_slots(size_t index, std::vector<StateSlot>& all);
  std::vector<StateSlot> slots() override;
  void update(size_t index, const ParameterStep& step) override;
  /// What another rule makes of the update after a parameter's own number of steps.
  virtual void adjust(kernels::AdamUpdate& /*rule*/, int64_t /*own_step*/) const {}

 private:
  struct Moments {
    Tensor mean, square, largest;
    Tensor steps;  // i64: a parameter that gets its first gradient late is corrected as if it began then
  };

  AdamWOptions options_;
  bool decoupled_;
  Corrections corrections_;
  std::vector<Moments> moments_;
};

}  // namespace gradus::detail
