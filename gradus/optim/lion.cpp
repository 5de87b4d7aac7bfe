#include <vector>

#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_sgd.h"

namespace gradus {
namespace {

class Lion : public Optimizer {
 public:
  Lion(Parameters parameters, const LionOptions& options)
      : Optimizer(std::move(parameters), "lion", options.state, options.weight_decay),
        options_(options),
        means_(this->parameters().size()) {}

 private:
  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < means_.size(); ++i) all.push_back(array_slot(i, "moment1", &means_[i]));
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    kernels::update_lion(step.arrays, {bytes_of(index, means_[index])},
                         {.mix = step.mix,
                          .beta1 = options_.beta1,
                          .beta2 = options_.beta2,
                          .learning_rate = step.learning_rate,
                          .decay = step.learning_rate * step.weight_decay,
                          .storage = storage_of(index, steps())});
  }

  LionOptions options_;
  std::vector<Tensor> means_;
};

}  // namespace

std::unique_ptr<Optimizer> make_lion(Parameters parameters, const LionOptions& options) {
  detail::check_from_0("lion", "weight_decay", options.weight_decay);
  detail::check_rate("lion", "beta1", options.beta1);
  detail::check_rate("lion", "beta2", options.beta2);
  return std::make_unique<Lion>(std::move(parameters), options);
}

}  // namespace gradus
