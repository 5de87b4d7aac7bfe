// What AdaGrad and FTRL have in common: one example at a time, two numbers a coefficient, and weights that follow from
// those when an example asks for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/base/threads.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/linear_solver.h"
#include "gradus/classic/row_order.h"

namespace gradus::detail {

/// `Rule` has
///     float weight(float sum, float squares, float l1, float l2): the weight that the numbers stand for, l1 and l2
///     times
///         the examples so far;
///     void add(float& sum, float& squares, float weight, float slope): takes a slope in.
template <class Rule>
class OnlineSolver : public LinearSolver {
 public:
  OnlineSolver(std::string name, const LinearProblem& problem, Rule rule, uint64_t seed, bool shuffle)
      : LinearSolver(std::move(name)), objective_(problem), rule_(rule), seed_(seed), shuffle_(shuffle) {
    make_coefficients(objective_.outputs(), objective_.features(), DType::kF32);
    sums_ = add_state("sums", {objective_.outputs(), objective_.features() + 1}, DType::kF32);
    squares_ = add_state("squares", {objective_.outputs(), objective_.features() + 1}, DType::kF32);
  }

 private:
  SolverReport do_step() override {
    const int64_t rows = objective_.rows(), outputs = objective_.outputs();
    if (shuffle_) {
      shuffle_rows(row_order(objective_.inputs(), seed_), steps(), order_);
    } else {
      order_.resize(static_cast<size_t>(rows));
      std::iota(order_.begin(), order_.end(), 0);
    }
    float* const sums = sums_.template mutable_data<float>();
    float* const squares = squares_.template mutable_data<float>();
    const int64_t before = steps() * rows;
    double loss = 0.0;
    if (objective_.problem().loss == LinearLoss::kSoftmax) {
      loss = pass(before, 0, outputs, sums, squares);
    } else {  // outputs that know nothing of each other
      std::vector<double> losses(static_cast<size_t>(outputs));
      parallel_for(outputs, 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) losses[k] = pass(before, k, k + 1, sums, squares);
      });
      loss = std::accumulate(losses.begin(), losses.end(), 0.0);
    }
    store(static_cast<double>(before + rows), sums, squares);
    return report_of(loss / objective_.total_weight());
  }

  // All examples, for the outputs from `first` to before `last`. Returns the sum of their losses.
  double pass(int64_t before, int64_t first, int64_t last, float* sums, float* squares) const {
    const LinearProblem& p = objective_.problem();
    const int64_t side = objective_.features() + 1, count = last - first;
    const double mean_factor = static_cast<double>(objective_.rows()) / objective_.total_weight();
    std::vector<double> z(static_cast<size_t>(count)), slopes(z.size());
    std::vector<float> w(static_cast<size_t>(count * side));
    double total = 0.0;
    for (int64_t at = 0; at < objective_.rows(); ++at) {
      const int64_t row = order_[at];
      const double seen = static_cast<double>(before + at);
      const float l1 = static_cast<float>(p.l1 * seen), l2 = static_cast<float>(p.l2 * seen);
      for (int64_t k = 0; k < count; ++k) {
        float* const own_w = w.data() + k * side;
        const float* const own_sums = sums + (first + k) * side;
        const float* const own_squares = squares + (first + k) * side;
        double sum = p.intercept ? double{rule_.weight(own_sums[side - 1], own_squares[side - 1], 0.0F, 0.0F)} : 0.0;
        own_w[side - 1] = static_cast<float>(sum);
        for_row(row, [&](int64_t j, float value) {
          own_w[j] = rule_.weight(own_sums[j], own_squares[j], l1, l2);
          sum += double{value} * double{own_w[j]};
        });
        z[k] = sum;
      }
      double value = 0.0;
      if (p.loss == LinearLoss::kSoftmax) {
        kernels::softmax_terms(z.data(), objective_.classes() + row, count, 1, &value, slopes.data());
      } else {
        kernels::loss_terms(p.loss, objective_.loss_parameter(), z.data(), objective_.targets(first) + row, 1, &value,
                            slopes.data(), nullptr);
      }
      const float* const weights = objective_.example_weights();
      const double weight = weights == nullptr ? 1.0 : double{weights[row]};
      total += weight * value;
      for (int64_t k = 0; k < count; ++k) {
        const float slope = static_cast<float>(weight * mean_factor * slopes[k]);
        if (slope == 0.0F) continue;
        float* const own_sums = sums + (first + k) * side;
        float* const own_squares = squares + (first + k) * side;
        for_row(row, [&](int64_t j, float x) { rule_.add(own_sums[j], own_squares[j], w[k * side + j], slope * x); });
        if (p.intercept) rule_.add(own_sums[side - 1], own_squares[side - 1], w[k * side + side - 1], slope);
      }
    }
    return total;
  }

  template <class Body>
  void for_row(int64_t row, Body&& body) const {
    const LinearInputs& inputs = objective_.inputs();
    if (inputs.is_sparse()) {
      const SparseMatrix& x = *inputs.sparse;
      for (int64_t at = x.offsets[row]; at < x.offsets[row + 1]; ++at) body(int64_t{x.indices[at]}, x.values[at]);
      return;
    }
    const float* const x = inputs.dense.data<float>() + row * objective_.features();
    for (int64_t j = 0; j < objective_.features(); ++j) {
      if (x[j] != 0.0F) body(j, x[j]);
    }
  }

  void store(double seen, const float* sums, const float* squares) {
    const LinearProblem& p = objective_.problem();
    const int64_t features = objective_.features(), side = features + 1;
    float* const to = coefficients().template mutable_data<float>();
    const float l1 = static_cast<float>(p.l1 * seen), l2 = static_cast<float>(p.l2 * seen);
    for (int64_t k = 0; k < objective_.outputs(); ++k) {
      for (int64_t j = 0; j < features; ++j) {
        to[k * features + j] = rule_.weight(sums[k * side + j], squares[k * side + j], l1, l2);
      }
      const int64_t last = k * side + features;
      to[objective_.weights_size() + k] = p.intercept ? rule_.weight(sums[last], squares[last], 0.0F, 0.0F) : 0.0F;
    }
  }

  SolverReport report_of(double loss) const {
    const LinearProblem& p = objective_.problem();
    SolverReport report;
    report.objective = loss;
    for (int64_t j = 0; j < objective_.weights_size(); ++j) {
      const double w = double{coefficients().template data<float>()[j]};
      report.objective += 0.5 * p.l2 * w * w + p.l1 * std::abs(w);
    }
    return report;
  }

  void forget() override {}

  LinearObjective objective_;
  Rule rule_;
  uint64_t seed_;
  bool shuffle_;
  std::vector<int32_t> order_;
  Tensor sums_, squares_;
};

/// x without `threshold` of its size.
inline float soft_threshold(float x, float threshold) {
  return std::copysign(std::max(std::abs(x) - threshold, 0.0F), x);
}

}  // namespace gradus::detail
