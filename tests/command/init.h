// What the tests of `gradus init --data` do with what it writes.
#pragma once

#include <gtest/gtest.h>

#include "tests/command/command.h"

namespace gradus {

/// What `init --data` of this file says, and that two steps of what it writes can be trained.
inline std::string suggested(const TemporaryFolder& folder, const std::string& data,
                             std::vector<std::string> more = {}) {
  std::filesystem::remove(folder / "s.toml");
  std::vector<std::string> arguments = {"init", "--data", data, "s.toml"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CommandResult result = run_gradus(folder, arguments);
  EXPECT_EQ(result.err, "");
  if (result.exit_code != 0) return "";
  const CommandResult whole = run_gradus(folder, {"train", "s.toml", "--dry-run"});
  EXPECT_EQ(whole.exit_code, 0) << whole.err << result.out;
  std::filesystem::remove_all(folder / "s");
  std::vector<std::string> train = {"train", "s.toml", "--out", "s", "--quiet", "--set", "train.steps=2"};
  if (result.out.find("\nepochs = ") != std::string::npos) train.insert(train.end(), {"--unset", "train.epochs"});
  if (result.out.find("warmup_steps") != std::string::npos)
    train.insert(train.end(), {"--set", "schedule.warmup_steps=0"});
  const CommandResult run = run_gradus(folder, train);
  EXPECT_EQ(run.exit_code, 0) << run.err << result.out;
  return result.out;
}

/// The error of `init --data`, which leaves no file.
inline std::string refused(const TemporaryFolder& folder, const std::string& data, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"init", "--data", data, "refused.toml"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CommandResult result = run_gradus(folder, arguments);
  EXPECT_NE(result.exit_code, 0) << result.out;
  EXPECT_FALSE(std::filesystem::exists(folder / "refused.toml"));
  return result.err;
}

inline std::string lines_of_text(int count, const std::string& line) {
  std::string text;
  for (int i = 0; i < count; ++i) text += line;
  return text;
}

}  // namespace gradus
