#include <vector>

#include "gradus/optim/optimizer.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_rms.h"

namespace gradus {
namespace {

class Adagrad : public Optimizer {
 public:
  Adagrad(Parameters parameters, const AdagradOptions& options)
      : Optimizer(std::move(parameters), "adagrad", options.state, options.weight_decay),
        options_(options),
        own_(this->parameters().size()) {}

 private:
  struct Own {
    Tensor sum, steps;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "sum", &own_[i].sum));
      all.push_back(number_slot(i, "steps", &own_[i].steps, DType::kI64));
    }
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    const double rate = proximal_rate(index, step.learning_rate);
    const int64_t own_step = count_in(own.steps);
    if (!own.sum.defined()) {
      own.sum = Tensor::full(parameters()[index].tensor.shape(), options_.initial_sum, state_dtype(index));
    }
    kernels::AdagradUpdate rule{
        .mix = step.mix, .learning_rate = rate, .epsilon = options_.epsilon, .storage = storage_of(index, own_step)};
    rule.mix.decay = step.weight_decay;
    kernels::update_adagrad(step.arrays, {bytes_of(index, own.sum)}, rule);
  }

  double proximal_rate(size_t index, double learning_rate) const override {
    return learning_rate / (1.0 + static_cast<double>(count_of(own_[index].steps)) * options_.rate_decay);
  }

  AdagradOptions options_;
  std::vector<Own> own_;
};

class Adadelta : public Optimizer {
 public:
  Adadelta(Parameters parameters, const AdadeltaOptions& options)
      : Optimizer(std::move(parameters), "adadelta", options.state, options.weight_decay),
        options_(options),
        own_(this->parameters().size()) {}

 private:
  struct Own {
    Tensor square, change;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "square", &own_[i].square));
      all.push_back(array_slot(i, "change", &own_[i].change));
    }
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    kernels::AdadeltaUpdate rule{.mix = step.mix,
                                 .learning_rate = step.learning_rate,
                                 .rho = options_.rho,
                                 .epsilon = options_.epsilon,
                                 .storage = storage_of(index, steps())};
    rule.mix.decay = step.weight_decay;
    std::byte* const square = bytes_of(index, own.square);
    kernels::update_adadelta(step.arrays, {square, bytes_of(index, own.change)}, rule);
  }

  AdadeltaOptions options_;
  std::vector<Own> own_;
};

class Rmsprop : public Optimizer {
 public:
  Rmsprop(Parameters parameters, const RmspropOptions& options)
      : Optimizer(std::move(parameters), "rmsprop", options.state, options.weight_decay),
        options_(options),
        own_(this->parameters().size()) {}

 private:
  struct Own {
    Tensor square, momentum, mean;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "square", &own_[i].square));
      if (options_.momentum > 0.0) all.push_back(array_slot(i, "momentum", &own_[i].momentum));
      if (options_.centered) all.push_back(array_slot(i, "mean", &own_[i].mean));
    }
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    kernels::RmspropUpdate rule{.mix = step.mix,
                                .learning_rate = step.learning_rate,
                                .alpha = options_.alpha,
                                .epsilon = options_.epsilon,
                                .momentum = options_.momentum,
                                .storage = storage_of(index, steps())};
    rule.mix.decay = step.weight_decay;
    kernels::StateArrays state{bytes_of(index, own.square)};
    if (options_.momentum > 0.0) state.second = bytes_of(index, own.momentum);
    if (options_.centered) state.third = bytes_of(index, own.mean);
    kernels::update_rmsprop(step.arrays, state, rule);
  }

  RmspropOptions options_;
  std::vector<Own> own_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adagrad(Parameters parameters, const AdagradOptions& options) {
  detail::check_from_0("adagrad", "weight_decay", options.weight_decay);
  detail::check_from_0("adagrad", "rate_decay", options.rate_decay);
  detail::check_from_0("adagrad", "initial_sum", options.initial_sum);
  detail::check_epsilon("adagrad", "epsilon", options.epsilon, "1e-10");
  return std::make_unique<Adagrad>(std::move(parameters), options);
}

std::unique_ptr<Optimizer> make_adadelta(Parameters parameters, const AdadeltaOptions& options) {
  detail::check_from_0("adadelta", "weight_decay", options.weight_decay);
  detail::check_rate("adadelta", "rho", options.rho);
  detail::check_epsilon("adadelta", "epsilon", options.epsilon, "1e-6");
  return std::make_unique<Adadelta>(std::move(parameters), options);
}

std::unique_ptr<Optimizer> make_rmsprop(Parameters parameters, const RmspropOptions& options) {
  detail::check_from_0("rmsprop", "weight_decay", options.weight_decay);
  detail::check_rate("rmsprop", "alpha", options.alpha);
  detail::check_rate("rmsprop", "momentum", options.momentum);
  detail::check_epsilon("rmsprop", "epsilon", options.epsilon, "1e-8");
  if (options.centered && options.state == DType::kBF16) {
    fail_usage("rmsprop", "centered is true and state is bf16; set state to f32, or centered to false");
  }
  return std::make_unique<Rmsprop>(std::move(parameters), options);
}

}  // namespace gradus
