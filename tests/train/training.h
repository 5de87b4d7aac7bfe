// Small problems to train on, and what a run told.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gradus/autograd/ops.h"
#include "gradus/data/generated.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/train/trainer.h"

namespace gradus {

struct Outcome {
  TrainingSummary summary;
  std::vector<StepRecord> records;

  std::vector<double> losses() const {
    std::vector<double> all;
    for (const StepRecord& r : records) all.push_back(r.loss);
    return all;
  }
};

/// Runs a trainer and keeps its records; `on_step` sees them too.
inline Outcome run_trainer(Trainer& trainer, const std::function<void(const StepRecord&)>& on_step = {}) {
  Outcome outcome;
  trainer.set_callback([&](const StepRecord& record) {
    outcome.records.push_back(record);
    if (on_step) on_step(record);
  });
  outcome.summary = trainer.run();
  return outcome;
}

inline std::vector<double> values_of(const Parameters& parameters) {
  std::vector<double> all;
  for (const Parameter& p : parameters) {
    for (const double v : p.tensor.values<double>()) all.push_back(v);
  }
  return all;
}

/// The bits of contiguous tensors, one after the other.
inline std::string bits_of(const Parameters& parameters) {
  std::string all;
  for (const Parameter& p : parameters) {
    all.append(reinterpret_cast<const char*>(p.tensor.bytes()),
               static_cast<size_t>(p.tensor.numel() * size_of(p.tensor.dtype())));
  }
  return all;
}

inline Tensor column(const std::vector<float>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size()), 1});
}

/// y = w·x + b on given points, from w = b = 0, by plain gradient descent with rate 0.1.
struct Line {
  TensorDataset data;
  LinearModel model{{.weight_init = Initializer::constant(0.0), .bias_init = Initializer::constant(0.0)}, 1};
  std::unique_ptr<Optimizer> optimizer = make_sgd(model.parameters(), {});
  Schedule schedule = ConstantSchedule{0.1};

  Line(const std::vector<float>& x, const std::vector<float>& y) : data(column(x), column(y)) {}
  explicit Line(const TensorDataset& points) : data(points) {}

  double w() const { return model.parameters()[0].tensor.item(); }
  double b() const { return model.parameters()[1].tensor.item(); }
  Trainer trainer(const TrainerOptions& options) {
    return {options, model.parameters(), loss_of(model), data, *optimizer, schedule};
  }
  Outcome train(const TrainerOptions& options) {
    Trainer own = trainer(options);
    return run_trainer(own);
  }
};

/// `count` points near y = 2x + 1 on [-1, 1].
inline Line noisy_line(int64_t count = 10) {
  return Line(make_line({.points = count, .intercept = 1.0, .noise = 0.3}, 5));
}

/// Examples without content; it notes which were asked for.
struct Numbers : Dataset {
  explicit Numbers(int64_t examples) : count(examples) {}
  int64_t size() const override { return count; }
  Batch batch(std::span<const int64_t> ids) const override {
    batches.emplace_back(ids.begin(), ids.end());
    const Tensor x = Tensor::from(std::vector<float>(ids.begin(), ids.end()), {static_cast<int64_t>(ids.size()), 1});
    return {x, x};
  }

  int64_t count;
  mutable std::vector<std::vector<int64_t>> batches;
};

/// One weight whose losses are told beforehand: training and validation losses are the n-th value of their list (the
/// last from there on), whatever the weight; the gradient is `slope`.
struct Script {
  std::vector<double> training, validation = {};
  double slope = 0.0;
  int64_t examples = 10;

  Tensor weight = Tensor::zeros({1, 1}).set_requires_grad();
  Parameters parameters = {{"weight", weight}};
  std::unique_ptr<Optimizer> optimizer = make_sgd(parameters, {});
  Schedule schedule = ConstantSchedule{1.0};
  size_t trained = 0, validated = 0;

  LossFunction loss() {
    return [this](const Batch&, Context& context) {
      const std::vector<double>& list = context.training ? training : validation;
      const size_t n = context.training ? trained++ : validated++;
      const Tensor w = sum(weight);
      const Tensor constant = Tensor::scalar(list[std::min(n, list.size() - 1)]);
      return Loss{(w - w.detach()) * slope + constant, 1.0};
    };
  }
  Outcome train(const TrainerOptions& options, const std::function<void(const StepRecord&)>& on_step = {}) {
    const Numbers data(examples);
    Trainer trainer(options, parameters, loss(), data, *optimizer, schedule);
    if (!validation.empty()) trainer.set_validation(data);
    return run_trainer(trainer, on_step);
  }
};

}  // namespace gradus
