#include "gradus/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/optim/option.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"

namespace gradus {
namespace {

constexpr double kClipEpsilon = 1e-6;  // as in torch.nn.utils.clip_grad_norm_

void check(const StepOptions& o) {
  detail::check_from_0("optimizer", "learning_rate", o.learning_rate);
  detail::check_option(o.gradient_divisor > 0.0 && std::isfinite(o.gradient_divisor), "optimizer", "gradient_divisor",
                       o.gradient_divisor, "a finite number above 0: the total weight of the step's losses");
  detail::check_from_0("optimizer", "clip_norm", o.clip_norm);
  detail::check_from_0("optimizer", "l1", o.penalty.l1);
  detail::check_from_0("optimizer", "l2", o.penalty.l2);
}

bool is_penalized(const Tensor& x, const PenaltyOptions& penalty) { return penalty.all || x.rank() >= 2; }

// The gradient of the loss and the penalties, times `clip`.
kernels::GradientMix mix_for(const Tensor& x, const StepOptions& o, double clip) {
  if (!is_penalized(x, o.penalty)) return {clip / o.gradient_divisor, 0.0, 0.0};
  return {clip / o.gradient_divisor, clip * o.penalty.l1, clip * o.penalty.l2};
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

}  // namespace

Optimizer::Optimizer(Parameters parameters, std::string_view name, DType state)
    : parameters_(std::move(parameters)), state_(state) {
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

StepReport Optimizer::measure(const StepOptions& o) {
  StepReport report;
  double squares = 0.0;
  bool any = false;
  for (Parameter& p : parameters_) {
    const Tensor& gradient = p.tensor.grad();
    if (!gradient.defined()) continue;
    any = true;
    if (!gradient.is_contiguous()) p.tensor.set_grad(kernels::contiguous(gradient));
    const kernels::GradientSums sums = kernels::measure_gradient(arrays_of(p.tensor), mix_for(p.tensor, o, 1.0));
    squares += sums.squares;
    if (!std::isfinite(sums.squares)) {
      ++report.not_finite;
      report.last_not_finite = &p;
    }
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
  return report;
}

// With places for the sums, it adds what the update changed and what it left.
void Optimizer::update_one(size_t index, const StepOptions& options, double clip, double* change_squares,
                           double* value_squares) {
  Tensor& x = parameters_[index].tensor;
  Tensor before;
  if (change_squares != nullptr) before = x.clone();
  x.mutable_bytes();  // marks it as changed, so that a tape that saved it can tell
  update(index, arrays_of(x), mix_for(x, options, clip), options.learning_rate);
  if (change_squares == nullptr) return;
  *change_squares += squares_of(kernels::binary("update_ratio", kernels::Binary::kSubtract, x, before));
  *value_squares += squares_of(x);
}

StepReport Optimizer::step(const StepOptions& options) {
  check(options);
  StepReport report = measure(options);
  double clip = 1.0, change_squares = 0.0, value_squares = 0.0;
  if (options.clip_norm > 0.0) clip = std::min(1.0, options.clip_norm / (report.gradient_norm + kClipEpsilon));
  report.clipped = report.finite && clip < 1.0;
  double* const change = options.measure_update ? &change_squares : nullptr;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& x = parameters_[i].tensor;
    if (!x.grad().defined()) continue;
    if (report.finite) update_one(i, options, clip, change, &value_squares);
    x.set_grad({});
  }
  if (!report.finite) return report;
  ++steps_;
  if (options.measure_update) report.update_ratio = std::sqrt(change_squares / value_squares);
  return report;
}

Parameters Optimizer::state() {
  Parameters all;
  for (const StateSlot& slot : slots()) {
    if (slot.tensor->defined()) all.push_back({slot.name, *slot.tensor});
  }
  return all;
}

int64_t Optimizer::state_bytes() {
  int64_t bytes = 0;
  for (const StateSlot& slot : slots()) bytes += slot.shape.numel() * size_of(slot.dtype);
  return bytes;
}

void Optimizer::restore(int64_t steps, const std::vector<std::pair<std::string, Tensor>>& state,
                        std::string_view source) {
  std::map<std::string_view, const Tensor*> given;
  for (const auto& [name, tensor] : state) given.emplace(name, &tensor);
  const std::vector<StateSlot> all = slots();
  std::vector<int64_t> there(parameters_.size()), wanted(parameters_.size());
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
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (there[i] == 0 || there[i] == wanted[i]) continue;
    fail(source, "{} of the {} state tensors of \"{}\" are missing", wanted[i] - there[i], wanted[i],
         parameters_[i].name);
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

}  // namespace gradus
