#include <cmath>
#include <vector>

#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"

namespace gradus {
namespace {

class AdamW : public Optimizer {
 public:
  AdamW(Parameters parameters, const AdamWOptions& options)
      : Optimizer(std::move(parameters), "adamw", options.state),
        options_(options),
        moments_(this->parameters().size()) {}

 private:
  struct Moments {
    Tensor mean, square;
    Tensor steps;  // i64: a parameter that gets its first gradient late is corrected as if it began then
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < moments_.size(); ++i) {
      const auto& [name, x] = parameters()[i];
      const DType dtype = state_dtype(i);
      all.push_back({name + ".moment1", i, &moments_[i].mean, x.shape(), dtype});
      all.push_back({name + ".moment2", i, &moments_[i].square, x.shape(), dtype});
      all.push_back({name + ".steps", i, &moments_[i].steps, {}, DType::kI64});
    }
    return all;
  }

  void update(size_t index, const kernels::UpdateArrays& arrays, const kernels::GradientMix& mix,
              double learning_rate) override {
    Moments& moments = moments_[index];
    if (!moments.steps.defined()) moments.steps = Tensor::zeros({}, DType::kI64);
    const int64_t own_step = ++*moments.steps.mutable_data<int64_t>();
    correct_for(own_step);
    const kernels::AdamWUpdate rule{.mix = mix,
                                    .beta1 = options_.beta1,
                                    .beta2 = options_.beta2,
                                    .epsilon = options_.epsilon,
                                    .decay = learning_rate * options_.weight_decay,
                                    .step = learning_rate / correction1_,
                                    .root = 1.0 / std::sqrt(correction2_),
                                    .storage = storage_of(index, own_step)};
    std::byte* mean = bytes_of(index, moments.mean);
    kernels::update_adamw(arrays, mean, bytes_of(index, moments.square), rule);
  }

  // Powers are slow beside a small parameter, and nearly always the same for all parameters of a step.
  void correct_for(int64_t steps) {
    if (steps == corrected_steps_) return;
    corrected_steps_ = steps;
    correction1_ = 1.0 - std::pow(options_.beta1, static_cast<double>(steps));
    correction2_ = 1.0 - std::pow(options_.beta2, static_cast<double>(steps));
  }

  AdamWOptions options_;
  std::vector<Moments> moments_;
  int64_t corrected_steps_ = 0;
  double correction1_ = 1.0, correction2_ = 1.0;
};

void check_beta(std::string_view name, double beta) {
  detail::check_option(beta >= 0.0 && beta < 1.0, "adamw", name, beta, "a number from 0, below 1");
}

}  // namespace

std::unique_ptr<Optimizer> make_adamw(Parameters parameters, const AdamWOptions& options) {
  detail::check_from_0("adamw", "weight_decay", options.weight_decay);
  check_beta("beta1", options.beta1);
  check_beta("beta2", options.beta2);
  detail::check_option(options.epsilon > 0.0 && std::isfinite(options.epsilon), "adamw", "epsilon", options.epsilon,
                       "a finite number above 0, e.g. 1e-8");
  return std::make_unique<AdamW>(std::move(parameters), options);
}

}  // namespace gradus
