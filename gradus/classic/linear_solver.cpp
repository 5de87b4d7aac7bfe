#include "gradus/classic/linear_solver.h"

#include <algorithm>

#include "gradus/base/error.h"

namespace gradus {

const SolverReport& LinearSolver::step() {
  report_ = do_step();
  ++steps_.mutable_data<int64_t>()[0];
  return report_;
}

void LinearSolver::make_coefficients(int64_t outputs, int64_t features, DType dtype) {
  coefficients_ = Tensor::zeros({outputs * (features + 1)}, dtype);
  weights_ = coefficients_.view({outputs, features}, {features, 1}, 0);
  bias_ = coefficients_.view({outputs}, {1}, outputs * features);
  state_.push_back({"weights", weights_});
  state_.push_back({"bias", bias_});
  steps_ = add_state("steps", {1}, DType::kI64);
}

Tensor LinearSolver::add_state(std::string name, const Shape& shape, DType dtype) {
  state_.push_back({std::move(name), Tensor::zeros(shape, dtype)});
  return state_.back().second;
}

void LinearSolver::restore(const NamedTensors& state) {
  const auto find = [](const NamedTensors& in, const std::string& name) {
    return std::find_if(in.begin(), in.end(), [&](const auto& named) { return named.first == name; });
  };
  for (const auto& [name, own] : state_) {
    const auto other = find(state, name);
    if (other == state.end()) fail(name_, "the state has no \"{}\"; it is of another kind of solver, or of another version", name);
    if (other->second.shape() != own.shape() || other->second.dtype() != own.dtype()) {
      fail(name_, "\"{}\" of the state is {}; expected {}, as the problem is", name, other->second.describe(),
           own.describe());
    }
  }
  if (state.size() != state_.size()) {
    fail(name_, "the state has {} tensors; expected {}: it is of another kind of solver, or of another version",
         state.size(), state_.size());
  }
  for (const auto& [name, other] : state) {
    const Tensor from = other.clone();
    Tensor to = find(state_, name)->second;
    std::copy_n(from.bytes(), from.numel() * size_of(from.dtype()), to.mutable_bytes());
  }
  report_ = {};
  forget();
}

void LinearSolver::start_from(const Tensor& weights, const Tensor& bias) {
  for (const auto& [what, own, other] : {std::tuple("weights", &weights_, &weights), {"bias", &bias_, &bias}}) {
    if (other->defined() && other->shape() == own->shape() && is_float(other->dtype())) continue;
    fail_usage(name_, "the {} to start from are {}; expected {}", what,
               other->defined() ? other->describe() : "not there", own->describe());
  }
  std::vector<double> values = weights.values<double>();
  const std::vector<double> bias_values = bias.values<double>();
  values.insert(values.end(), bias_values.begin(), bias_values.end());
  for (auto& [name, own] : state_) std::fill_n(own.mutable_bytes(), own.numel() * size_of(own.dtype()), std::byte{0});
  dispatch_float(name_, coefficients_.dtype(), [&](auto zero) {
    using T = decltype(zero);
    std::transform(values.begin(), values.end(), coefficients_.mutable_data<T>(),
                   [](double v) { return static_cast<T>(v); });
  });
  report_ = {};
  forget();
}

void refuse_l1(std::string_view solver, const LinearProblem& problem, std::string_view reason) {
  if (problem.l1 != 0.0) fail_usage(solver, "l1 is {}; expected 0: {}", problem.l1, reason);
}

SolveEnd solve(LinearSolver& solver, const SolveOptions& options) {
  for (int64_t i = 0; i < options.steps; ++i) {
    const SolverReport& report = solver.step();
    if (report.converged) return SolveEnd::kConverged;
    if (report.objective <= options.objective) return SolveEnd::kObjective;
  }
  return SolveEnd::kSteps;
}

}  // namespace gradus
