// Gradients, weights and losses do not depend on the number of threads, nor dropout on where an example stands.
#include <algorithm>
#include <map>
#include <numeric>

#include "gradus/base/threads.h"
#include "gradus/nn/models/gpt.h"
#include "tests/random_tensor.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace same_bits_test {

std::vector<int32_t> random_tokens(int64_t count, int64_t vocabulary, uint64_t key) {
  const RandomStream random(key);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    const double u = random.uniform(0, static_cast<uint64_t>(i));
    tokens.push_back(static_cast<int32_t>(u * static_cast<double>(vocabulary)));
  }
  return tokens;
}

// All that a run leaves, bit by bit: weights, the last velocities (which hold the gradients), losses and gradient
// norms.
struct Bits {
  std::string weights, gradients;
  std::vector<double> losses, norms;
  bool operator==(const Bits&) const = default;
};

template <class MakeModel>
Bits train(const MakeModel& make_model, const Dataset& data, const TrainerOptions& options, int threads) {
  set_threads(threads);
  const auto model = make_model();
  const auto optimizer = make_sgd(model->parameters(), {.weight_decay = 0.01, .momentum = 0.5});
  Trainer trainer(options, model->parameters(), loss_of(*model), data, *optimizer, ConstantSchedule{0.05});
  const Outcome o = run_trainer(trainer);
  Bits bits{bits_of(model->parameters()), bits_of(optimizer->state()), o.losses(), {}};
  for (const StepRecord& r : o.records) bits.norms.push_back(r.gradient_norm);
  set_threads(0);
  return bits;
}

template <class MakeModel>
void expect_same_bits_for_any_threads(const MakeModel& make_model, const Dataset& data, const TrainerOptions& options) {
  const Bits one = train(make_model, data, options, 1);
  EXPECT_EQ(static_cast<int64_t>(one.losses.size()), options.steps);
  EXPECT_LT(one.losses.back(), one.losses.front());
  for (const int threads : {2, 3, 4, 8}) {
    const Bits more = train(make_model, data, options, threads);
    EXPECT_TRUE(more.weights == one.weights) << threads << " threads";
    EXPECT_TRUE(more.gradients == one.gradients) << threads << " threads";
    EXPECT_EQ(more.losses, one.losses) << threads << " threads";
    EXPECT_EQ(more.norms, one.norms) << threads << " threads";
  }
}

auto mlp_maker(const MlpOptions& options) {
  return [=] { return std::make_unique<Mlp>(options, 3); };
}
auto gpt_maker(const GptOptions& options) {
  return [=] { return std::make_unique<Gpt>(options, 3); };
}

TensorDataset rows(int64_t count, int64_t inputs, int64_t outputs) {
  return {random_tensor({count, inputs}, 1), random_tensor({count, outputs}, 2)};
}

const MlpOptions kMlp = {
    .inputs = 37, .outputs = 3, .hidden = {67, 29}, .activation = Activation::kGelu, .dropout = 0.1};
const GptOptions kGpt = {
    .vocabulary = 53, .layers = 2, .width = 40, .heads = 5, .context = 37, .dropout = 0.1, .attention_dropout = 0.2};

TEST(SameBits, MlpInOneLeaf) { expect_same_bits_for_any_threads(mlp_maker(kMlp), rows(101, 37, 3), {.steps = 20}); }

TEST(SameBits, MlpInSeveralLeaves) {
  expect_same_bits_for_any_threads(mlp_maker(kMlp), rows(101, 37, 3), {.steps = 20, .micro_batch_size = 13});
}

TEST(SameBits, GptInOneLeaf) {
  const TokenDataset data(random_tokens(37 * 7 + 1, 53, 1), 37);
  expect_same_bits_for_any_threads(gpt_maker(kGpt), data, {.steps = 20, .batch_size = 7});
}

TEST(SameBits, GptInSeveralLeaves) {
  const TokenDataset data(random_tokens(37 * 7 + 1, 53, 1), 37);
  expect_same_bits_for_any_threads(gpt_maker(kGpt), data, {.steps = 20, .batch_size = 7, .micro_batch_size = 3});
}

// Sizes at which elementwise kernels, reductions and the update are cut too (from 32,768 elements).
TEST(SameBits, LargerMlp) {
  const MlpOptions options = {.inputs = 131, .outputs = 5, .hidden = {257, 129}, .dropout = 0.1};
  expect_same_bits_for_any_threads(mlp_maker(options), rows(509, 131, 5), {.steps = 4, .clip_norm = 0.5});
}

TEST(SameBits, LargerGpt) {
  const GptOptions options = {.vocabulary = 211, .layers = 2, .width = 96, .heads = 4, .context = 70, .dropout = 0.1};
  const TokenDataset data(random_tokens(70 * 10 + 1, 211, 1), 70);
  expect_same_bits_for_any_threads(gpt_maker(options), data, {.steps = 3, .batch_size = 5, .clip_norm = 0.5});
  expect_same_bits_for_any_threads(gpt_maker(options), data, {.steps = 2, .batch_size = 9, .micro_batch_size = 4});
}

// A block that runs twice draws the same dropout both times, and its gradients are those of one that runs once.
TEST(SameBits, GptWithRecomputedBlocks) {
  GptOptions options = kGpt;
  const TokenDataset data(random_tokens(37 * 7 + 1, 53, 1), 37);
  const TrainerOptions trainer{.steps = 10, .batch_size = 6, .micro_batch_size = 4};
  const Bits kept = train(gpt_maker(options), data, trainer, 2);
  options.recompute = true;
  EXPECT_TRUE(train(gpt_maker(options), data, trainer, 2) == kept);
}

TEST(SameBits, TheSameRunTwice) {
  const TokenDataset data(random_tokens(37 * 7 + 1, 53, 1), 37);
  const TrainerOptions options = {.steps = 5, .batch_size = 4, .micro_batch_size = 3, .seed = 8};
  EXPECT_TRUE(train(gpt_maker(kGpt), data, options, 2) == train(gpt_maker(kGpt), data, options, 2));
  TrainerOptions other = options;
  other.seed = 9;
  EXPECT_FALSE(train(gpt_maker(kGpt), data, options, 2) == train(gpt_maker(kGpt), data, other, 2));
}

// What a model with dropout makes of each example in the first step, by the example's id.
std::map<int64_t, std::vector<double>> dropped_out(const TrainerOptions& options, const TensorDataset& data) {
  const Mlp model({.inputs = 3, .outputs = 2, .hidden = {50, 50}, .dropout = 0.5}, 3);
  std::map<int64_t, std::vector<double>> by_id;
  const LossFunction loss = [&](const Batch& batch, Context& context) {
    const Tensor prediction = model.forward(batch.inputs, context);
    const std::vector<double> all = prediction.values<double>();
    for (size_t i = 0; i < context.example_ids.size(); ++i) {
      by_id[context.example_ids[i]] = {all[2 * i], all[2 * i + 1]};
    }
    return Loss{mse(prediction, batch.targets, Reduction::kSum), static_cast<double>(batch.targets.numel())};
  };
  const auto optimizer = make_sgd(model.parameters(), {});
  Trainer trainer(options, model.parameters(), loss, data, *optimizer, ConstantSchedule{0.1});
  trainer.run();
  return by_id;
}

// Another mask would change a prediction by its own size; a product of another size, by some roundings.
TEST(Dropout, DependsOnTheExampleAndNotOnItsPlace) {
  const TensorDataset data = rows(13, 3, 2);
  const auto expected = dropped_out({.steps = 1, .seed = 4}, data);
  ASSERT_EQ(expected.size(), 13u);
  for (const TrainerOptions& options :
       {TrainerOptions{.steps = 1, .micro_batch_size = 1, .seed = 4},
        TrainerOptions{.steps = 1, .micro_batch_size = 5, .seed = 4},
        TrainerOptions{.steps = 1, .batch_size = 12, .seed = 4},
        TrainerOptions{.steps = 1, .batch_size = 12, .micro_batch_size = 5, .seed = 4}}) {
    const auto other = dropped_out(options, data);
    EXPECT_GE(other.size(), 12u);
    for (const auto& [id, prediction] : other) {
      for (size_t k = 0; k < 2; ++k) EXPECT_NEAR(prediction[k], expected.at(id)[k], 1e-5) << id;
    }
  }
  const auto other_seed = dropped_out({.steps = 1, .seed = 5}, data);
  EXPECT_GT(std::abs(other_seed.at(0)[0] - expected.at(0)[0]), 1e-3);
}

// The batches above are indeed in another order.
TEST(Dropout, TheShuffledBatchIsNotInOrder) {
  const Sampler sampler({.examples = 13, .batch_size = 12, .sampling = Sampling::kShuffle, .seed = 4});
  std::vector<int64_t> ids;
  sampler.batch(0, ids);
  EXPECT_FALSE(std::ranges::is_sorted(ids));
}

}  // namespace same_bits_test
}  // namespace gradus
