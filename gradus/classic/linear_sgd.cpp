#include "gradus/classic/linear_sgd.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/classic/kernels/linear_sgd_simd.h"
#include "gradus/classic/linear_objective.h"
#include "gradus/classic/row_order.h"

namespace gradus {
namespace {

constexpr int64_t kTogether = 512;       // examples whose rates and losses are computed at once
constexpr double kSmallestScale = 1e-4;  // of the weights' common factor, before it is multiplied in

// t₀ of the optimal rate: the first step on a loss of slope 1 makes weights of their typical size, l2^(−¼).
double optimal_start(const LinearProblem& problem, double parameter) {
  const double typical = std::sqrt(1.0 / std::sqrt(problem.l2));
  const double z = -typical;
  const float y = 1.0F;
  double slope = 0.0;
  const LinearLoss loss = problem.loss == LinearLoss::kSoftmax ? LinearLoss::kLogistic : problem.loss;
  kernels::loss_terms(loss, parameter, &z, &y, 1, nullptr, &slope, nullptr);
  return std::max(1.0, std::abs(slope)) / (typical * problem.l2);
}

class LinearSgd : public LinearSolver {
 public:
  LinearSgd(const LinearProblem& problem, const LinearSgdOptions& options)
      : LinearSolver("sgd"), objective_(problem), options_(options) {
    const int64_t outputs = objective_.outputs(), features = objective_.features();
    make_coefficients(outputs, features, DType::kF32);
    if (options.average_from > 0) {
      last_weights_ = add_state("last_weights", {outputs, features}, DType::kF32);
      last_bias_ = add_state("last_bias", {outputs}, DType::kF32);
      average_count_ = add_state("average_count", {1}, DType::kI64);
    }
    best_ = add_state("best", {2}, DType::kF64);
    if (options.rate == LinearSgdRate::kOptimal) start_ = optimal_start(problem, objective_.loss_parameter());
  }

 private:
  // What a pass changes of one output, or of all.
  struct Average {
    std::vector<double> lag;  // Σ of what v lost, times the sum of scales before: the sum of all w is sum·v + lag
    double sum = 0.0;         // of the scales so far
    double bias = 0.0;
    int64_t count = 0;
  };

  // η of `count` updates.
  void rates(int64_t updates_before, int64_t count, double* etas) const {
    const double first = static_cast<double>(updates_before + 1), l2 = objective_.problem().l2;
    switch (options_.rate) {
      case LinearSgdRate::kConstant:
        std::fill_n(etas, count, options_.learning_rate);
        return;
      case LinearSgdRate::kOptimal:
        for (int64_t i = 0; i < count; ++i) etas[i] = 1.0 / (l2 * (start_ + (first + static_cast<double>(i)) - 1.0));
        return;
      case LinearSgdRate::kInverseScaling:
        for (int64_t i = 0; i < count; ++i) {
          etas[i] = options_.learning_rate / std::pow(first + static_cast<double>(i), options_.power);
        }
    }
  }

  double example_weight(int64_t row) const {
    const float* const weights = objective_.example_weights();
    return weights == nullptr ? 1.0 : double{weights[row]} * mean_factor();
  }
  double mean_factor() const { return static_cast<double>(objective_.rows()) / objective_.total_weight(); }

  // The weights that the next update changes.
  float* last_weights() { return (options_.average_from > 0 ? last_weights_ : weights_view()).mutable_data<float>(); }
  float* last_bias() { return (options_.average_from > 0 ? last_bias_ : bias_view()).mutable_data<float>(); }
  Tensor weights_view() const { return weights(); }
  Tensor bias_view() const { return bias(); }

  SolverReport do_step() override {
    const int64_t rows = objective_.rows(), pass = steps();
    if (pass == 0 && options_.average_from > 0) {
      std::copy_n(weights_view().data<float>(), objective_.weights_size(), last_weights());
      std::copy_n(bias_view().data<float>(), objective_.outputs(), last_bias());
    }
    if (static_cast<int64_t>(order_.size()) != rows) {
      order_.resize(static_cast<size_t>(rows));
      std::iota(order_.begin(), order_.end(), 0);
    }
    if (options_.shuffle) shuffle_rows(row_order(objective_.inputs(), options_.seed), pass, order_);
    const bool chains = options_.batch_size == 1 && objective_.problem().loss != LinearLoss::kSoftmax;
    const double loss = chains ? run_chains(pass * rows) : run_batches(pass);
    return report_of(loss);
  }

  // One example at a time: a chain for each output.
  double run_chains(int64_t updates_before) {
    const int64_t outputs = objective_.outputs();
    std::vector<double> losses(static_cast<size_t>(outputs));
    float* const weights = last_weights();
    float* const bias = last_bias();
    float* const averages = options_.average_from > 0 ? weights_view().mutable_data<float>() : nullptr;
    float* const average_bias = options_.average_from > 0 ? bias_view().mutable_data<float>() : nullptr;
    const int64_t averaged = options_.average_from > 0 ? average_count_.data<int64_t>()[0] : 0;
    parallel_for(outputs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        Average average;
        losses[k] = run_chain(k, updates_before, weights + k * objective_.features(), bias + k,
                              averages == nullptr ? nullptr : &average);
        if (averages == nullptr || average.count == 0) continue;
        add_average(average, averaged, weights + k * objective_.features(), averages + k * objective_.features(),
                    average_bias + k);
      }
    });
    if (averages != nullptr) count_average(updates_before + objective_.rows(), weights, bias);
    return std::accumulate(losses.begin(), losses.end(), 0.0) / objective_.total_weight();
  }

  // The mean takes in the sum of the weights of this pass; v is the weights again by now.
  void add_average(const Average& average, int64_t before, const float* v, float* mean, float* mean_bias) const {
    const double total = static_cast<double>(before + average.count);
    const double keep = static_cast<double>(before) / total;
    for (int64_t j = 0; j < objective_.features(); ++j) {
      mean[j] = static_cast<float>(keep * double{mean[j]} + (average.sum * double{v[j]} + average.lag[j]) / total);
    }
    *mean_bias = static_cast<float>(keep * double{*mean_bias} + average.bias / total);
  }

  // Before the average begins, it is the last weights.
  void count_average(int64_t updates, const float* weights, const float* bias) {
    const int64_t count = std::max<int64_t>(0, updates - options_.average_from + 1);
    average_count_.mutable_data<int64_t>()[0] = count;
    if (count > 0) return;
    std::copy_n(weights, objective_.weights_size(), weights_view().mutable_data<float>());
    std::copy_n(bias, objective_.outputs(), bias_view().mutable_data<float>());
  }

  // The numbers of some updates of a chain.
  struct ChainMemory {
    std::vector<float> y, scales, gains, bias_gains, z, steps;
    std::vector<double> etas, weights, wide, losses;
    ChainMemory() {
      for (std::vector<float>* numbers : {&y, &scales, &gains, &bias_gains, &z, &steps}) numbers->resize(kTogether);
      for (std::vector<double>* numbers : {&etas, &weights, &wide, &losses}) numbers->resize(kTogether);
    }
  };

  // Rates, scales and targets of as many updates as the scale allows; the scale after them.
  int64_t prepare(const int32_t* order, int64_t most, const float* targets, int64_t updates_before, double& scale,
                  ChainMemory& m) const {
    const LinearProblem& problem = objective_.problem();
    rates(updates_before, most, m.etas.data());
    int64_t count = 0;
    for (; count < most && scale > kSmallestScale; ++count) {
      m.scales[count] = static_cast<float>(scale);
      scale *= 1.0 - m.etas[count] * problem.l2;
      m.wide[count] = scale;
    }
    for (int64_t i = 0; i < count; ++i) m.y[i] = targets[order[i]];
    if (const float* const weights = objective_.example_weights()) {
      for (int64_t i = 0; i < count; ++i) m.weights[i] = double{weights[order[i]]} * mean_factor();
    } else {
      std::fill_n(m.weights.begin(), count, 1.0);
    }
    const double bias_rate = problem.intercept ? options_.bias_rate : 0.0;
    for (int64_t i = 0; i < count; ++i) {
      m.gains[i] = static_cast<float>(m.etas[i] * m.weights[i] / m.wide[i]);
      m.bias_gains[i] = static_cast<float>(m.etas[i] * m.weights[i] * bias_rate);
    }
    return count;
  }

  double run_chain(int64_t output, int64_t updates_before, float* weights, float* bias, Average* average) {
    const LinearProblem& problem = objective_.problem();
    const int64_t rows = objective_.rows(), features = objective_.features();
    const float parameter = static_cast<float>(objective_.loss_parameter());
    if (average != nullptr) average->lag.assign(static_cast<size_t>(features), 0.0);
    Tensor memory = Tensor::zeros({features + kernels::kSgdPadding});  // large ones lie in huge pages
    float* const v = memory.mutable_data<float>();
    std::copy_n(weights, features, v);
    ChainMemory m;
    double sum = 0.0, scale = 1.0;
    for (int64_t at = 0; at < rows;) {
      const int32_t* const order = order_.data() + at;
      const int64_t count =
          prepare(order, std::min(kTogether, rows - at), objective_.targets(output), updates_before + at, scale, m);
      const kernels::SgdChain chain{.loss = problem.loss,
                                    .parameter = parameter,
                                    .count = count,
                                    .rows = order,
                                    .known_rows = rows - at,
                                    .y = m.y.data(),
                                    .scales = m.scales.data(),
                                    .gains = m.gains.data(),
                                    .bias_gains = m.bias_gains.data(),
                                    .v = v,
                                    .bias = bias,
                                    .z = m.z.data(),
                                    .steps = m.steps.data()};
      const float bias_before = *bias;
      problem.inputs.is_sparse() ? kernels::sgd_chain(chain, *problem.inputs.sparse)
                                 : kernels::sgd_chain(chain, problem.inputs.dense.data<float>(), features);
      std::copy_n(m.z.begin(), count, m.wide.begin());
      kernels::loss_terms(problem.loss, objective_.loss_parameter(), m.wide.data(), m.y.data(), count, m.losses.data(),
                          nullptr, nullptr);
      sum += kernels::dot(m.weights.data(), m.losses.data(), count);
      if (average != nullptr) take_in(chain, updates_before + at, scale, bias_before, *average);
      at += count;
      if (scale > kSmallestScale && at < rows) continue;
      for (int64_t j = 0; j < features; ++j) v[j] = static_cast<float>(scale * double{v[j]});
      if (average != nullptr) average->sum /= scale;
      scale = 1.0;
    }
    std::copy_n(v, features, weights);
    return sum / mean_factor();
  }

  // Adds the weights after each update of a chain to the average.
  void take_in(const kernels::SgdChain& chain, int64_t updates_before, double scale_after, float bias_before,
               Average& average) const {
    double bias = double{bias_before};
    for (int64_t i = 0; i < chain.count; ++i) {
      const double lost = double{chain.steps[i]};
      if (lost != 0.0) {
        const double lag = average.sum * lost;
        const int64_t row = chain.rows[i];
        if (lag != 0.0) add_rows(objective_.inputs(), row, row + 1, &lag, average.lag.data());
        bias -= double{chain.bias_gains[i]} * lost / double{chain.gains[i]};
      }
      if (updates_before + i + 1 < options_.average_from) continue;
      average.sum += i + 1 < chain.count ? double{chain.scales[i + 1]} : scale_after;
      average.bias += bias;
      ++average.count;
    }
  }

  // Several examples an update, or a loss of all outputs at once.
  double run_batches(int64_t pass) {
    const LinearProblem& problem = objective_.problem();
    const int64_t rows = objective_.rows(), batch = options_.batch_size, size = objective_.size();
    const int64_t updates = (rows + batch - 1) / batch;
    std::vector<double> w(static_cast<size_t>(size)), sum_of_w(options_.average_from > 0 ? w.size() : 0);
    std::copy_n(last_weights(), objective_.weights_size(), w.begin());
    std::copy_n(last_bias(), objective_.outputs(), w.begin() + objective_.weights_size());
    BatchTerms terms(objective_.outputs() * std::min(batch, rows), std::min(batch, rows));
    double losses = 0.0, scale = 1.0;
    int64_t averaged = 0;
    for (int64_t u = 0; u < updates; ++u) {
      const int64_t at = u * batch, count = std::min(batch, rows - at), update = pass * updates + u + 1;
      double eta = 0.0;
      rates(update - 1, 1, &eta);
      losses += batch_terms(order_.data() + at, count, w.data(), scale, terms);
      scale *= 1.0 - eta * problem.l2;
      step_batch(order_.data() + at, count, terms, eta / static_cast<double>(count), scale, w.data());
      if (problem.l1 > 0.0 || scale <= kSmallestScale || options_.average_from > 0) {
        fold(w, scale, eta * problem.l1);
        scale = 1.0;
      }
      if (options_.average_from == 0 || update < options_.average_from) continue;
      kernels::add_scaled(sum_of_w.data(), 1.0, w.data(), size);
      ++averaged;
    }
    fold(w, scale, 0.0);
    const auto store = [&](const std::vector<double>& from, float* weights, float* bias) {
      std::transform(from.begin(), from.begin() + objective_.weights_size(), weights,
                     [](double v) { return static_cast<float>(v); });
      std::transform(from.begin() + objective_.weights_size(), from.end(), bias,
                     [](double v) { return static_cast<float>(v); });
    };
    store(w, last_weights(), last_bias());
    if (options_.average_from > 0) store_average(sum_of_w, averaged, pass * updates + updates, store);
    return losses / mean_factor() / objective_.total_weight();
  }

  template <class Store>
  void store_average(std::vector<double>& sum, int64_t averaged, int64_t updates, Store&& store) {
    if (averaged > 0) {
      const double before = static_cast<double>(average_count_.data<int64_t>()[0]);
      const double total = before + static_cast<double>(averaged);
      for (double& v : sum) v /= total;
      const Tensor mean = coefficients();
      for (int64_t j = 0; j < objective_.size(); ++j) sum[j] += before / total * double{mean.data<float>()[j]};
      store(sum, weights_view().mutable_data<float>(), bias_view().mutable_data<float>());
    }
    count_average(updates, last_weights(), last_bias());
  }

  struct BatchTerms {
    BatchTerms(int64_t size, int64_t count) : z(size), slopes(size), values(count), y(count), classes(count) {}
    std::vector<double> z, slopes, values;
    std::vector<float> y;
    std::vector<int32_t> classes;
  };

  // The slopes of a batch, times example weights; the sum of its losses is returned.
  double batch_terms(const int32_t* ids, int64_t count, const double* w, double scale, BatchTerms& terms) const {
    const LinearProblem& problem = objective_.problem();
    const int64_t outputs = objective_.outputs(), features = objective_.features();
    for (int64_t k = 0; k < outputs; ++k) {
      for (int64_t i = 0; i < count; ++i) {
        double& z = terms.z[k * count + i];
        row_products(problem.inputs, ids[i], ids[i] + 1, w + k * features, 0.0, &z);
        z = scale * z + w[objective_.weights_size() + k];
      }
    }
    double sum = 0.0;
    const auto add_values = [&] {
      for (int64_t i = 0; i < count; ++i) sum += example_weight(ids[i]) * terms.values[i];
    };
    if (problem.loss == LinearLoss::kSoftmax) {
      for (int64_t i = 0; i < count; ++i) terms.classes[i] = objective_.classes()[ids[i]];
      kernels::softmax_terms(terms.z.data(), terms.classes.data(), outputs, count, terms.values.data(),
                             terms.slopes.data());
      add_values();
    }
    for (int64_t k = 0; k < outputs; ++k) {
      double* const slopes = terms.slopes.data() + k * count;
      if (problem.loss != LinearLoss::kSoftmax) {
        for (int64_t i = 0; i < count; ++i) terms.y[i] = objective_.targets(k)[ids[i]];
        kernels::loss_terms(problem.loss, objective_.loss_parameter(), terms.z.data() + k * count, terms.y.data(),
                            count, terms.values.data(), slopes, nullptr);
        add_values();
      }
      for (int64_t i = 0; i < count; ++i) slopes[i] *= example_weight(ids[i]);
    }
    return sum;
  }

  void step_batch(const int32_t* ids, int64_t count, const BatchTerms& terms, double eta, double scale,
                  double* w) const {
    for (int64_t k = 0; k < objective_.outputs(); ++k) {
      for (int64_t i = 0; i < count; ++i) {
        const double slope = terms.slopes[k * count + i], factor = -eta * slope / scale;
        if (slope == 0.0) continue;
        add_rows(objective_.inputs(), ids[i], ids[i] + 1, &factor, w + k * objective_.features());
        if (objective_.problem().intercept) w[objective_.weights_size() + k] -= options_.bias_rate * eta * slope;
      }
    }
  }

  // Multiplies the common factor in, and shrinks by `threshold`.
  void fold(std::vector<double>& w, double scale, double threshold) const {
    for (int64_t j = 0; j < objective_.weights_size(); ++j) {
      const double v = scale * w[j];
      w[j] = threshold == 0.0 ? v : std::copysign(std::max(std::abs(v) - threshold, 0.0), v);
    }
  }

  SolverReport report_of(double loss) {
    const LinearProblem& problem = objective_.problem();
    double squares = 0.0, sizes = 0.0;
    for (const float w : std::span(weights_view().data<float>(), objective_.weights_size())) {
      squares += double{w} * double{w};
      sizes += std::abs(double{w});
    }
    SolverReport report;
    report.objective = loss + 0.5 * problem.l2 * squares + problem.l1 * sizes;
    double* const best = best_.mutable_data<double>();
    if (steps() == 0) best[0] = HUGE_VAL;
    best[1] = report.objective > best[0] - options_.tolerance ? best[1] + 1.0 : 0.0;
    best[0] = std::min(best[0], report.objective);
    report.converged = options_.tolerance > 0.0 && best[1] >= static_cast<double>(options_.patience);
    return report;
  }

  void forget() override { order_.clear(); }

  LinearObjective objective_;
  LinearSgdOptions options_;
  double start_ = 0.0;
  std::vector<int32_t> order_;
  Tensor last_weights_, last_bias_, average_count_, best_;
};

void check_options(const LinearProblem& problem, const LinearSgdOptions& o) {
  const auto check = [](bool valid, const char* what, double value, const char* expected) {
    if (!valid) fail_usage("sgd", "{} is {}; expected {}", what, value, expected);
  };
  check(o.batch_size >= 1, "batch_size", static_cast<double>(o.batch_size), "at least 1");
  check(o.average_from >= 0, "average_from", static_cast<double>(o.average_from), "at least 0");
  check(o.patience >= 1, "patience", static_cast<double>(o.patience), "at least 1");
  check(o.tolerance >= 0.0 && std::isfinite(o.tolerance), "tolerance", o.tolerance, "a finite number from 0");
  check(o.bias_rate > 0.0 && std::isfinite(o.bias_rate), "bias_rate", o.bias_rate, "a finite number above 0");
  check(o.power >= 0.0 && std::isfinite(o.power), "power", o.power, "a finite number from 0");
  if (o.rate == LinearSgdRate::kOptimal) {
    check(problem.l2 > 0.0, "l2", problem.l2, "a number above 0 for the optimal rate: use another rate");
  } else {
    check(o.learning_rate > 0.0 && std::isfinite(o.learning_rate), "learning_rate", o.learning_rate,
          "a finite number above 0");
    check(o.learning_rate * problem.l2 < 1.0, "learning_rate", o.learning_rate, "less than 1 / l2");
  }
  if (o.batch_size == 1) refuse_l1("sgd", problem, "use batch_size from 2, ftrl or coordinate_descent");
}

}  // namespace

std::unique_ptr<LinearSolver> make_linear_sgd(const LinearProblem& problem, const LinearSgdOptions& options) {
  check_options(problem, options);
  return std::make_unique<LinearSgd>(problem, options);
}

}  // namespace gradus
