// `gradus schedule`: the learning rates as CSV.
#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "tests/command/command.h"

namespace gradus {
namespace schedule_test {

using testing::HasSubstr;

class ScheduleVerb : public testing::Test {
 protected:
  CommandResult schedule(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "schedule");
    return run_gradus(folder_, arguments);
  }

  // The rates of steps 0, 1, …
  std::vector<double> rates(const std::vector<std::string>& arguments) {
    const CommandResult result = schedule(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<std::string> lines = lines_of(result.out);
    std::vector<double> rates;
    EXPECT_EQ(lines.at(0), "step,learning_rate");
    for (size_t i = 1; i < lines.size(); ++i) {
      const size_t comma = lines[i].find(',');
      EXPECT_EQ(lines[i].substr(0, comma), std::to_string(i - 1));
      rates.push_back(std::stod(lines[i].substr(comma + 1)));
    }
    return rates;
  }

  std::string usage_error(const std::vector<std::string>& arguments) {
    const CommandResult result = schedule(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(result.out, "");
    return result.err;
  }

  TemporaryFolder folder_;
};

TEST_F(ScheduleVerb, ConstantIsTheRateItself) {
  EXPECT_EQ(rates({"constant", "--steps", "3"}), std::vector<double>(3, 0.01));
  EXPECT_EQ(rates({"constant", "--set", "learning_rate=0.25", "--steps", "3"}), std::vector<double>(3, 0.25));
}

TEST_F(ScheduleVerb, LinearWarmsUpAndEndsAtTotalSteps) {
  EXPECT_EQ(rates({"linear", "--set", "learning_rate=1", "--set", "warmup_steps=2", "--steps", "6"}),
            (std::vector<double>{0.0, 0.5, 1.0, 0.75, 0.5, 0.25}));
  EXPECT_EQ(rates({"linear", "--set", "learning_rate=1", "--set", "total_steps=2", "--set", "final_factor=0.5",
                   "--steps", "4"}),
            (std::vector<double>{1.0, 0.75, 0.5, 0.5}));
}

TEST_F(ScheduleVerb, CosineFollowsHalfAWave) {
  const std::vector<double> seen = rates({"cosine", "--steps", "10", "--set", "optimizer.learning_rate=2"});
  ASSERT_EQ(seen.size(), 10u);
  for (size_t t = 0; t < 10; ++t) {
    EXPECT_NEAR(seen[t], 1.0 + std::cos(std::numbers::pi * static_cast<double>(t) / 10.0), 1e-15);
  }
}

TEST_F(ScheduleVerb, DynamicIsTheExpressionLiterally) {
  const std::vector<double> seen =
      rates({"dynamic", "--set", "warmup_steps=10", "--set", "decay_steps=100", "--set", "scale=0.5", "--steps", "50"});
  ASSERT_EQ(seen.size(), 50u);
  for (size_t t = 0; t < 50; ++t) {
    const auto step = static_cast<double>(t);
    EXPECT_NEAR(seen[t], 0.5 * step / (10 + 100 * (1 - step / 50)), 1e-15);
  }
}

TEST_F(ScheduleVerb, DynamicRefusesARateOfItsOwn) {
  EXPECT_THAT(usage_error({"dynamic", "--set", "warmup_steps=1", "--set", "decay_steps=1", "--set", "learning_rate=0.1",
                           "--steps", "5"}),
              HasSubstr("the dynamic expression is the learning rate itself"));
}

TEST_F(ScheduleVerb, DynamicIsRefusedWhereItIsUndefined) {
  const std::vector<std::string> base{"dynamic", "--set", "decay_steps=10", "--steps", "6", "--set"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  EXPECT_THAT(usage_error(with({"total_steps=5"})), HasSubstr("undefined at step 5"));
  EXPECT_THAT(usage_error(with({"total_steps=4", "--set", "warmup_steps=1000"})), HasSubstr("total_steps"));
  EXPECT_EQ(rates(with({"total_steps=5", "--set", "warmup_steps=1"})).back(), 5.0);  // total_steps / warmup_steps
}

TEST_F(ScheduleVerb, WrongArgumentsAreUsageErrors) {
  EXPECT_THAT(usage_error({"cosin", "--steps", "5"}), HasSubstr("did you mean \"cosine\"?"));
  EXPECT_THAT(usage_error({"cosin"}), HasSubstr("did you mean \"cosine\"?"));
  EXPECT_EQ(usage_error({"cosine"}), "gradus: [gradus schedule] --steps is required; see `gradus schedule --help`\n");
  EXPECT_EQ(usage_error({"cosine", "--steps", "0"}),
            "gradus: [--steps] must be a decimal integer from 1 to 9223372036854775807; found \"0\"\n");
  EXPECT_THAT(usage_error({"cosine", "--steps", "5", "--set", "warmup_stepz=1"}),
              HasSubstr("did you mean \"warmup_steps\"?"));
  EXPECT_THAT(usage_error({"cosine", "--steps", "5", "--set", "momentum=1"}),
              HasSubstr("unknown key \"momentum\"; a schedule has \"learning_rate\", \""));
  EXPECT_EQ(usage_error({"cosine", "--steps", "5", "--set", "warmup_steps=6"}),
            "gradus: [--set warmup_steps=6] schedule.warmup_steps = 6 is above --steps 5; lower "
            "schedule.warmup_steps or raise --steps\n");
  EXPECT_THAT(usage_error({"dynamic", "--steps", "5"}), HasSubstr("\"schedule.decay_steps\" is missing"));
  EXPECT_THAT(usage_error({"constant", "--steps", "5", "--set", "scale=2"}), HasSubstr("applies to"));
}

TEST_F(ScheduleVerb, ASequenceTakesThePartsByNumber) {
  EXPECT_EQ(rates({"sequence", "--set", "learning_rate=1", "--set", "parts.0.name=linear", "--set", "parts.0.steps=4",
                   "--set", "parts.1.name=constant", "--set", "schedule.parts.1.peak=0.5", "--steps", "7"}),
            (std::vector<double>{1.0, 0.75, 0.5, 0.25, 0.5, 0.5, 0.5}));
  EXPECT_THAT(usage_error({"sequence", "--set", "parts.0.nmae=linear", "--steps", "7"}),
              HasSubstr("unknown key \"parts.0.nmae\"; did you mean \"parts.name\""));
  EXPECT_THAT(usage_error({"sequence", "--set", "parts.name=linear", "--steps", "7"}),
              HasSubstr("\"schedule.parts\" is a list of tables; say which: --set schedule.parts.0.name=linear"));
  const auto before = [&](const std::string& steps) {
    return usage_error({"sequence", "--set", "parts.0.name=constant", "--set", "parts.0.steps=" + steps, "--set",
                        "parts.1.name=constant", "--steps", "7"});
  };
  EXPECT_THAT(before("7"), HasSubstr("the parts before schedule.parts.1 end at step 7, and the run has 7 steps"));
  EXPECT_THAT(before("30"), HasSubstr("the parts before schedule.parts.1 end at step 30, and the run has 7 steps"));
}

TEST_F(ScheduleVerb, PlateauIsRefusedWithTheReason) {
  EXPECT_EQ(usage_error({"plateau", "--steps", "5"}),
            "gradus: [schedule] plateau has no curve of its own: it lowers the rate when a run's validation loss does "
            "not improve; the log of a run has the rate of each step\n");
  EXPECT_EQ(usage_error({"plateau"}), usage_error({"plateau", "--steps", "5"}));
}

// A straight line from the corner at the top to the one at the bottom, with numbers at both axes; 80 columns.
TEST_F(ScheduleVerb, PlotDrawsTheCurve) {
  const CommandResult result =
      schedule({"linear", "--set", "learning_rate=1", "--set", "total_steps=100", "--steps", "101", "--plot"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 20u);
  EXPECT_EQ(lines[0], "learning rate, linear");
  EXPECT_EQ(lines[1].substr(0, 8), "  1 +***");
  EXPECT_EQ(lines[4].substr(0, 5), "0.8 +");
  EXPECT_EQ(lines[16].substr(0, 5), "  0 +");
  EXPECT_EQ(lines[16].substr(lines[16].size() - 3), "***");
  EXPECT_EQ(lines[16].size(), 80u);
  EXPECT_EQ(lines[17], "    ++--------------+--------------+-------------+--------------+--------------+");
  EXPECT_EQ(lines[18], "     0             20             40            60             80            100");
  EXPECT_EQ(lines[19], std::string(40, ' ') + "step");
  for (int row = 1; row <= 16; ++row) EXPECT_THAT(lines[static_cast<size_t>(row)], HasSubstr("*"));
}

TEST_F(ScheduleVerb, PlotOfAnySizeFitsTheTerminal) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"constant", "--steps", "1"},
           {"constant", "--steps", "9223372036854775807", "--set", "learning_rate=1e-300"},
           {"constant", "--steps", "5", "--set", "learning_rate=1.7e308"},
           {"cyclic", "--steps", "100000", "--set", "cycle_steps=3", "--set", "learning_rate=123456789"},
           {"wsd", "--steps", "2", "--set", "decay_steps=1"}}) {
    std::vector<std::string> words = arguments;
    words.push_back("--plot");
    const CommandResult result = schedule(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const std::vector<std::string> lines = lines_of(result.out);
    EXPECT_GT(lines.size(), 10u);
    for (const std::string& line : lines) EXPECT_LE(line.size(), 80u) << line;
    EXPECT_THAT(result.out, HasSubstr("*"));
  }
}

TEST_F(ScheduleVerb, AFullDiskIsAFailure) {
  const CommandResult result = run_gradus(folder_, {"schedule", "constant", "--steps", "100000"}, {.out = "/dev/full"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("No space left on device"));
}

}  // namespace schedule_test
}  // namespace gradus
