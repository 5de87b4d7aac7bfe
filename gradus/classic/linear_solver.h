// What all solvers of linear problems have in common: steps, state and when they end.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "gradus/classic/linear_problem.h"
#include "gradus/tensor/safetensors.h"

namespace gradus {

/// What a solver knows after a step.
struct SolverReport {
  /// The problem's objective at the coefficients, or what the solver's header says.
  double objective = std::numeric_limits<double>::quiet_NaN();
  /// The largest size of an element of the smallest subgradient; NaN where the solver does not know it.
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();
  /// How far the objective is above its minimum, at most; NaN where the solver does not know it.
  double gap = std::numeric_limits<double>::quiet_NaN();
  /// The solver's own tolerance is reached.
  bool converged = false;
};

/// A method that minimises a `LinearProblem`, an iteration at a time. A step is a function of the state, the data and
/// the options, so a solver that was restored goes on to the same bits; threads change none either.
class LinearSolver {
 public:
  virtual ~LinearSolver() = default;
  LinearSolver(const LinearSolver&) = delete;
  LinearSolver& operator=(const LinearSolver&) = delete;

  /// One iteration: what it is, each solver's header says. After the solver has converged it changes little or nothing.
  const SolverReport& step();
  const SolverReport& report() const { return report_; }
  int64_t steps() const { return steps_.data<int64_t>()[0]; }

  /// The coefficients now: weights (outputs, features) and bias (outputs), f64, or f32 where the solver says so. Views
  /// of what the next step changes.
  virtual Tensor weights() const { return weights_; }
  virtual Tensor bias() const { return bias_; }

  /// Everything that later steps depend on: "weights", "bias", "steps" and what the solver's header names. Handles:
  /// clone them for a copy that stays.
  const NamedTensors& state() const { return state_; }
  /// Goes on from a state of a solver of the same kind and problem. Throws if a tensor is missing, too many or of
  /// another shape or dtype.
  void restore(const NamedTensors& state);
  /// Begins from these coefficients, of any float dtype, as if no step had been taken. Throws if a shape is another.
  void start_from(const Tensor& weights, const Tensor& bias);

 protected:
  /// `name` stands in messages.
  explicit LinearSolver(std::string name) : name_(std::move(name)) {}
  /// Takes the coefficients, all 0, and puts them into the state.
  void make_coefficients(int64_t outputs, int64_t features, DType dtype);
  /// A tensor of zeros that is part of the state.
  Tensor add_state(std::string name, const Shape& shape, DType dtype);
  const std::string& name() const { return name_; }
  /// The coefficients as one vector: weights, then bias.
  Tensor& coefficients() { return coefficients_; }
  const Tensor& coefficients() const { return coefficients_; }
  double* x() { return coefficients_.mutable_data<double>(); }

  virtual SolverReport do_step() = 0;
  /// The state is another one now: what was computed from it is void.
  virtual void forget() = 0;

 private:
  std::string name_;
  Tensor coefficients_, weights_, bias_, steps_;
  NamedTensors state_;
  SolverReport report_;
};

/// A solver whose penalties can change between steps: it goes on from where it is.
class AdjustableSolver : public LinearSolver {
 public:
  using LinearSolver::LinearSolver;
  virtual void set_penalties(double l1, double l2) = 0;
};

/// Throws a usage error of `solver` for a penalty or loss that it cannot do: "[solver] l1 is …; expected 0: …".
void refuse_l1(std::string_view solver, const LinearProblem& problem, std::string_view reason);

struct SolveOptions {
  int64_t steps = 1000;  ///< At most.
  /// Ends once the objective is no higher.
  double objective = -std::numeric_limits<double>::infinity();
};
enum class SolveEnd : uint8_t { kConverged, kObjective, kSteps };
/// Steps until one of the reasons to end.
SolveEnd solve(LinearSolver& solver, const SolveOptions& options = {});

}  // namespace gradus
