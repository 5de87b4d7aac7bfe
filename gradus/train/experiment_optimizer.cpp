// The optimizer that a configuration asks for.
#include "gradus/train/experiment.h"

namespace gradus {
namespace {

// Adam and its relatives have these in common.
template <class Options>
Options adam_options(const Config& config) {
  Options o;
  o.weight_decay = config.real("optimizer.weight_decay");
  o.beta1 = config.real("optimizer.beta1");
  o.beta2 = config.real("optimizer.beta2");
  o.epsilon = config.real("optimizer.epsilon");
  return o;
}

std::unique_ptr<Optimizer> make_adam_like(const Config& config, const Parameters& parameters, DType state) {
  const std::string& name = config.text("optimizer.name");
  if (name == "adam") {
    auto o = adam_options<AdamOptions>(config);
    o.amsgrad = config.boolean("optimizer.amsgrad");
    o.state = state;
    return make_adam(parameters, o);
  }
  if (name == "adamax") {
    auto o = adam_options<AdamaxOptions>(config);
    o.state = state;
    return make_adamax(parameters, o);
  }
  if (name == "radam") {
    auto o = adam_options<RadamOptions>(config);
    o.decoupled_weight_decay = config.boolean("optimizer.decoupled_weight_decay");
    o.state = state;
    return make_radam(parameters, o);
  }
  if (name == "nadam") {
    auto o = adam_options<NadamOptions>(config);
    o.momentum_decay = config.real("optimizer.momentum_decay");
    o.state = state;
    return make_nadam(parameters, o);
  }
  if (name == "schedule_free") return make_schedule_free(parameters, adam_options<ScheduleFreeOptions>(config));
  if (name == "muon") {
    auto o = adam_options<MuonOptions>(config);
    o.momentum = config.real("optimizer.momentum");
    o.nesterov = config.boolean("optimizer.nesterov");
    o.match_adamw = config.boolean("optimizer.match_adamw");
    o.adamw_factor = config.real("optimizer.adamw_factor");
    o.state = state;
    return make_muon(parameters, o);
  }
  auto o = adam_options<AdamWOptions>(config);
  o.amsgrad = config.boolean("optimizer.amsgrad");
  o.state = state;
  return make_adamw(parameters, o);
}

DType state_of(const Config& config) {
  return config.has("optimizer.state") ? dtype_from_name(config.text("optimizer.state")) : DType::kF32;
}

// What scales gradients by their squares, element by element or matrix by matrix, but for Adam.
std::unique_ptr<Optimizer> make_scaled(const Config& config, const Parameters& parameters) {
  const std::string& name = config.text("optimizer.name");
  const auto real = [&](const char* key) { return config.real(key); };
  const double weight_decay = real("optimizer.weight_decay"), epsilon = real("optimizer.epsilon");
  const DType state = state_of(config);
  if (name == "adagrad") {
    return make_adagrad(parameters,
                        {weight_decay, real("optimizer.rate_decay"), real("optimizer.initial_sum"), epsilon, state});
  }
  if (name == "adadelta") return make_adadelta(parameters, {weight_decay, real("optimizer.rho"), epsilon, state});
  if (name == "rmsprop") {
    return make_rmsprop(parameters, {weight_decay, real("optimizer.alpha"), real("optimizer.momentum"),
                                     config.boolean("optimizer.centered"), epsilon, state});
  }
  return make_adafactor(parameters, {.weight_decay = weight_decay,
                                     .beta2_decay = real("optimizer.beta2_decay"),
                                     .update_clip = real("optimizer.update_clip"),
                                     .epsilon = epsilon,
                                     .smallest_scale = real("optimizer.smallest_scale")});
}

std::unique_ptr<Optimizer> make_rule(const Config& config, const Parameters& parameters) {
  const std::string& name = config.text("optimizer.name");
  const auto real = [&](const char* key) { return config.real(key); };
  if (name == "lbfgs") return make_lbfgs(parameters, {config.integer("optimizer.history")});
  const DType state = state_of(config);
  if (name == "rprop") {
    return make_rprop(parameters, {real("optimizer.step_decrease"), real("optimizer.step_increase"),
                                   real("optimizer.smallest_step"), real("optimizer.largest_step"), state});
  }
  const double weight_decay = real("optimizer.weight_decay");
  if (name == "sgd") {
    return make_sgd(parameters, {weight_decay, real("optimizer.momentum"), real("optimizer.dampening"),
                                 config.boolean("optimizer.nesterov"), state});
  }
  if (name == "asgd") {
    return make_asgd(parameters,
                     {weight_decay, real("optimizer.asgd_decay"), real("optimizer.power"), real("optimizer.start")});
  }
  if (name == "lion") {
    return make_lion(parameters, {weight_decay, real("optimizer.beta1"), real("optimizer.beta2"), state});
  }
  const auto is = [&](std::string_view other) { return name == other; };
  if (is("adagrad") || is("adadelta") || is("rmsprop") || is("adafactor")) return make_scaled(config, parameters);
  return make_adam_like(config, parameters, state);
}

std::vector<ParameterGroup> groups_of(const Config& config) {
  std::vector<ParameterGroup> groups;
  for (size_t i = 0; i < config.count("optimizer.groups"); ++i) {
    const auto name = [&](const char* key) { return item_name(std::string("optimizer.groups.") + key, i); };
    const auto real = [&](const char* key) {
      return config.has(name(key)) ? std::optional(config.real(name(key))) : std::nullopt;
    };
    const auto boolean = [&](const char* key) {
      return config.has(name(key)) ? std::optional(config.boolean(name(key))) : std::nullopt;
    };
    groups.push_back({.pattern = config.text(name("pattern")),
                      .learning_rate_factor = real("learning_rate_factor"),
                      .weight_decay = real("weight_decay"),
                      .freeze = boolean("freeze"),
                      .muon = boolean("muon")});
  }
  return groups;
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const Config& config, const Parameters& parameters) {
  std::unique_ptr<Optimizer> optimizer = make_rule(config, parameters);
  optimizer->set_groups(groups_of(config));
  if (config.has("optimizer.ema") && config.real("optimizer.ema") > 0.0) {
    optimizer->set_ema(config.real("optimizer.ema"));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    Tensor x = parameters[i].tensor;
    if (optimizer->is_frozen(i)) x.set_requires_grad(false);
  }
  return optimizer;
}

}  // namespace gradus
