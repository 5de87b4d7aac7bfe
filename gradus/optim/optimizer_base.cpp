#include "gradus/optim/optimizer_base.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/vector.h"

namespace gradus {
namespace {

constexpr double kClipEpsilon = 1e-6;  // as in torch.nn.utils.clip_grad_norm_

void check(const StepOptions& o) {
  detail::check_from_0("optimizer", "learning_rate", o.learning_rate);
  detail::check_option(o.gradient_divisor > 0.0 && std::isfinite(o.gradient_divisor), "optimizer", "gradient_divisor",
                       o.gradient_divisor, "a finite number above 0: the total weight of the step's losses");
  detail::check_from_0("optimizer", "clip_norm", o.clip_norm);
  detail::check_from_0("optimizer", "clip_value", o.clip_value);
  detail::check_from_0("optimizer", "l1", o.penalty.l1);
  detail::check_from_0("optimizer", "l2", o.penalty.l2);
  check(o.proximal);
  check(o.noise);
}

bool is_penalized(const Tensor& x, const PenaltyOptions& penalty) { return penalty.all || x.rank() >= 2; }

// The gradient of the loss and the penalties, times `clip`.
kernels::GradientMix mix_for(const Tensor& x, const StepOptions& o, double clip) {
  kernels::GradientMix mix{.gradient = clip / o.gradient_divisor};
  if (o.clip_value > 0.0) mix.limit = clip * o.clip_value;
  if (!is_penalized(x, o.penalty)) return mix;
  mix.sign = clip * o.penalty.l1;
  mix.value = clip * o.penalty.l2;
  return mix;
}

kernels::UpdateArrays arrays_of(Tensor& x) { return {x.dtype(), x.numel(), x.state()->data, x.grad().bytes()}; }

double squares_of(const Tensor& x) { return kernels::sum_of_squares(x.dtype(), x.numel(), x.bytes()); }

void check_state(const Parameters& parameters, std::string_view optimizer, DType state) {
  if (state != DType::kF32 && state != DType::kBF16) {
    fail_usage(optimizer, "state is {}; expected f32 or bf16", name_of(state));
  }
  for (const Parameter& p : parameters) {
    if (state == DType::kBF16 && p.tensor.dtype() != DType::kF32) {
      fail_usage(optimizer, "state is bf16 and parameter \"{}\" is {}; bf16 is for parameters of f32", p.name,
                 p.tensor.describe());
    }
  }
}

void check(const ParameterGroup& group, const Parameters& parameters, std::string_view optimizer) {
  if (group.learning_rate_factor) {
    detail::check_from_0(optimizer, "learning_rate_factor of a group", *group.learning_rate_factor);
  }
  if (group.weight_decay) detail::check_from_0(optimizer, "weight_decay of a group", *group.weight_decay);
  const auto fits = [&](const Parameter& p) { return fits_pattern(group.pattern, p.name); };
  if (std::any_of(parameters.begin(), parameters.end(), fits)) return;
  constexpr size_t kMostNames = 5;
  std::string names;
  for (size_t i = 0; i < std::min(parameters.size(), kMostNames); ++i) names += fmt::format(" {}", parameters[i].name);
  if (parameters.size() > kMostNames) names += " …";
  fail_usage(optimizer, "the pattern \"{}\" of a group fits no parameter; their names are{}", group.pattern, names);
}

}  // namespace

// Where a star was passed last, and what of the name it has to take: going back to the last one is enough.
bool fits_pattern(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

Optimizer::Optimizer(Parameters parameters, std::string_view name, DType state, double weight_decay)
    : parameters_(std::move(parameters)),
      name_(name),
      state_(state),
      settings_(parameters_.size(), Settings{.weight_decay = weight_decay}),
      ema_(parameters_.size()) {
  std::map<const void*, const Parameter*> seen;
  for (const Parameter& p : parameters_) {
    if (!p.tensor.defined()) fail("optimizer", "parameter \"{}\" is undefined", p.name);
    if (!is_float(p.tensor.dtype()) || !p.tensor.is_contiguous()) {
      fail("optimizer", "parameter \"{}\" is {}{}; expected contiguous f32 or f64", p.name, p.tensor.describe(),
           p.tensor.is_contiguous() ? "" : ", not contiguous");
    }
    const auto [first, is_new] = seen.emplace(p.tensor.state(), &p);
    if (!is_new) {
      fail("optimizer", "parameters \"{}\" and \"{}\" are one tensor; list it once", first->second->name, p.name);
    }
  }
  check_state(parameters_, name, state);
}

void Optimizer::check_group(const ParameterGroup& group) const {
  if (group.muon) fail_usage(name_, "\"muon\" of the group \"{}\" is for the optimizer muon; remove it", group.pattern);
}

void Optimizer::set_groups(const std::vector<ParameterGroup>& groups) {
  for (const ParameterGroup& group : groups) {
    check(group, parameters_, name_);
    check_group(group);
  }
  for (const ParameterGroup& group : groups) {
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (!fits_pattern(group.pattern, parameters_[i].name)) continue;
      Settings& own = settings_[i];
      own.learning_rate_factor = group.learning_rate_factor.value_or(own.learning_rate_factor);
      own.weight_decay = group.weight_decay.value_or(own.weight_decay);
      own.frozen = group.freeze.value_or(own.frozen);
      apply_group(i, group);
    }
  }
  const auto frozen = [](const Settings& own) { return own.frozen; };
  if (!groups.empty() && std::all_of(settings_.begin(), settings_.end(), frozen)) {
    fail_usage(name_, "all {} parameters are frozen; leave some to train", parameters_.size());
  }
}

void Optimizer::set_ema(double decay) {
  detail::check_option(decay > 0.0 && decay < 1.0, name_, "ema", decay, "a number above 0, below 1, e.g. 0.999");
  if (needs_evaluation()) fail_usage(name_, "ema is {}; an average has no use where each step finds a minimum", decay);
  if (has_average()) fail_usage(name_, "ema is {}, but {} makes an average of its own; leave ema out", decay, name_);
  ema_decay_ = decay;
}

Parameters Optimizer::averages() {
  if (!makes_averages()) return {};
  Parameters all;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor own = ema_decay_ > 0.0 ? ema_[i] : average(i);
    all.push_back({parameters_[i].name, own.defined() ? own : parameters_[i].tensor});
  }
  return all;
}

// Sums up what there is, and says in `clip` by what clipping the norm multiplies.
StepReport Optimizer::measure(const StepOptions& o, double& clip) {
  StepReport report;
  double squares = 0.0, limited_squares = 0.0;
  bool any = false;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& p = parameters_[i];
    if (is_frozen(i)) p.tensor.set_grad({});
    const Tensor& gradient = p.tensor.grad();
    if (!gradient.defined()) continue;
    any = true;
    if (!gradient.is_contiguous()) p.tensor.set_grad(kernels::contiguous(gradient));
    if (o.noise.variance > 0.0) {
      p.tensor.set_grad(with_noise(p.tensor.grad(), p.name, steps_, o.gradient_divisor, o.noise));
    }
    const kernels::GradientSums sums = kernels::measure_gradient(arrays_of(p.tensor), mix_for(p.tensor, o, 1.0));
    squares += sums.squares;
    limited_squares += o.clip_value > 0.0 ? sums.limited_squares : sums.squares;
    if (!std::isfinite(sums.squares)) {
      ++report.not_finite;
      report.last_not_finite = &p;
    }
    if (o.proximal.any()) report.penalty += proximal_penalty(p.tensor, o.proximal);
    // No product with a factor of 0: the sums may have overflowed.
    if (!is_penalized(p.tensor, o.penalty)) continue;
    if (o.penalty.l1 > 0.0) report.penalty += o.penalty.l1 * sums.value_sizes;
    if (o.penalty.l2 > 0.0) report.penalty += 0.5 * o.penalty.l2 * sums.value_squares;
  }
  if (!any) {
    fail_usage("optimizer", "none of the {} parameters has a gradient; call backward before each step",
               parameters_.size());
  }
  report.gradient_norm = std::sqrt(squares);
  report.finite = std::isfinite(report.gradient_norm);
  clip = o.clip_norm > 0.0 ? std::min(1.0, o.clip_norm / (std::sqrt(limited_squares) + kClipEpsilon)) : 1.0;
  report.clipped = report.finite && (clip < 1.0 || limited_squares < squares);
  return report;
}

// With a place for the sums, it adds what the update changed and what it left.
void Optimizer::update_one(size_t index, const StepOptions& options, double clip, UpdateSums* sums) {
  Tensor& x = parameters_[index].tensor;
  const Settings& own = settings_[index];
  Tensor before;
  if (sums != nullptr) before = x.clone();
  Tensor& ema = ema_[index];
  if (ema_decay_ > 0.0 && !ema.defined()) ema = x.clone();
  x.mutable_bytes();  // marks it as changed, so that a tape that saved it can tell
  const bool changes_after = options.proximal.any();
  const double learning_rate = options.learning_rate * own.learning_rate_factor;
  const double proximal_rate = this->proximal_rate(index, learning_rate);
  update(index, {.arrays = arrays_of(x),
                 .mix = mix_for(x, options, clip),
                 .learning_rate = learning_rate,
                 .weight_decay = own.weight_decay,
                 .changes_after = changes_after});
  if (changes_after) {
    proximal_step(x, proximal_rate, options.proximal);
    move_average(index);
  }
  if (ema_decay_ > 0.0) {
    kernels::update_average(x.dtype(), x.numel(), x.bytes(), ema.mutable_bytes(), 1.0 - ema_decay_);
  }
  if (sums == nullptr) return;
  kernels::add_scaled(before, -1.0, x);
  sums->change_squares += squares_of(before);
  sums->value_squares += squares_of(x);
}

int64_t Optimizer::update_bytes() const {
  int64_t most = 0;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& x = parameters_[i].tensor;
    if (!is_frozen(i)) most = std::max(most, x.numel() * size_of(x.dtype()));
  }
  return most;
}

void Optimizer::update_all(const StepOptions& options, double clip, double /*penalty*/, UpdateSums* sums) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& x = parameters_[i].tensor;
    if (!x.grad().defined()) continue;
    update_one(i, options, clip, sums);
    x.set_grad({});  // its memory is the next parameter's
  }
}

double Optimizer::take_gradients(const StepOptions& options, std::vector<Tensor>& gradients) {
  gradients.clear();
  double clip = 1.0;
  const double penalty = measure(options, clip).penalty;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& x = parameters_[i].tensor;
    if (is_frozen(i)) continue;
    Tensor gradient = Tensor::empty(x.shape(), x.dtype());
    kernels::mix_gradient(arrays_of(x), mix_for(x, options, 1.0), gradient.mutable_bytes());
    gradients.push_back(std::move(gradient));
    x.set_grad({});
  }
  return penalty;
}

void Optimizer::check_step(const StepOptions& options) const {
  check(options);
  if (options.proximal.any() && no_proximal_reason() != nullptr) {
    fail_usage(name_,
               "a proximal step or max_norm changes weights after their update, but {}; use a penalty, or another "
               "optimizer",
               no_proximal_reason());
  }
  if (options.noise.variance > 0.0 && needs_evaluation()) {
    fail_usage(name_, "the gradient noise has variance {}; expected 0: a line search needs the gradient of the loss",
               options.noise.variance);
  }
}

StepReport Optimizer::step(const StepOptions& options) {
  check_step(options);
  double clip = 1.0;
  StepReport report = measure(options, clip);
  UpdateSums sums;
  if (report.finite) update_all(options, clip, report.penalty, options.measure_update ? &sums : nullptr);
  for (Parameter& p : parameters_) p.tensor.set_grad({});
  if (!report.finite) return report;
  ++steps_;
  if (options.measure_update) report.update_ratio = std::sqrt(sums.change_squares / sums.value_squares);
  return report;
}

std::vector<StateSlot> Optimizer::all_slots() {
  std::vector<StateSlot> all = slots();
  if (ema_decay_ > 0.0) {
    for (size_t i = 0; i < parameters_.size(); ++i) {
      all.push_back(
          {parameters_[i].name + ".ema", i, &ema_[i], parameters_[i].tensor.shape(), parameters_[i].tensor.dtype()});
    }
  }
  std::erase_if(
      all, [&](const StateSlot& slot) { return slot.parameter < parameters_.size() && is_frozen(slot.parameter); });
  return all;
}

Parameters Optimizer::state() {
  Parameters all;
  for (const StateSlot& slot : all_slots()) {
    if (slot.tensor->defined()) all.push_back({slot.name, *slot.tensor});
  }
  return all;
}

int64_t Optimizer::state_bytes() {
  int64_t bytes = 0;
  for (const StateSlot& slot : all_slots()) bytes += slot.shape.numel() * size_of(slot.dtype);
  return bytes;
}

void Optimizer::plan_state() {
  for (const StateSlot& slot : all_slots()) {
    if (!slot.tensor->defined()) *slot.tensor = Tensor::empty(slot.shape, slot.dtype);
  }
}

void Optimizer::restore(int64_t steps, const std::vector<std::pair<std::string, Tensor>>& state,
                        std::string_view source) {
  std::map<std::string_view, const Tensor*> given;
  for (const auto& [name, tensor] : state) given.emplace(name, &tensor);
  const std::vector<StateSlot> all = all_slots();
  std::vector<int64_t> there(parameters_.size() + 1), wanted(parameters_.size() + 1);
  size_t known = 0;
  for (const StateSlot& slot : all) {
    ++wanted[slot.parameter];
    const auto found = given.find(slot.name);
    if (found == given.end()) continue;
    ++there[slot.parameter];
    ++known;
    const Tensor& tensor = *found->second;
    if (!(tensor.shape() == slot.shape) || tensor.dtype() != slot.dtype) {
      fail(source, "the optimizer's \"{}\" is {}; expected {} {}", slot.name, tensor.describe(), name_of(slot.dtype),
           to_string(slot.shape));
    }
  }
  if (known != state.size()) {
    fail(source, "of {} state tensors {} belong to this optimizer; is the configuration that of the checkpoint?",
         state.size(), known);
  }
  for (size_t i = 0; i < there.size(); ++i) {
    if (there[i] == 0 || there[i] == wanted[i]) continue;
    fail(source, "{} of the {} state tensors of \"{}\" are missing", wanted[i] - there[i], wanted[i],
         i < parameters_.size() ? parameters_[i].name : name_);
  }
  for (const StateSlot& slot : all) {
    const auto found = given.find(slot.name);
    *slot.tensor = found == given.end() ? Tensor() : found->second->clone();
  }
  steps_ = steps;
}

DType Optimizer::state_dtype(size_t index) const {
  return state_ == DType::kBF16 ? state_ : parameters_[index].tensor.dtype();
}

kernels::StateStorage Optimizer::storage_of(size_t index, int64_t update) const {
  return {state_ == DType::kBF16, mix(index, static_cast<uint64_t>(update))};
}

std::byte* Optimizer::bytes_of(size_t index, Tensor& state) const {
  if (!state.defined()) state = Tensor::zeros(parameters_[index].tensor.shape(), state_dtype(index));
  return state.mutable_bytes();
}

StateSlot Optimizer::array_slot(size_t index, const char* what, Tensor* tensor) const {
  const auto& [name, x] = parameters_[index];
  return {fmt::format("{}.{}", name, what), index, tensor, x.shape(), state_dtype(index)};
}

StateSlot Optimizer::number_slot(size_t index, const char* what, Tensor* tensor, DType dtype) const {
  return {fmt::format("{}.{}", parameters_[index].name, what), index, tensor, {}, dtype};
}

int64_t Optimizer::count_in(Tensor& count) {
  if (!count.defined()) count = Tensor::zeros({}, DType::kI64);
  return ++*count.mutable_data<int64_t>();
}

}  // namespace gradus
