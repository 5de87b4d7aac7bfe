// The scripts among the recipes: they run, and what their tables are there to show is so.
#include <gmock/gmock.h>

#include <map>

#include "tests/command/command.h"

namespace gradus {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace gradus
