#include "gradus/train/schedule_config.h"

#include <gtest/gtest.h>

#include "tests/train/configs.h"

namespace gradus {
namespace schedule_config_test {

TEST(ConfigCombinations, Schedule) {
  EXPECT_EQ(line_error({"schedule.name=cosine", "schedule.warmup_steps=1001"}),
            "[--set schedule.warmup_steps=1001] schedule.warmup_steps = 1001 is above train.steps = 1000; lower "
            "schedule.warmup_steps or raise train.steps");
  EXPECT_EQ(line_error({"schedule.name=linear", "schedule.warmup_steps=100", "schedule.total_steps=3"}),
            "[--set schedule.warmup_steps=100] schedule.warmup_steps = 100 is above schedule.total_steps = 3; lower "
            "schedule.warmup_steps or raise schedule.total_steps");
  EXPECT_EQ(line_error({"schedule.name=constant", "schedule.warmup_steps=1001"}),
            "[--set schedule.warmup_steps=1001] schedule.warmup_steps = 1001 is above train.steps = 1000; lower "
            "schedule.warmup_steps or raise train.steps");
  EXPECT_EQ(line_error({"schedule.name=inverse_sqrt", "schedule.warmup_steps=1000"}), "");
  const auto dynamic = [](int warmup, int decay, int total) {
    return line_error({"schedule.name=dynamic", "schedule.warmup_steps=" + std::to_string(warmup),
                       "schedule.decay_steps=" + std::to_string(decay),
                       "schedule.total_steps=" + std::to_string(total)});
  };
  const std::string start = "[--set schedule.name=dynamic] the dynamic learning rate is undefined at step ";
  EXPECT_EQ(dynamic(0, 0, 1000), start +
                                     "0: warmup_steps + decay_steps·(1 − t/total_steps) is 0 and must be above 0; "
                                     "raise schedule.warmup_steps or schedule.decay_steps");
  EXPECT_EQ(dynamic(0, 10, 999), start +
                                     "999: warmup_steps + decay_steps·(1 − t/total_steps) is 0 and must be above "
                                     "0; raise schedule.warmup_steps or schedule.total_steps");
  EXPECT_EQ(dynamic(0, 10, 1000), "");
  EXPECT_EQ(dynamic(1, 10, 999), "");
}

TEST(ConfigCombinations, EachSchedule) {
  const auto error = [](const std::string& name, Overrides more) {
    more.insert(more.begin(), "schedule.name=" + name);
    return line_error(more);
  };
  EXPECT_EQ(error("wsd", {"schedule.warmup_steps=600", "schedule.decay_steps=500"}),
            "[--set schedule.decay_steps=500] schedule.decay_steps = 500 after schedule.warmup_steps = 600 goes beyond "
            "train.steps = 1000; lower one of them or raise train.steps");
  EXPECT_EQ(error("wsd", {"schedule.total_steps=9", "schedule.decay_steps=10"}),
            "[--set schedule.decay_steps=10] schedule.decay_steps = 10 after schedule.warmup_steps = 0 goes beyond "
            "schedule.total_steps = 9; lower one of them or raise schedule.total_steps");
  EXPECT_EQ(error("wsd", {"schedule.warmup_steps=500", "schedule.decay_steps=500"}), "");
  EXPECT_EQ(error("multi_step", {"schedule.milestones=[5, 3]"}),
            "[--set schedule.milestones=[5, 3]] schedule.milestones has 3 after 5; write each step once, in ascending "
            "order");
  EXPECT_EQ(error("multi_step", {"schedule.milestones=[5, 30]", "schedule.warmup_steps=10"}),
            "[--set schedule.milestones=[5, 30]] schedule.milestones has step 5, in the warm-up of "
            "schedule.warmup_steps = 10; they count from step 0");
  EXPECT_EQ(
      error("one_cycle", {"schedule.shape=one_minus_sqrt"}),
      "[--set schedule.shape=one_minus_sqrt] schedule.shape = \"one_minus_sqrt\" is for \"wsd\"; \"one_cycle\" is "
      "\"cosine\" or \"linear\"");
  EXPECT_EQ(error("one_cycle", {"schedule.three_phase=true", "schedule.rise_fraction=0.6"}),
            "[--set schedule.rise_fraction=0.6] schedule.rise_fraction = 0.6 leaves no room for the way back of "
            "schedule.three_phase = true, which takes as long; expected up to 0.5");
  EXPECT_EQ(
      error("constant", {"schedule.warmup_from=1.5"}),
      "[--set schedule.warmup_from=1.5] \"schedule.warmup_from\" must be a real number from 0 to 1 or \"zero\" or "
      "\"one_nth\"; found the real number 1.5");
  EXPECT_EQ(
      error("constant", {"schedule.warmup_from=one_nht"}),
      "[--set schedule.warmup_from=one_nht] \"schedule.warmup_from\" must be a real number from 0 to 1 or \"zero\" "
      "or \"one_nth\"; found the text \"one_nht\"; did you mean \"one_nth\"?");
  EXPECT_EQ(error("exponential", {"schedule.decay_rate=0"}),
            "[--set schedule.decay_rate=0] \"schedule.decay_rate\" must be a real number above 0 up to 1; found the "
            "integer 0");
  EXPECT_EQ(error("plateau", {}),
            "[--set schedule.name=plateau] schedule.name = \"plateau\" needs validation.every above 0: it goes by the "
            "validation loss");
  const Overrides validates = {"data.validation_fraction=0.2", "validation.every=5", "schedule.threshold=1"};
  EXPECT_EQ(error("plateau", validates),
            "[--set schedule.threshold=1] schedule.threshold = 1 is a part of the lowest loss and must be below 1; or "
            "set schedule.threshold_mode = \"absolute\"");
  EXPECT_EQ(line_error({"train.patience=3"}),
            "[--set train.patience=3] train.patience = 3 needs validation.every above 0: it goes by the validation "
            "loss");
  EXPECT_EQ(line_error({"train.restore_best=true"}),
            "[--set train.restore_best=true] train.restore_best = true needs validation.every above 0: it goes by the "
            "validation loss");
}

TEST(ConfigCombinations, OneWayToSayHowLongACycleIs) {
  const auto error = [](Overrides more) {
    more.insert(more.begin(), "schedule.name=cosine_restarts");
    return line_error(more);
  };
  const std::string needs =
      "[--set schedule.name=cosine_restarts] schedule.name = \"cosine_restarts\" needs schedule.cycle_steps, the steps "
      "of "
      "the first cycle, or schedule.cycles, how many there are";
  EXPECT_EQ(error({}), needs);
  EXPECT_EQ(error({"schedule.cycles=3", "schedule.cycle_steps=30"}), needs + ", not both");
  EXPECT_EQ(error({"schedule.cycles=3", "schedule.cycle_multiplier=2"}),
            "[--set schedule.cycle_multiplier=2] schedule.cycle_multiplier = 2 goes with schedule.cycle_steps; "
            "schedule.cycles are of one length: remove one of them");
  EXPECT_EQ(error({"schedule.cycle_steps=3", "schedule.total_steps=9"}),
            "[--set schedule.total_steps=9] schedule.total_steps goes with schedule.cycles; cycles of "
            "schedule.cycle_steps go on to the end of the run: remove one of them");
  EXPECT_EQ(error({"schedule.cycles=3", "schedule.total_steps=9"}), "");
  EXPECT_FALSE(line({"schedule.name=cosine_restarts", "schedule.cycle_steps=3"}).has("schedule.total_steps"));
  EXPECT_EQ(line_error({"schedule.name=cyclic"}),
            "[--set schedule.name=cyclic] schedule.name = \"cyclic\" needs schedule.cycle_steps, the steps of a cycle");
}

// How long the run is, only the data tell where epochs end it: the warm-up has to fit, whatever the schedule.
TEST(ConfigSchedule, TheWarmUpFitsIntoTheRun) {
  const auto error = [](const std::string& name, int64_t planned, const Overrides& more) {
    Overrides all = {"schedule.name=" + name, "schedule.warmup_steps=50"};
    all.insert(all.end(), more.begin(), more.end());
    const Config config =
        Config::parse("data.kind = 'line'\nmodel.kind = 'linear'\ntrain.epochs = 2\n", "run.toml", all);
    return message_of(ErrorKind::kUsage, [&] { make_schedule(config, planned); });
  };
  const std::string start = "[--set schedule.warmup_steps=50] schedule.warmup_steps = 50 is above ";
  const std::string end = "; lower schedule.warmup_steps or raise ";
  for (const char* name : {"linear", "constant", "cosine", "inverse_sqrt"}) {
    EXPECT_EQ(error(name, 16, {}), start + "the 16 steps of train.epochs = 2" + end + "train.epochs") << name;
    EXPECT_EQ(error(name, 16, {"train.steps=1000"}), start + "the 16 steps of train.epochs = 2" + end + "train.epochs");
    EXPECT_EQ(error(name, 40, {"train.steps=40"}), start + "train.steps = 40" + end + "train.steps") << name;
    EXPECT_NO_THROW(make_schedule(line({std::string("schedule.name=") + name, "schedule.warmup_steps=50"}), 1000));
  }
  EXPECT_EQ(
      error("wsd", 60, {"schedule.decay_steps=11"}),
      "[--set schedule.decay_steps=11] schedule.decay_steps = 11 after schedule.warmup_steps = 50 goes beyond the 60 "
      "steps of train.epochs = 2; lower one of them or raise train.epochs");
  const Config sequence = Config::parse(
      "data.kind = 'line'\nmodel.kind = 'linear'\ntrain.epochs = 2\nschedule.name = 'sequence'\n"
      "[[schedule.parts]]\nname = 'constant'\nsteps = 10\n[[schedule.parts]]\nname = 'linear'\nwarmup_steps = 7\n",
      "run.toml");
  EXPECT_NO_THROW(make_schedule(sequence, 17));
  EXPECT_EQ(
      message_of(ErrorKind::kUsage, [&] { make_schedule(sequence, 16); }),
      "[run.toml:10:1] schedule.parts.1.warmup_steps = 7 is above the 6 steps that the parts before it leave; lower "
      "schedule.parts.1.warmup_steps or raise train.epochs");
}

// Of two limits the nearer ends the run, and the schedule with it.
TEST(ConfigSchedule, EndsWithTheRun) {
  const Overrides both = {"schedule.name=linear", "optimizer.learning_rate=1", "train.steps=1000", "train.epochs=3"};
  EXPECT_FALSE(line(both).has("schedule.total_steps"));
  EXPECT_EQ(learning_rate_at(make_schedule(line(both), 18), 9), 0.5);
  EXPECT_EQ(learning_rate_at(make_schedule(line(both), 18), 18), 0.0);
  EXPECT_EQ(line({"schedule.name=linear", "train.steps=1000"}).integer("schedule.total_steps"), 1000);
}

// Every field of the configuration reaches its schedule.
TEST(ConfigSchedule, EachIsWhatItsKeysSay) {
  const auto expect_same = [](const Overrides& keys, const Schedule& expected) {
    Overrides all = {"optimizer.learning_rate=0.5", "train.steps=200", "schedule.warmup_from=one_nth",
                     "schedule.warmup_steps=5"};
    for (const std::string& key : keys) all.push_back("schedule." + key);
    const Schedule schedule = make_schedule(line(all), 200);
    for (int64_t t = 0; t < 200; ++t) {
      EXPECT_EQ(learning_rate_at(schedule, t), learning_rate_at(expected, t)) << keys[0] << " " << t;
    }
  };
  const WarmupFrom from = WarmupFrom::kOneNth;
  expect_same({"name=constant"}, ConstantSchedule{0.5, 5, from});
  expect_same({"name=linear", "final_factor=0.1"}, LinearSchedule{0.5, 5, 200, 0.1, from});
  expect_same({"name=cosine", "total_steps=150"}, CosineSchedule{0.5, 5, 150, 0.0, from});
  expect_same({"name=polynomial", "power=3", "final_factor=0.1"}, PolynomialSchedule{0.5, 5, 200, 0.1, 3.0, from});
  expect_same({"name=cosine_restarts", "cycle_steps=20", "cycle_multiplier=2", "final_factor=0.1"},
              CosineRestartsSchedule{0.5, 5, 20, 2, 0.1, from});
  expect_same({"name=cosine_restarts", "cycles=7", "final_factor=0.1"},
              CosineCyclesSchedule{0.5, 5, 200, 7, 0.1, from});
  expect_same({"name=exponential", "decay_rate=0.9"}, ExponentialSchedule{0.5, 5, 0.9, from});
  expect_same({"name=step", "drop_every=30", "decay_factor=0.4"}, StepSchedule{0.5, 5, 30, 0.4, from});
  expect_same({"name=multi_step", "milestones=[10,70]"}, MultiStepSchedule{0.5, 5, {10, 70}, 0.1, from});
  expect_same({"name=inverse_sqrt"}, InverseSqrtSchedule{0.5, 5, 5, from});
  expect_same({"name=inverse_sqrt", "timescale=9"}, InverseSqrtSchedule{0.5, 5, 9, from});
  expect_same({"name=inverse_sqrt", "warmup_steps=0"}, InverseSqrtSchedule{0.5, 0, 10000, from});
  expect_same({"name=wsd", "decay_steps=40", "final_factor=0.1", "shape=one_minus_sqrt"},
              WsdSchedule{0.5, 5, 200, 40, 0.1, DecayShape::kOneMinusSqrt, from});
  expect_same({"name=one_cycle"}, OneCycleSchedule{0.5, 5, 200, 0.3, 0.04, 0.0, DecayShape::kCosine, from});
  expect_same({"name=one_cycle", "rise_fraction=0.4", "initial_factor=0.2", "final_factor=0.1", "shape=linear"},
              OneCycleSchedule{0.5, 5, 200, 0.4, 0.2, 0.1, DecayShape::kLinear, from});
  expect_same({"name=one_cycle", "three_phase=true"},
              OneCycleSchedule{0.5, 5, 200, 0.3, 0.04, 0.0, DecayShape::kCosine, from, true});
  expect_same({"name=cyclic", "cycle_steps=16", "cycle_decay=0.5", "initial_factor=0.1"},
              CyclicSchedule{0.5, 5, 16, 0.5, 0.1, 0.5, from});
  expect_same({"name=cyclic", "cycle_steps=16", "step_decay=0.9"},
              CyclicSchedule{0.5, 5, 16, 0.5, 0.04, 1.0, from, 0.9});
  expect_same({"name=constant", "warmup_from=0.25", "warmup_shape=cosine"},
              ConstantSchedule{0.5, 5, {.factor = 0.25, .shape = DecayShape::kCosine}});
  expect_same({"name=constant", "warmup_from=zero", "warmup_shape=one_minus_sqrt"},
              ConstantSchedule{0.5, 5, {.shape = DecayShape::kOneMinusSqrt}});
}

TEST(ConfigCombinations, ASequenceOfSchedules) {
  const auto error = [](Overrides more) {
    more.insert(more.begin(), "schedule.name=sequence");
    return line_error(more);
  };
  EXPECT_EQ(
      error({}),
      "[--set schedule.name=sequence] schedule.name = \"sequence\" needs parts: write [[schedule.parts]] with its "
      "name and steps, once for each");
  EXPECT_EQ(error({"schedule.parts.1.name=linear"}),
            "[--set schedule.parts.1.name=linear] there are 0 of them; the next is schedule.parts.0.name");
  EXPECT_EQ(error({"schedule.parts.0.name=linear", "schedule.parts.1.name=cosine"}),
            "[--set schedule.parts.0.name=linear] schedule.parts.0.steps is missing: only the last part, "
            "schedule.parts.1, can do without");
  EXPECT_EQ(error({"schedule.parts.0.name=linear", "schedule.parts.0.steps=5", "schedule.parts.0.warmup_steps=6"}),
            "[--set schedule.parts.0.warmup_steps=6] schedule.parts.0.warmup_steps = 6 is above schedule.parts.0.steps "
            "= 5; lower schedule.parts.0.warmup_steps or raise schedule.parts.0.steps");
  EXPECT_EQ(error({"schedule.parts.0.name=dynamic"}).substr(0, 78),
            "[--set schedule.parts.0.name=dynamic] \"schedule.parts.name\" must be \"constant\"");
  EXPECT_EQ(
      error({"schedule.parts.0.name=linear", "schedule.parts.1.steps=5"}),
      "[--set schedule.parts.1.steps=5] required key \"schedule.parts.name\" is missing; set it with "
      "schedule.name = \"sequence\" to \"constant\", \"linear\", \"cosine\", \"polynomial\", "
      "\"cosine_restarts\", \"exponential\", \"step\", \"multi_step\", \"inverse_sqrt\", \"wsd\", \"one_cycle\" or "
      "\"cyclic\"");
  EXPECT_EQ(line_error({"schedule.parts.0.name=linear"}),
            "[--set schedule.parts.0.name=linear] \"schedule.parts.name\" applies to schedule.name = \"sequence\", not "
            "to \"constant\"; remove it, or change schedule.name");
  EXPECT_EQ(error({"schedule.parts.0.nmae=linear"}),
            "[--set schedule.parts.0.nmae=linear] unknown key \"schedule.parts.0.nmae\"; did you mean "
            "\"schedule.parts.name\"?");
  const Config config = line({"schedule.name=sequence", "schedule.parts.0.name=linear", "schedule.parts.0.steps=1000",
                              "schedule.parts.1.name=cosine"});
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { make_schedule(config, 1000); }),
            "[--set schedule.parts.1.name=cosine] the parts before schedule.parts.1 end at step 1000, and the run has "
            "1000 steps: nothing is left for it; shorten them or raise train.steps");
}

// What a part's keys apply to, and which default holds, goes by its own name.
TEST(ConfigCombinations, APartGoesByItsOwnName) {
  const Overrides parts = {"schedule.name=sequence",         "schedule.parts.0.name=cyclic",
                           "schedule.parts.0.cycle_steps=4", "schedule.parts.0.steps=40",
                           "schedule.parts.1.name=linear",   "schedule.parts.1.steps=20",
                           "schedule.parts.2.name=one_cycle"};
  const Config config = line(parts);
  EXPECT_EQ(config.integer("schedule.parts.0.cycle_steps"), 4);
  EXPECT_FALSE(config.has("schedule.parts.1.cycle_steps"));
  EXPECT_EQ(config.shown("schedule.parts.rise_fraction"), "[0.5, none, 0.3]");
  EXPECT_TRUE(config.applies("schedule.parts.cycle_steps")) << "to a part of a sequence";
  EXPECT_FALSE(line().applies("schedule.parts.cycle_steps"));
  Overrides wrong = parts;
  wrong.push_back("schedule.parts.1.cycle_steps=5");
  EXPECT_EQ(line_error(wrong),
            "[--set schedule.parts.1.cycle_steps=5] \"schedule.parts.cycle_steps\" applies to schedule.parts.name = "
            "\"cosine_restarts\" or \"cyclic\", not to \"linear\"; remove it, or change schedule.parts.name");
  wrong.back() = "schedule.parts.1.name=cyclic";
  EXPECT_EQ(
      line_error(wrong),
      "[--set schedule.parts.1.name=cyclic] schedule.parts.1.name = \"cyclic\" needs schedule.parts.1.cycle_steps, "
      "the steps of a cycle");
}

// There may be as many as there is need for; an empty one is not passed over.
TEST(ConfigCombinations, PartsAreForASequence) {
  Overrides many = {"schedule.name=sequence"};
  for (int i = 0; i < 40; ++i) {
    many.push_back("schedule.parts." + std::to_string(i) + ".name=constant");
    many.push_back("schedule.parts." + std::to_string(i) + ".steps=" + std::to_string(i + 1));
  }
  EXPECT_EQ(std::get<SequenceSchedule>(make_schedule(line(many), 1000)).parts.at(39).steps, 40);
  EXPECT_EQ(parse_error(kLine + "[[schedule.parts]]\n"),
            "[run.toml:7:1] \"schedule.parts.name\" applies to schedule.name = \"sequence\", not to \"constant\"; "
            "remove it, or change schedule.name");
  EXPECT_EQ(
      parse_error("[schedule.parts]\nname = 'linear'"),
      "[run.toml:1:11] \"schedule.parts\" is a list of tables; write [[schedule.parts]] and the keys of one below "
      "it");
}

TEST(ConfigSchedule, ASequenceIsThatOfItsParts) {
  const Config config = Config::parse(kLine + R"([optimizer]
learning_rate = 0.5
[schedule]
name = "sequence"
[[schedule.parts]]
name = "linear"
steps = 40
warmup_steps = 10
warmup_from = "one_nth"
[[schedule.parts]]
name = "inverse_sqrt"
steps = 100
peak = 2
warmup_steps = 7
[[schedule.parts]]
name = "cyclic"
cycle_steps = 10
)",
                                      "run.toml");
  const SequenceSchedule expected{
      {{LinearSchedule{0.5, 10, 40, 0.0, WarmupFrom::kOneNth}, 40},
       {InverseSqrtSchedule{1.0, 7, 7}, 100},
       {CyclicSchedule{.learning_rate = 0.5, .cycle_steps = 10, .rise_fraction = 0.5, .initial_factor = 0.04}, 1}}};
  for (const Config& same : {config, Config::parse(config.to_toml(), "again.toml")}) {
    const Schedule schedule = make_schedule(same, 1000);
    for (int64_t t = 0; t < 1000; ++t) EXPECT_EQ(learning_rate_at(schedule, t), learning_rate_at(expected, t)) << t;
  }
}

}  // namespace schedule_config_test
}  // namespace gradus
