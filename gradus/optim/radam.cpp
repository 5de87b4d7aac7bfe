#include <cmath>

#include "gradus/optim/adam.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_adam.h"

namespace gradus {
namespace {

class Radam : public detail::Adam {
 public:
  Radam(Parameters parameters, const RadamOptions& options)
      : Adam(std::move(parameters), "radam",
             {.weight_decay = options.weight_decay,
              .beta1 = options.beta1,
              .beta2 = options.beta2,
              .epsilon = options.epsilon,
              .state = options.state},
             options.decoupled_weight_decay),
        beta2_(options.beta2) {}

 private:
  // √((ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ)) for the length ρ of the mean of squares after `step` updates; 0 where
  // that is too short to tell a variance.
  double rectification(int64_t step) const {
    const auto t = static_cast<double>(step);
    const double power = std::pow(beta2_, t);
    const double most = 2.0 / (1.0 - beta2_) - 1.0;
    const double length = most - 2.0 * t * power / (1.0 - power);
    if (!(length > 5.0)) return 0.0;
    return std::sqrt((length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length));
  }

  void adjust(kernels::AdamUpdate& rule, int64_t own_step) const override {
    const double factor = rectification(own_step);
    if (factor > 0.0) rule.step = rule.step * factor / rule.root;
    rule.root = factor > 0.0 ? 1.0 : 0.0;
  }

  double beta2_;
};

}  // namespace

std::unique_ptr<Optimizer> make_radam(Parameters parameters, const RadamOptions& options) {
  detail::check_from_0("radam", "weight_decay", options.weight_decay);
  detail::check_rate("radam", "beta1", options.beta1);
  detail::check_rate("radam", "beta2", options.beta2);
  detail::check_epsilon("radam", "epsilon", options.epsilon, "1e-8");
  return std::make_unique<Radam>(std::move(parameters), options);
}

}  // namespace gradus
