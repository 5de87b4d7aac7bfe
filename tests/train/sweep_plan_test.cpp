// How many trials run at once.
#include "gradus/train/sweep_plan.h"

#include <gmock/gmock.h>

#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/configs.h"

namespace gradus {
namespace sweep_plan_test {

using testing::HasSubstr;

constexpr int64_t kLimit = int64_t{1} << 40;

std::pair<int64_t, int64_t> share(int64_t wanted, int64_t cores, const std::vector<int64_t>& bytes, int64_t limit) {
  const SweepShare share = share_out(wanted, cores, bytes, limit);
  return {share.jobs, share.threads};
}

TEST(SweepPlan, SharesOutCoresAndMemory) {
  using Pair = std::pair<int64_t, int64_t>;
  const std::vector<int64_t> equal(10, 100);
  EXPECT_EQ(share(0, 8, equal, 10000), Pair(8, 1));
  EXPECT_EQ(share(3, 8, equal, 10000), Pair(3, 2));
  EXPECT_EQ(share(99, 8, equal, 10000), Pair(8, 1));
  EXPECT_EQ(share(0, 8, {100, 100}, 10000), Pair(2, 4));         // no more than trials
  EXPECT_EQ(share(0, 8, equal, 499), Pair(4, 2));                // no more than fit
  EXPECT_EQ(share(0, 8, {1, 1, 300, 200, 1}, 500), Pair(2, 4));  // the largest two do, and no third beside them
  EXPECT_EQ(share(0, 8, {1, 1, 300, 200, 1}, 499), Pair(1, 8));
  EXPECT_EQ(share(0, 8, {600}, 500), Pair(1, 8));  // that it fits is another's to see
}

TEST(SweepPlan, KnowsWhatEachTrialNeeds) {
  const Config mlp = Config::parse(
      "data.kind = \"sine\"\nmodel = { kind = \"mlp\", hidden = [8] }\noptimizer = { name = \"sgd\", learning_rate = "
      "0.1 "
      "}\ntrain.steps = 5\nsweep.metric = \"final_loss\"\n",
      "s.toml");
  const Sweep sweep = make_sweep(mlp, {.grid = {"model.hidden=[4096,2048],[8]", "optimizer.momentum=0,0.5,0.9"}});
  const std::vector<int64_t> bytes = plan_memory(sweep, kLimit);
  ASSERT_EQ(bytes.size(), 6u);
  EXPECT_EQ(bytes[1], bytes[2]);  // one plan for both
#if !GRADUS_POOL_PASSTHROUGH      // the sanitizers' own malloc keeps what is freed
  // A momentum has a state as large as the weights, whatever it is. They are large beside what the process itself holds
  // more or less from one plan to the next.
  const int64_t weights = 4 * (4096 * 2048 + 2 * 4096 + 2 * 2048 + 1);
  EXPECT_GE(bytes[1] - bytes[0], weights / 2);
  EXPECT_GT(bytes[0], bytes[3]);
  // What the trial's own run says.
  EXPECT_NEAR(static_cast<double>(bytes[0]),
              static_cast<double>(Session(sweep.trials[0].config, {.plan_only = true}).memory().most()),
              static_cast<double>(weights) / 4);
#endif
}

TEST(SweepPlan, ErrorsNameTheTrial) {
  const Config table = Config::parse(
      "data = { kind = \"csv\", path = \"nowhere.csv\" }\nmodel.kind = \"linear\"\ntrain.steps = 5\n", "s.toml");
  const Sweep unread = make_sweep(table, {.grid = {"train.seed=1"}, .metric = "final_loss"});
  EXPECT_THAT(error_text([&] { plan_memory(unread, kLimit); }), HasSubstr("] trial 1 (train.seed = 1): "));
  const Sweep small = make_sweep(line(), {.grid = {"train.seed=1"}, .metric = "final_loss"});
  EXPECT_THAT(usage_error_text([&] { plan_memory(small, 1000); }),
              HasSubstr("[memory] trial 1 (train.seed = 1): the run needs "));
}

}  // namespace sweep_plan_test
}  // namespace gradus
