#include <cmath>
#include <vector>

#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_sgd.h"

namespace gradus {
namespace {

class Sgd : public Optimizer {
 public:
  Sgd(Parameters parameters, const SgdOptions& options)
      : Optimizer(std::move(parameters), "sgd", options.state, options.weight_decay),
        options_(options),
        momentum_(this->parameters().size()) {}

 private:
  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    if (options_.momentum == 0.0) return all;
    for (size_t i = 0; i < momentum_.size(); ++i) all.push_back(array_slot(i, "momentum", &momentum_[i]));
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    kernels::SgdUpdate rule{step.mix, step.learning_rate, options_.momentum, options_.nesterov};
    rule.mix.decay = step.weight_decay;
    rule.storage = storage_of(index, steps());
    // Momentum starts at 0, so that its first value is the gradient itself.
    std::byte* velocity = options_.momentum > 0.0 ? bytes_of(index, momentum_[index]) : nullptr;
    kernels::update_sgd(step.arrays, {velocity}, rule);
  }

  SgdOptions options_;
  std::vector<Tensor> momentum_;
};

class Asgd : public Optimizer {
 public:
  Asgd(Parameters parameters, const AsgdOptions& options)
      : Optimizer(std::move(parameters), "asgd", DType::kF32, options.weight_decay),
        options_(options),
        own_(this->parameters().size()) {}

 private:
  struct Own {
    Tensor average, steps;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "average", &own_[i].average));
      all.push_back(number_slot(i, "steps", &own_[i].steps, DType::kI64));
    }
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    const auto before = static_cast<double>(count_in(own.steps) - 1);
    const double rate =
        step.learning_rate / std::pow(1.0 + options_.asgd_decay * step.learning_rate * before, options_.power);
    kernels::AsgdUpdate rule{.mix = step.mix,
                             .learning_rate = rate,
                             .decay = rate * options_.asgd_decay,
                             .part = 1.0 / std::max(1.0, before - options_.start)};
    rule.mix.decay = step.weight_decay;
    kernels::update_asgd(step.arrays, {bytes_of(index, own.average)}, rule);
  }

  bool has_average() const override { return true; }
  Tensor average(size_t index) override { return own_[index].average; }

  AsgdOptions options_;
  std::vector<Own> own_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(Parameters parameters, const SgdOptions& options) {
  detail::check_from_0("sgd", "weight_decay", options.weight_decay);
  detail::check_rate("sgd", "momentum", options.momentum);
  if (options.nesterov && options.momentum == 0.0) {
    fail_usage("sgd", "nesterov is true and momentum is 0; set momentum above 0, e.g. 0.9");
  }
  return std::make_unique<Sgd>(std::move(parameters), options);
}

std::unique_ptr<Optimizer> make_asgd(Parameters parameters, const AsgdOptions& options) {
  detail::check_from_0("asgd", "weight_decay", options.weight_decay);
  detail::check_from_0("asgd", "asgd_decay", options.asgd_decay);
  detail::check_from_0("asgd", "power", options.power);
  detail::check_from_0("asgd", "start", options.start);
  return std::make_unique<Asgd>(std::move(parameters), options);
}

}  // namespace gradus
