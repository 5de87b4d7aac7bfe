// A step in micro-batches is the step of the large batch.
#include <cmath>

#include "gradus/nn/models/gpt.h"
#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace accumulation_test {

struct Step {
  StepRecord record;
  Parameters gradients;  // of the mean loss
};

// The first velocity of momentum is the gradient.
Step one_step(const Parameters& parameters, const LossFunction& loss, const Dataset& data, TrainerOptions options) {
  options.steps = 1;
  options.sampling = Sampling::kInOrder;
  const auto optimizer = make_sgd(parameters, {.momentum = 0.5});
  Trainer trainer(options, parameters, loss, data, *optimizer, ConstantSchedule{0.0});
  const Outcome o = run_trainer(trainer);
  return {o.records[0], optimizer->state()};
}

// ‖a − b‖ / ‖b‖ over all parameters.
double difference(const Step& a, const Step& b) {
  const std::vector<double> x = values_of(a.gradients), y = values_of(b.gradients);
  EXPECT_EQ(x.size(), y.size());
  double squares = 0, size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    squares += (x[i] - y[i]) * (x[i] - y[i]);
    size += y[i] * y[i];
  }
  return std::sqrt(squares / size);
}

// The same terms added in another order: each of up to n additions rounds by 2^-24 = 6e-8, mostly not in one direction,
// so some √n of them; terms cancel, which makes it larger relative to the sum. 101 examples and 259 tokens: 1e-6.
constexpr double kRounding = 1e-6;

void expect_the_large_batch(const Model& model, const Dataset& data, const TrainerOptions& large,
                            std::initializer_list<int64_t> micro_batch_sizes) {
  const Step whole = one_step(model.parameters(), loss_of(model), data, large);
  for (const int64_t size : micro_batch_sizes) {
    TrainerOptions options = large;
    options.micro_batch_size = size;
    const Step pieces = one_step(model.parameters(), loss_of(model), data, options);
    EXPECT_LT(difference(pieces, whole), kRounding) << "micro-batches of " << size;
    EXPECT_NEAR(pieces.record.loss, whole.record.loss, kRounding * whole.record.loss) << size;
    EXPECT_NEAR(pieces.record.gradient_norm, whole.record.gradient_norm, kRounding * whole.record.gradient_norm)
        << size;
    EXPECT_EQ(pieces.record.weight, whole.record.weight) << size;
    EXPECT_EQ(pieces.record.examples, whole.record.examples) << size;
  }
}

TEST(Accumulation, OfAnMlpIsTheLargeBatch) {
  std::vector<float> x, y;
  for (int i = 0; i < 101 * 37; ++i) x.push_back(static_cast<float>(std::sin(0.7 * i + 0.01 * i * i)));
  for (int i = 0; i < 101 * 3; ++i) y.push_back(static_cast<float>(std::cos(1.3 * i)));
  const TensorDataset data(Tensor::from(x, {101, 37}), Tensor::from(y, {101, 3}));
  const Mlp model({.inputs = 37, .outputs = 3, .hidden = {67, 29}}, 3);
  expect_the_large_batch(model, data, {}, {1, 2, 7, 50, 100});
}

TEST(Accumulation, OfAGptIsTheLargeBatch) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < 37 * 7 + 1; ++i) tokens.push_back((i * i + i / 3) % 53);
  const TokenDataset data(tokens, 37);
  const Gpt model({.vocabulary = 53, .layers = 2, .width = 40, .heads = 5, .context = 37, .dropout = 0.2}, 3);
  expect_the_large_batch(model, data, {.batch_size = 7}, {1, 3, 4, 6});
}

// Loss of micro-batch k: slope[k]·w with weight[k]. The gradient is Σ slope / Σ weight, not a mean of means (for which
// the first would be 3/4 and the second 5/12).
TEST(Accumulation, WeighsMicroBatchesByTheirWeights) {
  const std::vector<double> slopes = {3, 5}, weights = {4, 12};
  Tensor w = Tensor::full({1}, 2).set_requires_grad();
  const Parameters parameters = {{"w", w}};
  const Numbers data(3);
  size_t k = 0;
  const LossFunction loss = [&](const Batch&, Context&) {
    const size_t now = k++;
    return Loss{sum(w * slopes[now]), weights[now]};
  };
  const Step step = one_step(parameters, loss, data, {.micro_batch_size = 2});
  EXPECT_EQ(step.record.loss, 2 * 8.0 / 16);
  EXPECT_EQ(step.record.weight, 16);
  EXPECT_EQ(step.record.gradient_norm, 0.5);
  EXPECT_EQ(values_of(step.gradients), (std::vector<double>{0.5}));
}

// Sequences of 1, 2, … tokens: a mean over tokens, whatever the cut.
TEST(Accumulation, WeighsByTokensWhereExamplesDiffer) {
  const auto gradient = [](int64_t micro_batch_size) {
    Tensor w = Tensor::full({1, 1}, 1).set_requires_grad();
    const Numbers data(5);
    const LossFunction loss = [&](const Batch& batch, Context&) {
      double count = 0;
      for (const double id : batch.inputs.values<double>()) count += id + 1;
      // Example i counts i + 1 tokens, of loss 2^i·w each.
      Tensor total = Tensor::scalar(0);
      for (const double id : batch.inputs.values<double>()) total = total + sum(w) * ((id + 1) * std::exp2(id));
      return Loss{total, count};
    };
    return values_of(one_step({{"w", w}}, loss, data, {.micro_batch_size = micro_batch_size}).gradients);
  };
  const double mean = (1 * 1 + 2 * 2 + 3 * 4 + 4 * 8 + 5 * 16) / 15.0;
  for (const int64_t size : {1, 2, 3, 4, 5})
    EXPECT_FLOAT_EQ(static_cast<float>(gradient(size)[0]), static_cast<float>(mean));
}

// A parameter that only some micro-batches use.
TEST(Accumulation, AMicroBatchMayLeaveAParameterOut) {
  Tensor a = Tensor::full({1}, 1).set_requires_grad(), b = Tensor::full({1}, 1).set_requires_grad();
  const Numbers data(3);
  int calls = 0;
  const LossFunction loss = [&](const Batch&, Context&) {
    ++calls;
    return Loss{calls == 2 ? sum(a * 3.0) + sum(b * 6.0) : sum(a * 3.0), 1.0};
  };
  const Step step = one_step({{"a", a}, {"b", b}}, loss, data, {.micro_batch_size = 1});
  EXPECT_EQ(values_of(step.gradients), (std::vector<double>{3, 2}));
}

// A number of examples is in the configuration, that of "all" in the data.
TEST(Accumulation, APartAboveTheWholeIsAnError) {
  const auto error = [](const std::string& size) {
    return usage_error_text([&] {
      const Session session(Config::parse("data = {kind = 'line', points = 100, validation_fraction = 0}\n"
                                          "model.kind = 'linear'\ntrain = {steps = 1, batch_size = 'all'}",
                                          "run.toml", {"train.micro_batch_size=" + size}),
                            {.plan_only = true});
    });
  };
  EXPECT_EQ(error("100"), "no error");
  EXPECT_EQ(error("101"),
            "[--set train.micro_batch_size=101] train.micro_batch_size = 101 is above train.batch_size = \"all\", 100 "
            "examples; a batch is cut into micro-batches: lower it, or leave it out");
}

}  // namespace accumulation_test
}  // namespace gradus
