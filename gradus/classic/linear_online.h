// What AdaGrad and FTRL have in common: one example at a time, two numbers a coefficient, and weights that follow from
// those when an example asks for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gradus/base/threads.h"
#include "gradus/classic/linear_solver.h"
#include "gradus/classic/linear_stream.h"

namespace gradus::detail {

/// `Rule` has
///     float weight(float sum, float squares, float start, float l1, float l2): the weight that the numbers stand for,
///         l1 and l2 times the examples so far;
///     void add(float& sum, float& squares, float weight, float slope): takes a slope in;
///     kKeepsStart: whether `weight` asks for where the weight started, which is 0 else;
///     float first_sum(float start): the sum that a weight starts from.
template <class Rule>
class OnlineSolver : public LinearSolver {
 public:
  OnlineSolver(std::string name, std::unique_ptr<LinearStream> stream, Rule rule, uint64_t seed, bool shuffle)
      : LinearSolver(std::move(name)), stream_(std::move(stream)), rule_(rule), seed_(seed), shuffle_(shuffle) {
    make_coefficients(stream_->outputs(), stream_->features(), DType::kF32);
    sums_ = add_state("sums", {stream_->outputs(), stream_->features() + 1}, DType::kF32);
    squares_ = add_state("squares", {stream_->outputs(), stream_->features() + 1}, DType::kF32);
    if (Rule::kKeepsStart) starts_ = add_state("starts", {stream_->outputs(), stream_->features() + 1}, DType::kF32);
  }

 private:
  SolverReport do_step() override {
    const int64_t outputs = stream_->outputs();
    if (steps() == 0) start();
    int64_t before = steps() * stream_->rows();
    std::vector<double> losses(static_cast<size_t>(outputs));
    stream_->pass(steps(), seed_, shuffle_, [&](const LinearObjective& piece, std::span<const int32_t> order) {
      if (stream_->terms().loss == LinearLoss::kSoftmax) {
        losses[0] += learn(piece, order, before, 0, outputs);
      } else {  // outputs that know nothing of each other
        parallel_for(outputs, 1, [&](int64_t begin, int64_t end) {
          for (int64_t k = begin; k < end; ++k) losses[k] += learn(piece, order, before, k, k + 1);
        });
      }
      before += static_cast<int64_t>(order.size());
    });
    store(static_cast<double>(before));
    return report_of(std::accumulate(losses.begin(), losses.end(), 0.0) / stream_->total_weight());
  }

  // From the coefficients.
  void start() {
    const int64_t features = stream_->features(), side = features + 1;
    const float* const from = coefficients().template data<float>();
    float* const sums = sums_.template mutable_data<float>();
    for (int64_t k = 0; k < stream_->outputs(); ++k) {
      for (int64_t j = 0; j < side; ++j) {
        const float own = j < features ? from[k * features + j] : from[stream_->weights_size() + k];
        sums[k * side + j] = rule_.first_sum(own);
        if (Rule::kKeepsStart) starts_.template mutable_data<float>()[k * side + j] = own;
      }
    }
  }

  // The weight of number `at`.
  float weight(int64_t at, float l1, float l2) const {
    const float start = Rule::kKeepsStart ? starts_.template data<float>()[at] : 0.0F;
    return rule_.weight(sums_.template data<float>()[at], squares_.template data<float>()[at], start, l1, l2);
  }

  // Takes the examples of a piece in, for the outputs from `first` to before `last`. Returns the sum of their losses.
  double learn(const LinearObjective& piece, std::span<const int32_t> order, int64_t before, int64_t first,
               int64_t last) {
    const LinearProblem& p = stream_->terms();
    const int64_t side = stream_->features() + 1, count = last - first;
    const double mean_factor = stream_->mean_factor();
    float* const sums = sums_.template mutable_data<float>();
    float* const squares = squares_.template mutable_data<float>();
    std::vector<double> z(static_cast<size_t>(count)), slopes(z.size());
    std::vector<float> w(static_cast<size_t>(count * side));
    double total = 0.0;
    for (size_t at = 0; at < order.size(); ++at) {
      const int64_t row = order[at];
      const double seen = static_cast<double>(before + static_cast<int64_t>(at));
      const float l1 = static_cast<float>(p.l1 * seen), l2 = static_cast<float>(p.l2 * seen);
      for (int64_t k = 0; k < count; ++k) {
        float* const own_w = w.data() + k * side;
        const int64_t own = (first + k) * side;
        double sum = p.intercept ? double{weight(own + side - 1, 0.0F, 0.0F)} : 0.0;
        own_w[side - 1] = static_cast<float>(sum);
        for_row(piece.inputs(), row, [&](int64_t j, float value) {
          own_w[j] = weight(own + j, l1, l2);
          sum += double{value} * double{own_w[j]};
        });
        z[k] = sum;
      }
      double value = 0.0;
      if (p.loss == LinearLoss::kSoftmax) {
        kernels::softmax_terms(z.data(), piece.classes() + row, count, 1, &value, slopes.data());
      } else {
        kernels::loss_terms(p.loss, piece.loss_parameter(), z.data(), piece.targets(first) + row, 1, &value,
                            slopes.data(), nullptr);
      }
      const float* const weights = piece.example_weights();
      const double weight = weights == nullptr ? 1.0 : double{weights[row]};
      total += weight * value;
      for (int64_t k = 0; k < count; ++k) {
        const float slope = static_cast<float>(weight * mean_factor * slopes[k]);
        if (slope == 0.0F) continue;
        float* const own_sums = sums + (first + k) * side;
        float* const own_squares = squares + (first + k) * side;
        for_row(piece.inputs(), row,
                [&](int64_t j, float x) { rule_.add(own_sums[j], own_squares[j], w[k * side + j], slope * x); });
        if (p.intercept) rule_.add(own_sums[side - 1], own_squares[side - 1], w[k * side + side - 1], slope);
      }
    }
    return total;
  }

  template <class Body>
  static void for_row(const LinearInputs& inputs, int64_t row, Body&& body) {
    if (inputs.is_sparse()) {
      const SparseMatrix& x = *inputs.sparse;
      for (int64_t at = x.offsets[row]; at < x.offsets[row + 1]; ++at) body(int64_t{x.indices[at]}, x.values[at]);
      return;
    }
    const float* const x = inputs.dense.data<float>() + row * inputs.features();
    for (int64_t j = 0; j < inputs.features(); ++j) {
      if (x[j] != 0.0F) body(j, x[j]);
    }
  }

  void store(double seen) {
    const LinearProblem& p = stream_->terms();
    const int64_t features = stream_->features(), side = features + 1;
    float* const to = coefficients().template mutable_data<float>();
    const float l1 = static_cast<float>(p.l1 * seen), l2 = static_cast<float>(p.l2 * seen);
    for (int64_t k = 0; k < stream_->outputs(); ++k) {
      for (int64_t j = 0; j < features; ++j) {
        to[k * features + j] = weight(k * side + j, l1, l2);
      }
      to[stream_->weights_size() + k] = p.intercept ? weight(k * side + features, 0.0F, 0.0F) : 0.0F;
    }
  }

  SolverReport report_of(double loss) const {
    const LinearProblem& p = stream_->terms();
    SolverReport report;
    report.objective = loss;
    for (int64_t j = 0; j < stream_->weights_size(); ++j) {
      const double w = double{coefficients().template data<float>()[j]};
      report.objective += 0.5 * p.l2 * w * w + p.l1 * std::abs(w);
    }
    return report;
  }

  void forget() override {}

  std::unique_ptr<LinearStream> stream_;
  Rule rule_;
  uint64_t seed_;
  bool shuffle_;
  Tensor sums_, squares_, starts_;
};

/// x without `threshold` of its size.
inline float soft_threshold(float x, float threshold) {
  return std::copysign(std::max(std::abs(x) - threshold, 0.0F), x);
}

}  // namespace gradus::detail
