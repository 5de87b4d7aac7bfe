#include "gradus/optim/schedule.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/testing.h"

namespace gradus {
namespace {

using nlohmann::json;

const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/optim.json"))["schedules"];
  return all;
}

std::string check_text(const Schedule& schedule, int64_t steps) {
  return usage_error_text([&] { check_schedule(schedule, steps); });
}
std::string rate_text(const Schedule& schedule, int64_t step) {
  return usage_error_text([&] { learning_rate_at(schedule, step); });
}

TEST(Schedule, ConstantIsConstant) {
  EXPECT_EQ(learning_rate_at(ConstantSchedule{0.01}, 0), 0.01);
  EXPECT_EQ(learning_rate_at(ConstantSchedule{0.01}, 1'000'000), 0.01);
  EXPECT_EQ(check_text(ConstantSchedule{0.01}, 1000), "no error");
}

TEST(Schedule, LinearAndCosineEqualTheFormulasOfTransformers) {
  const json& at = references()["at"];
  for (const json& c : references()["linear"]) {
    const LinearSchedule schedule{3.0, c["warmup"], c["total"]};
    for (size_t i = 0; i < at.size(); ++i) {
      EXPECT_NEAR(learning_rate_at(schedule, at[i]), 3.0 * c["factors"][i].get<double>(), 1e-12) << c << at[i];
    }
  }
  for (const json& c : references()["cosine"]) {
    const CosineSchedule schedule{3.0, c["warmup"], c["total"], c["final"]};
    for (size_t i = 0; i < at.size(); ++i) {
      EXPECT_NEAR(learning_rate_at(schedule, at[i]), 3.0 * c["factors"][i].get<double>(), 1e-12) << c << at[i];
    }
  }
}

TEST(Schedule, EndsAtTheFinalFactorAndStaysThere) {
  for (const int64_t step : {100, 101, 150, 100'000}) {
    EXPECT_DOUBLE_EQ(learning_rate_at(LinearSchedule{2.0, 10, 100, 0.25}, step), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate_at(CosineSchedule{2.0, 10, 100, 0.25}, step), 0.5);
  }
  EXPECT_DOUBLE_EQ(learning_rate_at(LinearSchedule{2.0, 10, 100, 0.25}, 55), 2.0 * (1.0 + 0.25) / 2);
  EXPECT_DOUBLE_EQ(learning_rate_at(CosineSchedule{2.0, 10, 100, 0.25}, 55), 2.0 * (1.0 + 0.25) / 2);
}

// The expression of the textbook, by hand: 50 / (10 + 40·(1 − 50/100)) = 50/30.
TEST(Schedule, DynamicIsTheExpressionLiterally) {
  const DynamicSchedule schedule{.warmup_steps = 10, .decay_steps = 40, .total_steps = 100};
  EXPECT_EQ(learning_rate_at(schedule, 0), 0.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 1), 1.0 / 49.6);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 50), 50.0 / 30.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 100), 100.0 / 10.0);
  double last = -1.0;
  for (int64_t t = 0; t <= 100; ++t) {
    const double rate = learning_rate_at(schedule, t);
    EXPECT_GT(rate, last) << "it rises, step " << t;
    last = rate;
  }
  EXPECT_DOUBLE_EQ(learning_rate_at(DynamicSchedule{10, 40, 100, 0.001}, 50), 0.05 / 30.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(DynamicSchedule{0.5, 2.5, 4.0, 1.0}, 2), 2.0 / 1.75) << "sizes may be fractions";
}

TEST(Schedule, DynamicNamesTheStepWhereItIsUndefined) {
  // Without warm-up it is undefined only at total_steps, which a run of total_steps steps does not reach.
  const DynamicSchedule no_warmup{.decay_steps = 40, .total_steps = 100};
  EXPECT_EQ(check_text(no_warmup, 100), "no error");
  EXPECT_EQ(learning_rate_at(no_warmup, 0), 0.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(no_warmup, 50), 50.0 / 20.0);
  const std::string at_the_end =
      "[schedule] dynamic is undefined at step 100: its denominator warmup_steps + decay_steps·(1 − step/total_steps) "
      "is 0 + 40·(1 − 100/100) = 0; set warmup_steps above 0";
  EXPECT_EQ(rate_text(no_warmup, 100), at_the_end);
  EXPECT_EQ(check_text(no_warmup, 101), at_the_end);

  const std::string at_once =
      "[schedule] dynamic is undefined at step 0: its denominator warmup_steps + decay_steps·(1 − step/total_steps) is "
      "0 + 0·(1 − 0/100) = 0; set warmup_steps above 0";
  EXPECT_EQ(rate_text(DynamicSchedule{.total_steps = 100}, 0), at_once);
  EXPECT_EQ(check_text(DynamicSchedule{.total_steps = 100}, 10), at_once);
  EXPECT_EQ(check_text(DynamicSchedule{.total_steps = 100}, 0), "no error");

  const DynamicSchedule warm{.warmup_steps = 10, .decay_steps = 40, .total_steps = 100};
  EXPECT_EQ(check_text(warm, 101), "no error");
  const std::string beyond =
      "[schedule] dynamic ends at total_steps = 100, before step 101; set total_steps to 101 or more";
  EXPECT_EQ(rate_text(warm, 101), beyond);
  EXPECT_EQ(check_text(warm, 102), beyond);
  // Where total_steps is not whole, the step before it is fine.
  EXPECT_EQ(check_text(DynamicSchedule{.decay_steps = 1, .total_steps = 99.5}, 100), "no error");
}

TEST(Schedule, OptionsOutOfRangeAreUsageErrors) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(check_text(ConstantSchedule{-0.5}, 10),
            "[schedule] learning_rate is -0.5; expected a finite number from 0");
  EXPECT_EQ(check_text(ConstantSchedule{infinity}, 10),
            "[schedule] learning_rate is inf; expected a finite number from 0");
  EXPECT_EQ(check_text(ConstantSchedule{}, -1), "[schedule] steps is -1; expected 0 or more");
  EXPECT_EQ(rate_text(ConstantSchedule{}, -1), "[schedule] step is -1; expected 0 or more");

  EXPECT_EQ(check_text(LinearSchedule{0.1, -1, 10}, 10), "[schedule] warmup_steps is -1; expected 0 or more");
  EXPECT_EQ(check_text(CosineSchedule{0.1, 0, -10}, 10), "[schedule] total_steps is -10; expected 1 or more");
  EXPECT_EQ(check_text(LinearSchedule{0.1, 11, 10}, 10),
            "[schedule] warmup_steps is 11, more than total_steps, 10; warm up for fewer steps");
  EXPECT_EQ(check_text(CosineSchedule{0.1, 0, 10, -0.1}, 10),
            "[schedule] final_factor is -0.1; expected a finite number from 0");

  EXPECT_EQ(check_text(DynamicSchedule{-1, 1, 10}, 10),
            "[schedule] warmup_steps is -1; expected a finite number from 0");
  EXPECT_EQ(check_text(DynamicSchedule{1, -1, 10}, 10),
            "[schedule] decay_steps is -1; expected a finite number from 0");
  EXPECT_EQ(check_text(DynamicSchedule{1, 1, 0}, 10), "[schedule] total_steps is 0; expected a finite number above 0");
  EXPECT_EQ(check_text(DynamicSchedule{1, 1, 10, -1}, 10), "[schedule] scale is -1; expected a finite number from 0");
}

}  // namespace
}  // namespace gradus
