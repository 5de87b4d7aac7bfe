// What a run will need in memory, before it starts.
#include "gradus/train/memory.h"

#include <gmock/gmock.h>

#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/session.h"
#include "tests/testing.h"

namespace gradus {
namespace memory_test {

using testing::HasSubstr;

Session gpt_session(const TemporaryFolder& folder, const std::vector<std::string>& overrides = {}) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "to be or not to be, ";
  spill(folder / "text.txt", text);
  std::vector<std::string> all = {Config::text_override("data.path", (folder / "text.txt").string())};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return Session(
      Config::parse("data.kind = \"text\"\nmodel = {kind = \"gpt\", layers = 3, width = 64, heads = 4, "
                    "context = 64}\noptimizer.name = \"adamw\"\ntrain = {steps = 3, batch_size = 32}\n"
                    "validation.every = 0\n",
                    "gpt.toml", all));
}

int64_t part(const MemoryPrediction& prediction, const std::string& name) {
  for (const MemoryPart& part : prediction.parts) {
    if (part.name == name) return part.bytes;
  }
  return -1;
}

// The most that tensors held while the session trained, beside what there was.
int64_t measured_peak(Session& session) {
  const int64_t before = memory_statistics().in_use;
  reset_memory_peak();
  session.trainer().run();
  return memory_statistics().peak - before;
}

TEST(Memory, OfAStepIsWhatTheStepThenTakes) {
  for (const std::vector<std::string>& keys :
       std::vector<std::vector<std::string>>{{},
                                             {"train.micro_batch_size=5"},
                                             {"model.recompute=true"},
                                             {"model.dropout=0.1"},
                                             {"train.threads=1"},
                                             {"train.activations=bf16"},
                                             {"optimizer.state=bf16"},
                                             {has_bf16_products() ? "train.precision=bf16" : "train.precision=f32"}}) {
    const TemporaryFolder folder;
    Session session = gpt_session(folder, keys);
    set_threads(static_cast<int>(session.config().integer("train.threads")));
    const int64_t state = session.optimizer().state_bytes(), step = session.trainer().dry_run();
    // All the optimizer's state is there from the first update on, when nothing else of the step is but gradients.
    const int64_t measured = measured_peak(session);
    EXPECT_NEAR(static_cast<double>(step + state), static_cast<double>(measured), 0.05 * static_cast<double>(measured))
        << (keys.empty() ? "" : keys[0]);
  }
  set_threads(0);
}

TEST(Memory, ADryRunChangesNothing) {
  const TemporaryFolder folder;
  Session session = gpt_session(folder), other = gpt_session(folder);
  const uint64_t before = session.weights_hash();
  const int64_t in_use = memory_statistics().in_use;
  session.trainer().dry_run();
  EXPECT_EQ(session.weights_hash(), before);
  EXPECT_EQ(memory_statistics().in_use, in_use);
  EXPECT_FALSE(DryRun::is_on());
  session.trainer().run();
  other.trainer().run();
  EXPECT_EQ(session.weights_hash(), other.weights_hash());
}

TEST(Memory, HasItsParts) {
  release_unused_memory();  // gaps that other tests left would be counted
  const TemporaryFolder folder;
  Session session = gpt_session(folder);
  const MemoryPrediction& prediction = session.memory();
  const int64_t weights = count_elements(session.model().parameters()) * 4;
  EXPECT_EQ(part(prediction, "weights"), weights);
  EXPECT_EQ(part(prediction, "gradients"), weights);
  // Two moments and a count for each parameter.
  EXPECT_EQ(part(prediction, "optimizer state"),
            2 * weights + 8 * static_cast<int64_t>(session.model().parameters().size()));
  // A checkpoint at the end alone takes the place of the activations; one beside quick steps has its own, and gaps.
  EXPECT_EQ(part(prediction, "a checkpoint on its way to disk"), 0);
  EXPECT_EQ(prediction.most(), prediction.total());
  const int64_t copy = weights + part(prediction, "optimizer state");
  Session saving = gpt_session(folder, {"checkpoint.every=1"});
  EXPECT_GT(part(saving.memory(), "a checkpoint on its way to disk"), copy);
  EXPECT_LT(part(saving.memory(), "a checkpoint on its way to disk"), 3 * copy / 2);
  Session frugal = gpt_session(folder, {"model.recompute=true"});
  EXPECT_LT(part(frugal.memory(), "activations"), part(prediction, "activations") * 2 / 3);
  // Two moments of half the size.
  Session rounded = gpt_session(folder, {"optimizer.state=bf16"});
  EXPECT_EQ(part(rounded.memory(), "optimizer state"), part(prediction, "optimizer state") - weights);
  // Of a block's 10 widths of f32 there are 11 of bf16, 55%; what lives for an op alone is f32 as before, and between
  // tensors of different sizes there are gaps.
  Session deep = gpt_session(folder, {"model.layers=12"});
  Session deep_rounded = gpt_session(folder, {"model.layers=12", "train.activations=bf16"});
  EXPECT_LT(part(deep_rounded.memory(), "activations"), part(deep.memory(), "activations") * 72 / 100);
  int64_t sum = 0;
  for (const MemoryPart& p : prediction.parts) sum += p.bytes;
  EXPECT_EQ(prediction.total(), sum);
}

TEST(Memory, TooLittleIsRefusedWithTheLargestPartsAndWhatToChange) {
  const MemoryPrediction prediction{{{"weights", 30'000'000, "a smaller model"},
                                     {"the program and its data", 10'000'000, ""},
                                     {"activations", 200'000'000, "a smaller train.micro_batch_size"},
                                     {"optimizer state", 60'000'000, "none"}}};
  EXPECT_NO_THROW(check_memory(prediction, 300'000'000));
  EXPECT_EQ(usage_error_text([&] { check_memory(prediction, 299'999'999); }),
            "[memory] the run needs 300.0 MB, and there are 300.0 MB for it; the largest parts, and what makes them "
            "smaller:\n  200.0 MB for activations: a smaller train.micro_batch_size\n  60.0 MB for optimizer state: "
            "none\n  30.0 MB for weights: a smaller model");
  EXPECT_GT(memory_limit_bytes(), 50'000'000);
}

TEST(Memory, EachPartHasItsAdvice) {
  const auto advice = [](const MemoryUse& use, bool is_text) {
    MemoryPrediction prediction = predict_memory(use, is_text);
    add_reading(prediction, prediction.total() + 1'000'000'000);
    return usage_error_text([&] { check_memory(prediction, 1); });
  };
  const std::string reading = "\n  1000.0 MB for reading the data: data.rows = \"streamed\", or a part of the data";
  EXPECT_THAT(
      advice({.weights = 1'000'000, .optimizer_state = 900'000'000, .step = 1'000'000}, true),
      HasSubstr(reading + "\n  900.0 MB for optimizer state: optimizer.state = \"bf16\", or optimizer.name = \"sgd\" "
                          "without momentum, which has none"));
  EXPECT_THAT(advice({.step = 900'000'000}, true),
              HasSubstr(reading + "\n  900.0 MB for activations: a smaller train.micro_batch_size or model.context, "
                                  "train.activations = \"bf16\", or model.recompute = true"));
  EXPECT_THAT(advice({.step = 900'000'000}, false),
              HasSubstr(reading + "\n  900.0 MB for activations: a smaller train.micro_batch_size"));
}

// Of a step that takes many times as long as writing, nothing is left when it is at its peak; a slow disk may have all,
// and half as much in gaps around it.
TEST(Memory, OfACheckpointBesideALongStep) {
  MemoryUse use{.program = 10'000'000, .weights = 40'000'000, .optimizer_state = 80'000'000, .step = 400'000'000};
  use.products.flops = 3e11;
  use.saves_while_training = true;
  const MemoryPrediction prediction = predict_memory(use, true);
  EXPECT_EQ(part(prediction, "a checkpoint on its way to disk"), 0);
  EXPECT_EQ(prediction.most(), prediction.total() + 180'000'000);
  EXPECT_THAT(
      usage_error_text([&] { check_memory(prediction, prediction.total()); }),
      HasSubstr("\n  180.0 MB for a checkpoint on its way to disk: checkpoint.every = 0 and checkpoint.every_s = "
                "0, so that there is one at the end only"));
  // The last copy, where a step takes less than that.
  use.saves_while_training = false;
  use.step = 50'000'000;
  EXPECT_EQ(part(predict_memory(use, true), "a checkpoint on its way to disk"), 70'000'000);
}

TEST(Memory, OfAModelForNoMachineIsRefusedByItsParts) {
#if GRADUS_POOL_PASSTHROUGH
  GTEST_SKIP() << "the sanitizers' own malloc has to find all of it";
#else
  const TemporaryFolder folder;
  const std::string message = usage_error_text([&] { gpt_session(folder, {"model.layers=200", "model.width=16384"}); });
  EXPECT_THAT(message, testing::StartsWith("[memory] the run needs "));
  EXPECT_THAT(message, HasSubstr("\n  5154311.3 MB for optimizer state: "));
  EXPECT_THAT(message, HasSubstr("\n  2577155.6 MB for weights: a smaller model"));
#endif
}

}  // namespace memory_test
}  // namespace gradus
