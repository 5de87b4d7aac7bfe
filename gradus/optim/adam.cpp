#include "gradus/optim/adam.h"

#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/update_adam.h"

namespace gradus {
namespace detail {

Adam::Adam(Parameters parameters, std::string_view name, const AdamWOptions& options, bool decoupled)
    : Optimizer(std::move(parameters), name, options.state, options.weight_decay),
      options_(options),
      decoupled_(decoupled),
      corrections_(options.beta1, options.beta2),
      moments_(this->parameters().size()) {}

void Adam::add_slots(size_t index, std::vector<StateSlot>& all) {
  Moments& own = moments_[index];
  all.push_back(array_slot(index, "moment1", &own.mean));
  all.push_back(array_slot(index, "moment2", &own.square));
  if (options_.amsgrad) all.push_back(array_slot(index, "largest", &own.largest));
  all.push_back(number_slot(index, "steps", &own.steps, DType::kI64));
}

std::vector<StateSlot> Adam::slots() {
  std::vector<StateSlot> all;
  for (size_t i = 0; i < moments_.size(); ++i) add_slots(i, all);
  return all;
}

void Adam::update(size_t index, const ParameterStep& step) {
  Moments& moments = moments_[index];
  const int64_t own_step = count_in(moments.steps);
  corrections_.set(own_step);
  kernels::AdamUpdate rule{.mix = step.mix,
                           .beta1 = options_.beta1,
                           .beta2 = options_.beta2,
                           .epsilon = options_.epsilon,
                           .decay = decoupled_ ? step.learning_rate * step.weight_decay : 0.0,
                           .step = step.learning_rate / corrections_.first(),
                           .root = corrections_.root(),
                           .storage = storage_of(index, own_step)};
  if (!decoupled_) rule.mix.decay = step.weight_decay;
  adjust(rule, own_step);
  kernels::StateArrays state{bytes_of(index, moments.mean), bytes_of(index, moments.square)};
  if (options_.amsgrad) state.third = bytes_of(index, moments.largest);
  kernels::update_adam(step.arrays, state, rule);
}

}  // namespace detail
namespace {

using detail::Adam;
using detail::Corrections;

class Nadam : public Optimizer {
 public:
  Nadam(Parameters parameters, const NadamOptions& options)
      : Optimizer(std::move(parameters), "nadam", options.state, options.weight_decay),
        options_(options),
        corrections_(options.beta1, options.beta2),
        moments_(this->parameters().size()) {}

 private:
  struct Moments {
    Tensor mean, square, product, steps;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < moments_.size(); ++i) {
      all.push_back(array_slot(i, "moment1", &moments_[i].mean));
      all.push_back(array_slot(i, "moment2", &moments_[i].square));
      all.push_back(number_slot(i, "product", &moments_[i].product, DType::kF64));
      all.push_back(number_slot(i, "steps", &moments_[i].steps, DType::kI64));
    }
    return all;
  }

  double momentum_at(int64_t step) const {
    return options_.beta1 * (1.0 - 0.5 * std::pow(0.96, static_cast<double>(step) * options_.momentum_decay));
  }

  void update(size_t index, const ParameterStep& step) override {
    Moments& moments = moments_[index];
    const int64_t own_step = count_in(moments.steps);
    corrections_.set(own_step);
    if (!moments.product.defined()) moments.product = Tensor::full({}, 1.0, DType::kF64);
    const double now = momentum_at(own_step), next = momentum_at(own_step + 1);
    const double product = *moments.product.mutable_data<double>() *= now;
    kernels::AdamUpdate rule{.mix = step.mix,
                             .beta1 = options_.beta1,
                             .beta2 = options_.beta2,
                             .epsilon = options_.epsilon,
                             .step = step.learning_rate * next / (1.0 - product * next),
                             .root = corrections_.root(),
                             .gradient_step = step.learning_rate * (1.0 - now) / (1.0 - product),
                             .storage = storage_of(index, own_step)};
    rule.mix.decay = step.weight_decay;
    std::byte* mean = bytes_of(index, moments.mean);
    kernels::update_adam(step.arrays, {mean, bytes_of(index, moments.square)}, rule);
  }

  NadamOptions options_;
  Corrections corrections_;
  std::vector<Moments> moments_;
};

template <class Options>
void check(std::string_view name, const Options& options) {
  detail::check_from_0(name, "weight_decay", options.weight_decay);
  detail::check_rate(name, "beta1", options.beta1);
  detail::check_rate(name, "beta2", options.beta2);
  detail::check_epsilon(name, "epsilon", options.epsilon, "1e-8");
}

}  // namespace

std::unique_ptr<Optimizer> make_adamw(Parameters parameters, const AdamWOptions& options) {
  check("adamw", options);
  return std::make_unique<Adam>(std::move(parameters), "adamw", options, true);
}

std::unique_ptr<Optimizer> make_adam(Parameters parameters, const AdamOptions& options) {
  check("adam", options);
  const AdamWOptions same{options.weight_decay, options.beta1,   options.beta2,
                          options.epsilon,      options.amsgrad, options.state};
  return std::make_unique<Adam>(std::move(parameters), "adam", same, false);
}

std::unique_ptr<Optimizer> make_nadam(Parameters parameters, const NadamOptions& options) {
  check("nadam", options);
  detail::check_from_0("nadam", "momentum_decay", options.momentum_decay);
  return std::make_unique<Nadam>(std::move(parameters), options);
}

}  // namespace gradus
