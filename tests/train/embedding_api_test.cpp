// The embedder's side: one's own data set, module, loss and callback through the same API as the command's.
#include <cmath>
#include <numbers>

#include "gradus/autograd/ops.h"
#include "gradus/nn/layers.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace embedding_api_test {

/// Points on two arms of a spiral, made when asked for: the class of example i is i mod 2.
class Spirals : public Dataset {
 public:
  int64_t size() const override { return 120; }
  Batch batch(std::span<const int64_t> ids) const override {
    std::vector<float> points;
    std::vector<int64_t> classes;
    for (const int64_t id : ids) {
      const double radius = 0.2 + 0.8 * static_cast<double>(id) / 120;
      const double angle = 4 * radius + std::numbers::pi * static_cast<double>(id % 2);
      points.push_back(static_cast<float>(radius * std::cos(angle)));
      points.push_back(static_cast<float>(radius * std::sin(angle)));
      classes.push_back(id % 2);
    }
    const auto count = static_cast<int64_t>(ids.size());
    return {Tensor::from(points, {count, 2}), Tensor::from(classes, {count})};
  }
};

/// A module needs no base class.
struct Classifier {
  explicit Classifier(const ParameterBuilder& p) : in(p / "in", 2, 32), norm(p / "norm", 32), out(p / "out", 32, 2) {}
  Tensor operator()(const Tensor& x, Context& context) const { return out(dropout(tanh(norm(in(x))), context)); }

  Linear in;
  LayerNorm norm;
  Linear out;
  Dropout dropout{0.05};
};

TEST(EmbeddingApi, TrainsOnesOwnModuleOnOnesOwnData) {
  Parameters parameters;
  const Classifier net(ParameterBuilder(parameters, /*seed=*/1));
  ASSERT_EQ(parameters.size(), 6u);
  EXPECT_EQ(parameters[2].name, "norm.weight");
  const Spirals data;
  const LossFunction loss = [&](const Batch& batch, Context& context) {
    return Loss{cross_entropy(net(batch.inputs, context), batch.targets, Reduction::kSum),
                static_cast<double>(batch.targets.numel())};
  };
  const auto optimizer = make_adamw(parameters, {.weight_decay = 0.01});
  Trainer trainer({.epochs = 60, .batch_size = 20, .validation_every = 100}, parameters, loss, data, *optimizer,
                  CosineSchedule{.learning_rate = 0.02, .warmup_steps = 20, .total_steps = 360});
  trainer.set_validation(data);
  int64_t calls = 0;
  trainer.set_callback([&](const StepRecord& record) { EXPECT_EQ(record.step, calls++); });
  const TrainingSummary summary = trainer.run();
  EXPECT_EQ(calls, 360);
  EXPECT_EQ(summary.steps, 360);
  EXPECT_EQ(summary.stop_reason, StopReason::kMaxEpochs);
  EXPECT_LT(*summary.best_validation_loss, 0.02);
}

/// Deriving from Model gives `loss_of`.
class Sine : public Model {
 public:
  explicit Sine(uint64_t seed) {
    const ParameterBuilder p(parameters_, seed);
    amplitude_ = p.add("amplitude", {1}, Initializer::constant(1.0));
    offset_ = p.add("offset", {1}, Initializer::uniform(0.1));
  }
  Tensor forward(const Tensor& x, Context&) const override { return tanh(x) * amplitude_ + offset_; }
  Loss loss(const Batch& batch, Context& context) const override {
    return {mse(forward(batch.inputs, context), batch.targets, Reduction::kSum),
            static_cast<double>(batch.targets.numel())};
  }

 private:
  Tensor amplitude_, offset_;
};

TEST(EmbeddingApi, TrainsOnesOwnModel) {
  std::vector<float> x, y;
  for (int i = -5; i <= 5; ++i) {
    x.push_back(0.4f * static_cast<float>(i));
    y.push_back(3.0f * std::tanh(x.back()) - 0.5f);
  }
  const TensorDataset data(column(x), column(y));
  const Sine model(1);
  const auto optimizer = make_sgd(model.parameters(), {.momentum = 0.9});
  Trainer trainer({.steps = 500, .stop_loss = 1e-10}, model.parameters(), loss_of(model), data, *optimizer,
                  ConstantSchedule{0.05});
  EXPECT_EQ(trainer.run().stop_reason, StopReason::kLossThreshold);
  EXPECT_NEAR(model.parameters()[0].tensor.item(), 3.0, 1e-4);
  EXPECT_NEAR(model.parameters()[1].tensor.item(), -0.5, 1e-4);
}

// Parameters of f64 train in f64.
TEST(EmbeddingApi, TrainsInDouble) {
  Parameters parameters;
  const ParameterBuilder p(parameters, 1, DType::kF64);
  const Tensor w = p.add("w", {1, 1}, Initializer::constant(0.0));
  const TensorDataset data(Tensor::full({3, 1}, 1.0, DType::kF64), Tensor::full({3, 1}, 2.0, DType::kF64));
  const LossFunction loss = [&](const Batch& batch, Context&) {
    return Loss{mse(linear(batch.inputs, w, {}), batch.targets, Reduction::kSum), 3.0};
  };
  const auto optimizer = make_sgd(parameters, {});
  Trainer trainer({.steps = 10}, parameters, loss, data, *optimizer, ConstantSchedule{0.25});
  trainer.run();
  EXPECT_NEAR(w.item(), 2 - 2 * std::pow(0.5, 10), 1e-15);
}

}  // namespace embedding_api_test
}  // namespace gradus
