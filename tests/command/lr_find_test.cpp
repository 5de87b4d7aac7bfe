// `gradus lr-find`: what it prints, and that it leaves no trace.
#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "tests/command/command.h"
#include "tests/reads.h"

namespace gradus {
namespace lr_find_test {

using nlohmann::json;
using testing::HasSubstr;

class LrFindVerb : public testing::Test {
 protected:
  CommandResult find(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"lr-find", recipe("minibatch")});
    return run_gradus(folder_, arguments);
  }

  // But for what holds the output of the command.
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (!entry.path().filename().string().starts_with(".std")) names.insert(entry.path().string());
    }
    return names;
  }

  TemporaryFolder folder_;
};

TEST_F(LrFindVerb, PrintsATableAndASuggestionAndWritesNothing) {
  const CommandResult result = find({});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = lines_of(result.out);
  EXPECT_EQ(lines[0], "learning_rate           loss       smoothed");
  EXPECT_EQ(lines[1].substr(0, 15), "        1e-07  ");
  EXPECT_THAT(result.out, HasSubstr("  falls fastest\n"));
  EXPECT_THAT(result.out,
              Reads("{}\nthe loss diverged at a learning rate of {}\nbefore it rises it is lowest at {}, and falls "
                    "fastest, after the first tenth of the steps and before that, at {}:\nsuggested: --set "
                    "optimizer.learning_rate=0.0{}\n"));
  EXPECT_LT(lines.size(), 40u);
  EXPECT_EQ(files(), std::set<std::string>{});
  EXPECT_EQ(find({}).out, result.out) << "it comes out the same again";
}

// Streamed rows go through a cache, which a run keeps beside its data; nothing is left of those of other verbs.
TEST_F(LrFindVerb, LeavesNoCacheOfRowsAndNeitherDoesADryRun) {
  std::string rows;
  for (int i = 0; i < 200; ++i) rows += fmt::format("{} 1:{} 2:1\n", i % 2, i);
  spill(folder_ / "a.svm", rows);
  spill(folder_ / "run.toml",
        "data = {kind = 'libsvm', path = 'a.svm', rows = 'streamed'}\nmodel.kind = 'linear'\n"
        "loss.name = 'binary_cross_entropy'\ntrain = {epochs = 1, batch_size = 10}\n");
  const auto passes = [&](const std::vector<std::string>& arguments) {
    const CommandResult result = run_gradus(folder_, arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::set<std::string> before = files();
  const std::string found = passes({"lr-find", "run.toml", "--json"});
  const std::string plan = passes({"train", "run.toml", "--dry-run"});
  passes({"sweep", "run.toml", "--dry-run", "--grid", "train.seed=0,1", "--set", "validation.every=10"});
  EXPECT_EQ(files(), before);
  passes({"train", "run.toml", "--out", "run"});
  EXPECT_TRUE(files().contains((folder_ / "a.svm.rows").string()));
  EXPECT_EQ(passes({"lr-find", "run.toml", "--json"}), found) << "from the cache that is there now";
}

TEST_F(LrFindVerb, SuggestsNothingWhereNothingIsLearned) {
  const CommandResult result = find({"--from", "1e-12", "--to", "1e-11"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, Reads("{}\nno rate made the loss fall by more than it varies from batch to batch: nothing is "
                                "suggested; give more --steps, a larger batch, or other rates with --from and --to\n"));
}

TEST_F(LrFindVerb, JsonHasEveryStep) {
  const CommandResult result =
      find({"--json", "--from", "1e-5", "--to", "0.1", "--steps", "41", "--set", "train.batch_size=all"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json found = json::parse(result.out);
  EXPECT_TRUE(found["diverged_at"].is_null());
  ASSERT_EQ(found["learning_rate"].size(), 41u);
  ASSERT_EQ(found["loss"].size(), 41u);
  ASSERT_EQ(found["smoothed"].size(), 41u);
  for (size_t i = 0; i < 41; ++i) {
    const double rate = 1e-5 * std::pow(10.0, static_cast<double>(i) / 10.0);
    EXPECT_NEAR(found["learning_rate"][i].get<double>(), rate, 1e-12 * rate);
  }
  EXPECT_GT(found["suggestion"].get<double>(), 1e-4);
  EXPECT_LE(found["suggestion"].get<double>(), found["lowest_at"].get<double>());
}

TEST_F(LrFindVerb, PlotHasALogarithmicAxis) {
  const CommandResult result = find({"--plot", "--from", "1e-6"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("loss, smoothed\n"));
  EXPECT_THAT(result.out, HasSubstr(" 1e-4 "));
  EXPECT_THAT(result.out, HasSubstr(" 1e-2 "));
  EXPECT_THAT(result.out, HasSubstr("learning rate\n"));
  EXPECT_THAT(result.out, HasSubstr("suggested: "));
  const std::vector<std::string> lines = lines_of(result.out);
  for (size_t i = 0; i < 20; ++i) EXPECT_LE(lines.at(i).size(), 80u) << lines[i];
}

TEST_F(LrFindVerb, SaysWhereNothingHelps) {
  const CommandResult result = find({"--from", "1e-12", "--to", "1e-11"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("no rate made the loss fall by more than it varies from batch to batch"));
  EXPECT_TRUE(json::parse(find({"--from", "1e-12", "--to", "1e-11", "--json"}).out)["suggestion"].is_null());
}

TEST_F(LrFindVerb, WrongArgumentsAreUsageErrors) {
  const auto error = [&](const std::vector<std::string>& arguments) {
    const CommandResult result = run_gradus(folder_, arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_EQ(error({"lr-find"}), "gradus: [gradus lr-find] CONFIG is required; see `gradus lr-find --help`\n");
  EXPECT_EQ(error({"lr-find", "minibach"}), "gradus: [minibach] no such file or recipe; did you mean \"minibatch\"?\n");
  EXPECT_EQ(error({"lr-find", recipe("minibatch"), "--json", "--plot"}),
            "gradus: [--json] and --plot do not go together; give one of them\n");
  EXPECT_EQ(error({"lr-find", recipe("minibatch"), "--from", "2", "--to", "1"}),
            "gradus: [learning rates] from 2 to 1; expected a number above 0 and a higher one\n");
  EXPECT_EQ(error({"lr-find", recipe("minibatch"), "--steps", "5"}),
            "gradus: [--steps] must be a decimal integer from 20 to 1000000; found \"5\"\n");
  EXPECT_THAT(error({"lr-find", recipe("minibatch"), "--set", "train.stepz=5"}), HasSubstr("did you mean"));
}

}  // namespace lr_find_test
}  // namespace gradus
