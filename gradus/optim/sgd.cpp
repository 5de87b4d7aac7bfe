#include <vector>

#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"

namespace gradus {
namespace {

class Sgd : public Optimizer {
 public:
  Sgd(Parameters parameters, const SgdOptions& options)
      : Optimizer(std::move(parameters), "sgd", options.state),
        options_(options),
        momentum_(this->parameters().size()) {}

 private:
  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    if (options_.momentum == 0.0) return all;
    for (size_t i = 0; i < momentum_.size(); ++i) {
      const auto& [name, x] = parameters()[i];
      all.push_back({name + ".momentum", i, &momentum_[i], x.shape(), state_dtype(i)});
    }
    return all;
  }

  void update(size_t index, const kernels::UpdateArrays& arrays, const kernels::GradientMix& mix,
              double learning_rate) override {
    kernels::SgdUpdate rule{mix, learning_rate, options_.momentum, options_.nesterov};
    rule.mix.value += options_.weight_decay;
    rule.storage = storage_of(index, steps());
    // Momentum starts at 0, so that its first value is the gradient itself.
    std::byte* velocity = options_.momentum > 0.0 ? bytes_of(index, momentum_[index]) : nullptr;
    kernels::update_sgd(arrays, velocity, rule);
  }

  SgdOptions options_;
  std::vector<Tensor> momentum_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(Parameters parameters, const SgdOptions& options) {
  detail::check_from_0("sgd", "weight_decay", options.weight_decay);
  detail::check_option(options.momentum >= 0.0 && options.momentum < 1.0, "sgd", "momentum", options.momentum,
                       "a number from 0, below 1");
  if (options.nesterov && options.momentum == 0.0) {
    fail_usage("sgd", "nesterov is true and momentum is 0; set momentum above 0, e.g. 0.9");
  }
  return std::make_unique<Sgd>(std::move(parameters), options);
}

}  // namespace gradus
