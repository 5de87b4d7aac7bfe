// `gradus eval` and `predict`: from a table to a model and what it says.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/command/command.h"
#include "tests/reads.h"

namespace gradus {
namespace eval_test {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Two groups of points that a straight line parts, and y = 3·a − b + 5.
std::string table(bool classes) {
  std::string text = classes ? "a,b,kind\n" : "a,b,y\n";
  for (int i = 0; i < 60; ++i) {
    const int a = i % 10, b = (7 * i) % 12;
    text += fmt::format("{},{},{}\n", a, b,
                        classes ? (a + b > 10 ? "\"high, or more\"" : "low") : std::to_string(3 * a - b + 5));
  }
  return text;
}

constexpr const char* kConfig = R"(
[data]
kind = "csv"
path = "data.csv"
[model]
kind = "linear"
init = "zeros"
[optimizer]
name = "lbfgs"
[regularization]
l2 = 0.001
[train]
steps = 40
[validation]
every = 40
)";

void train(const TemporaryFolder& folder, bool classes, std::vector<std::string> more = {}) {
  spill(folder / "data.csv", table(classes));
  spill(folder / "c.toml", kConfig);
  std::vector<std::string> arguments = {"train", "c.toml", "--out", "run", "--quiet"};
  if (classes) more.insert(more.end(), {"--set", "loss.name=cross_entropy"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CommandResult result = run_gradus(folder, arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
}

TEST(Predict, NumbersAreInTheUnitOfTheColumn) {
  const TemporaryFolder folder;
  train(folder, false, {"--set", "data.standardize_target=true", "--set", "regularization.l2=0"});
  spill(folder / "new.csv", "b,a\n2,1\n0,100\n");  // in another order, and without a target
  const CommandResult result = run_gradus(folder, {"predict", "run", "--data", "new.csv"});
  EXPECT_EQ(result.err, "");
  const std::vector<std::string> lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "prediction");
  EXPECT_NEAR(std::stod(lines[1]), 6.0, 1e-3);
  EXPECT_NEAR(std::stod(lines[2]), 305.0, 1e-2);  // far outside
  const CommandResult jsonl = run_gradus(folder, {"predict", "run", "--data", "new.csv", "--format", "jsonl"});
  EXPECT_NEAR(json::parse(lines_of(jsonl.out)[0])["prediction"], 6.0, 1e-3);
}

TEST(Predict, ClassesHaveNamesAndProbabilities) {
  const TemporaryFolder folder;
  train(folder, true);
  spill(folder / "new.csv", "a,b\n9,9\n0,0\n");
  const CommandResult result = run_gradus(folder, {"predict", "run", "--data", "new.csv", "--out", "p.csv"});
  EXPECT_EQ(result.out + result.err, "");
  const std::vector<std::string> lines = lines_of(slurp(folder / "p.csv"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "prediction,\"p_high, or more\",p_low");
  EXPECT_THAT(lines[1], StartsWith("\"high, or more\","));
  EXPECT_THAT(lines[2], StartsWith("low,"));
  const CommandResult jsonl = run_gradus(folder, {"predict", "run", "--data", "new.csv", "--format", "jsonl"});
  const json first = json::parse(lines_of(jsonl.out)[0]);
  EXPECT_EQ(first["prediction"], "high, or more");
  const CommandResult again = run_gradus(folder, {"predict", "run", "--data", "new.csv", "--out", "p.csv"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_EQ(again.err,
            "gradus: [--out] p.csv exists already, and is left as it is; name another file, or give --overwrite\n");
  EXPECT_EQ(run_gradus(folder, {"predict", "run", "--data", "new.csv", "--out", "p.csv", "--overwrite"}).exit_code, 0);
  EXPECT_NEAR(first["probabilities"]["high, or more"].get<double>() + first["probabilities"]["low"].get<double>(), 1.0,
              1e-6);
}

// x tells the class but for one row of each: 8 right of 10, by hand.
TEST(Eval, AReportHasAllMeasures) {
  const TemporaryFolder folder;
  std::string text = "x,kind\n";
  for (int i = 0; i < 10; ++i)
    text += fmt::format("{},{}\n", i < 5 ? -1 : 1, (i < 5) != (i == 0 || i == 9) ? "a" : "b");
  spill(folder / "t.csv", text);
  spill(folder / "c.toml",
        "[data]\nkind='csv'\npath='t.csv'\nvalidation_fraction=0\n[model]\nkind='linear'\n[loss]\n"
        "name='binary_cross_entropy'\n[regularization]\nl2=0.01\n[solver]\nname='newton'\n[train]\nsteps=30\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).err, "");
  const json report = json::parse(run_gradus(folder, {"eval", "run", "--report", "--json"}).out);
  EXPECT_EQ(report["examples"], 10);
  EXPECT_EQ(report["confusion"]["a"], (std::vector<double>{4, 1}));
  EXPECT_EQ(report["confusion"]["b"], (std::vector<double>{1, 4}));
  EXPECT_NEAR(report["classes"]["a"]["f1"].get<double>(), 0.8, 1e-12);
  const json& measures = report["measures"];
  for (const char* name : {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "f1_micro",
                           "precision_weighted", "recall_weighted", "f1_weighted", "roc_auc"}) {
    EXPECT_NEAR(measures[name]["value"].get<double>(), 0.8, 1e-12) << name;
    EXPECT_LT(measures[name]["low"].get<double>(), 0.8) << name;
    EXPECT_GE(measures[name]["high"].get<double>(), 0.9) << name;
  }
  EXPECT_NEAR(measures["matthews"]["value"].get<double>(), 0.6, 1e-12);
  EXPECT_EQ(measures.size(), 15u);
  const std::string shown = run_gradus(folder, {"eval", "run", "--report", "--resamples", "50"}).out;
  EXPECT_THAT(shown, StartsWith("10 examples: the training part, for nothing was held out for validation\n"));
  EXPECT_THAT(shown, HasSubstr("95% of 50 resamples\naccuracy                         0.8   "));
  EXPECT_THAT(
      shown,
      HasSubstr(
          "\ntrue \\ predicted                   a           b\na                                  4           1\n"));
}

TEST(Eval, AReportOfNumbersIsInTheColumnsUnit) {
  const TemporaryFolder folder;
  std::string text = "x,y\n";
  for (int i = 0; i < 8; ++i) text += fmt::format("{},{}\n", i / 2, 1000 * (i / 2) + (i % 2 == 0 ? 30 : -30));
  spill(folder / "t.csv", text);
  spill(folder / "c.toml",
        "[data]\nkind='csv'\npath='t.csv'\nvalidation_fraction=0\nstandardize_target=true\n[model]\nkind='linear'\n"
        "[solver]\nname='newton'\n[train]\nsteps=3\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).err, "");
  const json measures = json::parse(run_gradus(folder, {"eval", "run", "--report", "--json"}).out)["measures"];
  for (const char* name : {"rmse", "mae", "median_absolute_error", "max_error"}) {
    EXPECT_NEAR(measures[name]["value"].get<double>(), 30.0, 1e-2) << name;
  }
  EXPECT_NEAR(measures["r2"]["value"].get<double>(), 1.0 - 900.0 / (1.25e6 + 900.0), 1e-6);
  EXPECT_NEAR(measures["mse"]["value"].get<double>(), 900.0, 1.0);
  EXPECT_EQ(measures.count("pinball") + measures.count("poisson_deviance"), 0u);
}

TEST(Eval, AReportHasWhatTheModelWasTrainedFor) {
  const TemporaryFolder folder;
  std::string text = "x,y\n";
  for (int i = 0; i < 8; ++i) text += fmt::format("{},{}\n", i / 2, 4 * (i / 2) + i % 2);
  spill(folder / "t.csv", text);
  spill(folder / "c.toml",
        "[data]\nkind='csv'\npath='t.csv'\nvalidation_fraction=0\n[model]\nkind='linear'\n"
        "[train]\nsteps=50\n");
  const auto measures = [&](const std::vector<std::string>& keys) {
    std::vector<std::string> arguments = {"train", "c.toml", "--out", "run", "--quiet", "--overwrite"};
    for (const std::string& key : keys) arguments.insert(arguments.end(), {"--set", key});
    EXPECT_EQ(run_gradus(folder, arguments).err, "");
    return json::parse(run_gradus(folder, {"eval", "run", "--report", "--json"}).out)["measures"];
  };
  const json median = measures({"loss.name=quantile", "loss.quantile=0.5", "solver.name=interior_point"});
  EXPECT_NEAR(median["pinball"]["value"].get<double>(), 0.5 * median["mae"]["value"].get<double>(), 1e-12);
  const json rate = measures({"loss.name=poisson", "solver.name=newton"});
  EXPECT_GT(rate["poisson_deviance"]["value"].get<double>(), 0.0);
  EXPECT_LT(rate["poisson_deviance"]["value"].get<double>(), 1.0);
}

TEST(Eval, OfSeveralClassesTheFirstFewCount) {
  const TemporaryFolder folder;
  spill(folder / "c.toml",
        "[data]\nkind='blobs'\nclasses=4\npoints=30\nnoise=0.5\n[model]\nkind='linear'\n"
        "[train]\nsteps=100\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).err, "");
  const json measures = json::parse(run_gradus(folder, {"eval", "run", "--report", "--json"}).out)["measures"];
  EXPECT_GE(measures["top_2_accuracy"]["value"].get<double>(), measures["accuracy"]["value"].get<double>());
  EXPECT_LE(measures["top_2_accuracy"]["value"].get<double>(), 1.0);
  EXPECT_EQ(measures.count("top_5_accuracy"), 0u);
}

TEST(Predict, ErrorsSayWhatIsMissing) {
  const TemporaryFolder folder;
  train(folder, false);
  const auto error = [&](const char* name, const char* text) {
    spill(folder / name, text);
    return run_gradus(folder, {"predict", "run", "--data", name}).err;
  };
  EXPECT_EQ(error("1.csv", "a,c\n1,2\n"), "gradus: [1.csv] there is no column \"b\"; there are: a, c\n");
  EXPECT_THAT(error("2.csv", "a,b\n1,2\n1,NA\n"),
              StartsWith("gradus: [2.csv:3] the value of column \"b\" is missing; fill it, or train with data.impute"));
  EXPECT_THAT(error("3.csv", "a,b\n1,2\n1,-\n"),
              StartsWith("gradus: [3.csv:3] column \"b\" holds text, \"-\", where the model takes a number; "));
  EXPECT_THAT(run_gradus(folder, {"predict", "run"}).err,
              HasSubstr("there is nothing to predict; name FILEs, or give --data PATH"));
  EXPECT_EQ(run_gradus(folder, {"predict", "run", "1.csv", "none.csv"}).err,
            "gradus: [none.csv] there is no such file in " + folder.path().string() +
                "; give files, or /dev/stdin for texts or rows from standard input\n");
  EXPECT_THAT(run_gradus(folder, {"predict", "run", "--data", "1.csv", "--format", "xml"}).err, HasSubstr("--format"));
}

// Numbers far outside of what was learned, which the column's unit still holds.
TEST(Predict, AnOutputThatIsNotFiniteIsAnError) {
  const TemporaryFolder folder;
  train(folder, false, {"--set", "data.scaling=none", "--set", "regularization.l2=0"});
  spill(folder / "new.csv", "a,b\n1,1\n3e38,-3e38\n");
  EXPECT_EQ(
      run_gradus(folder, {"predict", "run", "--data", "new.csv"}).err,
      "gradus: [new.csv:3] the model's output is not finite; are the numbers of this row like those it learned?\n");
  spill(folder / "all.csv", "a,b,y\n3e38,-3e38,1\n");
  EXPECT_EQ(run_gradus(folder, {"eval", "run", "--data", "all.csv"}).err,
            "gradus: [eval] the loss is inf; are the numbers of the data like those that the model learned?\n");
}

TEST(Eval, ExamplesOfOneClassHaveNoLossThatComparesClasses) {
  const TemporaryFolder folder;
  spill(folder / "c.toml",
        "[data]\nkind='blobs'\npoints=30\nclasses=3\n[model]\nkind='mlp'\nhidden=[4]\n[loss]\nname='triplet'\n"
        "[train]\nsteps=2\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--set", "data.points=6", "--out", "run"}).exit_code, 0);
  const CommandResult result = run_gradus(folder, {"eval", "run"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(
      result.err,
      "gradus: [eval] no example of the validation part counts, so that there is no loss: their weights are all 0, or "
      "a loss that compares examples has no two of one class beside another\n");
}

// The default of what stands for the same is no second weight.
TEST(Eval, ARunWithWeightsOfTwoClasses) {
  const TemporaryFolder folder;
  spill(folder / "c.toml",
        "[data]\nkind='moons'\npoints=30\n[model]\nkind='linear'\n[loss]\nname='binary_cross_entropy'\n"
        "class_weights=[0.5, 1.0]\n[train]\nsteps=2\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run"}).exit_code, 0);
  EXPECT_EQ(run_gradus(folder, {"eval", "run"}).err, "");
  EXPECT_EQ(run_gradus(folder, {"train", "--resume", "run", "--set", "train.steps=4"}).exit_code, 0);
}

// What focal has for two classes alone is not asked of more when the run is read again.
TEST(Eval, ARunWithFocalLossOfSeveralClasses) {
  const TemporaryFolder folder;
  spill(folder / "c.toml",
        "[data]\nkind='blobs'\npoints=30\nclasses=3\n[model]\nkind='mlp'\nhidden=[4]\n[loss]\nname='focal'\n"
        "[train]\nsteps=2\n");
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"train", "c.toml", "--out", "run"},
                                                    {"eval", "run"},
                                                    {"train", "--resume", "run", "--set", "train.steps=4"},
                                                    {"train", "run/config.toml", "--out", "again"}}) {
    const CommandResult result = run_gradus(folder, arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  EXPECT_EQ(
      run_gradus(folder, {"train", "c.toml", "--set", "loss.alpha=0.25"}).err,
      "gradus: [--set loss.alpha=0.25] loss.alpha weighs two classes, and there are 3; give loss.class_weights, a "
      "number for each\n");
}

TEST(Eval, RefusesOtherDataThanTheRunWasTrainedOn) {
  const TemporaryFolder folder;
  std::string rows = "x,y\n";
  for (int i = 0; i < 50; ++i) rows += fmt::format("{},{}\n", i, 2 * i + i % 3);
  for (const char* const kind : {"in_memory", "streamed"}) {
    spill(folder / "t.csv", rows);
    spill(folder / "c.toml",
          fmt::format("data = {{kind = \"csv\", path = \"t.csv\", rows = \"{}\", validation_fraction = 0.2}}\n"
                      "model.kind = \"linear\"\nsolver = {{name = \"adagrad\"}}\ntrain.steps = 3\n",
                      kind));
    ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet", "--overwrite"}).exit_code, 0);
    EXPECT_EQ(run_gradus(folder, {"eval", "run"}).exit_code, 0);
    EXPECT_EQ(run_gradus(folder, {"eval", "run", "--best"}).err.find("the data is not"), std::string::npos);
    spill(folder / "t.csv", rows + "50,100\n51,102\n52,104\n53,106\n54,108\n");
    for (const char* const part : {"validation", "training"}) {
      const CommandResult other = run_gradus(folder, {"eval", "run", "--part", part, "--json"});
      EXPECT_EQ(other.exit_code, 2);
      EXPECT_EQ(other.out, "");
      EXPECT_THAT(
          other.err,
          Reads("gradus: [t.csv] the data is not what the run was trained on ({} examples to train on then, {} "
                "now), so that what is held out now may have been trained on; put the same data back, or evaluate "
                "a file as a whole with --data PATH\n"));
    }
    const CommandResult whole = run_gradus(folder, {"eval", "run", "--data", "t.csv"});
    EXPECT_EQ(whole.exit_code, 0) << whole.err;
    EXPECT_THAT(whole.out, HasSubstr("55 examples: t.csv\n"));
  }
}

TEST(Eval, AReportSaysThatItCountsExamplesAlike) {
  const TemporaryFolder folder;
  std::string rows = "x,w,y\n";
  for (int i = 0; i < 40; ++i) rows += fmt::format("{},{},{}\n", i, 1 + i % 3, i % 20 > 9 ? "a" : "b");
  spill(folder / "t.csv", rows);
  spill(folder / "c.toml",
        "data = {kind = \"csv\", path = \"t.csv\", weight = \"w\"}\nmodel.kind = \"linear\"\n"
        "loss.name = \"cross_entropy\"\ntrain.steps = 3\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).exit_code, 0);
  const std::vector<std::string> report = {"eval", "run", "--report", "--resamples", "10"};
  EXPECT_THAT(run_gradus(folder, report).out,
              HasSubstr("each example counts once here, whatever data.weight says; the loss without --report is "
                        "weighted\n"));
  const CommandResult result = run_gradus(folder, {"eval", "run", "--report", "--resamples", "10", "--json"});
  EXPECT_EQ(json::parse(result.out)["weighted"], false);
}

TEST(DryRun, ShowsWhatEachColumnIsTakenFor) {
  const TemporaryFolder folder;
  std::string text = "size,town,zip,note,herd,w,kind\n";
  for (int i = 0; i < 20; ++i) {
    text += fmt::format("{},{},{},n{},{},{},{}\n", i == 3 || i == 4 ? "" : std::to_string(10 * i),
                        i == 5       ? ""
                        : i % 2 == 0 ? "Ulm"
                                     : "Bonn",
                        i % 3, i, i / 4, 1 + i % 2, i % 5 > 2 ? "big" : "small");
  }
  spill(folder / "t.csv", text);
  spill(
      folder / "c.toml",
      "[data]\nkind = \"csv\"\npath = \"t.csv\"\nfeatures = [\"size\", \"town\", \"zip\"]\ncategory_columns = "
      "[\"zip\"]\nweight = \"w\"\nsplit = \"by_group\"\nsplit_column = \"herd\"\nimpute = \"constant\"\nimpute_value = "
      "5.0\nmissing_indicator = true\nscaling = \"min_max\"\nunseen = \"zeros\"\n[model]\nkind = "
      "\"linear\"\n[loss]\nname = "
      "\"cross_entropy\"\n[train]\nsteps = 1\n");
  const auto lines = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"train", "c.toml", "--dry-run", "--set", "data.validation_fraction=0.0"});
    const CommandResult result = run_gradus(folder, more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    // Runs of spaces, which align the columns, as one.
    std::vector<std::string> all;
    for (const std::string& line : lines_of(result.out)) {
      std::string short_line;
      for (const char c : line) {
        if (c != ' ' || (!short_line.empty() && short_line.back() != ' ')) short_line += c;
      }
      all.push_back(short_line);
    }
    return all;
  };
  const std::vector<std::string> found = lines({});
  const std::vector<std::string> wanted = {
      "column type missing role what the model gets",
      "kind category, 2 values 0 target the number of its class",
      "size number 2 feature to [0, 1]: (x − 0) / 190; missing: x = 5, and an input that says so",
      "town category, 2 values 1 feature one-hot: 3 inputs, one of them for missing",
      "zip category, 3 values 0 feature one-hot: 3 inputs",
      "w number 0 weight what the row counts",
      "herd 0 group the split goes by it",
      "note ignored"};
  ASSERT_GE(found.size(), 9U);
  EXPECT_EQ(std::vector<std::string>(found.begin() + 1, found.begin() + 9), wanted);
}

TEST(DryRun, ShowsEachColumnOfProbabilities) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,a,b\n1,0.5,0.5\n2,0,1\n");
  spill(folder / "c.toml",
        "[data]\nkind = \"csv\"\npath = \"t.csv\"\ntarget = [\"a\", \"b\"]\nvalidation_fraction = 0.0\n[model]\nkind = "
        "\"linear\"\n[loss]\nname = \"cross_entropy\"\n[train]\nsteps = 1\n");
  const std::string out = run_gradus(folder, {"train", "c.toml", "--dry-run"}).out;
  for (const char* const name : {"a", "b"}) {
    EXPECT_THAT(out,
                testing::ContainsRegex(fmt::format("\n  {} +number +0  target +the probability of its class\n", name)));
  }
}

TEST(DryRun, ShowsTheColumnsOfStreamedRows) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "a,b,y\n1,x,1\n,y,2\n3,x,3\n");
  spill(folder / "c.toml",
        "[data]\nkind = \"csv\"\npath = \"t.csv\"\nrows = \"streamed\"\nvalidation_fraction = 0.0\nimpute = "
        "\"constant\"\n[model]\nkind = \"linear\"\n[solver]\nname = \"adagrad\"\n[train]\nsteps = 1\n");
  for (int i = 0; i < 2; ++i) {  // from the text, and from the cache of its rows
    const std::string out = run_gradus(folder, {"train", "c.toml", "--dry-run"}).out;
    EXPECT_THAT(out, testing::ContainsRegex("\n  a +number +1  feature +standardised: "));
    EXPECT_THAT(out, testing::ContainsRegex("\n  b +category, 2 values +0  feature +one-hot: 2 inputs\n"));
    EXPECT_THAT(out, testing::ContainsRegex("\n  y +number +0  target +as it is\n"));
  }
}

TEST(DryRun, CutsWideTables) {
  const TemporaryFolder folder;
  std::string names, rows;
  for (int i = 0; i < 100; ++i) {
    names += fmt::format("c{},", i);
    rows += fmt::format("{},", i);
  }
  std::string text = names + "y\n";
  for (int i = 0; i < 5; ++i) text += rows + fmt::format("{}\n", i);
  spill(folder / "t.csv", text);
  spill(folder / "c.toml",
        "[data]\nkind = \"csv\"\npath = \"t.csv\"\n[model]\nkind = \"linear\"\n[train]\nsteps = 1\n");
  const std::string out = run_gradus(folder, {"train", "c.toml", "--dry-run"}).out;
  EXPECT_THAT(out, HasSubstr("\n  c39  "));
  EXPECT_THAT(out, Not(HasSubstr("\n  c40  ")));
  EXPECT_THAT(out, HasSubstr("\n  … and 60 more features; columns.json in the run's folder has all of them\n"));
  const std::string few = run_gradus(folder, {"train", "c.toml", "--dry-run", "--set", "data.features=[\"c1\"]"}).out;
  EXPECT_THAT(few, HasSubstr("\n  … and 79 more ignored columns\n"));
}

// A zero byte of a file that is quoted does not end the message.
TEST(Predict, MessagesGoOnBehindAZeroByte) {
  const TemporaryFolder folder;
  train(folder, false);
  spill(folder / "zero.csv", std::string("a,b\n1,2\n5\0x,3\n", 14));
  EXPECT_THAT(run_gradus(folder, {"predict", "run", "--data", "zero.csv"}).err,
              HasSubstr("column \"a\" holds text, \"5\\0x\", where the model takes a number"));
}

TEST(Predict, ModelsOfMadeUpDataTakeTheirFeaturesInOrder) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", "[data]\nkind='moons'\n[model]\nkind='linear'\n[train]\nsteps=5\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).exit_code, 0);
  spill(folder / "2.csv", "0.5,1\n");
  EXPECT_THAT(run_gradus(folder, {"predict", "run", "--data", "2.csv"}).out, StartsWith("prediction,p_0,p_1\n"));
  spill(folder / "3.csv", "1,2,3\n");
  EXPECT_EQ(run_gradus(folder, {"predict", "run", "--data", "3.csv"}).err,
            "gradus: [3.csv] 3 columns; the model's data was made up, and it takes 2, the features in their order\n");
  spill(folder / "4.csv", "1,2\n3,\n");
  EXPECT_EQ(run_gradus(folder, {"predict", "run", "--data", "4.csv"}).err,
            "gradus: [4.csv:2] the value of column \"2\" is missing; fill it, or leave the row out\n");
}

TEST(Eval, ModelsOfMadeUpDataTakeFilesOfTheSame) {
  const TemporaryFolder folder;
  const auto train = [&](const std::string& data, const std::string& model) {
    spill(folder / "c.toml",
          "data = " + data + "\nmodel = " + model + "\ntrain.steps = 200\noptimizer.learning_rate = 0.3\n");
    ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet", "--overwrite"}).err, "");
  };
  const auto eval = [&](const std::string& rows, const std::vector<std::string>& more = {"--json"}) {
    spill(folder / "d.csv", rows);
    std::vector<std::string> words = {"eval", "run", "--data", "d.csv"};
    words.insert(words.end(), more.begin(), more.end());
    return run_gradus(folder, words);
  };
  train("{kind = 'line', slope = 2, intercept = 1, noise = 0}", "{kind = 'linear'}");
  json found = json::parse(eval("x,y\n0,1\n0.5,2\n1,3.5\n").out);
  EXPECT_EQ(found["examples"], 3);
  EXPECT_NEAR(found["loss"].get<double>(), 0.25 / 3, 1e-3);  // the last is off by 0.5
  EXPECT_EQ(eval("1,2,3\n").err, "gradus: [d.csv] 3 columns; the model's data was made up, and it takes 2, x and y\n");
  EXPECT_EQ(eval("x,y\n1,a\n").err, "gradus: [d.csv] column \"y\" holds text; expected numbers\n");
  train("{kind = 'blobs', dimensions = 3, classes = 4, noise = 0.01}", "{kind = 'mlp'}");
  found = json::parse(eval("0,0,0,3\n0.1,0,0,3\n").out);
  EXPECT_EQ(found["examples"], 2);
  EXPECT_TRUE(found.contains("accuracy"));
  EXPECT_THAT(eval("0,0,0,3\n0.1,0,0,3\n", {"--report"}).out, HasSubstr("2 examples: d.csv\n"));
  const auto wrong_class = [&](const std::string& number) {
    return eval("a,b,c,d\n0,0,0,3\n0,0,0," + number + "\n").err;
  };
  for (const char* number : {"4", "-1", "1.5"}) {
    EXPECT_EQ(wrong_class(number), fmt::format("gradus: [d.csv:3] {} in column \"d\" is no class of the made-up data; "
                                               "expected a whole number from 0 to 3\n",
                                               number));
  }
  EXPECT_EQ(
      eval("1,2,3\n").err,
      "gradus: [d.csv] 3 columns; the model's data was made up, and it takes 4, the features in their order and the "
      "number of the class\n");
}

TEST(Eval, GivesWhatTheSummaryHas) {
  const TemporaryFolder folder;
  train(folder, true);
  const json summary = summary_of_run(folder / "run")["metrics"];
  const json validation = json::parse(run_gradus(folder, {"eval", "run", "--json"}).out);
  EXPECT_EQ(validation["data"], "the validation part");
  EXPECT_EQ(validation["examples"], 12);
  EXPECT_EQ(validation["loss"], summary["val_loss"]);
  EXPECT_EQ(validation["accuracy"], summary["val_accuracy"]);
  const json training = json::parse(run_gradus(folder, {"eval", "run", "--json", "--part", "training"}).out);
  EXPECT_EQ(training["examples"], 48);
  EXPECT_EQ(training["accuracy"], 1.0);
  const CommandResult whole = run_gradus(folder, {"eval", "run", "--data", "data.csv"});
  EXPECT_THAT(whole.out, StartsWith("60 examples: data.csv\nloss            0."));
  EXPECT_THAT(whole.out, HasSubstr("\naccuracy        "));
}

TEST(Eval, OfNumbersHasR2AndErrorsInTheirUnit) {
  const TemporaryFolder folder;
  train(folder, false, {"--set", "data.standardize_target=true", "--set", "regularization.l2=0"});
  const json all = json::parse(run_gradus(folder, {"eval", "run", "--json", "--data", "data.csv"}).out);
  EXPECT_NEAR(all["r2"], 1.0, 1e-6);
  EXPECT_LT(all["rmse"], 0.01);
  EXPECT_GT(all["rmse"], all["mae"]);
}

TEST(Eval, TextHasBitsAByte) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 60; ++i) text += "to be or not ";
  spill(folder / "t.txt", text);
  spill(folder / "c.toml",
        "[data]\nkind='text'\npath='t.txt'\n[model]\nkind='gpt'\nlayers=1\nwidth=8\nheads=1\ncontext=8\n"
        "[train]\nsteps=3\nbatch_size=4\n");
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).exit_code, 0);
  const json all = json::parse(run_gradus(folder, {"eval", "run", "--json", "--data", "t.txt"}).out);
  EXPECT_DOUBLE_EQ(all["bits_per_byte"], all["loss"].get<double>() / std::log(2.0));
  EXPECT_DOUBLE_EQ(all["perplexity"], std::exp(all["loss"].get<double>()));
  spill(folder / "no_table.md", "a, b\n\"c");  // which is not read
  EXPECT_EQ(
      run_gradus(folder, {"predict", "run", "--data", "no_table.md"}).err,
      "gradus: [predict] the run's model continues text; see `gradus generate`, and `gradus eval` for its loss on a "
      "text\n");
  EXPECT_EQ(run_gradus(folder, {"eval", "run", "--report"}).err,
            "gradus: [--report] is for models that predict; of a text `gradus eval` says the loss: leave it out\n");
}

TEST(Eval, SaysWhenNothingWasHeldOut) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_gradus(folder, {"train", recipe("linear_regression"), "--out", "run", "--quiet"}).exit_code, 0);
  EXPECT_THAT(run_gradus(folder, {"eval", "run"}).out,
              StartsWith("100 examples: the training part, for nothing was held out for validation\n"));
  EXPECT_EQ(
      run_gradus(folder, {"eval", "run", "--part", "validation"}).err,
      "gradus: [--part] nothing was held out for validation; give --part training, or other data with --data PATH\n");
  EXPECT_EQ(run_gradus(folder, {"eval", "run", "--part", "training", "--data", "x"}).err,
            "gradus: [--part] and --data do not go together: a file is evaluated as a whole\n");
}

}  // namespace eval_test
}  // namespace gradus
