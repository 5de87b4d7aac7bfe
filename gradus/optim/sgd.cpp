#include <algorithm>
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
    // Momentum starts at 0, so that its first value is the gradient itself.
    const bool dampened = momentum_[index].defined();
    kernels::SgdUpdate rule{.mix = step.mix,
                            .learning_rate = step.learning_rate,
                            .momentum = options_.momentum,
                            .part = dampened ? 1.0 - options_.dampening : 1.0,
                            .nesterov = options_.nesterov,
                            .storage = storage_of(index, steps())};
    rule.mix.decay = step.weight_decay;
    std::byte* velocity = options_.momentum > 0.0 ? bytes_of(index, momentum_[index]) : nullptr;
    kernels::update_sgd(step.arrays, {velocity}, rule);
  }

  // A gradient that stays is (1 − dampening)/(1 − μ) times itself in the velocity, Nesterov's too; penalties have to
  // keep up with it.
  double proximal_rate(size_t /*index*/, double learning_rate) const override {
    return learning_rate * (1.0 - options_.dampening) / (1.0 - options_.momentum);
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
    Tensor average, rate, steps;
  };

  std::vector<StateSlot> slots() override {
    std::vector<StateSlot> all;
    for (size_t i = 0; i < own_.size(); ++i) {
      all.push_back(array_slot(i, "average", &own_[i].average));
      all.push_back(number_slot(i, "rate", &own_[i].rate, DType::kF64));
      all.push_back(number_slot(i, "steps", &own_[i].steps, DType::kI64));
    }
    return all;
  }

  void update(size_t index, const ParameterStep& step) override {
    Own& own = own_[index];
    const double rate = proximal_rate(index, step.learning_rate);
    const auto done = static_cast<double>(count_in(own.steps));
    if (!own.rate.defined()) own.rate = Tensor::zeros({}, DType::kF64);
    *own.rate.mutable_data<double>() =
        step.learning_rate / std::pow(1.0 + options_.asgd_decay * step.learning_rate * done, options_.power);
    kernels::AsgdUpdate rule{
        .mix = step.mix, .learning_rate = rate, .decay = rate * options_.asgd_decay, .part = part_of(own)};
    rule.mix.decay = step.weight_decay;
    std::byte* const average = bytes_of(index, own.average);
    kernels::update_asgd(step.arrays, {step.changes_after ? nullptr : average}, rule);
  }

  // What the update before left for this one.
  double proximal_rate(size_t index, double learning_rate) const override {
    const Tensor& rate = own_[index].rate;
    return rate.defined() ? *rate.data<double>() : learning_rate;
  }

  void move_average(size_t index) override {
    Own& own = own_[index];
    const Tensor& x = parameters()[index].tensor;
    const double part = part_of(own);
    if (part == 1.0) {
      std::copy_n(x.bytes(), x.numel() * size_of(x.dtype()), own.average.mutable_bytes());
    } else {
      kernels::update_average(x.dtype(), x.numel(), x.bytes(), own.average.mutable_bytes(), part);
    }
  }

  // What the last update moves the average by.
  double part_of(const Own& own) const {
    return 1.0 / std::max(1.0, static_cast<double>(count_of(own.steps) - 1) - options_.start);
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
  detail::check_rate("sgd", "dampening", options.dampening);
  if (options.nesterov && options.momentum == 0.0) {
    fail_usage("sgd", "nesterov is true and momentum is 0; set momentum above 0, e.g. 0.9");
  }
  if (options.dampening > 0.0 && (options.nesterov || options.momentum == 0.0)) {
    fail_usage("sgd", "dampening is {}, but there is {}; set dampening to 0", options.dampening,
               options.nesterov ? "Nesterov's momentum, which is without" : "no momentum");
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
