// `gradus train` on the line: the recipes, the run's folder, overrides, stopping rules.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/command/command.h"
#include "tests/reads.h"

namespace gradus {
namespace train_test {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kSmall =
    "[data]\nkind = \"line\"\n[model]\nkind = \"linear\"\n[train]\nsteps = 20\n[log]\nevery = 5\n";

// The numbers in the line that begins with `start`.
std::vector<double> numbers_behind(const std::string& text, const std::string& start) {
  std::vector<double> numbers;
  for (const std::string& line : lines_of(text)) {
    if (!line.starts_with(start)) continue;
    std::istringstream stream(line.substr(start.size()));
    for (double number = 0; stream >> number;) numbers.push_back(number);
  }
  return numbers;
}

TEST(Train, LinearRegressionPrintsTheLossesAndTheAnswerBesideTheClosedForm) {
  const TemporaryFolder folder;
  const CommandResult result = run_gradus(folder, {"train", recipe("linear_regression")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  for (int step = 0; step < 1000; step += 100) {
    EXPECT_THAT(result.out, HasSubstr(" " + std::to_string(step) + "  loss "));
  }
  const std::vector<double> learned = numbers_behind(result.out, "learned");
  const std::vector<double> exact = numbers_behind(result.out, "least squares");
  ASSERT_EQ(learned.size(), 2u) << result.out;
  ASSERT_EQ(exact.size(), 2u) << result.out;
  EXPECT_NEAR(learned[0], exact[0], 5e-3);  // 1,000 steps at this rate leave e^-6.8 of the way to W
  EXPECT_NEAR(learned[1], exact[1], 1e-4);
  EXPECT_NEAR(exact[0], 2.0, 0.2);
  EXPECT_THAT(result.out, HasSubstr("stopped after 1000 steps"));
  EXPECT_THAT(result.out, HasSubstr("saved in runs/linear_regression: model.safetensors"));
  EXPECT_THAT(result.out, HasSubstr("next, for example: gradus train runs/linear_regression/config.toml --set "
                                    "train.seed=2 --out runs/linear_regression_seed_2\n"));
}

// Of a path each row says where it is.
TEST(Train, SaysThePenaltyOfEachPointOfAPath) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const CommandResult result =
      run_gradus(folder, {"train", "c.toml", "--set", "solver.name=lbfgs", "--set", "regularization.l1=path", "--set",
                          "solver.points=3", "--set", "log.every=1", "--out", "run"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<nlohmann::json> log = read_log(folder / "run");
  ASSERT_EQ(log.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(result.out,
                HasSubstr(fmt::format("step  {}  loss {:.6f}  l1 {:.3e}  weights not 0: {}\n", i,
                                      log[i]["loss"].get<double>(), log[i]["l1"].get<double>(), i == 0 ? 0 : 1)));
  }
}

// What --set and --data changed is in the resolved configuration.
TEST(Train, WhatToTypeNextKeepsWhatTheOptionsChanged) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const CommandResult first = run_gradus(folder, {"train", "c.toml", "--set", "train.steps=7", "--out", "a b/"});
  EXPECT_THAT(first.out, HasSubstr("next, for example: gradus train 'a b/config.toml' --set train.seed=2 --out "
                                   "'a b_seed_2'\n"));
  const CommandResult second =
      run_gradus(folder, {"train", "a b/config.toml", "--set", "train.seed=2", "--out", "a b_seed_2"});
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(summary_of_run(folder / "a b_seed_2")["steps"], 7);
  EXPECT_THAT(second.out, HasSubstr("--set train.seed=3 --out 'a b_seed_2_seed_3'\n"));
}

TEST(Train, LinearRegressionLogsEveryHundredSteps) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_gradus(folder, {"train", recipe("linear_regression"), "--out", "run"}).exit_code, 0);
  const std::vector<nlohmann::json> log = read_log(folder / "run");
  ASSERT_EQ(log.size(), 10u);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(log[i]["step"], 100 * i);
    EXPECT_EQ(log[i]["epoch"], 100.0 * static_cast<double>(i));
    EXPECT_EQ(log[i]["learning_rate"], 0.01);
    EXPECT_GT(log[i]["grad_norm"], 0.0);
    EXPECT_GT(log[i]["examples_per_s"], 0.0);
    EXPECT_GT(log[i]["elapsed_s"], 0.0);
    EXPECT_TRUE(log[i]["loss"].is_number());
    if (i > 0) {
      EXPECT_LT(log[i]["loss"], log[i - 1]["loss"]);
    }
  }
}

TEST(Train, WritesTheRunsFolder) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_gradus(folder, {"train", recipe("linear_regression"), "--out", "a/run"}).exit_code, 0);
  for (const char* file : {"config.toml", "log.jsonl", "summary.json", "model.safetensors", "best.safetensors"}) {
    EXPECT_TRUE(std::filesystem::exists(folder / "a/run" / file)) << file;
  }
  const nlohmann::json summary = summary_of_run(folder / "a/run");
  EXPECT_EQ(summary["steps"], 1000);
  EXPECT_EQ(summary["stop_reason"], "max_steps");
  EXPECT_EQ(summary["parameters"], 2);
  EXPECT_LT(summary["final_loss"], 0.2);
  EXPECT_TRUE(summary["best_val_loss"].is_null());
  EXPECT_GT(summary["elapsed_s"], 0.0);
  EXPECT_GT(summary["peak_rss_bytes"], 1 << 20);
  EXPECT_TRUE(summary["metrics"].is_object());
  // The resolved configuration can be used again, and gives the same weights.
  ASSERT_EQ(run_gradus(folder, {"train", "a/run/config.toml", "--out", "b"}).exit_code, 0);
  EXPECT_EQ(slurp(folder / "b/model.safetensors"), slurp(folder / "a/run/model.safetensors"));
}

TEST(Train, TakesARecipesBareName) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_gradus(folder, {"train", "linear_regression"}).exit_code, 0);
  EXPECT_EQ(summary_of_run(folder / "runs/linear_regression")["steps"], 1000);
  const CommandResult result = run_gradus(folder, {"train", "linear_regresion"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "gradus: [linear_regresion] no such file or recipe; did you mean \"linear_regression\"?\n");
}

TEST(Train, TheThreeWaysSeeTheSameNumberOfExamples) {
  const TemporaryFolder folder;
  for (const auto& [name, steps] : {std::pair("batch_gd", 100), {"minibatch", 1000}, {"sgd", 10000}}) {
    const CommandResult result = run_gradus(folder, {"train", recipe(name)});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const nlohmann::json summary = summary_of_run(folder / "runs" / name);
    EXPECT_EQ(summary["steps"], steps) << name;
    EXPECT_EQ(summary["stop_reason"], "max_epochs") << name;
    EXPECT_NEAR(numbers_behind(result.out, "learned")[0], numbers_behind(result.out, "least squares")[0], 0.1) << name;
  }
}

TEST(Train, RefusesAFolderThatIsNotEmpty) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml"}).exit_code, 0);
  const std::string before = slurp(folder / "runs/c/config.toml");
  CommandResult result = run_gradus(folder, {"train", "c.toml", "--set", "train.steps=30"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("gradus: [runs/c] exists and is not empty"));
  EXPECT_THAT(result.err, HasSubstr("--overwrite"));
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(slurp(folder / "runs/c/config.toml"), before);
  spill(folder / "runs/c/notes.txt", "mine");
  result = run_gradus(folder, {"train", "c.toml", "--set", "train.steps=30", "--overwrite"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(summary_of_run(folder / "runs/c")["steps"], 30);
  EXPECT_EQ(slurp(folder / "runs/c/notes.txt"), "mine");
}

TEST(Train, OverwriteDoesNotReplaceItsOwnConfiguration) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "run");
  spill(folder / "run/config.toml", kSmall);
  std::filesystem::create_directory_symlink("run", folder / "linked");
  std::filesystem::create_symlink("run/config.toml", folder / "link.toml");
  const std::vector<std::pair<std::string, std::string>> pairs{
      {"run/config.toml", "run"}, {"run/config.toml", "./run/"}, {"linked/config.toml", "run"}, {"link.toml", "run"}};
  for (const auto& [config, run] : pairs) {
    const CommandResult result = run_gradus(folder, {"train", config, "--out", run, "--overwrite"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.err, "gradus: [--overwrite] the configuration " + config + " lies in the run's folder " + run +
                              ", whose files would be replaced; copy it to another folder, or choose another --out\n");
    EXPECT_EQ(slurp(folder / "run/config.toml"), kSmall);
  }
  EXPECT_EQ(run_gradus(folder, {"train", "run/config.toml", "--out", "other", "--overwrite"}).exit_code, 0);
}

TEST(Train, AKeyThatARecipeShouldNotHaveSaysHowToEditTheRecipe) {
  const TemporaryFolder folder;
  const std::string message =
      "\"data.x_min\" applies to data.kind = \"line\", \"polynomial\" or \"sine\", not to \"moons\"; remove it, or "
      "change data.kind";
  CommandResult result = run_gradus(folder, {"train", "linear_regression", "--set", "data.kind=moons"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("gradus: [" + recipe("linear_regression") + ":"));
  EXPECT_THAT(result.err,
              testing::EndsWith("] " + message +
                                " (--unset KEY takes a key out; a copy of the recipe to edit: `gradus recipes "
                                "linear_regression > my.toml`)\n"));
  spill(folder / "my.toml", run_gradus(folder, {"recipes", "linear_regression"}).out);
  result = run_gradus(folder, {"train", "my.toml", "--set", "data.kind=moons"});
  EXPECT_THAT(result.err, testing::EndsWith("] " + message + "\n"));
}

struct WrongConfig {
  const char* name;
  const char* text;
  const char* message;
};

class TrainErrors : public testing::TestWithParam<WrongConfig> {};

TEST_P(TrainErrors, SayWhereAndWhatToDo) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", GetParam().text);
  const CommandResult result = run_gradus(folder, {"train", "c.toml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith(GetParam().message));
  EXPECT_EQ(lines_of(result.err).size(), 1u) << result.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, TrainErrors,
    testing::Values(
        WrongConfig{"UnknownKey", "[data]\nkind = 'line'\n[model]\nkind = 'linear'\n[optimizer]\n  lerning_rate = 1\n",
                    "gradus: [c.toml:6:3] unknown key \"optimizer.lerning_rate\"; did you mean "
                    "\"optimizer.learning_rate\"?"},
        WrongConfig{"WrongType", "[data]\nkind = 'line'\n[model]\nkind = 'linear'\n[train]\nsteps = 'ten'\n",
                    "gradus: [c.toml:6:1] \"train.steps\" must be an integer of at least 1; found the text \"ten\""},
        WrongConfig{"OutOfRange", "[data]\nkind = 'line'\n[model]\nkind = 'linear'\n[train]\nsteps = 0\n",
                    "gradus: [c.toml:6:1] \"train.steps\" must be an integer of at least 1; found the integer 0"},
        WrongConfig{"NotToml", "[data]\nkind = 'line'\n[model\n", "gradus: [c.toml:3:"},
        WrongConfig{"NoLength", "[data]\nkind = 'line'\n[model]\nkind = 'linear'\n",
                    "gradus: [c.toml] the length of the run is missing; give train.steps, train.epochs or both"},
        WrongConfig{"RateOfDynamic",
                    "[data]\nkind = 'line'\n[model]\nkind = 'linear'\n[train]\nsteps = 9\n[optimizer]\n"
                    "learning_rate = 0.1\n[schedule]\nname = 'dynamic'\nwarmup_steps = 1\ndecay_steps = 9\n",
                    "gradus: [c.toml:8:1] \"optimizer.learning_rate\" does not apply to schedule.name = \"dynamic\"; "
                    "the dynamic expression is the learning rate itself"},
        WrongConfig{"TextWithoutPath", "[data]\nkind = 'text'\n[model]\nkind = 'gpt'\n[train]\nsteps = 9\n",
                    "gradus: [c.toml] required key \"data.path\" is missing"}),
    [](const auto& instance) { return instance.param.name; });

TEST(Train, AMissingFileIsNamed) {
  const TemporaryFolder folder;
  CommandResult result = run_gradus(folder, {"train", "nowhere.toml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("gradus: [nowhere.toml] no such file"));
  result = run_gradus(folder, {"train", "gpt_char", "--data", "nowhere.txt"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("gradus: [nowhere.txt] there is no such file in "));
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));
}

TEST(Train, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const auto error = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> words{"train", "c.toml"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    return result.err;
  };
  EXPECT_THAT(error({"--frobnicate"}), StartsWith("gradus: [gradus train] "));
  EXPECT_THAT(error({"--set", "train.stepz=3"}), HasSubstr("did you mean \"train.steps\"?"));
  EXPECT_THAT(error({"--set", "train.steps"}), HasSubstr("expected key=value"));
  for (const std::string seed : {"-1", "9223372036854775808", "0x10", "1e3", "", " 5", "+5", "5x"}) {
    EXPECT_EQ(error({"--seed", seed}),
              "gradus: [--seed] must be a decimal integer from 0 to 9223372036854775807; found \"" + seed + "\"\n");
  }
  EXPECT_EQ(error({"--threads", "1025"}),
            "gradus: [--threads] must be a decimal integer from 0 to 1024; found \"1025\"\n");
  EXPECT_EQ(error({"--out", ""}), "gradus: [gradus train] --out is empty; expected RUN; see `gradus train --help`\n");
  EXPECT_EQ(error({"--data", ""}),
            "gradus: [gradus train] --data is empty; expected PATH; see `gradus train --help`\n");
  EXPECT_THAT(error({"--isa", "mmx"}), HasSubstr("avx2 or avx512"));
  // An option that stands for a key is named as it was typed.
  const std::string kinds = "\"csv\", \"numpy\", \"libsvm\", \"idx\", \"images\", \"audio\"";
  EXPECT_EQ(error({"--data", "x"}), "gradus: [--data x] \"data.path\" applies to data.kind = " + kinds +
                                        ", \"text\" or \"labelled_text\", not to \"line\"; remove it, or change "
                                        "data.kind\n");
  EXPECT_THAT(error({"--data", "x", "--data", "y"}), StartsWith("gradus: [--data x --data y] \"data.path\" applies"));
  EXPECT_THAT(error({"--on-bad-row", "skip"}), StartsWith("gradus: [--on-bad-row skip] \"data.on_bad_row\" applies"));
  EXPECT_EQ(error({"--folds", "3"}),
            "gradus: [--folds 3] \"data.folds\" goes with data.split, which applies to "
            "data.kind = " +
                kinds + " or \"labelled_text\", not to \"line\"; remove it\n");
  EXPECT_FALSE(std::filesystem::exists(folder / "runs"));
}

TEST(Train, OptionsOverrideTheFile) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const CommandResult result =
      run_gradus(folder, {"train", "--set", "train.steps=7", "c.toml", "--set", "train.steps=8", "--set",
                          "train.seed=3", "--seed", "5", "--threads", "2", "--isa", "avx2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(summary_of_run(folder / "runs/c")["steps"], 8);
  EXPECT_THAT(slurp(folder / "runs/c/config.toml"), HasSubstr("seed = 5\nthreads = 2\n"));
}

TEST(Train, SeedsAreDecimal) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  for (const auto& [given, seed] : {std::pair("010", "10"), {"9223372036854775807", "9223372036854775807"}}) {
    ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--overwrite", "--seed", given}).exit_code, 0);
    EXPECT_THAT(slurp(folder / "runs/c/config.toml"), HasSubstr(std::string("\nseed = ") + seed + "\n"));
  }
}

TEST(Train, TheFirstLimitEndsTheRun) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const auto summary = [&](const std::vector<std::string>& settings) {
    std::vector<std::string> words{"train", "c.toml", "--overwrite"};
    for (const std::string& setting : settings) words.insert(words.end(), {"--set", setting});
    const CommandResult result = run_gradus(folder, words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return summary_of_run(folder / "runs/c");
  };
  nlohmann::json ended = summary({"train.epochs=5"});
  EXPECT_EQ(ended["steps"], 5);
  EXPECT_EQ(ended["stop_reason"], "max_epochs");
  ended = summary({"train.epochs=5", "train.batch_size=50", "train.steps=3"});
  EXPECT_EQ(ended["steps"], 3);
  EXPECT_EQ(ended["stop_reason"], "max_steps");
  ended = summary({"train.steps=100000", "train.stop_loss=0.2"});
  EXPECT_LT(ended["steps"], 1000);
  EXPECT_LE(ended["final_loss"], 0.2);
  EXPECT_EQ(ended["stop_reason"], "loss_threshold");
  ended = summary({"train.steps=1000000000", "train.max_time_s=0.1", "log.every=1000000"});
  EXPECT_GE(ended["elapsed_s"], 0.1);
  EXPECT_LT(ended["elapsed_s"], 2.0);
  EXPECT_EQ(ended["stop_reason"], "max_time");
}

TEST(Train, ALossThatIsNotFiniteIsAFailureThatKeepsTheWeights) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const CommandResult result =
      run_gradus(folder, {"train", "c.toml", "--set", "optimizer.learning_rate=1e15", "--out", "run"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              StartsWith("gradus: [train] step 2 (batch 2 in the order of the data): the loss is infinite; first "
                         "in the result of 'mse', at or after bias; examples 0, 1, 2, "));
  EXPECT_THAT(result.err, HasSubstr(". The weights of before that step are saved in run. Try a lower "
                                    "optimizer.learning_rate or optimizer.clip_norm = 1\n"));
  EXPECT_EQ(summary_of_run(folder / "run")["stop_reason"], "non_finite");
  EXPECT_TRUE(std::filesystem::exists(folder / "run/model.safetensors"));
}

TEST(Train, ABatchThatIsNotFiniteCanBeLeftOut) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--set", "optimizer.learning_rate=1e15", "--set",
                                                   "train.batch_size=4", "--out", "run"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              Reads("gradus: [train] {}. The weights of before that step are saved in run. Try a lower "
                    "optimizer.learning_rate or optimizer.clip_norm = 1; or go on without that batch: {} train "
                    "--resume run --set health.on_spike=rewind\n"));
}

// Of two rows one counts nothing, so that every second batch of one is passed over.
TEST(Train, ABatchThatCountsNothingIsPassedOver) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,w,y\n1,1,2\n2,0,3\n");
  spill(folder / "c.toml",
        "[data]\nkind = \"csv\"\npath = \"t.csv\"\nweight = \"w\"\n[model]\nkind = \"linear\"\n[train]\nsteps = 4\n"
        "batch_size = 1\nsampling = \"in_order\"\n[log]\nevery = 1\n");
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--out", "run"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("step 1  passed over\nstep 2  loss "));
  const std::vector<nlohmann::json> rows = read_log(folder / "run");
  ASSERT_EQ(rows.size(), 5U);  // with one warning
  EXPECT_EQ(rows[1]["event"], "warning");
  EXPECT_TRUE(rows[2]["loss"].is_null());
  EXPECT_TRUE(rows[4]["loss"].is_null());
  EXPECT_EQ(summary_of_run(folder / "run")["final_loss"], rows[3]["loss"]);
}

// No update was done: the learning rate is not to blame.
TEST(Train, AnUntrainedModelWhoseLossIsNotFinitePointsAtTheData) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--set", "data.slope=1e30", "--out", "run"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(
      result.err,
      "gradus: [train] step 0 (batch 0 in the order of the data): the loss is infinite; first in the result of 'mse', "
      "at or after bias; examples 0, 1, 2, 3, 4, 5, 6, 7 and more. The model is untrained: look at the data (are its "
      "values finite, and not too large?) and at the initial weights, which are saved in run\n");
  EXPECT_EQ(summary_of_run(folder / "run")["steps"], 0);
}

TEST(Train, QuietPrintsErrorsOnly) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  CommandResult result = run_gradus(folder, {"train", "c.toml", "--quiet"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out + result.err, "");
  result = run_gradus(folder, {"train", "c.toml", "--quiet"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("exists and is not empty"));
}

TEST(Train, AFullDiskBehindStandardOutputFailsOnceTheModelIsSaved) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const CommandResult result = run_gradus(folder, {"train", "c.toml"}, {.out = "/dev/full"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "gradus: [standard output] cannot be written: No space left on device\n");
  EXPECT_EQ(summary_of_run(folder / "runs/c")["steps"], 20);
}

TEST(Train, LongRunsPrintNoRows) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kSmall);
  const CommandResult result = run_gradus(folder, {"train", "c.toml", "--set", "train.steps=1000"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, testing::Not(HasSubstr("\nstep ")));
  EXPECT_THAT(result.out, HasSubstr("stopped after 1000 steps"));
}

}  // namespace train_test
}  // namespace gradus
