// `gradus train` with several seeds or folds: what each run gives, and the table of all.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/command/command.h"

namespace gradus {
namespace several_runs_test {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Seeds, ATableOfAllRuns) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", "[data]\nkind='line'\n[model]\nkind='linear'\n[train]\nsteps=30\n[validation]\nevery=10\n");
  const std::vector<std::string> arguments = {"train", "c.toml", "--seeds",
                                              "3,1,2", "--set",  "data.validation_fraction=0.2"};
  const CommandResult result = run_gradus(folder, arguments);
  EXPECT_EQ(result.err, "");
  std::vector<double> losses;
  for (const char* seed : {"3", "1", "2"}) {
    losses.push_back(summary_of_run(folder / ("runs/c/seed_" + std::string(seed)))["final_loss"]);
  }
  // One of them alone is the same run.
  ASSERT_EQ(
      run_gradus(folder, {"train", "c.toml", "--seed", "1", "--out", "one", "--set", "data.validation_fraction=0.2"})
          .exit_code,
      0);
  EXPECT_EQ(summary_of_run(folder / "one")["final_loss"], losses[1]);
  const double mean = (losses[0] + losses[1] + losses[2]) / 3.0;
  double squares = 0.0;
  for (const double loss : losses) squares += (loss - mean) * (loss - mean);
  EXPECT_THAT(result.out, HasSubstr(fmt::format("final_loss        {:>14.6g}{:>14.6g}{:>14.6g}   {:.6g} ± {:.2g}\n",
                                                losses[0], losses[1], losses[2], mean, std::sqrt(squares / 2.0))));
  EXPECT_THAT(result.out, HasSubstr("val_r2 "));
  EXPECT_EQ(run_gradus(folder, {"eval", "runs/c"}).err,
            "gradus: [runs/c] is a folder of runs; name one of them: seed_1, seed_2, seed_3\n");
  std::vector<std::string> again = arguments;
  again.push_back("--resume");
  EXPECT_EQ(run_gradus(folder, again).exit_code, 0);
}

// Each run pins it, all in one process.
TEST(Seeds, KeepTheInstructionSet) {
  const TemporaryFolder folder;
  spill(folder / "c.toml",
        "[data]\nkind='moons'\n[model]\nkind='mlp'\nhidden=[64]\n[train]\nsteps=3\nbatch_size=64\n");
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--seeds", "1,2", "--isa", "baseline"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--seed", "2", "--isa", "baseline", "--out", "one"}).exit_code, 0);
  EXPECT_EQ(summary_of_run(folder / "runs/c/seed_2")["final_loss"], summary_of_run(folder / "one")["final_loss"]);
}

// A rate at which the line diverges from any start but the minimum itself.
TEST(Seeds, GoesOnBehindASeedThatDiverges) {
  const TemporaryFolder folder;
  spill(folder / "c.toml",
        "[data]\nkind='line'\n[model]\nkind='linear'\n[optimizer]\nlearning_rate=1e30\n[train]\nsteps=9\n");
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--seeds", "1,2"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("seed 1: ["));
  EXPECT_THAT(result.out, HasSubstr("seed 2: ["));
  EXPECT_EQ(result.err,
            "gradus: [--seeds] 2 of 2 runs did not come to their end: seed 1, seed 2; what they met stands above\n");
}

// Each row is in one validation part; what is trained on are the others.
TEST(Folds, EachPartIsHeldOutOnce) {
  const TemporaryFolder folder;
  std::string text = "x,kind\n";
  for (int i = 0; i < 31; ++i) text += fmt::format("{},{}\n", i, i % 3 == 0 ? "a" : "b");
  spill(folder / "t.csv", text);
  spill(folder / "c.toml",
        "[data]\nkind='csv'\npath='t.csv'\nsplit='stratified'\n[model]\nkind='linear'\n[loss]\nname='cross_entropy'\n"
        "[train]\nsteps=3\n[validation]\nevery=1\n");
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--folds", "3"});
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out,
              HasSubstr("\n                          fold 0        fold 1        fold 2   mean ± deviation\n"));
  EXPECT_THAT(result.out, HasSubstr("\nval_accuracy "));
  int64_t held = 0;
  for (const char* fold : {"0", "1", "2"}) {
    const CommandResult eval = run_gradus(folder, {"eval", std::string("runs/c/fold_") + fold});
    held += std::stoll(eval.out);  // "11 examples: the validation part"
  }
  EXPECT_EQ(held, 31);
  // Repeated: other folds with each seed, too many runs for a column each.
  const CommandResult repeated =
      run_gradus(folder, {"train", "c.toml", "--folds", "3", "--seeds", "1,2,3,4", "--out", "repeated"});
  EXPECT_THAT(repeated.out, HasSubstr("seed 2 fold 0: repeated/seed_2_fold_0\n"));
  EXPECT_THAT(repeated.out, HasSubstr("   mean ± deviation of 12 runs\n"));
  EXPECT_NE(slurp(folder / "repeated/seed_1_fold_0/split.csv"), slurp(folder / "repeated/seed_2_fold_0/split.csv"));
  EXPECT_EQ(
      run_gradus(folder, {"train", "c.toml", "--out", "other", "--set", "data.folds=3", "--set", "data.fold=3"}).err,
      "gradus: [--set data.fold=3] data.fold = 3 of 3 folds; they are numbered from 0\n");
}

TEST(Seeds, QuietLeavesTheTable) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", "[data]\nkind='line'\n[model]\nkind='linear'\n[train]\nsteps=3\n");
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--seeds", "1,2", "--quiet"});
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, StartsWith("\n                          seed 1        seed 2   mean ± deviation\nsteps "));
  EXPECT_THAT(run_gradus(folder, {"train", "--help"}).out, HasSubstr("with --seeds or --folds also the table of all"));
}

TEST(Seeds, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  const auto error = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"train", recipe("linear_regression")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_gradus(folder, arguments).err;
  };
  EXPECT_EQ(error({"--seeds", "1,1"}), "gradus: [--seeds] has 1 twice\n");
  EXPECT_EQ(error({"--seeds", "1,x"}),
            "gradus: [--seeds] must be a decimal integer from 0 to 9223372036854775807; found \"x\"\n");
  EXPECT_EQ(error({"--seeds", "1", "--seed", "2"}),
            "gradus: [--seed] and --seeds do not go together; give one of them\n");
  EXPECT_EQ(error({"--seeds", "1,2", "--set", "train.seed=3"}),
            "gradus: [--set] train.seed=3 and --seeds do not go together; leave it out\n");
  EXPECT_EQ(error({"--seeds", "1,2", "--dry-run"}),
            "gradus: [--seeds] has no dry run of its own; leave it out, since all runs need the same\n");
  EXPECT_EQ(error({"--seeds", "1,2", "--resume", "x"}),
            "gradus: [--resume] takes no RUN with --seeds; give CONFIG and --out as before\n");
}

}  // namespace several_runs_test
}  // namespace gradus
