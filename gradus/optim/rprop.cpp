#include <cmath>
#include <vector>

#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_rprop.h"

namespace gradus {
namespace {

class Rprop : public Optimizer {
 public:
  Rprop(Parameters parameters, const RpropOptions& options)
      : Optimizer(std::move(parameters), "rprop", options.state, 0.0),
        options_(options),
        own_(this->parameters().size()) {}

  const char* no_proximal_reason() const override {
    return "rprop has a step size for each element, which is not what a penalty would be multiplied by";
  }

 private:
  struct Own {
    Tensor gradient, size;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "gradient", &own_[i].gradient));
      all.push_back(array_slot(i, "step_size", &own_[i].size));
    }
    return all;
  }

  void check_group(const ParameterGroup& group) const override {
    Optimizer::check_group(group);
    if (!group.weight_decay) return;
    fail_usage(name(), "the group \"{}\" has a weight_decay, and only signs of gradients count; take a penalty instead",
               group.pattern);
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    if (!own.size.defined()) {
      own.size = Tensor::full(parameters()[index].tensor.shape(), step.learning_rate, state_dtype(index));
    }
    std::byte* const gradient = bytes_of(index, own.gradient);
    kernels::update_rprop(step.arrays, {gradient, bytes_of(index, own.size)},
                          {.mix = step.mix,
                           .decrease = options_.step_decrease,
                           .increase = options_.step_increase,
                           .smallest = options_.smallest_step,
                           .largest = options_.largest_step,
                           .storage = storage_of(index, steps())});
  }

  RpropOptions options_;
  std::vector<Own> own_;
};

}  // namespace

std::unique_ptr<Optimizer> make_rprop(Parameters parameters, const RpropOptions& options) {
  constexpr std::string_view kName = "rprop";
  detail::check_option(options.step_decrease > 0.0 && options.step_decrease < 1.0, kName, "step_decrease",
                       options.step_decrease, "a number above 0, below 1");
  detail::check_option(options.step_increase > 1.0 && std::isfinite(options.step_increase), kName, "step_increase",
                       options.step_increase, "a finite number above 1");
  detail::check_from_0(kName, "smallest_step", options.smallest_step);
  detail::check_option(options.largest_step >= options.smallest_step && std::isfinite(options.largest_step), kName,
                       "largest_step", options.largest_step, "a finite number from smallest_step");
  return std::make_unique<Rprop>(std::move(parameters), options);
}

}  // namespace gradus
