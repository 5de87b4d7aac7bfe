#include "gradus/optim/adam.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_adam.h"

namespace gradus {
namespace {

class Adamax : public Optimizer {
 public:
  Adamax(Parameters parameters, const AdamaxOptions& options)
      : Optimizer(std::move(parameters), "adamax", options.state, options.weight_decay),
        options_(options),
        corrections_(options.beta1, options.beta2),
        own_(this->parameters().size()) {}

 private:
  struct Own {
    Tensor mean, largest, steps;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "moment1", &own_[i].mean));
      all.push_back(array_slot(i, "largest", &own_[i].largest));
      all.push_back(number_slot(i, "steps", &own_[i].steps, DType::kI64));
    }
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    const int64_t own_step = count_in(own.steps);
    corrections_.set(own_step);
    kernels::AdamaxUpdate rule{.mix = step.mix,
                               .beta1 = options_.beta1,
                               .beta2 = options_.beta2,
                               .epsilon = options_.epsilon,
                               .step = step.learning_rate / corrections_.first(),
                               .storage = storage_of(index, own_step)};
    rule.mix.decay = step.weight_decay;
    std::byte* const mean = bytes_of(index, own.mean);
    kernels::update_adamax(step.arrays, {mean, bytes_of(index, own.largest)}, rule);
  }

  AdamaxOptions options_;
  detail::Corrections corrections_;
  std::vector<Own> own_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adamax(Parameters parameters, const AdamaxOptions& options) {
  detail::check_from_0("adamax", "weight_decay", options.weight_decay);
  detail::check_rate("adamax", "beta1", options.beta1);
  detail::check_rate("adamax", "beta2", options.beta2);
  detail::check_epsilon("adamax", "epsilon", options.epsilon, "1e-8");
  return std::make_unique<Adamax>(std::move(parameters), options);
}

}  // namespace gradus
