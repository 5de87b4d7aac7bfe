// Which trials a sweep has, and what is said about one that cannot be.
#include "gradus/train/sweep.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tests/train/configs.h"

namespace gradus {
namespace sweep_test {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kBase = kLine + "[sweep]\nmetric = \"final_loss\"\n";

Sweep sweep_of(const std::string& keys, const SweepRequest& request = {}) {
  return make_sweep(Config::parse(kBase + keys, "s.toml"), request);
}

std::string error_of(const std::string& keys, const SweepRequest& request = {}) {
  return message_of(ErrorKind::kUsage, [&] { sweep_of(keys, request); });
}

std::vector<std::string> texts_of(const Sweep& sweep) {
  std::vector<std::string> texts;
  for (const Trial& trial : sweep.trials) texts.push_back(values_text(trial));
  return texts;
}

// The values of a trial's only key.
std::vector<double> reals_of(const Sweep& sweep) {
  std::vector<double> values;
  for (const Trial& trial : sweep.trials) values.push_back(trial.config.real(trial.values[0].first));
  return values;
}

TEST(Sweep, AGridHasEveryCombinationTheLastKeyFastest) {
  const Sweep sweep =
      sweep_of("[sweep.keys]\n\"optimizer.learning_rate\" = [0.1, 0.01]\noptimizer.momentum = [0, 0.9]\n");
  EXPECT_THAT(texts_of(sweep), ElementsAre("optimizer.learning_rate = 0.1, optimizer.momentum = 0.0",
                                           "optimizer.learning_rate = 0.1, optimizer.momentum = 0.9",
                                           "optimizer.learning_rate = 0.01, optimizer.momentum = 0.0",
                                           "optimizer.learning_rate = 0.01, optimizer.momentum = 0.9"));
  EXPECT_EQ(sweep.trials[2].number, 3);
  EXPECT_EQ(sweep.trials[2].name(), "trial-0003");
  EXPECT_EQ(sweep.trials[2].config.real("optimizer.learning_rate"), 0.01);
  EXPECT_EQ(sweep.trials[2].config.integer("train.steps"), 1000);
  EXPECT_FALSE(sweep.is_maximized);
}

TEST(Sweep, ValuesOfAListMayBeOfSeveralTypesAndLists) {
  const Sweep sweep = sweep_of("[sweep.keys]\n\"train.batch_size\" = [16, \"all\"]\n");
  EXPECT_THAT(texts_of(sweep), ElementsAre("train.batch_size = 16", "train.batch_size = \"all\""));
  const Config mlp = Config::parse(
      "data.kind = \"sine\"\nmodel = { kind = \"mlp\", hidden = [8] }\ntrain.steps = 5\n[sweep]\nmetric = "
      "\"final_loss\"\n[sweep.keys]\n\"model.hidden\" = [[16], [32, 8]]\n",
      "s.toml");
  EXPECT_THAT(texts_of(make_sweep(mlp)), ElementsAre("model.hidden = [16]", "model.hidden = [32, 8]"));
  EXPECT_THAT(texts_of(make_sweep(mlp, {.grid = {"model.hidden=[4],[2,2]"}})),
              ElementsAre("model.hidden = [4]", "model.hidden = [2, 2]"));
}

// Decades are decades, and both ends belong to it.
TEST(Sweep, AGridOfARangeHasItsPoints) {
  EXPECT_THAT(reals_of(sweep_of("[sweep.keys]\n\"optimizer.learning_rate\" = { low = 1e-4, high = 1e-1, scale = "
                                "\"log\", points = 4 }\n")),
              ElementsAre(1e-4, 1e-3, 1e-2, 1e-1));
  EXPECT_THAT(reals_of(sweep_of("", {.grid = {"optimizer.learning_rate=0.1..0.3:3"}})), ElementsAre(0.1, 0.2, 0.3));
  EXPECT_THAT(
      texts_of(sweep_of("", {.grid = {"train.batch_size=1..8:log:4"}})),
      ElementsAre("train.batch_size = 1", "train.batch_size = 2", "train.batch_size = 4", "train.batch_size = 8"));
  // Whole numbers that several points round to are there once.
  EXPECT_EQ(sweep_of("", {.grid = {"train.batch_size=1..3:9"}}).trials.size(), 3u);
}

TEST(Sweep, RandomValuesFillTheRangeEvenly) {
  const auto values = [](const char* range) {
    return reals_of(sweep_of("", {.random = {std::string("optimizer.learning_rate=") + range}, .trials = 2000}));
  };
  double mean = 0.0;
  for (const double x : values("2..4")) {
    EXPECT_GE(x, 2.0);
    EXPECT_LE(x, 4.0);
    mean += x / 2000;
  }
  EXPECT_NEAR(mean, 3.0, 4 * (2.0 / std::sqrt(12.0)) / std::sqrt(2000.0));  // 4 deviations of a mean
  mean = 0.0;
  for (const double x : values("1e-4..1:log")) mean += std::log10(x) / 2000;
  EXPECT_NEAR(mean, -2.0, 4 * (4.0 / std::sqrt(12.0)) / std::sqrt(2000.0));
}

TEST(Sweep, RandomWholeNumbersAllComeUpAndSoDoTheValuesOfAList) {
  const Sweep sweep =
      sweep_of("", {.random = {"train.batch_size=1..4", "optimizer.momentum=0,0.5,0.9"}, .trials = 400});
  std::map<int64_t, int> counts;
  std::map<double, int> listed;
  for (const Trial& trial : sweep.trials) {
    ++counts[trial.config.integer("train.batch_size")];
    ++listed[trial.config.real("optimizer.momentum")];
  }
  ASSERT_EQ(counts.size(), 4u);
  for (const auto& [number, count] : counts) EXPECT_NEAR(count, 100, 4 * std::sqrt(400 * 0.25 * 0.75)) << number;
  ASSERT_EQ(listed.size(), 3u);
  for (const auto& [number, count] : listed) EXPECT_NEAR(count, 400 / 3.0, 4 * std::sqrt(400 * 2.0 / 9)) << number;
  // On a logarithmic scale 1 is as likely as 2 and 3 together: log 2 = log 4 − log 2.
  const Sweep log = sweep_of("", {.random = {"train.batch_size=1..3:log"}, .trials = 400});
  const auto ones = std::ranges::count_if(
      log.trials, [](const Trial& trial) { return trial.config.integer("train.batch_size") == 1; });
  EXPECT_NEAR(static_cast<double>(ones), 200, 4 * 10);
}

// Of seed, key and trial alone: neither the other keys nor the number of trials change it.
TEST(Sweep, ARandomValueIsAFunctionOfSeedKeyAndTrial) {
  const std::string rate = "optimizer.learning_rate=0.001..1:log";
  const std::vector<double> few = reals_of(sweep_of("", {.random = {rate}, .trials = 3}));
  const Sweep many = sweep_of("", {.random = {"train.batch_size=1..99", rate}, .trials = 6});
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(many.trials[i].config.real("optimizer.learning_rate"), few[i]);
  EXPECT_NE(few[0], few[1]);
  const Config other = Config::parse(kBase, "s.toml", {"train.seed=7"});
  EXPECT_NE(reals_of(make_sweep(other, {.random = {rate}, .trials = 3})), few);
}

TEST(Sweep, TheFileSaysTheMethodAndTheCommandLineMayChangeIt) {
  const std::string file =
      "method = \"random\"\ntrials = 7\n[sweep.keys]\n\"optimizer.learning_rate\" = { low = 0.1, high = 0.2 }\n";
  EXPECT_EQ(sweep_of(file).trials.size(), 7u);
  EXPECT_EQ(sweep_of(file, {.trials = 9}).trials.size(), 9u);
  const Sweep narrow = sweep_of(file, {.random = {"optimizer.learning_rate=1..2"}});
  EXPECT_EQ(narrow.keys.size(), 1u);
  EXPECT_GE(reals_of(narrow)[0], 1.0);
  EXPECT_EQ(make_sweep(line({"sweep.metric=final_loss"}), {.random = {"optimizer.learning_rate=1..2"}}).trials.size(),
            20u);
}

// Of a report: trials write it down, and it has the name that their summaries have.
TEST(Sweep, TakesTheMeasuresOfAReport) {
  const auto sweep = [](const std::string& metric, const Overrides& overrides = {}) {
    Overrides all = {"data.validation_fraction=0.5"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    return make_sweep(line(all), {.grid = {"train.seed=1,2"}, .metric = metric});
  };
  for (const char* const metric : {"mse", "val_mse", "explained_variance"}) {
    const Sweep found = sweep(metric);
    EXPECT_EQ(found.metric, metric == std::string("explained_variance") ? "val_explained_variance" : "val_mse");
    EXPECT_EQ(found.is_maximized, metric == std::string("explained_variance"));
    EXPECT_TRUE(found.trials[1].config.boolean("validation.report"));
  }
  // Validations tell these.
  EXPECT_EQ(sweep("r2", {"validation.every=1"}).metric, "val_r2");
  EXPECT_FALSE(sweep("r2", {"validation.every=1"}).trials[0].config.boolean("validation.report"));
  EXPECT_TRUE(sweep("r2").trials[0].config.boolean("validation.report"));
  EXPECT_FALSE(sweep("final_loss").trials[0].config.boolean("validation.report"));
}

TEST(Sweep, AccuracyAndR2AreBetterHigh) {
  const auto is_maximized = [](const std::string& metric, const Overrides& overrides = {}) {
    Overrides all = {"validation.every=10", "data.validation_fraction=0.5"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    return make_sweep(line(all), {.grid = {"train.seed=1,2"}, .metric = metric}).is_maximized;
  };
  EXPECT_TRUE(is_maximized("val_accuracy"));
  EXPECT_TRUE(is_maximized("val_r2"));
  EXPECT_FALSE(is_maximized("val_loss"));
  EXPECT_TRUE(is_maximized("val_loss", {"sweep.direction=maximize"}));
}

TEST(Sweep, TrainsOnAllFoldsWhereNoneIsNamed) {
  const std::string table =
      "data = { kind = \"csv\", path = \"a.csv\", folds = 4 }\nmodel.kind = \"linear\"\n"
      "train.steps = 9\nsweep.metric = \"final_loss\"\n";
  EXPECT_EQ(make_sweep(Config::parse(table, "s.toml"), {.grid = {"train.seed=1"}}).trials[0].folds(), 4);
  EXPECT_EQ(make_sweep(Config::parse(table, "s.toml"), {.grid = {"data.fold=0,1"}}).trials[0].folds(), 0);
}

TEST(Sweep, TheFilesErrorsSayWhere) {
  const std::string keys = "[sweep.keys]\n";  // line 9
  EXPECT_EQ(error_of("keys = 3\n"),
            "[s.toml:9:1] \"sweep.keys\" is a table; write [sweep.keys] and the keys to sweep "
            "below it");
  EXPECT_EQ(
      error_of(keys + "\"optimizer.learning_rate\" = 0.1\n"),
      "[s.toml:10:1] \"optimizer.learning_rate\" is 0.1; expected a list of values, [0.1, 0.01], or a range, { low "
      "= 1e-4, high = 0.1, scale = \"log\" }");
  EXPECT_THAT(error_of(keys + "\"train.steps\" = []\n"), HasSubstr("\"train.steps\" is []; expected a list"));
  EXPECT_THAT(error_of(keys + "\"optimizer.groups\" = [{ pattern = \"*\" }]\n"),
              HasSubstr("\"optimizer.groups\" is a list of tables; expected a list"));
  EXPECT_THAT(error_of(keys + "low = 3\n"), HasSubstr("\"low\" is 3; expected a list"));
  EXPECT_THAT(error_of(keys + "a.b.c.d.e.f.g.h.i = [1]\n"), HasSubstr("\"a.b.c.d.e.f.g\" is a table; expected a list"));
  EXPECT_EQ(error_of(keys + "\"optimizer.learning_rate\" = { low = 0.1 }\n"),
            "[s.toml:10:1] the range of \"optimizer.learning_rate\" needs both ends, low and high");
  EXPECT_EQ(
      error_of(keys + "\"optimizer.learning_rate\" = { low = 0.1, high = 1, scale = \"cubic\" }\n"),
      "[s.toml:10:52] scale = \"cubic\" in the range of \"optimizer.learning_rate\"; expected numbers low and high, "
      "scale \"log\" or \"linear\", integer true or false, points an integer");
  EXPECT_EQ(error_of(keys + "\"optimizer.learning_rate\" = { low = 1, high = 0.5 }\n"),
            "[s.toml:10:1] the range of \"optimizer.learning_rate\" goes from 1 to 0.5; expected a low end below the "
            "high one");
  EXPECT_EQ(
      error_of(keys + "\"optimizer.learning_rate\" = { low = 0, high = 0.5, scale = \"log\" }\n"),
      "[s.toml:10:1] the range of \"optimizer.learning_rate\" begins at 0; expected an end above 0 where the scale "
      "is \"log\"");
  EXPECT_EQ(
      error_of(keys + "\"train.batch_size\" = { low = 1.5, high = 8 }\n"),
      "[s.toml:10:1] the range of whole numbers for \"train.batch_size\" goes from 1.5 to 8; expected whole ends");
  EXPECT_EQ(error_of(keys + "\"train.batch_size\" = { low = 1, high = 8, points = 1 }\n"),
            "[s.toml:10:1] 1 points for \"train.batch_size\"; expected from 2 to 10000");
  EXPECT_EQ(
      error_of(keys + "\"train.batch_size\" = { low = 1, high = 8 }\n"),
      "[s.toml:10:1] \"train.batch_size\" is a range without points, which a grid cannot go through; say how many, "
      "points = 5, or take sweep.method = \"random\"");
  EXPECT_EQ(error_of(keys + "\"train.steps\" = [1, 2]\ntrain.steps = [3]\n"),
            "[s.toml:11:7] \"train.steps\" is swept twice; it stands at s.toml:10:1 too");
  EXPECT_EQ(error_of(keys + "\"train.threads\" = [1, 2]\n"),
            "[s.toml:10:1] \"train.threads\" changes no result and cannot be swept; --threads and --jobs share out the "
            "cores");
  EXPECT_EQ(error_of(keys + "\"sweep.metric\" = [\"val_loss\"]\n"),
            "[s.toml:10:1] \"sweep.metric\" is of the sweep itself; sweep a run's keys");
  EXPECT_EQ(error_of(""),
            "[sweep] there is no key to sweep; give [sweep.keys] in the configuration, or --grid "
            "KEY=v1,v2,…, or --random KEY=low..high");
}

TEST(Sweep, AWrongKeyValueOrCombinationNamesTheTrial) {
  const std::string keys = "[sweep.keys]\n";
  EXPECT_EQ(
      error_of(keys + "\"optimizer.lerning_rate\" = [0.1]\n"),
      "[s.toml:10:1] trial 1 (optimizer.lerning_rate = 0.1): unknown key \"optimizer.lerning_rate\"; did you mean "
      "\"optimizer.learning_rate\"?");
  EXPECT_THAT(error_of(keys + "\"optimizer.lerning_rate\" = { low = 1, high = 2, points = 2 }\n"),
              HasSubstr("trial 1 (optimizer.lerning_rate = 1.0): unknown key"));
  EXPECT_EQ(error_of(keys + "\"train.batch_size\" = [8, 0]\n"),
            "[s.toml:10:1] trial 2 (train.batch_size = 0): \"train.batch_size\" must be an integer of at least 1 or "
            "\"all\"; found the integer 0");
  EXPECT_EQ(error_of(keys + "\"optimizer.name\" = [\"adam\"]\n\"optimizer.nesterov\" = [true]\n"),
            "[s.toml:11:1] trial 1 (optimizer.name = \"adam\", optimizer.nesterov = true): \"optimizer.nesterov\" "
            "applies to optimizer.name = \"sgd\" or \"muon\", not to \"adam\"; remove it, or change optimizer.name");
  EXPECT_EQ(
      error_of("", {.grid = {"train.steps=5,x"}}),
      "[--grid train.steps=5,x] trial 2 (train.steps = x): \"train.steps\" must be an integer of at least 1; found "
      "the text \"x\"");
  EXPECT_EQ(
      error_of("", {.grid = {"data.validation_fraction=0"}, .metric = "val_loss"}),
      "[--grid data.validation_fraction=0] trial 1 (data.validation_fraction = 0): data.validation_fraction = 0.0, so "
      "there is no val_loss to compare trials by; set it above 0, or take sweep.metric = \"final_loss\"");
}

TEST(Sweep, TheCommandLinesErrors) {
  EXPECT_EQ(error_of("", {.grid = {"train.steps"}}),
            "[--grid train.steps] expected KEY=v1,v2,… or KEY=low..high, for example --grid "
            "optimizer.learning_rate=0.1,0.01");
  EXPECT_THAT(error_of("", {.random = {"=1..2"}}), HasSubstr("--random optimizer.learning_rate=1e-4..0.1:log"));
  EXPECT_EQ(error_of("", {.grid = {"train.steps=1,,2"}}),
            "[--grid train.steps=1,,2] there is nothing between two commas, or behind the last; expected a value");
  EXPECT_EQ(error_of("", {.random = {"optimizer.learning_rate=1..2:cubic"}}),
            "[--random optimizer.learning_rate=1..2:cubic] \"cubic\" behind a range; expected log, linear, integer, or "
            "from 2 to 10000 points");
  EXPECT_EQ(error_of("", {.grid = {"train.steps=1"}, .random = {"train.seed=1..2"}}),
            "[--grid] and --random do not go together; a random search draws from a list by --random KEY=v1,v2,…");
  EXPECT_EQ(error_of("method = \"random\"\ntrials = 3\n", {.grid = {"train.steps=1"}}),
            "[--grid] s.toml:9:1 is a random search of sweep.trials; give --random KEY=v1,v2,… to draw from a list");
  EXPECT_EQ(error_of("", {.grid = {"train.steps=1"}, .trials = 3}),
            "[--trials] \"sweep.trials\" applies to sweep.method = \"random\", not to \"grid\"; remove it, or change "
            "sweep.method");
  EXPECT_EQ(error_of("", {.grid = {"train.seed=1", "train.seed=2"}}),
            "[--grid train.seed=2] \"train.seed\" is swept twice; it stands at --grid train.seed=1 too");
  EXPECT_EQ(error_of("", {.grid = {"train.seed=1..200:200", "train.steps=1..200:200"}}),
            "[--grid train.steps=1..200:200] the grid has more than 10000 combinations; give fewer values, or take "
            "sweep.method = \"random\"");
}

// The keys of a sweep are no run's: neither its own configuration has them, nor do they keep it from going on.
TEST(Sweep, IsNoPartOfARunsConfiguration) {
  const Config config = Config::parse(kBase + "[sweep.keys]\n\"train.steps\" = [1]\n", "s.toml");
  EXPECT_TRUE(config.is_swept());
  EXPECT_EQ(config.to_toml().find("sweep"), std::string::npos);
  EXPECT_EQ(config.to_toml(), line().to_toml());
  EXPECT_FALSE(line().is_swept());
}

}  // namespace sweep_test
}  // namespace gradus
