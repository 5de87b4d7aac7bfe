#include "gradus/optim/schedule.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "gradus/optim/plateau.h"
#include "tests/testing.h"

namespace gradus {
namespace schedule_test {

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

const json& others() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/schedules.json"));
  return all;
}

DecayShape shape_of(const json& c, const char* key = "shape") {
  const std::string name = c.value(key, "linear");
  return name == "linear" ? DecayShape::kLinear : name == "cosine" ? DecayShape::kCosine : DecayShape::kOneMinusSqrt;
}

WarmupFrom warmup_from(const json& c) {
  const json from = c.value("warmup_from", json(0.0));
  if (from == "one_nth") return WarmupFrom::kOneNth;
  return {.factor = from.get<double>(), .shape = shape_of(c, "warmup_shape")};
}

// A case of the references as a schedule.
ScheduleVariant<> schedule_of(const json& c) {
  const std::string name = c["name"];
  const double peak = others()["peak"], final_factor = c.value("final_factor", 0.0);
  const int64_t warmup = c.value("warmup_steps", int64_t{0}), total = c.value("total_steps", int64_t{0});
  const WarmupFrom from = warmup_from(c);
  if (name == "constant") return ConstantSchedule{peak, warmup, from};
  if (name == "linear") return LinearSchedule{peak, warmup, total, final_factor, from};
  if (name == "cosine") return CosineSchedule{peak, warmup, total, final_factor, from};
  if (name == "polynomial") return PolynomialSchedule{peak, warmup, total, final_factor, c["power"], from};
  if (name == "cosine_restarts") {
    return CosineRestartsSchedule{peak, warmup, c["cycle_steps"], c.value("cycle_multiplier", int64_t{1}),
                                  final_factor};
  }
  if (name == "cosine_cycles") return CosineCyclesSchedule{peak, warmup, total, c["cycles"], final_factor};
  if (name == "exponential") return ExponentialSchedule{peak, warmup, c["decay_rate"]};
  if (name == "step") return StepSchedule{peak, warmup, c["drop_every"], c["decay_factor"]};
  if (name == "multi_step") return MultiStepSchedule{peak, warmup, c["milestones"], c["decay_factor"]};
  if (name == "inverse_sqrt") return InverseSqrtSchedule{peak, warmup, c["timescale"]};
  if (name == "wsd") return WsdSchedule{peak, warmup, total, c["decay_steps"], final_factor, shape_of(c), from};
  if (name == "one_cycle") {
    return OneCycleSchedule{peak,         warmup,      total, c["rise_fraction"],           c["initial_factor"],
                            final_factor, shape_of(c), from,  c.value("three_phase", false)};
  }
  EXPECT_EQ(name, "cyclic");
  return CyclicSchedule{peak,
                        warmup,
                        c["cycle_steps"],
                        c["rise_fraction"],
                        c["initial_factor"],
                        c["cycle_decay"],
                        from,
                        c.value("step_decay", 1.0)};
}

Schedule whole_schedule_of(const json& c) {
  if (c["name"] != "sequence") {
    return std::visit([](const auto& own) { return Schedule(own); }, schedule_of(c));
  }
  SequenceSchedule sequence;
  for (const json& part : c["parts"]) sequence.parts.push_back({schedule_of(part), part["steps"]});
  return sequence;
}

TEST(Schedule, EqualsPyTorchsAndTransformers) {
  const std::vector<int64_t> at = others()["at"];
  std::set<std::string> names;
  for (const json& c : others()["cases"]) {
    names.insert(c["name"].get<std::string>());
    const Schedule schedule = whole_schedule_of(c);
    EXPECT_EQ(check_text(schedule, 150), "no error");
    const std::vector<double> rates = c["rates"];
    for (size_t i = 0; i < rates.size(); ++i) {
      EXPECT_NEAR(learning_rate_at(schedule, at[i]), rates[i], 1e-12) << c["source"] << ", step " << at[i] << "\n" << c;
    }
  }
  EXPECT_EQ(names.size(), 14u);
}

TEST(Plateau, EqualsPyTorchs) {
  const json& losses = others()["plateau"]["losses"];
  for (const json& c : others()["plateau"]["cases"]) {
    const PlateauOptions options{c["decay_factor"], c["patience"], c["threshold"],
                                 c["absolute"],     c["cooldown"], c["final_factor"]};
    PlateauState state;
    for (size_t i = 0; i < losses.size(); ++i) {
      observe(options, losses[i].is_null() ? double{NAN} : losses[i].get<double>(), state);
      EXPECT_NEAR(others()["peak"].get<double>() * state.factor, c["rates"][i].get<double>(), 1e-12) << c << i;
    }
  }
}

TEST(Plateau, OptionsOutOfRangeAreUsageErrors) {
  const auto text = [](const PlateauOptions& o) { return usage_error_text([&] { check_plateau(o); }); };
  EXPECT_EQ(text({}), "no error");
  EXPECT_EQ(text({.decay_factor = 1.0}), "[plateau] decay_factor is 1; expected a number from 0 to below 1");
  EXPECT_EQ(text({.patience = -1}), "[plateau] patience is -1; expected 0 or more");
  EXPECT_EQ(text({.threshold = 1.0}),
            "[plateau] threshold is 1; expected a part of the lowest loss, below 1, or an absolute threshold");
  EXPECT_EQ(text({.threshold = 1.0, .absolute = true}), "no error");
  EXPECT_EQ(text({.cooldown = -2}), "[plateau] cooldown is -2; expected 0 or more");
  EXPECT_EQ(text({.final_factor = 2.0}), "[plateau] final_factor is 2; expected a number from 0 to 1");
}

// What the other two leave open: after the end, warm-up before those that have none there, and the edges.
TEST(Schedule, WarmsUpBeforeAny) {
  const std::vector<Schedule> from_0 = {
      ConstantSchedule{2.0, 4},   CosineRestartsSchedule{2.0, 4, 10}, ExponentialSchedule{2.0, 4, 0.5},
      StepSchedule{2.0, 4, 3},    MultiStepSchedule{2.0, 4, {6}},     InverseSqrtSchedule{2.0, 4, 4},
      WsdSchedule{2.0, 4, 20, 5}, PolynomialSchedule{2.0, 4, 20},
  };
  for (const Schedule& schedule : from_0) {
    for (int64_t t = 0; t <= 4; ++t) EXPECT_EQ(learning_rate_at(schedule, t), 0.5 * static_cast<double>(t));
  }
  const ExponentialSchedule one_nth{
      .learning_rate = 2.0, .warmup_steps = 4, .decay_rate = 0.5, .warmup_from = WarmupFrom::kOneNth};
  const double expected[] = {0.5, 1.0, 1.5, 2.0, 2.0, 1.0, 0.5};
  for (int64_t t = 0; t < 7; ++t) EXPECT_EQ(learning_rate_at(one_nth, t), expected[t]) << t;
  // The cycle of 10 steps begins after the warm-up: its lowest point, and its peak half a cycle later.
  const CyclicSchedule cyclic{.learning_rate = 2.0, .warmup_steps = 4, .cycle_steps = 10, .initial_factor = 0.5};
  EXPECT_EQ(learning_rate_at(cyclic, 4), 1.0);
  EXPECT_EQ(learning_rate_at(cyclic, 9), 2.0);
  EXPECT_EQ(learning_rate_at(cyclic, 14), 1.0);
  EXPECT_EQ(learning_rate_at(MultiStepSchedule{2.0, 4, {6, 8}, 0.5}, 5), 2.0) << "milestones count from step 0";
  EXPECT_EQ(learning_rate_at(MultiStepSchedule{2.0, 4, {6, 8}, 0.5}, 6), 1.0);
  EXPECT_EQ(learning_rate_at(MultiStepSchedule{2.0, 4, {6, 8}, 0.5}, 8), 0.5);
}

TEST(Schedule, StaysAsItIsBehindItsEnd) {
  for (const int64_t step : {100, 101, 100'000}) {
    EXPECT_EQ(learning_rate_at(PolynomialSchedule{2.0, 10, 100, 0.25, 3.0}, step), 0.5);
    EXPECT_EQ(learning_rate_at(WsdSchedule{2.0, 10, 100, 30, 0.25}, step), 0.5);
    EXPECT_EQ(learning_rate_at(OneCycleSchedule{.learning_rate = 2.0, .total_steps = 100, .final_factor = 0.25}, step),
              0.5);
  }
  EXPECT_EQ(learning_rate_at(OneCycleSchedule{.learning_rate = 2.0, .total_steps = 100, .rise_fraction = 1.0}, 99),
            2.0);
  EXPECT_EQ(learning_rate_at(OneCycleSchedule{.learning_rate = 2.0, .warmup_steps = 5, .total_steps = 5}, 5), 8e-6);
  // A way up of one step begins at the peak, in three phases, too.
  EXPECT_EQ(
      learning_rate_at(
          OneCycleSchedule{.learning_rate = 2.0, .total_steps = 10, .rise_fraction = 0.1, .three_phase = true}, 0),
      2.0);
  EXPECT_EQ(learning_rate_at(WsdSchedule{2.0, 0, 100, 0, 0.25}, 99), 2.0) << "no decay at all";
  // Cycles of 1, 2, 4, … steps: cycle 40 begins at 2^40 − 1.
  const CosineRestartsSchedule doubling{.learning_rate = 2.0, .cycle_steps = 1, .cycle_multiplier = 2};
  EXPECT_EQ(learning_rate_at(doubling, (int64_t{1} << 40) - 1), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(doubling, (int64_t{1} << 40) - 1 + (int64_t{1} << 39)), 1.0);
  EXPECT_GE(learning_rate_at(CosineRestartsSchedule{2.0, 0, 3, INT64_MAX}, INT64_MAX), 0.0);
}

// Of 49 steps: 1/49 is no number of bits, and 49·(1/49) is below 1.
TEST(Schedule, EachCycleBeginsAtItsPeak) {
  for (const int64_t cycles : {1, 7, 49}) {
    const CosineCyclesSchedule schedule{.learning_rate = 2.0, .warmup_steps = 4, .total_steps = 53, .cycles = cycles};
    for (int64_t t = 4; t < 53; t += 49 / cycles) EXPECT_EQ(learning_rate_at(schedule, t), 2.0) << cycles << " " << t;
    EXPECT_EQ(learning_rate_at(schedule, 53), 0.0);
    EXPECT_EQ(learning_rate_at(schedule, 100'000), 0.0);
  }
  EXPECT_EQ(learning_rate_at(CosineCyclesSchedule{.learning_rate = 2.0, .warmup_steps = 5, .total_steps = 5}, 5), 0.0);
}

TEST(Schedule, ASequenceCountsEachPartFrom0) {
  const SequenceSchedule sequence{{{LinearSchedule{.learning_rate = 1.0, .total_steps = 4}, 4},
                                   {ConstantSchedule{2.0, 2}, 3},
                                   {StepSchedule{8.0, 0, 2, 0.5}, 1}}};
  const double expected[] = {1.0, 0.75, 0.5, 0.25, 0.0, 1.0, 2.0, 8.0, 8.0, 4.0, 4.0, 2.0};
  for (int64_t t = 0; t < 12; ++t) EXPECT_EQ(learning_rate_at(sequence, t), expected[t]) << t;
  EXPECT_EQ(check_text(sequence, 12), "no error");
  EXPECT_EQ(check_text(SequenceSchedule{}, 1), "[schedule] the sequence has no parts; give at least one");
  EXPECT_EQ(check_text(SequenceSchedule{{{ConstantSchedule{1.0}, 0}, {ConstantSchedule{1.0}, 0}}}, 1),
            "[schedule] steps of a part of the sequence is 0; expected 1 or more");
  const DynamicSchedule dynamic{.decay_steps = 40, .total_steps = 10};
  EXPECT_EQ(check_text(SequenceSchedule{{{ConstantSchedule{1.0}, 5}, {dynamic, 0}}}, 15), "no error");
  EXPECT_EQ(check_text(SequenceSchedule{{{ConstantSchedule{1.0}, 5}, {dynamic, 0}}}, 16).substr(0, 43),
            "[schedule] dynamic is undefined at step 10:");
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

  EXPECT_EQ(check_text(PolynomialSchedule{.learning_rate = 0.1, .total_steps = 10, .power = 0.0}, 10),
            "[schedule] power is 0; expected a finite number above 0");
  EXPECT_EQ(check_text(CosineRestartsSchedule{0.1, 0, 0}, 10), "[schedule] cycle_steps is 0; expected 1 or more");
  EXPECT_EQ(check_text(CosineRestartsSchedule{0.1, 0, 5, 0}, 10),
            "[schedule] cycle_multiplier is 0; expected 1 or more");
  EXPECT_EQ(check_text(CosineCyclesSchedule{0.1, 0, 10, 0}, 10), "[schedule] cycles is 0; expected 1 or more");
  EXPECT_EQ(check_text(CosineCyclesSchedule{0.1, 11, 10, 1}, 10),
            "[schedule] warmup_steps is 11, more than total_steps, 10; warm up for fewer steps");
  EXPECT_EQ(check_text(ConstantSchedule{0.1, 5, {.factor = 1.5}}, 10),
            "[schedule] warmup_from is 1.5; expected a number from 0 to 1");
  EXPECT_EQ(check_text(ExponentialSchedule{0.1, 0, 0.0}, 10),
            "[schedule] decay_rate is 0; expected a finite number above 0");
  EXPECT_EQ(check_text(ExponentialSchedule{0.1, 0, 10.0}, 1000),
            "[schedule] the learning rate of step 999 is inf; expected a finite number: let it grow less");
  EXPECT_EQ(check_text(StepSchedule{0.1, 0, 0}, 10), "[schedule] drop_every is 0; expected 1 or more");
  EXPECT_EQ(check_text(MultiStepSchedule{0.1, 0, {5, 5}}, 10),
            "[schedule] milestones has 5 after 5; they must ascend, and lie after warmup_steps, 0");
  EXPECT_EQ(check_text(InverseSqrtSchedule{0.1, 0, 0}, 10), "[schedule] timescale is 0; expected 1 or more");
  EXPECT_EQ(check_text(WsdSchedule{0.1, 4, 10, 7}, 10),
            "[schedule] warmup_steps and decay_steps are 4 and 7, together more than total_steps, 10");
  EXPECT_EQ(check_text(OneCycleSchedule{.learning_rate = 0.1, .total_steps = 10, .rise_fraction = 1.5}, 10),
            "[schedule] rise_fraction is 1.5; expected a number from 0 to 1");
  EXPECT_EQ(
      check_text(OneCycleSchedule{.learning_rate = 0.1, .total_steps = 10, .shape = DecayShape::kOneMinusSqrt}, 10),
      "[schedule] a one-cycle is linear or cosine, not one_minus_sqrt");
  EXPECT_EQ(check_text(OneCycleSchedule{.total_steps = 10, .rise_fraction = 0.6, .three_phase = true}, 10),
            "[schedule] rise_fraction is 0.6; expected up to 0.5 with three_phase, whose way back takes as long");
  EXPECT_EQ(check_text(CyclicSchedule{.cycle_steps = 3, .step_decay = -1}, 10),
            "[schedule] step_decay is -1; expected a finite number from 0");
  EXPECT_EQ(check_text(CyclicSchedule{.learning_rate = 0.1, .cycle_steps = -3}, 10),
            "[schedule] cycle_steps is -3; expected 1 or more");

  EXPECT_EQ(check_text(DynamicSchedule{-1, 1, 10}, 10),
            "[schedule] warmup_steps is -1; expected a finite number from 0");
  EXPECT_EQ(check_text(DynamicSchedule{1, -1, 10}, 10),
            "[schedule] decay_steps is -1; expected a finite number from 0");
  EXPECT_EQ(check_text(DynamicSchedule{1, 1, 0}, 10), "[schedule] total_steps is 0; expected a finite number above 0");
  EXPECT_EQ(check_text(DynamicSchedule{1, 1, 10, -1}, 10), "[schedule] scale is -1; expected a finite number from 0");
}

}  // namespace schedule_test
}  // namespace gradus
