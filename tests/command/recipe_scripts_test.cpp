// The scripts among the recipes: they run, and what their tables are there to show is so.
#include <gmock/gmock.h>

#include <map>

#include "tests/command/command.h"

namespace gradus {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A script of recipes/, with the built command.
CommandResult run_script(const TemporaryFolder& folder, const std::string& name, std::vector<std::string> arguments,
                         const std::string& gradus = GRADUS_COMMAND) {
  return Command(folder.path(), arguments,
                 {.environment = {{"GRADUS", gradus}}, .program = std::string(GRADUS_SOURCE_DIR "/recipes/") + name})
      .wait();
}

// The cells of a Markdown table, by the first of their row; the row of names and the rule are left out.
std::map<std::string, std::vector<std::string>> rows_of(const std::string& markdown) {
  std::map<std::string, std::vector<std::string>> rows;
  const std::vector<std::string> lines = lines_of(markdown);
  for (size_t i = 2; i < lines.size(); ++i) {
    std::vector<std::string> cells;
    for (size_t at = lines[i].find('|'); at + 1 < lines[i].size();) {
      const size_t end = lines[i].find('|', at + 1);
      if (end == std::string::npos) break;
      cells.push_back(lines[i].substr(at + 2, end - at - 3));
      at = end;
    }
    rows[cells.at(0)] = cells;
  }
  return rows;
}

TEST(OverfitLab, EveryRemedyLowersTheValidationLoss) {
  const TemporaryFolder folder;
  const CommandResult result = run_script(folder, "overfit_lab", {"--markdown", "--seeds", "1,2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 7u) << result.out;
  const auto training = [&](const char* name) { return std::stod(rows.at(name).at(3)); };
  const auto validation = [&](const char* name) { return std::stod(rows.at(name).at(4)); };
  // Seeds 1 to 5 have 0.003 and 3.7 ± 1.8; another instruction set rounds differently, and 1,000 steps make much of it.
  EXPECT_LT(training("nothing"), 0.05);
  EXPECT_GT(validation("nothing"), 1.5);
  for (const char* remedy : {"L1", "L2", "dropout", "early stopping", "smaller model", "larger, more data"}) {
    EXPECT_LT(validation(remedy), 0.7 * validation("nothing")) << remedy;
    EXPECT_GT(training(remedy), training("nothing")) << remedy;
    EXPECT_GT(std::stod(rows.at(remedy).at(6)), std::stod(rows.at("nothing").at(6))) << remedy;
  }
  EXPECT_LT(std::stod(rows.at("early stopping").at(2)), 1000);  // steps
  EXPECT_EQ(rows.at("smaller model").at(1), "32");              // 2·6 + 6 + 6·2 + 2 parameters
  EXPECT_EQ(read_summary(folder / "runs/overfit_lab/l2/seed_2")["steps"], 1000);
}

// What a text has takes minutes; here it is that the whole of it goes through.
TEST(OverfitLab, TakesAText) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 12000; ++i) text += fmt::format("{} ± {}\n", i, i * 7 % 11);
  spill(folder / "t.txt", text);
  // Two steps of a model each, by a command of that name before the built one.
  spill(folder / "short",
        "#!/bin/sh\nverb=$1; shift\n[ $verb = eval ] || set -- \"$@\" --set train.steps=2 --set "
        "schedule.warmup_steps=0 --set validation.every=1\nexec " GRADUS_COMMAND " $verb \"$@\"\n");
  std::filesystem::permissions(folder / "short", std::filesystem::perms::owner_all);
  const CommandResult result =
      run_script(folder, "overfit_lab", {"--markdown", "--data", "t.txt"}, (folder / "short").string());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 7u) << result.out;
  for (const auto& [name, cells] : rows) {
    EXPECT_EQ(cells.at(2), "2") << name;
    EXPECT_GT(std::stod(cells.at(4)), 1.0) << name;
  }
}

TEST(OverfitLab, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  const auto error = [&](const std::vector<std::string>& arguments, const std::string& gradus = GRADUS_COMMAND) {
    const CommandResult result = run_script(folder, "overfit_lab", arguments, gradus);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({"--frob"}), "overfit_lab: unknown argument '--frob'; see recipes/overfit_lab --help\n");
  EXPECT_EQ(error({"--seeds"}), "overfit_lab: --seeds needs a value; see recipes/overfit_lab --help\n");
  EXPECT_EQ(error({"--data", "none.txt"}), "overfit_lab: --data none.txt: there is no such file\n");
  spill(folder / "short.txt", "short");
  EXPECT_EQ(error({"--data", "short.txt"}),
            "overfit_lab: --data short.txt: it has 5 characters; expected 100,000 or more\n");
  EXPECT_EQ(error({}, "/nowhere/gradus"), "overfit_lab: GRADUS=/nowhere/gradus: there is no such command\n");
  EXPECT_THAT(run_script(folder, "overfit_lab", {"--help"}).out, HasSubstr("Usage: recipes/overfit_lab"));
}

TEST(OptimizerRace, EveryOptimizerReachesTheLossOfTheLineAndTheNetwork) {
  const TemporaryFolder folder;
  const CommandResult result =
      run_script(folder, "optimizer_race", {"--markdown", "--problems", "line,mlp", "--seeds", "1,2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 16u) << result.out;
  for (const auto& [name, cells] : rows) {
    ASSERT_EQ(cells.size(), 7u) << name;
    EXPECT_THAT(cells[2], testing::MatchesRegex("[0-9]+")) << name;
    EXPECT_THAT(cells[5], testing::MatchesRegex("[0-9]+")) << name;
    EXPECT_GT(std::stod(cells[6]), 0.0) << name;
  }
  const auto steps = [&](const char* name) { return std::stod(rows.at(name).at(5)); };
  EXPECT_LT(steps("sgd momentum"), steps("sgd"));
  EXPECT_LT(steps("adam"), steps("sgd momentum"));
}

TEST(OptimizerRace, WhatIsNotReachedIsSaid) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 100000; ++i) text += static_cast<char>('a' + i % 1009 * i % 26);  // log 26 = 3.26 at the start
  spill(folder / "t.txt", text);
  const CommandResult result =
      run_script(folder, "optimizer_race",
                 {"--markdown", "--seeds", "1", "--limit", "3", "--text", "t.txt", "--only", "adamw,muon,lbfgs,sgd"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto rows = rows_of(result.out);
  ASSERT_EQ(rows.size(), 4u) << result.out;
  for (const auto& [name, cells] : rows) {
    ASSERT_EQ(cells.size(), 10u) << name;
    EXPECT_THAT(cells[8], StartsWith("not reached, ")) << name;
  }
}

TEST(OptimizerRace, SearchFindsRates) {
  const TemporaryFolder folder;
  const CommandResult result = run_script(
      folder, "optimizer_race", {"--search", "--problems", "line", "--seeds", "1", "--only", "sgd,gradient_descent"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  // The loss of the whole line is some W² / 3 + b², whose curvature along b is 2: a rate of 0.5 goes to its lowest at
  // once.
  EXPECT_THAT(result.out, HasSubstr("\"gradient descent|name=sgd|0.5 "));
}

TEST(OptimizerRace, WrongArgumentsAreUsageErrors) {
  const TemporaryFolder folder;
  const auto error = [&](const std::vector<std::string>& arguments) {
    const CommandResult result = run_script(folder, "optimizer_race", arguments);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(error({"frob"}), "optimizer_race: unknown argument 'frob'; see recipes/optimizer_race --help\n");
  EXPECT_EQ(error({"--text"}), "optimizer_race: --text needs a value; see recipes/optimizer_race --help\n");
  EXPECT_EQ(error({"--problems", "cube"}),
            "optimizer_race: --problems cube: expected one or more of line, mlp and gpt\n");
  EXPECT_EQ(error({"--only", "frob", "--problems", "line"}),
            "optimizer_race: --only frob: there is no such optimizer\n");
  EXPECT_EQ(error({"--text", "none.txt"}), "optimizer_race: --text none.txt: there is no such file\n");
  // An error of the command is one of the script.
  EXPECT_THAT(error({"--problems", "line", "--seeds", "x"}),
              HasSubstr("optimizer_race: gradus: [--seed] must be a decimal integer"));
}

}  // namespace
}  // namespace gradus
