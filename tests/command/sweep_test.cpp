// `gradus sweep`: which trial wins, going on after a stop, and that nothing depends on how many run at once.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "tests/command/command.h"
#include "tests/reads.h"

namespace gradus {
namespace sweep_test {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Least squares by its closed form: what a penalty costs is known.
constexpr const char* kRidge =
    "[data]\nkind = \"line\"\n[model]\nkind = \"linear\"\n[solver]\nname = \"newton\"\n[train]\nsteps = 20\n"
    "[sweep]\nmetric = \"final_loss\"\n[sweep.keys]\n\"regularization.l2\" = [1, 0, 0.1, 10]\n";

// Some tenths of a second each.
constexpr const char* kSlow =
    "[data]\nkind = \"sine\"\npoints = 400\nvalidation_fraction = 0.25\n[model]\nkind = \"mlp\"\nhidden = [64, 64]\n"
    "[train]\nsteps = 1500\n[validation]\nevery = 500\n[checkpoint]\nevery = 300\n"
    "[sweep.keys]\n\"optimizer.learning_rate\" = [0.01, 0.1, 0.05]\n";

// The trials of a table, in its order.
std::vector<int> trials_in(const std::string& csv) {
  std::vector<int> trials;
  for (const std::string& line : lines_of(csv)) {
    if (!line.starts_with("trial")) trials.push_back(std::stoi(line));
  }
  return trials;
}

bool waits_for(const fs::path& path) {
  for (int i = 0; i < 2000; ++i) {
    if (fs::exists(path)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Sweep, TheSmallestPenaltyFitsTheTrainingDataBest) {
  const TemporaryFolder folder;
  spill(folder / "ridge.toml", kRidge);
  const CommandResult result = run_gradus(folder, {"sweep", "ridge.toml"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const fs::path out = folder / "sweeps/ridge";
  EXPECT_THAT(trials_in(slurp(out / "sweep.csv")), ElementsAre(2, 3, 1, 4));
  EXPECT_THAT(result.out, StartsWith("4 trials, "));
  EXPECT_THAT(result.out, HasSubstr("best: trial 2, final_loss = "));
  EXPECT_THAT(result.out, HasSubstr(": regularization.l2 = 0.0\n"));
  EXPECT_THAT(result.out, HasSubstr("next, for example: gradus train sweeps/ridge/best.toml\n"));
  const auto json = nlohmann::json::parse(slurp(out / "sweep.json"));
  EXPECT_EQ(json["best"], 2);
  EXPECT_EQ(json["trials"][0]["measures"]["final_loss"], summary_of_run(out / "trial-0002")["final_loss"]);
  EXPECT_EQ(json["trials"][0]["reason"], "converged");
  // The best configuration gives the best trial again.
  ASSERT_EQ(run_gradus(folder, {"train", "sweeps/ridge/best.toml", "--out", "again"}).exit_code, 0);
  EXPECT_EQ(summary_of_run(folder / "again")["fingerprint"], summary_of_run(out / "trial-0002")["fingerprint"]);
}

TEST(Sweep, ARunOfAFileWithASweepLeavesThatAside) {
  const TemporaryFolder folder;
  spill(folder / "ridge.toml", kRidge);
  const CommandResult result = run_gradus(folder, {"train", "ridge.toml"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\nits [sweep] is left aside: `gradus sweep` goes over that\n"));
  EXPECT_THAT(slurp(folder / "runs/ridge/config.toml"), Not(HasSubstr("sweep")));
}

TEST(Sweep, ADivergedTrialIsARowAndSoIsAFailedOne) {
  const TemporaryFolder folder;
  const CommandResult result =
      run_gradus(folder, {"sweep", recipe("linear_regression"), "--grid", "optimizer.learning_rate=1e30,0.01,0.1",
                          "--metric", "final_loss", "--out", "s"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(trials_in(slurp(folder / "s/sweep.csv")), ElementsAre(3, 2, 1));
  EXPECT_THAT(lines_of(slurp(folder / "s/sweep.csv"))[3], StartsWith("1,diverged,"));
  EXPECT_THAT(result.out, HasSubstr("trial 1 of 3: diverged "));
  // What cannot be written ends a trial, and no other.
  ASSERT_EQ(run_gradus(folder, {"sweep", recipe("linear_regression"), "--grid", "optimizer.learning_rate=0.01",
                                "--metric", "final_loss", "--out", "u"})
                .exit_code,
            0);
  fs::create_directories(folder / "u/trial-0002");
  spill(folder / "u/trial-0002/notes.txt", "mine");
  const CommandResult failed =
      run_gradus(folder, {"sweep", recipe("linear_regression"), "--grid", "optimizer.learning_rate=0.01,0.1",
                          "--metric", "final_loss", "--out", "u"});
  EXPECT_EQ(failed.exit_code, 0) << failed.err;
  EXPECT_THAT(failed.out, HasSubstr("2 trials, of which 1 are done, "));
  EXPECT_THAT(lines_of(slurp(folder / "u/sweep.csv"))[2],
              HasSubstr("2,failed,\"[u/trial-0002] has no log.jsonl and no checkpoints, so there is no run"));
}

// Ranked by a measure that training does not compute, which is what `gradus eval --report` says of each run.
TEST(Sweep, RanksByAMeasureOfAReport) {
  const TemporaryFolder folder;
  std::string text = "x,z,kind\n";
  for (int i = 0; i < 200; ++i) text += fmt::format("{},{},{}\n", i % 17, i % 5, (i * 7) % 17 + i % 3 > 9 ? "a" : "b");
  spill(folder / "t.csv", text);
  spill(folder / "c.toml",
        "[data]\nkind = \"csv\"\npath = \"t.csv\"\n[model]\nkind = \"linear\"\n[loss]\nname = "
        "\"binary_cross_entropy\"\n[solver]\nname = \"newton\"\n[train]\nsteps = 20\n");
  const CommandResult result =
      run_gradus(folder, {"sweep", "c.toml", "--grid", "regularization.l2=10,0.001", "--metric", "roc_auc"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("val_roc_auc is to be large"));
  const auto json = nlohmann::json::parse(slurp(folder / "sweeps/c/sweep.json"));
  ASSERT_EQ(json["trials"].size(), 2U);
  EXPECT_GE(json["trials"][0]["value"].get<double>(), json["trials"][1]["value"].get<double>());
  for (const auto& trial : json["trials"]) {
    const std::string run = "sweeps/c/" + trial["folder"].get<std::string>();
    const CommandResult report = run_gradus(folder, {"eval", run, "--report", "--json", "--resamples", "10"});
    ASSERT_EQ(report.exit_code, 0) << report.err;
    const auto measures = nlohmann::json::parse(report.out)["measures"];
    EXPECT_GT(measures.size(), 12U);
    for (const auto& [name, measure] : measures.items()) {
      EXPECT_EQ(trial["measures"]["val_" + name], measure["value"]) << name;
    }
    EXPECT_EQ(trial["value"], measures["roc_auc"]["value"]);
  }
  EXPECT_THAT(run_gradus(folder, {"sweep", "c.toml", "--grid", "train.seed=1", "--metric", "rmse", "--out", "s"}).err,
              Reads("{}[sweep.metric] trial 1 has no number to compare: it has no val_rmse, only {}; choose one, for "
                    "example with --metric\n"));
}

TEST(Sweep, IsNotContinuedWithOtherData) {
  const TemporaryFolder folder;
  std::string rows = "x,y\n";
  for (int i = 0; i < 50; ++i) rows += fmt::format("{},{}\n", i, 2 * i + i % 3);
  spill(folder / "t.csv", rows);
  spill(folder / "c.toml",
        "data = {kind = \"csv\", path = \"t.csv\"}\nmodel.kind = \"linear\"\ntrain.steps = 5\n"
        "sweep.metric = \"final_loss\"\n");
  const auto sweep = [&](const char* seeds) {
    return run_gradus(folder, {"sweep", "c.toml", "--grid", std::string("train.seed=") + seeds, "--out", "s"});
  };
  ASSERT_EQ(sweep("1").exit_code, 0);
  ASSERT_EQ(sweep("1,2").exit_code, 0);
  spill(folder / "t.csv", rows + "50,100\n51,102\n");
  EXPECT_EQ(sweep("1,2").exit_code, 0);  // nothing is left to do
  const CommandResult other = sweep("1,2,3");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_EQ(
      other.err,
      "gradus: [s] has trials of other data: trial 1 was trained on what t.csv was then (40 examples to train on, "
      "42 now), so that others would not compare; put the same data back, or choose another --out\n");
  spill(folder / "t.csv", rows);
  EXPECT_EQ(sweep("1,2,3").exit_code, 0);
}

// Which no report has, and of which more is better.
TEST(Sweep, RanksEmbeddingsByTheirRecall) {
  const TemporaryFolder folder;
  spill(folder / "c.toml",
        "[data]\nkind = \"spirals\"\npoints = 300\nnoise = 0.05\n[model]\nkind = \"mlp\"\nhidden = [32, 32]\n"
        "[loss]\nname = \"info_nce\"\nembedding = 4\n[optimizer]\nname = \"adamw\"\nlearning_rate = 0.01\n"
        "[train]\nsteps = 300\nbatch_size = 64\n[validation]\nevery = 100\n");
  const CommandResult result =
      run_gradus(folder, {"sweep", "c.toml", "--grid", "train.steps=1,300", "--metric", "val_recall_at_1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("best: trial 2, val_recall_at_1 = "));
  EXPECT_THAT(result.out, HasSubstr("val_recall_at_1 is to be large"));
  const auto trials = nlohmann::json::parse(slurp(folder / "sweeps/c/sweep.json"))["trials"];
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_EQ(trials[0]["trial"], 2);
  EXPECT_GT(trials[0]["value"].get<double>(), trials[1]["value"].get<double>());
}

TEST(Sweep, NothingDependsOnHowManyRunAtOnce) {
  const TemporaryFolder folder;
  spill(folder / "slow.toml", kSlow);
  const std::vector<std::string> command = {"sweep",    "slow.toml",
                                            "--random", "optimizer.learning_rate=0.001..0.2:log",
                                            "--trials", "4",
                                            "--set",    "train.steps=100",
                                            "--set",    "validation.every=50"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), command.begin(), command.end());
    const CommandResult result = run_gradus(folder, more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::string one = with({"--jobs", "1", "--out", "one"});
  const std::string two = with({"--jobs", "2", "--threads", "2", "--out", "two"});
  EXPECT_THAT(one, HasSubstr("4 trials, 1 at once with "));
  EXPECT_THAT(two, HasSubstr("4 trials, 2 at once with 1 thread each"));
  for (const char* file : {"sweep.csv", "sweep.json", "best.toml", "trial-0003.toml"}) {
    EXPECT_EQ(slurp(folder / "one" / file), slurp(folder / "two" / file)) << file;
  }
  EXPECT_EQ(summary_of_run(folder / "one/trial-0004")["fingerprint"],
            summary_of_run(folder / "two/trial-0004")["fingerprint"]);
}

// Killed as a power cut kills, in the second of three trials.
TEST(Sweep, GoesOnAfterAKill) {
  const TemporaryFolder folder;
  spill(folder / "slow.toml", kSlow);
  const std::vector<std::string> command = {"sweep", "slow.toml", "--jobs", "1", "--out", "s"};
  {
    const Command killed(folder.path(), command, {});
    ASSERT_TRUE(waits_for(folder / "s/trial-0002/log.jsonl"));
    killed.send(SIGKILL);
    EXPECT_EQ(killed.wait().exit_code, 128 + SIGKILL);
  }
  ASSERT_TRUE(fs::exists(folder / "s/trial-0001/summary.json"));
  const auto first_end = fs::last_write_time(folder / "s/trial-0001/summary.json");
  const CommandResult result = run_gradus(folder, command);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("3 trials, of which 1 are done, 1 at once"));
  EXPECT_EQ(fs::last_write_time(folder / "s/trial-0001/summary.json"), first_end);
  std::vector<std::string> whole = command;
  whole.back() = "whole";
  ASSERT_EQ(run_gradus(folder, whole).exit_code, 0);
  EXPECT_EQ(slurp(folder / "s/sweep.csv"), slurp(folder / "whole/sweep.csv"));
  // Once all is done, the same command shows it again.
  const CommandResult again = run_gradus(folder, command);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, StartsWith("3 trials, of which 3 are done"));
  EXPECT_THAT(again.out, HasSubstr("best: trial "));
}

TEST(Sweep, AnInterruptSavesWhatRunsAndSaysHowToGoOn) {
  const TemporaryFolder folder;
  spill(folder / "slow.toml", kSlow);
  const Command interrupted(folder.path(), {"sweep", "slow.toml", "--jobs", "1", "--out", "a b"}, {});
  ASSERT_TRUE(waits_for(folder / "a b/trial-0002/log.jsonl"));
  interrupted.send(SIGINT);
  const CommandResult result = interrupted.wait();
  EXPECT_EQ(result.exit_code, 128 + SIGINT) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("\n1 of 3 trials are done; a b/sweep.csv has them\nto go on: gradus sweep slow.toml "
                        "--jobs 1 --out 'a b'\n"));
  EXPECT_EQ(lines_of(slurp(folder / "a b/sweep.csv")).size(), 4u);
  EXPECT_FALSE(fs::exists(folder / "a b/trial-0003"));
  const CommandResult rest = run_gradus(folder, {"sweep", "slow.toml", "--jobs", "1", "--out", "a b"});
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(summary_of_run(folder / "a b/trial-0002")["steps"], 1500);
}

// What a system does that has too little memory.
TEST(Sweep, ATrialThatIsKilledIsARowAndIsTriedAgain) {
  const TemporaryFolder folder;
  spill(folder / "slow.toml", kSlow);
  const std::vector<std::string> command = {"sweep", "slow.toml", "--jobs", "1", "--out", "s"};
  const Command running(folder.path(), command, {});
  ASSERT_TRUE(waits_for(folder / "s/trial-0001/log.jsonl"));
  ::kill(std::stoi(slurp(folder / "s/trial-0001/.lock")), SIGKILL);
  const CommandResult result = running.wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string row = "1,failed,its process was ended by signal 9; there may have been too little memory,0.01,";
  EXPECT_THAT(lines_of(slurp(folder / "s/sweep.csv"))[3], StartsWith(row));
  EXPECT_THAT(run_gradus(folder, command).out, StartsWith("3 trials, of which 2 are done"));
  EXPECT_THAT(slurp(folder / "s/sweep.csv"), AllOf(Not(HasSubstr("failed")), HasSubstr("1,done,max_steps,0.01,")));
}

// The children of a sweep that is killed end too, with a checkpoint.
TEST(Sweep, NoTrialOutlivesItsSweep) {
  const TemporaryFolder folder;
  spill(folder / "slow.toml", kSlow);
  const Command killed(folder.path(), {"sweep", "slow.toml", "--jobs", "1", "--set", "train.steps=1000000"}, {});
  ASSERT_TRUE(waits_for(folder / "sweeps/slow/trial-0001/checkpoints/last"));
  killed.send(SIGKILL);
  killed.wait();
  ASSERT_TRUE(waits_for(folder / "sweeps/slow/trial-0001/summary.json"));
  EXPECT_EQ(summary_of_run(folder / "sweeps/slow/trial-0001")["stop_reason"], "interrupted");
}

TEST(Sweep, ASecondInterruptEndsTheTrialsAtOnce) {
  const TemporaryFolder folder;
  spill(folder / "slow.toml", kSlow);
  const Command interrupted(folder.path(), {"sweep", "slow.toml", "--set", "train.steps=1000000", "--out", "s"}, {});
  ASSERT_TRUE(waits_for(folder / "s/trial-0001/checkpoints/last"));
  interrupted.send(SIGTERM);
  interrupted.send(SIGINT);
  const CommandResult result = interrupted.wait();
  EXPECT_THAT(result.exit_code, testing::AnyOf(128 + SIGTERM, 128 + SIGINT));  // in whichever order they are seen
  EXPECT_THAT(result.out, HasSubstr("\n0 of 3 trials are done; "));
}

TEST(Sweep, FoldsGoOnWhereTheyWereInterrupted) {
  const TemporaryFolder folder;
  std::string table = "a,y\n";
  for (int i = 0; i < 200; ++i) table += fmt::format("{},{}\n", i % 17, (i % 17) * (i % 3));
  spill(folder / "t.csv", table);
  spill(folder / "t.toml",
        "[data]\nkind = \"csv\"\npath = \"t.csv\"\nfolds = 3\n[model]\nkind = \"mlp\"\nhidden = [64, 64]\n[train]\n"
        "steps = 1000\n[validation]\nevery = 500\n[sweep.keys]\n\"optimizer.learning_rate\" = [0.01, 0.02]\n");
  const Command interrupted(folder.path(), {"sweep", "t.toml", "--jobs", "1", "--out", "s"}, {});
  ASSERT_TRUE(waits_for(folder / "s/trial-0001/fold_1/log.jsonl"));
  interrupted.send(SIGTERM);
  EXPECT_EQ(interrupted.wait().exit_code, 128 + SIGTERM);
  EXPECT_FALSE(fs::exists(folder / "s/trial-0001/fold_2"));
  for (const char* out : {"s", "whole"}) {
    const CommandResult result = run_gradus(folder, {"sweep", "t.toml", "--jobs", "1", "--out", out});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  EXPECT_EQ(slurp(folder / "s/sweep.csv"), slurp(folder / "whole/sweep.csv"));
}

TEST(Sweep, WithFoldsTheirMeanCounts) {
  const TemporaryFolder folder;
  std::string table = "a,b,y\n";
  for (int i = 0; i < 60; ++i) {
    table += std::to_string(i % 7) + "," + std::to_string(i % 5) + "," + std::to_string(3 * (i % 7) - i % 5) + "\n";
  }
  spill(folder / "t.csv", table);
  spill(folder / "t.toml",
        "[data]\nkind = \"csv\"\nfolds = 3\n[model]\nkind = \"linear\"\n[solver]\nname = \"newton\"\n[train]\nsteps = "
        "20\n[validation]\nevery = 20\n[sweep.keys]\n\"regularization.l2\" = [0.5, 0]\n");
  const CommandResult result = run_gradus(folder, {"sweep", "t.toml", "--data", "t.csv", "--out", "s"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("gradus train s/best.toml --folds 3\n"));
  EXPECT_THAT(trials_in(slurp(folder / "s/sweep.csv")), ElementsAre(2, 1));
  double mean = 0.0;
  for (const char* fold : {"fold_0", "fold_1", "fold_2"}) {
    mean += summary_of_run(folder / "s/trial-0001" / fold)["metrics"]["val_loss"].get<double>() / 3;
  }
  const auto json = nlohmann::json::parse(slurp(folder / "s/sweep.json"));
  EXPECT_NEAR(json["trials"][1]["value"].get<double>(), mean, 1e-15 * mean * 4);
}

TEST(Sweep, ADryRunListsTheTrialsAndTheirMemory) {
  const TemporaryFolder folder;
  spill(folder / "slow.toml", kSlow);
  const CommandResult result = run_gradus(
      folder, {"sweep", "slow.toml", "--grid", "model.hidden=[64],[1024,1024]", "--dry-run", "--threads", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 7u) << result.out;
  EXPECT_THAT(lines[0],
              StartsWith("6 trials, 2 at once with 1 thread each; val_loss is to be small; folder sweeps/slow"));
  EXPECT_THAT(lines[2], StartsWith("  trial-0002  "));
  EXPECT_THAT(lines[2], HasSubstr(" MB  optimizer.learning_rate = 0.01, model.hidden = [1024, 1024]"));
  // A matrix of 1024 × 1024 takes 4.2 MB, its gradient as much.
  EXPECT_GT(std::stod(lines[2].substr(14)), std::stod(lines[1].substr(14)) + 8.0);
  EXPECT_FALSE(fs::exists(folder / "sweeps"));
}

TEST(Sweep, JsonIsTheFileThatIsWritten) {
  const TemporaryFolder folder;
  spill(folder / "ridge.toml", kRidge);
  const CommandResult result = run_gradus(folder, {"sweep", "ridge.toml", "--json", "--out", "s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, slurp(folder / "s/sweep.json"));
  const CommandResult quiet = run_gradus(folder, {"sweep", "ridge.toml", "--quiet", "--out", "t"});
  EXPECT_EQ(quiet.out, "");
}

TEST(Sweep, ErrorsComeBeforeTheFirstTrial) {
  const TemporaryFolder folder;
  spill(folder / "ridge.toml", kRidge);
  const auto error = [&](std::vector<std::string> words, int exit_code = 2) {
    words.insert(words.begin(), "sweep");
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, exit_code) << result.out;
    return result.err;
  };
  EXPECT_EQ(error({}), "gradus: [gradus sweep] CONFIG is required; see `gradus sweep --help`\n");
  EXPECT_EQ(error({"ridge.toml", "--out", ""}),
            "gradus: [gradus sweep] --out is empty; expected FOLDER; see `gradus sweep --help`\n");
  EXPECT_EQ(error({"ridge.toml", "--grid", "regularization.l2=1,-1"}),
            "gradus: [--grid regularization.l2=1,-1] trial 2 (regularization.l2 = -1): \"regularization.l2\" must be a "
            "real number of at least 0; found the integer -1\n");
  // Only the data knows this.
  spill(folder / "t.csv", "a,y\n1,2\n2,3\n3,4\n4,5\n5,6\n");
  spill(folder / "table.toml", "data.kind = \"csv\"\nmodel.kind = \"linear\"\ntrain.steps = 5\n");
  EXPECT_THAT(error({"table.toml", "--data", "t.csv", "--grid", "data.target=y,z", "--metric", "final_loss"}),
              HasSubstr("trial 2 (data.target = \"z\"): "));
#if !GRADUS_POOL_PASSTHROUGH  // the sanitizers' malloc ends the process instead
  // A network that no machine holds: 2^40 weights.
  spill(folder / "slow.toml", kSlow);
  EXPECT_THAT(error({"slow.toml", "--set", "model.hidden=[1048576,1048576]", "--grid", "optimizer.learning_rate=1"}),
              HasSubstr("trial 1 (optimizer.learning_rate = 1.0): the run needs "));
#endif
  EXPECT_FALSE(fs::exists(folder / "sweeps"));
  EXPECT_THAT(error({"ridge.toml", "--metric", "loss", "--out", "s", "--jobs", "1"}),
              StartsWith("gradus: [--metric] sweep.metric = \"loss\" is no measure of a run; expected one of steps, "
                         "final_loss, best_val_loss, val_loss, val_accuracy, val_recall_at_1, val_r2, val_rmse, "
                         "val_mae, val_perplexity, val_bits_per_byte, or of `gradus eval --report`, such as f1 or "
                         "roc_auc\n"));
  EXPECT_FALSE(fs::exists(folder / "s"));
  EXPECT_THAT(error({"linear_regression", "--grid", "optimizer.learning_rate=1e30,1e31", "--metric", "final_loss",
                     "--out", "none"},
                    1),
              HasSubstr("[sweep] none of 2 trials came to a final_loss; none/sweep.csv says why"));
}

}  // namespace sweep_test
}  // namespace gradus
