#include <cmath>

#include "gradus/optim/adam.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_adam.h"

namespace gradus {
namespace {

class Radam : public Optimizer {
 public:
  Radam(Parameters parameters, const RadamOptions& options)
      : Optimizer(std::move(parameters), "radam", options.state, options.weight_decay),
        options_(options),
        corrections_(options.beta1, options.beta2),
        own_(this->parameters().size()) {}

 private:
  struct Own {
    Tensor mean, square, steps;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "moment1", &own_[i].mean));
      all.push_back(array_slot(i, "moment2", &own_[i].square));
      all.push_back(number_slot(i, "steps", &own_[i].steps, DType::kI64));
    }
    return all;
  }

  // √((ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ)) for the length ρ of the mean of squares after `step` updates; 0 where
  // that is too short to tell a variance.
  double rectification(int64_t step) const {
    const auto t = static_cast<double>(step);
    const double power = std::pow(options_.beta2, t);
    const double most = 2.0 / (1.0 - options_.beta2) - 1.0;
    const double length = most - 2.0 * t * power / (1.0 - power);
    if (!(length > 5.0)) return 0.0;
    return std::sqrt((length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length));
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    const int64_t own_step = count_in(own.steps);
    corrections_.set(own_step);
    const double factor = rectification(own_step), rate = step.learning_rate / corrections_.first();
    kernels::AdamUpdate rule{.mix = step.mix,
                             .beta1 = options_.beta1,
                             .beta2 = options_.beta2,
                             .epsilon = options_.epsilon,
                             .step = factor > 0.0 ? rate * factor / corrections_.root() : rate,
                             .root = factor > 0.0 ? 1.0 : 0.0,
                             .storage = storage_of(index, own_step)};
    if (options_.decoupled_weight_decay) {
      rule.decay = step.learning_rate * step.weight_decay;
    } else {
      rule.mix.decay = step.weight_decay;
    }
    std::byte* const mean = bytes_of(index, own.mean);
    kernels::update_adam(step.arrays, {mean, bytes_of(index, own.square)}, rule);
  }

  RadamOptions options_;
  detail::Corrections corrections_;
  std::vector<Own> own_;
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
