#include "gradus/classic/linear_sgd.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/classic/kernels/linear_rows_simd.h"
#include "gradus/classic/kernels/linear_sgd_simd.h"
#include "gradus/classic/linear_stream.h"

namespace gradus {
namespace {

constexpr int64_t kExamplesTogether = 512;  // examples whose rates and losses are computed at once
constexpr double kSmallestScale = 1e-4;     // of the weights' common factor, before it is multiplied in

// t₀ of the optimal rate: the first step on a loss of slope 1 makes weights of their typical size, l2^(−¼).
double optimal_start(const LinearProblem& problem) {
  const double typical = std::sqrt(1.0 / std::sqrt(problem.l2));
  const double z = -typical;
  const float y = 1.0F;
  double slope = 0.0;
  const LinearLoss loss = problem.loss == LinearLoss::kSoftmax ? LinearLoss::kLogistic : problem.loss;
  kernels::loss_terms(loss, loss_parameter(problem), &z, &y, 1, nullptr, &slope, nullptr);
  return std::max(1.0, std::abs(slope)) / (typical * problem.l2);
}

class LinearSgd : public LinearSolver {
 public:
  LinearSgd(std::unique_ptr<LinearStream> stream, const LinearSgdOptions& options)
      : LinearSolver("sgd"), stream_(std::move(stream)), options_(options) {
    const int64_t outputs = stream_->outputs(), features = stream_->features();
    make_coefficients(outputs, features, DType::kF32);
    if (options.average_from > 0) {
      last_weights_ = add_state("last_weights", {outputs, features}, DType::kF32);
      last_bias_ = add_state("last_bias", {outputs}, DType::kF32);
      average_count_ = add_state("average_count", {1}, DType::kI64);
    }
    best_ = add_state("best", {2}, DType::kF64);
    if (options.rate == LinearSgdRate::kOptimal) start_ = optimal_start(stream_->terms());
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
    const double first = static_cast<double>(updates_before + 1), l2 = stream_->terms().l2;
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

  double example_weight(const LinearObjective& piece, int64_t row) const {
    const float* const weights = piece.example_weights();
    return weights == nullptr ? 1.0 : double{weights[row]} * stream_->mean_factor();
  }

  // The weights that the next update changes.
  float* last_weights() { return (options_.average_from > 0 ? last_weights_ : weights_view()).mutable_data<float>(); }
  float* last_bias() { return (options_.average_from > 0 ? last_bias_ : bias_view()).mutable_data<float>(); }
  Tensor weights_view() const { return weights(); }
  Tensor bias_view() const { return bias(); }

  SolverReport do_step() override {
    if (steps() == 0 && options_.average_from > 0) {
      std::copy_n(weights_view().data<float>(), stream_->weights_size(), last_weights());
      std::copy_n(bias_view().data<float>(), stream_->outputs(), last_bias());
    }
    const bool chains = options_.batch_size == 1 && stream_->terms().loss != LinearLoss::kSoftmax;
    return report_of((chains ? run_chains() : run_batches()) / stream_->total_weight());
  }

  // One example at a time: a chain for each output. The sum of the losses is returned.
  double run_chains() {
    const int64_t outputs = stream_->outputs(), features = stream_->features();
    std::vector<Chain> chains(static_cast<size_t>(outputs));
    for (int64_t k = 0; k < outputs; ++k) begin_chain(chains[k], last_weights() + k * features);
    float* const bias = last_bias();
    int64_t updates = steps() * stream_->rows();
    stream_->pass(steps(), options_.seed, options_.shuffle, [&](const auto& piece, std::span<const int32_t> order) {
      parallel_for(outputs, 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) run_chain(piece, order, k, updates, bias + k, chains[k]);
      });
      updates += static_cast<int64_t>(order.size());
    });
    parallel_for(outputs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) end_chain(chains[k], k);
    });
    if (options_.average_from > 0) count_average(chains[0].average.count);
    return std::accumulate(chains.begin(), chains.end(), 0.0, [](double sum, const Chain& c) { return sum + c.loss; });
  }

  // The mean takes in the sum of the weights of this pass; v is the weights again by now.
  void add_average(const Average& average, const float* v, float* mean, float* mean_bias) const {
    const int64_t before = average_count_.data<int64_t>()[0];
    const double total = static_cast<double>(before + average.count);
    const double keep = static_cast<double>(before) / total;
    for (int64_t j = 0; j < stream_->features(); ++j) {
      mean[j] = static_cast<float>(keep * double{mean[j]} + (average.sum * double{v[j]} + average.lag[j]) / total);
    }
    *mean_bias = static_cast<float>(keep * double{*mean_bias} + average.bias / total);
  }

  // Before the average begins, it is the last weights.
  void count_average(int64_t updates) {
    if ((average_count_.mutable_data<int64_t>()[0] += updates) > 0) return;
    std::copy_n(last_weights(), stream_->weights_size(), weights_view().mutable_data<float>());
    std::copy_n(last_bias(), stream_->outputs(), bias_view().mutable_data<float>());
  }

  // The numbers of some updates of a chain.
  struct ChainMemory {
    std::vector<float> y, scales, gains, bias_gains, z, steps;
    std::vector<double> etas, weights, wide, losses;
    ChainMemory() {
      for (std::vector<float>* numbers : {&y, &scales, &gains, &bias_gains, &z, &steps})
        numbers->resize(kExamplesTogether);
      for (std::vector<double>* numbers : {&etas, &weights, &wide, &losses}) numbers->resize(kExamplesTogether);
    }
  };

  // One output's updates over a pass.
  struct Chain {
    Tensor v;  // the weights are scale·v; large tensors lie in huge pages
    double scale = 1.0, loss = 0.0;
    Average average;
    ChainMemory memory;
  };

  void begin_chain(Chain& chain, const float* weights) const {
    chain.v = Tensor::zeros({stream_->features() + kernels::kSgdPadding});
    std::copy_n(weights, stream_->features(), chain.v.mutable_data<float>());
    if (options_.average_from > 0) chain.average.lag.assign(static_cast<size_t>(stream_->features()), 0.0);
  }

  void end_chain(Chain& chain, int64_t output) {
    multiply_in(chain);
    const int64_t features = stream_->features(), first = output * features;
    const float* const v = chain.v.data<float>();
    std::copy_n(v, features, last_weights() + first);
    if (chain.average.count == 0) return;
    add_average(chain.average, v, weights_view().mutable_data<float>() + first,
                bias_view().mutable_data<float>() + output);
  }

  // Takes the scale into v.
  void multiply_in(Chain& chain) const {
    float* const v = chain.v.mutable_data<float>();
    for (int64_t j = 0; j < stream_->features(); ++j) v[j] = static_cast<float>(chain.scale * double{v[j]});
    chain.average.sum /= chain.scale;
    chain.scale = 1.0;
  }

  // Rates, scales and targets of as many updates as the scale allows; the scale after them.
  int64_t prepare(const LinearObjective& piece, const int32_t* order, int64_t most, int64_t output,
                  int64_t updates_before, double& scale, ChainMemory& m) const {
    const LinearProblem& problem = stream_->terms();
    const float* const targets = piece.targets(output);
    rates(updates_before, most, m.etas.data());
    int64_t count = 0;
    for (; count < most && scale > kSmallestScale; ++count) {
      m.scales[count] = static_cast<float>(scale);
      scale *= 1.0 - m.etas[count] * problem.l2;
      m.wide[count] = scale;
    }
    for (int64_t i = 0; i < count; ++i) m.y[i] = targets[order[i]];
    if (const float* const weights = piece.example_weights()) {
      const double mean_factor = stream_->mean_factor();
      for (int64_t i = 0; i < count; ++i) m.weights[i] = double{weights[order[i]]} * mean_factor;
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

  void run_chain(const LinearObjective& piece, std::span<const int32_t> all, int64_t output, int64_t updates_before,
                 float* bias, Chain& own) const {
    const LinearInputs& inputs = piece.inputs();
    const auto rows = static_cast<int64_t>(all.size());
    ChainMemory& m = own.memory;
    double sum = 0.0;
    for (int64_t at = 0; at < rows;) {
      const int32_t* const order = all.data() + at;
      const int64_t count =
          prepare(piece, order, std::min(kExamplesTogether, rows - at), output, updates_before + at, own.scale, m);
      const kernels::SgdChain chain{.loss = stream_->terms().loss,
                                    .parameter = static_cast<float>(piece.loss_parameter()),
                                    .count = count,
                                    .rows = order,
                                    .known_rows = rows - at,
                                    .y = m.y.data(),
                                    .scales = m.scales.data(),
                                    .gains = m.gains.data(),
                                    .bias_gains = m.bias_gains.data(),
                                    .v = own.v.mutable_data<float>(),
                                    .bias = bias,
                                    .z = m.z.data(),
                                    .steps = m.steps.data()};
      const float bias_before = *bias;
      inputs.is_sparse() ? kernels::sgd_chain(chain, *inputs.sparse)
                         : kernels::sgd_chain(chain, inputs.dense.data<float>(), inputs.features());
      std::copy_n(m.z.begin(), count, m.wide.begin());
      kernels::loss_terms(chain.loss, piece.loss_parameter(), m.wide.data(), m.y.data(), count, m.losses.data(),
                          nullptr, nullptr);
      sum += kernels::dot(m.weights.data(), m.losses.data(), count);
      if (options_.average_from > 0) {
        take_in(inputs, chain, updates_before + at, own.scale, bias_before, own.average);
      }
      at += count;
      if (own.scale <= kSmallestScale) multiply_in(own);
    }
    own.loss += sum / stream_->mean_factor();
  }

  // Adds the weights after each update of a chain to the average.
  void take_in(const LinearInputs& inputs, const kernels::SgdChain& chain, int64_t updates_before, double scale_after,
               float bias_before, Average& average) const {
    double bias = double{bias_before};
    for (int64_t i = 0; i < chain.count; ++i) {
      const double lost = double{chain.steps[i]};
      if (lost != 0.0) {
        const double lag = average.sum * lost;
        const int64_t row = chain.rows[i];
        if (lag != 0.0) add_rows(inputs, row, row + 1, &lag, average.lag.data());
        bias -= double{chain.bias_gains[i]} * lost / double{chain.gains[i]};
      }
      if (updates_before + i + 1 < options_.average_from) continue;
      average.sum += i + 1 < chain.count ? double{chain.scales[i + 1]} : scale_after;
      average.bias += bias;
      ++average.count;
    }
  }

  // Several examples an update, or a loss of all outputs at once. A batch lies in one piece. The sum of the losses is
  // returned.
  double run_batches() {
    const int64_t rows = stream_->rows(), batch = std::min(options_.batch_size, rows);
    BatchPass pass{.update = steps() * ((rows + batch - 1) / batch)};
    pass.w.resize(static_cast<size_t>(stream_->size()));
    pass.sum_of_w.resize(options_.average_from > 0 ? pass.w.size() : 0);
    std::copy_n(last_weights(), stream_->weights_size(), pass.w.begin());
    std::copy_n(last_bias(), stream_->outputs(), pass.w.begin() + stream_->weights_size());
    BatchTerms terms(stream_->outputs() * batch, batch);
    stream_->pass(steps(), options_.seed, options_.shuffle, [&](const auto& piece, std::span<const int32_t> order) {
      for (int64_t at = 0; at < static_cast<int64_t>(order.size()); at += batch) {
        update(piece, order.subspan(at, std::min(batch, static_cast<int64_t>(order.size()) - at)), terms, pass);
      }
    });
    fold(pass.w, pass.scale, 0.0);
    store(pass.w, last_weights(), last_bias());
    if (options_.average_from > 0) store_average(pass.sum_of_w, pass.averaged);
    return pass.losses / stream_->mean_factor();
  }

  // The weights are scale·w.
  struct BatchPass {
    std::vector<double> w = {}, sum_of_w = {};
    double losses = 0.0, scale = 1.0;
    int64_t update = 0, averaged = 0;
  };

  void store(const std::vector<double>& from, float* weights, float* bias) const {
    const auto end_of_weights = from.begin() + stream_->weights_size();
    std::transform(from.begin(), end_of_weights, weights, [](double v) { return static_cast<float>(v); });
    std::transform(end_of_weights, from.end(), bias, [](double v) { return static_cast<float>(v); });
  }

  void store_average(std::vector<double>& sum, int64_t averaged) {
    if (averaged > 0) {
      const double before = static_cast<double>(average_count_.data<int64_t>()[0]);
      const double total = before + static_cast<double>(averaged);
      for (double& v : sum) v /= total;
      const Tensor mean = coefficients();
      for (int64_t j = 0; j < stream_->size(); ++j) sum[j] += before / total * double{mean.data<float>()[j]};
      store(sum, weights_view().mutable_data<float>(), bias_view().mutable_data<float>());
    }
    count_average(averaged);
  }

  struct BatchTerms {
    BatchTerms(int64_t size, int64_t count) : z(size), slopes(size), values(count), y(count), classes(count) {}
    std::vector<double> z, slopes, values;
    std::vector<float> y;
    std::vector<int32_t> classes;
  };

  void update(const LinearObjective& piece, std::span<const int32_t> ids, BatchTerms& terms, BatchPass& pass) const {
    const LinearProblem& problem = stream_->terms();
    double eta = 0.0;
    rates(pass.update, 1, &eta);
    ++pass.update;
    pass.losses += batch_terms(piece, ids, pass.w.data(), pass.scale, terms);
    pass.scale *= 1.0 - eta * problem.l2;
    step_batch(piece, ids, terms, eta / static_cast<double>(ids.size()), pass.scale, pass.w.data());
    if (problem.l1 > 0.0 || pass.scale <= kSmallestScale || options_.average_from > 0) {
      fold(pass.w, pass.scale, eta * problem.l1);
      pass.scale = 1.0;
    }
    if (options_.average_from == 0 || pass.update < options_.average_from) return;
    kernels::add_scaled(pass.sum_of_w.data(), 1.0, pass.w.data(), stream_->size());
    ++pass.averaged;
  }

  // The slopes of a batch, times example weights; the sum of its losses is returned.
  double batch_terms(const LinearObjective& piece, std::span<const int32_t> ids, const double* w, double scale,
                     BatchTerms& terms) const {
    const LinearLoss loss = stream_->terms().loss;
    const int64_t outputs = stream_->outputs(), features = stream_->features();
    const auto count = static_cast<int64_t>(ids.size());
    for (int64_t k = 0; k < outputs; ++k) {
      for (int64_t i = 0; i < count; ++i) {
        double& z = terms.z[k * count + i];
        row_products(piece.inputs(), ids[i], ids[i] + 1, w + k * features, 0.0, &z);
        z = scale * z + w[stream_->weights_size() + k];
      }
    }
    double sum = 0.0;
    const auto add_values = [&] {
      for (int64_t i = 0; i < count; ++i) sum += example_weight(piece, ids[i]) * terms.values[i];
    };
    if (loss == LinearLoss::kSoftmax) {
      for (int64_t i = 0; i < count; ++i) terms.classes[i] = piece.classes()[ids[i]];
      kernels::softmax_terms(terms.z.data(), terms.classes.data(), outputs, count, terms.values.data(),
                             terms.slopes.data());
      add_values();
    }
    for (int64_t k = 0; k < outputs; ++k) {
      double* const slopes = terms.slopes.data() + k * count;
      if (loss != LinearLoss::kSoftmax) {
        for (int64_t i = 0; i < count; ++i) terms.y[i] = piece.targets(k)[ids[i]];
        kernels::loss_terms(loss, piece.loss_parameter(), terms.z.data() + k * count, terms.y.data(), count,
                            terms.values.data(), slopes, nullptr);
        add_values();
      }
      for (int64_t i = 0; i < count; ++i) slopes[i] *= example_weight(piece, ids[i]);
    }
    return sum;
  }

  void step_batch(const LinearObjective& piece, std::span<const int32_t> ids, const BatchTerms& terms, double eta,
                  double scale, double* w) const {
    const auto count = static_cast<int64_t>(ids.size());
    for (int64_t k = 0; k < stream_->outputs(); ++k) {
      for (int64_t i = 0; i < count; ++i) {
        const double slope = terms.slopes[k * count + i], factor = -eta * slope / scale;
        if (slope == 0.0) continue;
        add_rows(piece.inputs(), ids[i], ids[i] + 1, &factor, w + k * stream_->features());
        if (stream_->terms().intercept) w[stream_->weights_size() + k] -= options_.bias_rate * eta * slope;
      }
    }
  }

  // Multiplies the common factor in, and shrinks by `threshold`.
  void fold(std::vector<double>& w, double scale, double threshold) const {
    for (int64_t j = 0; j < stream_->weights_size(); ++j) {
      const double v = scale * w[j];
      w[j] = threshold == 0.0 ? v : std::copysign(std::max(std::abs(v) - threshold, 0.0), v);
    }
  }

  SolverReport report_of(double loss) {
    const LinearProblem& problem = stream_->terms();
    double squares = 0.0, sizes = 0.0;
    for (const float w : std::span(weights_view().data<float>(), stream_->weights_size())) {
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

  void forget() override {}

  std::unique_ptr<LinearStream> stream_;
  LinearSgdOptions options_;
  double start_ = 0.0;
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

std::unique_ptr<LinearSolver> make_linear_sgd(std::unique_ptr<LinearStream> stream, const LinearSgdOptions& options) {
  check_options(stream->terms(), options);
  return std::make_unique<LinearSgd>(std::move(stream), options);
}

std::unique_ptr<LinearSolver> make_linear_sgd(const LinearProblem& problem, const LinearSgdOptions& options) {
  return make_linear_sgd(stream_of(problem), options);
}

}  // namespace gradus
