#include "gradus/classic/linear_dual_descent.h"

#include <algorithm>
#include <cmath>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/row_order.h"

namespace gradus {
namespace {

class DualDescent : public LinearSolver {
 public:
  DualDescent(const LinearProblem& problem, const LinearDualDescentOptions& options)
      : LinearSolver("dual_descent"), objective_(problem), options_(options), squares_(objective_.rows()) {
    make_coefficients(objective_.outputs(), objective_.features(), DType::kF64);
    dual_ = add_state("dual", {objective_.outputs(), objective_.rows()}, DType::kF64);
    center_ = add_state("center", {objective_.outputs()}, DType::kF64);
    parallel_for(objective_.rows(), 1024, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) squares_[i] = square_of(i);
    });
  }

 private:
  double square_of(int64_t row) const {
    const LinearInputs& inputs = objective_.inputs();
    const float* values = nullptr;
    int64_t count = objective_.features();
    if (inputs.is_sparse()) {
      values = inputs.sparse->values.data() + inputs.sparse->offsets[row];
      count = inputs.sparse->offsets[row + 1] - inputs.sparse->offsets[row];
    } else {
      values = inputs.dense.data<float>() + row * count;
    }
    double sum = 0.0;
    for (int64_t j = 0; j < count; ++j) sum += double{values[j]} * double{values[j]};
    return sum;
  }

  bool is_squared() const { return objective_.problem().loss == LinearLoss::kSquaredHinge; }
  // What a full α of the row is in w, in units of 1 / l2.
  double cap(int64_t row) const {
    const float* const weights = objective_.example_weights();
    const double weight = weights == nullptr ? 1.0 : double{weights[row]};
    return weight / (objective_.total_weight() * objective_.problem().l2);
  }

  SolverReport do_step() override {
    const int64_t outputs = objective_.outputs();
    shuffle_rows(row_order(objective_.inputs(), options_.seed), steps(), order_);
    std::vector<double> bounds(static_cast<size_t>(outputs));
    double* const dual = dual_.mutable_data<double>();
    double* const center = center_.mutable_data<double>();
    double* const coefficients = x();
    parallel_for(outputs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        double* const w = coefficients + k * objective_.features();
        double& bias = coefficients[objective_.weights_size() + k];
        pass(k, dual + k * objective_.rows(), center[k], w, bias);
        bounds[k] = bound(k, dual + k * objective_.rows(), w);
      }
    });
    SolverReport report;
    report.objective = objective_.value(x());
    report.gap = report.objective;
    for (const double bound : bounds) report.gap -= bound;
    report.converged = report.gap <= options_.tolerance * report.objective;
    return report;
  }

  // Each α in turn to its maximum, the others being as they are.
  void pass(int64_t output, double* dual, double& center, double* w, double& bias) {
    const LinearInputs& inputs = objective_.inputs();
    const float* const signs = objective_.targets(output);
    const double constant = objective_.problem().intercept ? 1.0 : 0.0;
    double pull = 0.0;  // Σ α·s of all examples, 0 in the end; the bias is the center and this
    for (int64_t i = 0; i < objective_.rows(); ++i) pull += constant * dual[i] * cap(i) * double{signs[i]};
    double largest = 0.0;
    for (const int32_t i : order_) {
      const double most = cap(i);
      if (most == 0.0) continue;
      const double s = double{signs[i]}, from = dual[i] * most;
      const double diagonal = is_squared() ? 0.5 / most : 0.0, curvature = squares_[i] + constant + diagonal;
      double z = 0.0;
      row_products(inputs, i, i + 1, w, constant * (center + pull), &z);
      const double slope = s * z - 1.0 + diagonal * from;
      // A row of nothing but 0 has no curvature: its α goes to the end.
      double to = curvature > 0.0 ? from - slope / curvature : (slope < 0.0 ? HUGE_VAL : 0.0);
      to = std::clamp(to, 0.0, is_squared() ? HUGE_VAL : most);
      if (to == from) continue;
      largest = std::max(largest, std::abs(to - from) * curvature);
      const double step = (to - from) * s;
      add_rows(inputs, i, i + 1, &step, w);
      pull += constant * step;
      dual[i] = to / most;
    }
    bias = center + pull;
    // The center follows once the pass moved the margins less than that will.
    if (constant != 0.0 && largest <= 0.5 * std::abs(pull)) center = bias;
  }

  // A lower bound of the objective's minimum over this output: the dual where Σ α·s = 0, for which the α of the class
  // that has more are made smaller. w becomes Σ α·s·x anew.
  double bound(int64_t output, const double* dual, double* w) const {
    const int64_t rows = objective_.rows(), features = objective_.features();
    const float* const signs = objective_.targets(output);
    std::vector<double> sides[2], steps(static_cast<size_t>(rows));
    double sums[2] = {0.0, 0.0}, squares[2] = {0.0, 0.0};
    for (const int side : {0, 1}) {
      const double s = side == 0 ? -1.0 : 1.0;
      for (int64_t i = 0; i < rows; ++i) {
        const double most = cap(i), a = double{signs[i]} == s ? dual[i] * most : 0.0;
        steps[i] = s * a;
        sums[side] += a;
        if (is_squared() && a > 0.0) squares[side] += a * a / (4.0 * most);
      }
      sides[side].resize(static_cast<size_t>(features));
      add_rows(objective_.inputs(), 0, rows, steps.data(), sides[side].data());
    }
    double shares[2] = {1.0, 1.0};
    if (objective_.problem().intercept) {
      const double least = std::min(sums[0], sums[1]);
      for (const int side : {0, 1}) shares[side] = sums[side] > 0.0 ? least / sums[side] : 0.0;
    }
    std::vector<double> feasible(static_cast<size_t>(features));
    std::fill(w, w + features, 0.0);
    double value = 0.0;
    for (const int side : {0, 1}) {
      kernels::add_scaled(feasible.data(), shares[side], sides[side].data(), features);
      kernels::add_scaled(w, 1.0, sides[side].data(), features);
      value += shares[side] * sums[side] - shares[side] * shares[side] * squares[side];
    }
    value -= 0.5 * kernels::dot(feasible.data(), feasible.data(), features);
    return objective_.problem().l2 * value;
  }

  void forget() override {}

  LinearObjective objective_;
  LinearDualDescentOptions options_;
  std::vector<double> squares_;
  std::vector<int32_t> order_;
  Tensor dual_, center_;
};

}  // namespace

std::unique_ptr<LinearSolver> make_linear_dual_descent(const LinearProblem& problem,
                                                       const LinearDualDescentOptions& options) {
  if (problem.loss != LinearLoss::kHinge && problem.loss != LinearLoss::kSquaredHinge) {
    fail_usage("dual_descent", "it cannot minimise the {} loss; expected hinge or squared_hinge",
               name_of(problem.loss));
  }
  refuse_l1("dual_descent", problem, "use lbfgs for the squared hinge or sgd");
  if (!(problem.l2 > 0.0)) fail_usage("dual_descent", "l2 is {}; expected a number above 0", problem.l2);
  if (!(options.tolerance > 0.0)) {
    fail_usage("dual_descent", "tolerance is {}; expected a number above 0", options.tolerance);
  }
  return std::make_unique<DualDescent>(problem, options);
}

}  // namespace gradus
