// What came out of trials: read from their folders, sorted, and written.
#include "gradus/train/sweep_result.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/testing.h"
#include "tests/train/configs.h"

namespace gradus {
namespace sweep_result_test {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

Sweep two_by_two() {
  return make_sweep(line({"sweep.metric=final_loss"}),
                    {.grid = {"optimizer.learning_rate=0.1,0.01", "optimizer.momentum=0,0.5"}});
}

std::string summary(const std::string& stop_reason, const std::string& loss, const std::string& metrics = "") {
  return "{\"steps\": 10, \"stop_reason\": \"" + stop_reason + "\", \"final_loss\": " + loss +
         ", \"best_val_loss\": null, \"metrics\": {" + metrics + "}}";
}

void spill_in(const fs::path& folder, const std::string& text) {
  fs::create_directories(folder);
  spill(folder / "summary.json", text);
}

std::vector<TrialResult> results_in(const Sweep& sweep, const fs::path& out) {
  std::vector<TrialResult> results;
  for (const Trial& trial : sweep.trials) results.push_back(read_result(trial, sweep.metric, out));
  return results;
}

TEST(SweepResult, IsWhatTheFoldersSay) {
  const TemporaryFolder out;
  const Sweep sweep = two_by_two();
  spill_in(out / "trial-0001", summary("max_steps", "0.5", "\"val_loss\": 2"));
  spill_in(out / "trial-0002",
           "{\"steps\": 3, \"stop_reason\": \"non_finite\", \"seen\": \"the loss is inf\", "
           "\"final_loss\": null, \"best_val_loss\": null, \"metrics\": {}}");
  spill_in(out / "trial-0003", summary("interrupted", "0.1"));
  const std::vector<TrialResult> results = results_in(sweep, out.path());
  EXPECT_EQ(results[0].status, TrialStatus::kDone);
  EXPECT_EQ(results[0].value, 0.5);
  EXPECT_EQ(results[0].reason, "max_steps");
  EXPECT_EQ(find_measure(results[0].measures, "val_loss"), 2.0);
  EXPECT_EQ(find_measure(results[0].measures, "best_val_loss"), std::nullopt);
  EXPECT_EQ(results[1].status, TrialStatus::kDiverged);
  EXPECT_EQ(results[1].reason, "the loss is inf");
  EXPECT_FALSE(results[1].value);
  EXPECT_EQ(results[2].status, TrialStatus::kWaiting);
  EXPECT_EQ(results[3].status, TrialStatus::kWaiting);
  const TrialResult other = read_result(sweep.trials[0], "val_rmse", out.path());
  EXPECT_EQ(other.status, TrialStatus::kDone);
  EXPECT_FALSE(other.value);
  EXPECT_EQ(other.reason, "it has no val_rmse, only steps, final_loss, val_loss");
}

TEST(SweepResult, OfFoldsIsTheirMean) {
  const TemporaryFolder out;
  const Config table = Config::parse(
      "data = { kind = \"csv\", path = \"a.csv\", folds = 2 }\nmodel.kind = \"linear\"\ntrain.steps = 9\n", "s.toml");
  const Sweep sweep = make_sweep(table, {.grid = {"train.seed=1"}, .metric = "final_loss"});
  spill_in(out / "trial-0001/fold_0", summary("max_steps", "1", "\"val_r2\": 0.5"));
  EXPECT_EQ(results_in(sweep, out.path())[0].status, TrialStatus::kWaiting);
  spill_in(out / "trial-0001/fold_1", summary("max_steps", "4", "\"val_loss\": 1"));
  const TrialResult result = results_in(sweep, out.path())[0];
  EXPECT_EQ(result.status, TrialStatus::kDone);
  EXPECT_EQ(result.value, 2.5);
  EXPECT_THAT(result.measures, ElementsAre(std::pair<std::string, double>("steps", 10.0),
                                           std::pair<std::string, double>("final_loss", 2.5)));
  spill_in(out / "trial-0001/fold_1",
           "{\"steps\": 3, \"stop_reason\": \"loss_spike\", \"seen\": \"the loss is 9\", "
           "\"final_loss\": 9, \"best_val_loss\": null, \"metrics\": {}}");
  EXPECT_EQ(results_in(sweep, out.path())[0].status, TrialStatus::kDiverged);
  EXPECT_EQ(results_in(sweep, out.path())[0].reason, "fold_1: the loss is 9");
}

std::vector<TrialResult> made_up() {
  return {{TrialStatus::kDone, "max_steps", {{"steps", 10.0}, {"final_loss", 0.5}}, 0.5},
          {TrialStatus::kFailed, "[memory] too little, \"much\"", {}, {}},
          {TrialStatus::kDone, "converged", {{"steps", 7.0}, {"final_loss", 0.25}}, 0.25},
          {TrialStatus::kDone, "max_steps", {{"steps", 10.0}, {"final_loss", 0.5}}, 0.5}};
}

TEST(SweepResult, IsRankedBestFirstAndWithoutAValueLast) {
  Sweep sweep = two_by_two();
  EXPECT_THAT(ranking(sweep, made_up()), ElementsAre(2, 0, 3, 1));
  EXPECT_EQ(best_of(sweep, made_up()), 2u);
  sweep.is_maximized = true;
  EXPECT_THAT(ranking(sweep, made_up()), ElementsAre(0, 3, 2, 1));
  std::vector<TrialResult> none(4);
  EXPECT_EQ(best_of(sweep, none), std::nullopt);
}

TEST(SweepResult, TableCsvAndJson) {
  const Sweep sweep = two_by_two();
  EXPECT_EQ(sweep_table(sweep, made_up()),
            "trial  final_loss  optimizer.learning_rate  optimizer.momentum  steps  ended by\n"
            "3      0.25        0.01                     0.0                 7      converged\n"
            "1      0.5         0.1                      0.0                 10     max_steps\n"
            "4      0.5         0.01                     0.5                 10     max_steps\n"
            "2      -           0.1                      0.5                 -      failed: [memory] too little, "
            "\"much\"\n");
  EXPECT_EQ(sweep_csv(sweep, made_up()),
            "trial,status,reason,optimizer.learning_rate,optimizer.momentum,steps,final_loss\n"
            "3,done,converged,0.01,0.0,7,0.25\n1,done,max_steps,0.1,0.0,10,0.5\n4,done,max_steps,0.01,0.5,10,0.5\n"
            "2,failed,\"[memory] too little, \"\"much\"\"\",0.1,0.5,,\n");
  const auto json = nlohmann::json::parse(sweep_json(sweep, made_up()));
  EXPECT_EQ(json["metric"], "final_loss");
  EXPECT_EQ(json["direction"], "minimize");
  EXPECT_EQ(json["best"], 3);
  ASSERT_EQ(json["trials"].size(), 4u);
  EXPECT_EQ(json["trials"][0]["keys"]["optimizer.learning_rate"], 0.01);
  EXPECT_EQ(json["trials"][0]["measures"]["steps"], 7);
  EXPECT_EQ(json["trials"][0]["folder"], "trial-0003");
  EXPECT_TRUE(json["trials"][3]["value"].is_null());
  EXPECT_EQ(json["trials"][3]["status"], "failed");
  EXPECT_TRUE(nlohmann::json::parse(sweep_json(sweep, std::vector<TrialResult>(4)))["best"].is_null());
}

TEST(SweepFolder, TheBestConfigurationCanBeTrained) {
  const TemporaryFolder folder;
  const fs::path out = folder / "out";
  const Sweep sweep = two_by_two();
  write_trials(sweep, out);
  write_results(sweep, made_up(), out);
  const std::string best = slurp(out / "best.toml");
  EXPECT_THAT(best,
              testing::StartsWith("# Trial 3, the best of 4: final_loss = 0.25\n# optimizer.learning_rate = 0.01, "
                                  "optimizer.momentum = 0.0\n\n[data]\n"));
  EXPECT_EQ(Config::load((out / "best.toml").string()).to_toml(), sweep.trials[2].config.to_toml());
  EXPECT_EQ(Config::load((out / "trial-0002.toml").string()).to_toml(), sweep.trials[1].config.to_toml());
  EXPECT_EQ(slurp(out / "sweep.csv"), sweep_csv(sweep, made_up()));
}

TEST(SweepFolder, ASweepMayGrowButNotChange) {
  const TemporaryFolder folder;
  const fs::path out = folder / "out";
  const auto write = [&](const Overrides& overrides, const std::string& values) {
    Overrides all = {"sweep.metric=final_loss"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    const Sweep sweep = make_sweep(line(all), {.grid = {"optimizer.learning_rate=" + values}});
    return usage_error_text([&] { write_trials(sweep, out); });
  };
  EXPECT_EQ(write({}, "0.1,0.01"), "no error");
  EXPECT_EQ(write({}, "0.1,0.01"), "no error");
  EXPECT_EQ(write({"train.threads=1", "log.every=3", "checkpoint.every_s=1"}, "0.1,0.01,0.001"), "no error");
  EXPECT_TRUE(fs::exists(out / "trial-0003.toml"));
  EXPECT_EQ(write({"train.steps=5"}, "0.1,0.02,0.001"),
            "[" + out.string() +
                "] has another sweep: trial 1 is not what it was:\n  train.steps  1000 -> 5\nput that "
                "back, or choose another --out");
  EXPECT_THAT(write({}, "0.1,0.02,0.001"), HasSubstr("trial 2 is not what it was:\n  optimizer.learning_rate  0.01 -> "
                                                     "0.02\n"));
  EXPECT_EQ(write({}, "0.1,0.01"), "[" + out.string() +
                                       "] has another sweep: of 3 trials, and this one is of 2; a sweep "
                                       "may grow, not shrink: choose another --out");
  fs::create_directory(folder / "full");
  spill(folder / "full/notes.txt", "mine");
  const Sweep sweep = two_by_two();
  EXPECT_EQ(usage_error_text([&] { write_trials(sweep, folder / "full"); }),
            "[" + (folder / "full").string() + "] is not empty and has no sweep to go on with; choose another --out");
  EXPECT_EQ(usage_error_text([&] { write_trials(sweep, folder / "full/notes.txt"); }),
            "[" + (folder / "full/notes.txt").string() + "] is a file; a sweep needs a folder: choose another --out");
}

}  // namespace sweep_result_test
}  // namespace gradus
