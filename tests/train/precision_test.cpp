// Training in bf16 comes out as in f32.
#include <gtest/gtest.h>

#include <cmath>

#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace precision_test {

constexpr const char* kGpt = R"(
data = {kind = "text"}
model = {kind = "gpt", layers = 2, width = 64, heads = 4, context = 32}
optimizer = {name = "adamw", learning_rate = 0.001}
train = {steps = 200, batch_size = 16, seed = 5}
)";

// Words from a small stock in random order, longer than what 200 steps see: they can be learned, their order cannot, so
// that the loss ends at a floor and not at something small that is still falling.
std::string text() {
  const char* words[] = {"the ", "step ", "goes ", "down ", "a slope ", "and then ", "rests.\n"};
  std::string all;
  uint64_t state = 1;
  for (int i = 0; i < 30000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    all += words[(state >> 33) % 7];
  }
  return all;
}

struct Trained {
  std::vector<double> losses;
  std::string weights;
};

Trained train(const std::vector<std::string>& overrides) {
  const TemporaryFolder folder;
  spill(folder / "text.txt", text());
  std::vector<std::string> all = overrides;
  all.push_back(Config::text_override("data.path", (folder / "text.txt").string()));
  Session session(Config::parse(kGpt, "gpt.toml", all));
  const Outcome outcome = run_trainer(session.trainer());
  return {outcome.losses(), bits_of(session.model().parameters())};
}

// The mean of the last 20 losses, which no single batch decides; 1% is what training in bf16 is asked to keep.
void expect_near_f32(const std::vector<std::string>& overrides) {
  const auto last = [](const std::vector<double>& losses) {
    double sum = 0.0;
    for (size_t i = losses.size() - 20; i < losses.size(); ++i) sum += losses[i];
    return sum / 20;
  };
  const Trained exact = train({}), got = train(overrides);
  ASSERT_EQ(got.losses.size(), 200U);
  EXPECT_LT(last(exact.losses), 0.5 * exact.losses[0]);  // it did learn
  EXPECT_NEAR(last(got.losses), last(exact.losses), 0.01 * last(exact.losses));
  EXPECT_NE(got.weights, exact.weights);
}

TEST(TrainingInBf16, ProductsKeepTheLossWithinAHundredth) {
  if (!has_bf16_products()) GTEST_SKIP() << "this processor or this build has no products of bf16 numbers";
  expect_near_f32({"train.precision=bf16"});
}

TEST(TrainingInBf16, ActivationsKeepTheLossWithinAHundredth) { expect_near_f32({"train.activations=bf16"}); }

TEST(TrainingInBf16, OptimizerStateKeepsTheLossWithinAHundredth) { expect_near_f32({"optimizer.state=bf16"}); }

TEST(TrainingInBf16, AllTogetherKeepTheLossWithinAHundredth) {
  if (!has_bf16_products()) GTEST_SKIP() << "this processor or this build has no products of bf16 numbers";
  expect_near_f32({"train.precision=bf16", "train.activations=bf16", "optimizer.state=bf16"});
}

TEST(TrainingInBf16, HasTheSameBitsForAnyThreads) {
  std::vector<std::string> overrides = {"train.activations=bf16", "optimizer.state=bf16", "train.steps=20"};
  if (has_bf16_products()) overrides.push_back("train.precision=bf16");
  set_threads(1);
  const Trained one = train(overrides);
  for (const int count : {2, 3, 4, 8}) {
    set_threads(count);
    const Trained more = train(overrides);
    EXPECT_EQ(more.losses, one.losses) << count;
    EXPECT_TRUE(more.weights == one.weights) << count;
  }
  set_threads(0);
}

// A block that runs again keeps, and computes from, the same values.
TEST(TrainingInBf16, RecomputedBlocksGiveTheSameBits) {
  std::vector<std::string> overrides = {"train.activations=bf16", "train.steps=10"};
  if (has_bf16_products()) overrides.push_back("train.precision=bf16");
  const Trained kept = train(overrides);
  overrides.push_back("model.recompute=true");
  EXPECT_TRUE(train(overrides).weights == kept.weights);
}

}  // namespace precision_test
}  // namespace gradus
