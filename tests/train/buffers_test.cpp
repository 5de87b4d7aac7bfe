// A model's buffers in training: a resumed run goes on from them to the same bits, and a step that is given up leaves
// them as they were.
#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/nn/layers.h"
#include "gradus/train/trainer.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace buffers_test {

// Convolution, batch norm and a linear layer on images of 4 × 4.
class SmallNet : public Model {
 public:
  SmallNet()
      : convolution_(builder() / "conv", 1, 6, {3, 3}, {.padding = {1, 1}}, /*with_bias=*/false),
        norm_(builder() / "bn", 6, {.relu = true}),
        head_(builder() / "head", 6, 1) {}
  Tensor forward(const Tensor& inputs, Context& context) const override {
    const Tensor images = reshape(inputs, {inputs.size(0), 4, 4, 1});
    return head_(global_avg_pool(norm_(convolution_(images), context)));
  }
  Loss loss(const Batch& batch, Context& context) const override {
    return {mse(forward(batch.inputs, context), batch.targets, Reduction::kSum),
            static_cast<double>(batch.targets.numel())};
  }

 private:
  ParameterBuilder builder() { return {parameters_, buffers_, 7}; }

  Conv2d convolution_;
  BatchNorm norm_;
  Linear head_;
};

TensorDataset images(double last = 1.0) {
  std::vector<float> x, y;
  for (int i = 0; i < 48; ++i) {
    for (int j = 0; j < 16; ++j) x.push_back(static_cast<float>(std::sin(i * 1.3 + j * 0.7)));
    y.push_back(static_cast<float>(std::cos(i)));
  }
  x.back() *= static_cast<float>(last);
  return {Tensor::from(x, {48, 16}), Tensor::from(y, {48, 1})};
}

struct Training {
  SmallNet net;
  TensorDataset data;
  std::unique_ptr<Optimizer> optimizer = make_sgd(net.parameters(), {.momentum = 0.9});
  Trainer trainer;

  Training(TensorDataset images, int64_t steps, int64_t batch)
      : data(std::move(images)),
        trainer({.steps = steps, .batch_size = batch, .micro_batch_size = 5, .sampling = Sampling::kInOrder},
                net.parameters(), loss_of(net), data, *optimizer, ConstantSchedule{0.05}) {
    trainer.set_buffers(net.buffers());
  }
};

TEST(Buffers, ArePartOfTheModelsState) {
  const SmallNet net;
  std::vector<std::string> names;
  for (const Parameter& p : net.state()) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias", "head.weight", "head.bias",
                                             "bn.running_mean", "bn.running_var"}));
}

TEST(Buffers, LetARunGoOnToTheSameBits) {
  Training whole(images(), 9, 16), first(images(), 4, 16), second(images(), 9, 16);
  whole.trainer.run();
  first.trainer.run();
  const auto handles = [](const Parameters& list) {
    std::vector<std::pair<std::string, Tensor>> all;
    for (const Parameter& p : list) all.emplace_back(p.name, p.tensor);
    return all;
  };
  load_parameters(second.net.state(), handles(first.net.state()), "test");
  second.optimizer->restore(first.optimizer->steps(), handles(first.optimizer->state()), "test");
  second.trainer.restore(first.trainer.state());
  second.trainer.run();
  EXPECT_EQ(values_of(whole.net.state()), values_of(second.net.state()));
  EXPECT_NE(values_of(whole.net.buffers()), values_of(first.net.buffers()));
}

TEST(Buffers, StayWhereAStepIsGivenUp) {
  Training good(images(), 2, 16), bad(images(NAN), 3, 16);  // the last example is in the third step
  good.trainer.run();
  const TrainingSummary summary = bad.trainer.run();
  EXPECT_EQ(summary.stop_reason, StopReason::kNonFinite);
  ASSERT_TRUE(summary.anomaly.has_value());
  EXPECT_EQ(summary.anomaly->examples, (std::vector<int64_t>{47}));
  EXPECT_EQ(values_of(good.net.state()), values_of(bad.net.state()));
}

TEST(Buffers, StayInADryRun) {
  Training training(images(), 2, 16);
  const auto before = values_of(training.net.buffers());
  training.trainer.dry_run();
  EXPECT_EQ(values_of(training.net.buffers()), before);
}

}  // namespace buffers_test
}  // namespace gradus
