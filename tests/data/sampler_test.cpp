#include "gradus/data/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tests/testing.h"

namespace gradus {
namespace sampler_test {

using Ids = std::vector<int64_t>;

Ids batch_of(const Sampler& sampler, int64_t step) {
  Ids ids;
  sampler.batch(step, ids);
  return ids;
}

Ids epoch_of(const Sampler& sampler, int64_t epoch) {
  Ids all;
  for (int64_t i = 0; i < sampler.steps_per_epoch(); ++i) {
    const Ids ids = batch_of(sampler, epoch * sampler.steps_per_epoch() + i);
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return all;
}

Ids in_order(int64_t count) {
  Ids ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

Ids sorted(Ids ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST(Sampler, InOrder) {
  const Sampler sampler({.examples = 10, .batch_size = 4, .sampling = Sampling::kInOrder});
  EXPECT_EQ(sampler.steps_per_epoch(), 3);
  EXPECT_EQ(batch_of(sampler, 0), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(batch_of(sampler, 2), (Ids{8, 9}));
  EXPECT_EQ(batch_of(sampler, 3), (Ids{0, 1, 2, 3}));
}

TEST(Sampler, EachShuffledEpochHasEveryExampleOnce) {
  for (const int64_t examples : {1, 2, 7, 100, 1001}) {
    for (const int64_t batch_size : {int64_t{1}, examples / 3 + 1, examples}) {
      const Sampler sampler({.examples = examples, .batch_size = batch_size, .seed = 3});
      for (int64_t epoch = 0; epoch < 3; ++epoch) EXPECT_EQ(sorted(epoch_of(sampler, epoch)), in_order(examples));
    }
  }
}

TEST(Sampler, EpochsAndSeedsDiffer) {
  const SamplerOptions options{.examples = 100, .batch_size = 10, .seed = 1};
  const Sampler sampler(options), same(options), other({.examples = 100, .batch_size = 10, .seed = 2});
  EXPECT_EQ(epoch_of(sampler, 0), epoch_of(same, 0));
  EXPECT_NE(epoch_of(sampler, 0), epoch_of(sampler, 1));
  EXPECT_NE(epoch_of(sampler, 0), epoch_of(other, 0));
  EXPECT_NE(epoch_of(sampler, 0), in_order(100));
}

TEST(Sampler, TheOrderOfAnEpochDoesNotDependOnTheBatchSize) {
  const Sampler small({.examples = 100, .batch_size = 7, .seed = 1}),
      large({.examples = 100, .batch_size = 30, .seed = 1});
  EXPECT_EQ(epoch_of(small, 4), epoch_of(large, 4));
}

// Written down once: a run that is resumed by a later version must go on with the same data.
TEST(Sampler, KeepsItsOrder) {
  EXPECT_EQ(batch_of(Sampler({.examples = 100, .batch_size = 6, .seed = 42}), 0), (Ids{5, 13, 58, 3, 15, 67}));
  EXPECT_EQ(batch_of(Sampler({.examples = 100, .batch_size = 6, .sampling = Sampling::kReplacement, .seed = 42}), 3),
            (Ids{89, 55, 25, 0, 11, 4}));
}

TEST(Sampler, ABatchOfAllIsInOrder) {
  const Sampler sampler({.examples = 5, .batch_size = 5});
  EXPECT_EQ(sampler.steps_per_epoch(), 1);
  for (int64_t step = 0; step < 3; ++step) EXPECT_EQ(batch_of(sampler, step), in_order(5));
}

TEST(Sampler, ReplacementDrawsUniformly) {
  constexpr int64_t kExamples = 10, kSteps = 1000;
  const Sampler sampler({.examples = kExamples, .batch_size = 100, .sampling = Sampling::kReplacement, .seed = 5});
  std::vector<int> counts(kExamples);
  Ids ids;
  for (int64_t step = 0; step < kSteps; ++step) {
    sampler.batch(step, ids);
    ASSERT_EQ(ids.size(), 100u);
    for (const int64_t id : ids) ++counts[static_cast<size_t>(id)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 4 * std::sqrt(9000.0));
  EXPECT_NE(batch_of(sampler, 0), batch_of(sampler, 1));
  EXPECT_EQ(batch_of(sampler, 7), batch_of(sampler, 7));
}

TEST(Sampler, ReplacementMayDrawMoreThanThereAre) {
  const Sampler sampler({.examples = 3, .batch_size = 8, .sampling = Sampling::kReplacement});
  EXPECT_EQ(sampler.steps_per_epoch(), 1);
  EXPECT_EQ(batch_of(sampler, 0).size(), 8u);
  EXPECT_EQ(sampler.epoch(3), 8.0);
}

TEST(Sampler, CountsEpochs) {
  const Sampler sampler({.examples = 10, .batch_size = 4});
  EXPECT_EQ(sampler.epoch(0), 0.0);
  EXPECT_EQ(sampler.epoch(1), 0.4);
  EXPECT_EQ(sampler.epoch(2), 0.8);
  EXPECT_EQ(sampler.epoch(3), 1.0);
  EXPECT_EQ(sampler.epoch(4), 1.4);
  const Sampler drawn({.examples = 10, .batch_size = 4, .sampling = Sampling::kReplacement});
  EXPECT_EQ(drawn.steps_per_epoch(), 3);
  EXPECT_EQ(drawn.epoch(3), 1.2);
}

TEST(Sampler, KeepsTheVectorsMemory) {
  const Sampler sampler({.examples = 10, .batch_size = 4});
  Ids ids;
  sampler.batch(0, ids);
  const int64_t* const memory = ids.data();
  for (int64_t step = 1; step < 9; ++step) {
    sampler.batch(step, ids);
    EXPECT_EQ(ids.data(), memory);
  }
}

TEST(Sampler, ChecksItsOptions) {
  const auto error = [](const SamplerOptions& options) { return usage_error_text([&] { Sampler sampler(options); }); };
  EXPECT_EQ(error({.examples = 0, .batch_size = 1}), "[sampler] 0 examples; expected 1 to 2^53");
  EXPECT_EQ(error({.examples = 5, .batch_size = 0}),
            "[sampler] batch_size is 0; expected 1 to 5, the number of examples");
  EXPECT_EQ(error({.examples = 5, .batch_size = 6}),
            "[sampler] batch_size is 6; expected 1 to 5, the number of examples");
  EXPECT_EQ(error({.examples = 5, .batch_size = -1, .sampling = Sampling::kReplacement}),
            "[sampler] batch_size is -1; expected 1 to 9007199254740992");
  const Sampler sampler({.examples = 5, .batch_size = 5});
  EXPECT_EQ(usage_error_text([&] { batch_of(sampler, -1); }), "[sampler] step is -1; expected 0 or more");
}

}  // namespace sampler_test
}  // namespace gradus
