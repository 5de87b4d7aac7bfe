// The data and the models that configurations ask for.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/autograd/tape.h"
#include "gradus/data/generated.h"
#include "gradus/train/experiment.h"
#include "tests/reads.h"
#include "tests/testing.h"

namespace gradus {
namespace experiment_data_test {

Config config_of(std::vector<std::string> overrides) {
  return Config::parse("train.steps = 1\nmodel.kind = 'linear'", "run.toml", overrides);
}

const TensorDataset& tensors(const std::unique_ptr<Dataset>& data) { return dynamic_cast<const TensorDataset&>(*data); }

std::vector<double> targets_of(const std::unique_ptr<Dataset>& data) {
  return tensors(data).targets().values<double>();
}

TEST(ExperimentData, CurvesAreThoseOfTheLibrary) {
  const ExperimentData line = make_data(config_of({"data.kind=line", "data.points=9", "data.slope=3"}));
  EXPECT_EQ(targets_of(line.training), make_line({.points = 9, .slope = 3.0}, 0).targets().values<double>());
  const ExperimentData cubic =
      make_data(config_of({"data.kind=polynomial", "data.coefficients=[1, 0.5, 2]", "data.noise=0", "data.points=3"}));
  EXPECT_EQ(targets_of(cubic.training), (std::vector<double>{2.5, 1.0, 3.5}));  // 1 + x/2 + 2x² at −1, 0, 1
  const ExperimentData sine = make_data(
      config_of({"data.kind=sine", "data.frequency=0.25", "data.amplitude=3", "data.noise=0", "data.points=3"}));
  EXPECT_EQ(targets_of(sine.training), (std::vector<double>{-3.0, 0.0, 3.0}));
  EXPECT_EQ(sine.shape.outputs, 1);
}

TEST(ExperimentData, ClassesHaveAnOutputEachOrOne) {
  const auto shape = [](std::vector<std::string> keys) { return make_data(config_of(std::move(keys))).shape; };
  EXPECT_EQ(shape({"data.kind=blobs", "data.classes=5", "data.dimensions=7"}).outputs, 5);
  EXPECT_EQ(shape({"data.kind=blobs", "data.classes=5", "data.dimensions=7"}).inputs, 7);
  EXPECT_EQ(shape({"data.kind=moons"}).outputs, 2);
  EXPECT_EQ(shape({"data.kind=xor", "loss.name=binary_cross_entropy"}).outputs, 1);
  EXPECT_EQ(shape({"data.kind=spirals"}).outputs, 3);
}

TEST(ExperimentData, AFifthOfClassesIsHeldOutAtRandomByTheSeed) {
  const auto data = [](const char* seed) { return make_data(config_of({"data.kind=moons", "data.points=200", seed})); };
  const ExperimentData first = data("train.seed=1"), again = data("train.seed=1"), other = data("train.seed=2");
  EXPECT_EQ(first.training->size(), 160);
  EXPECT_EQ(first.validation->size(), 40);
  EXPECT_EQ(targets_of(first.validation), targets_of(again.validation));
  EXPECT_NE(targets_of(first.validation), targets_of(other.validation));
  // Both parts together are the whole, and of each class there are about as many: 20 ± 3·√(40·¼).
  const std::vector<double> held = targets_of(first.validation);
  const double ones = std::accumulate(held.begin(), held.end(), 0.0);
  EXPECT_NEAR(ones, 20.0, 9.5);
  const std::vector<double> rest = targets_of(first.training);
  EXPECT_EQ(ones + std::accumulate(rest.begin(), rest.end(), 0.0), 100.0);
}

TEST(ExperimentData, LessTrainingDataLeavesValidationAsItIs) {
  const auto inputs = [](const std::unique_ptr<Dataset>& data) { return tensors(data).inputs().values<double>(); };
  const auto moons = [](std::vector<std::string> more) {
    more.insert(more.end(), {"data.kind=moons", "data.points=200", "data.validation_fraction=0.5"});
    return make_data(config_of(more));
  };
  const ExperimentData all = moons({}), half = moons({"data.training_size=50"}), few = moons({"data.training_size=8"});
  EXPECT_EQ(all.training->size(), 100);
  EXPECT_EQ(half.training->size(), 50);
  EXPECT_EQ(few.training->size(), 8);
  EXPECT_EQ(inputs(few.validation), inputs(all.validation));
  const std::vector<double> larger = inputs(half.training);
  for (const double x : inputs(few.training)) {
    EXPECT_NE(std::find(larger.begin(), larger.end(), x), larger.end());
  }
  // Of a curve of 12 points, of which none is held out, every third.
  const ExperimentData curve = make_data(config_of({"data.kind=line", "data.points=12", "data.training_size=4"}));
  ASSERT_EQ(curve.training->size(), 4);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(inputs(curve.training)[i], -1.0 + 2.0 * (3.0 * static_cast<double>(i) + 2.0) / 11.0, 1e-6);
  }
  EXPECT_EQ(usage_error_text([&] { moons({"data.training_size=101"}); }),
            "[--set data.training_size=101] data.training_size = 101, but the training part has 100 examples; lower "
            "it, or give more data");
}

class TableFiles : public testing::Test {
 protected:
  void SetUp() override {
    spill(folder_ / "a1.csv", "x,kind\n1,dog\n2,cat\n3,dog\n");
    spill(folder_ / "a2.csv", "x,kind\n4,cat\n");
    spill(folder_ / "check.csv", "x,kind\n5,cat\n6,dog\n");
  }
  std::string path(const char* name) const { return (folder_ / name).string(); }
  Config config(const std::vector<std::string>& more) const {
    std::vector<std::string> keys = {"data.kind=csv", "loss.name=cross_entropy", "data.scaling=none"};
    keys.insert(keys.end(), more.begin(), more.end());
    return config_of(keys);
  }
  TemporaryFolder folder_;
};

TEST_F(TableFiles, APatternStandsForAllThatFit) {
  const ExperimentData data =
      make_data(config({"data.path=" + path("a*.csv"), "data.validation_path=" + path("check.csv")}));
  EXPECT_EQ(tensors(data.training).inputs().values<double>(), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(targets_of(data.training), (std::vector<double>{1, 0, 1, 0}));
  EXPECT_EQ(targets_of(data.validation), (std::vector<double>{0, 1}));
  EXPECT_EQ(encoder_file(data.encoder), "columns.json");
}

TEST_F(TableFiles, AListIsReadInItsOrder) {
  const std::string list = fmt::format("data.path=[\"{}\", \"{}\"]", path("a2.csv"), path("a1.csv"));
  const ExperimentData data = make_data(config({list, "data.validation_fraction=0"}));
  EXPECT_EQ(tensors(data.training).inputs().values<double>(), (std::vector<double>{4, 1, 2, 3}));
  EXPECT_EQ(data.validation, nullptr);
}

// What is left out takes no part in the encoding of what is not.
TEST_F(TableFiles, LessTrainingDataIsStandardisedByItself) {
  const ExperimentData data = make_data(config({"data.path=" + path("a1.csv"), "data.validation_fraction=0.34",
                                                "data.training_size=1", "data.scaling=standardize"}));
  EXPECT_EQ(tensors(data.training).inputs().values<double>(), (std::vector<double>{0}));
  EXPECT_EQ(data.validation->size(), 1);
}

TEST_F(TableFiles, AKnownEncoderIsUsed) {
  const Config usual =
      config({"data.path=" + path("a1.csv"), "data.validation_fraction=0", "data.scaling=standardize"});
  const ExperimentData data = make_data(usual);
  const Config other =
      config({"data.path=" + path("a2.csv"), "data.validation_fraction=0", "data.scaling=standardize"});
  const ExperimentData later = make_data(other, data.encoder);
  EXPECT_EQ(tensors(later.training).inputs().values<double>()[0], static_cast<float>(2.0 / std::sqrt(2.0 / 3.0)));
  EXPECT_EQ(encoder_json(later.encoder), encoder_json(data.encoder));
}

TEST_F(TableFiles, ErrorsNameTheFile) {
  const auto error = [&](const std::vector<std::string>& keys) { return error_text([&] { make_data(config(keys)); }); };
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(error({"data.path=" + path("b*.csv")}),
            "[" + path("b*.csv") + "] no file has such a name in " + here +
                "; expected data.path to name files, or a pattern that some fit");
  EXPECT_EQ(error({"data.path=none.csv"}),
            "[none.csv] there is no such file in " + here +
                "; a data.path that does not begin with / counts from the folder that the command runs in: run it "
                "there, or name the file with --data PATH");
  spill(folder_ / "3.csv", "x,kind\n1,a\n2,b\n3,c\n");
  EXPECT_EQ(
      error({"data.path=" + path("3.csv"), "loss.name=binary_cross_entropy"}),
      "[--set loss.name=binary_cross_entropy] loss.name = \"binary_cross_entropy\" is for two classes, and column "
      "\"kind\" has 3; take \"cross_entropy\"");
}

// What is held out of a table of rows x = 0, 1, …, 9, classes a and b in turn, groups of two rows, times that fall.
std::vector<double> held_out_by(const std::vector<std::string>& keys) {
  const TemporaryFolder folder;
  std::string text = "x,pair,time,kind\n";
  for (int i = 0; i < 10; ++i) text += fmt::format("{},{},{},{}\n", i, i / 2, 100 - i, i % 2 == 0 ? "a" : "b");
  spill(folder / "t.csv", text);
  std::vector<std::string> all = {"data.kind=csv", "loss.name=cross_entropy", "data.scaling=none",
                                  "data.features=[\"x\"]", "data.validation_fraction=0.4"};
  all.push_back(Config::text_override("data.path", (folder / "t.csv").string()));
  all.insert(all.end(), keys.begin(), keys.end());
  const ExperimentData data = make_data(config_of(all));
  EXPECT_EQ(data.training->size() + data.validation->size(), 10);
  return tensors(data.validation).inputs().values<double>();
}

TEST(ExperimentData, RowsAreHeldOutAsDataSplitSays) {
  using Values = std::vector<double>;
  EXPECT_EQ(held_out_by({"data.split=in_order"}), (Values{6, 7, 8, 9}));
  EXPECT_EQ(held_out_by({"data.split=by_time", "data.split_column=time"}), (Values{0, 1, 2, 3}));
  const Values groups = held_out_by({"data.split=by_group", "data.split_column=pair"});
  ASSERT_EQ(groups.size(), 4u);
  for (size_t i = 0; i < 4; i += 2) EXPECT_EQ(groups[i + 1], groups[i] + 1);
  const Values classes = held_out_by({"data.split=stratified"});
  ASSERT_EQ(classes.size(), 4u);
  EXPECT_EQ(std::count_if(classes.begin(), classes.end(), [](double x) { return std::fmod(x, 2.0) == 0.0; }), 2);
  Values folds;
  for (const char* fold : {"0", "1", "2"}) {
    const Values one = held_out_by(
        {"data.split=by_group", "data.split_column=pair", "data.folds=3", std::string("data.fold=") + fold});
    folds.insert(folds.end(), one.begin(), one.end());
  }
  std::sort(folds.begin(), folds.end());
  EXPECT_EQ(folds, (Values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(held_out_by({"data.split=by_value", "data.split_column=kind", "data.held_out=[\"b\"]"}),
            (Values{1, 3, 5, 7, 9}));
  EXPECT_EQ(held_out_by({"data.split=by_value", "data.split_column=time", "data.held_out=[\"98\", \"91\"]"}),
            (Values{2, 9}));
  EXPECT_THAT(usage_error_text([] {
                held_out_by({"data.split=by_value", "data.split_column=kind", "data.held_out=[\"c\"]"});
              }),
              Reads("[--set data.held_out=[\"c\"]] no row has \"c\" in column \"kind\" of {}; there are: a, b"));
  EXPECT_THAT(usage_error_text([] {
                held_out_by({"data.split=by_value", "data.split_column=kind", "data.held_out=[\"a\", \"b\"]"});
              }),
              Reads("[--set data.held_out=[\"a\", \"b\"]] holds out all rows of {}, so that none is left to train on"));
  const std::string error = usage_error_text([] { held_out_by({"data.split=by_time", "data.split_column=kind"}); });
  EXPECT_EQ(error.substr(error.find(":2] ")),
            ":2] \"a\" in column \"kind\", by which data.split goes, is no time; expected in all rows a date, such as "
            "2020-01-31 or 2020-01-31T10:00:00Z, or in all rows a number, such as a year or seconds");
}

TEST_F(TableFiles, ColumnsThatTellRowsApartAreNoFeatures) {
  spill(folder_ / "d.csv",
        "x,day,n,kind\n1,2020-03-01,5,a\n2,2019-12-31T23:30:00-01:00,6,b\n3,2020-01-01,7,a\n4,2020-02-01 10:00,8,b\n");
  const auto data = [&](std::vector<std::string> keys) {
    keys.insert(keys.end(), {"data.path=" + path("d.csv"), "data.validation_fraction=0.5", "data.unseen=zeros"});
    return make_data(config(keys));
  };
  const auto features = [](const ExperimentData& made) {
    std::vector<std::string> names;
    for (const Feature& feature : std::get<TableEncoder>(made.encoder).features()) names.push_back(feature.name);
    return names;
  };
  using Names = std::vector<std::string>;
  const ExperimentData by_time = data({"data.split=by_time", "data.split_column=day"});
  EXPECT_EQ(by_time.split.validation, (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(features(by_time), (Names{"x", "n"}));
  EXPECT_EQ(features(data({"data.split=by_time", "data.split_column=n", "data.features=[\"n\",\"x\"]"})),
            (Names{"n", "x"}));
  EXPECT_EQ(features(data({"data.split=by_time", "data.split_column=x", "data.category_columns=[\"day\"]"})),
            (Names{"x", "day", "n"}));
  EXPECT_EQ(features(data({"data.split=by_group", "data.split_column=n", "data.category_columns=[\"day\"]"})),
            (Names{"x", "day"}));
  spill(folder_ / "g.csv", "x,day,kind\n1,2020-03-01,a\n2,,b\n3,2020-01-01,a\n");
  EXPECT_EQ(usage_error_text([&] {
              make_data(config({"data.path=" + path("g.csv"), "data.validation_fraction=0.5", "data.split=by_time",
                                "data.split_column=day"}));
            }).substr(path("g.csv").size() + 1),
            ":3] the value of column \"day\" is missing, by which data.split goes; fill it");
}

TEST_F(TableFiles, RareClassesAreNamed) {
  spill(folder_ / "r.csv", "x,kind\n1,a\n2,b\n3,a\n4,rare\n5,b\n");
  const auto error = [&](std::vector<std::string> keys) {
    keys.push_back("data.path=" + path("r.csv"));
    keys.push_back("data.split=stratified");
    return error_text([&] { make_data(config(keys)); }).substr(path("r.csv").size() + 1);
  };
  EXPECT_EQ(error({"data.folds=2"}),
            ":5] class \"rare\" in column \"kind\" has 1 row for 2 folds; expected at least one for each");
  EXPECT_EQ(error({"data.folds=3"}),
            ":2] class \"a\" in column \"kind\" has 2 rows for 3 folds; expected at least one for each");
  EXPECT_EQ(error({"data.validation_fraction=0.4"}),
            ":5] class \"rare\" in column \"kind\" has 1 row for 2 parts; expected at least one for each");
}

TEST_F(TableFiles, RowsCannotBeSplitByWhatIsMissing) {
  spill(folder_ / "m.csv", "x,g,kind\n1,1,a\n2,,b\n");
  EXPECT_EQ(usage_error_text([&] {
              make_data(config({"data.path=" + path("m.csv"), "data.validation_fraction=0.5", "data.split=by_group",
                                "data.split_column=g", "data.features=[\"x\"]"}));
            }).substr(path("m.csv").size() + 1),
            ":3] the value of column \"g\" is missing, by which data.split goes; fill it");
  spill(folder_ / "n.csv", "x,y\n1,\n2,NA\n");
  EXPECT_EQ(error_text([&] {
              make_data(config({"data.path=" + path("n.csv"), "loss.name=mse", "data.unlabelled=leave_out"}));
            }).substr(path("n.csv").size() + 1),
            "] column \"y\", which is to be learned, has no value at all; name another with data.target");
}

TEST(ExperimentData, LessTextIsItsStart) {
  const TemporaryFolder folder;
  spill(folder / "1.txt", "abcabcabcabcabcabcdd");
  const auto data = [&](const char* size) {
    return make_data(Config::parse("train.steps = 1\nmodel.kind = 'gpt'\ndata.kind = 'text'", "run.toml",
                                   std::vector<std::string>{"data.path=" + (folder / "1.txt").string(),
                                                            "data.validation_fraction=0.25", "model.context=4", size}));
  };
  const ExperimentData few = data("data.training_size=6");
  EXPECT_EQ(dynamic_cast<const TokenDataset&>(*few.training).tokens().size(), 6);
  EXPECT_EQ(dynamic_cast<const TokenDataset&>(*few.validation).tokens().size(), 5);
  EXPECT_EQ(few.shape.vocabulary, 4);  // the alphabet of all of it
  EXPECT_EQ(usage_error_text([&] { data("data.training_size=4"); }),
            "[--set data.training_size=4] data.training_size = 4 tokens; an example needs model.context + 1 = 5");
  EXPECT_EQ(usage_error_text([&] { data("data.training_size=16"); }),
            "[--set data.training_size=16] data.training_size = 16, but the training part has 15 tokens; lower it, or "
            "give more data");
}

TEST_F(TableFiles, NoFileIsThereTwice) {
  const auto error = [&](const std::vector<std::string>& keys) {
    return usage_error_text([&] { make_data(config(keys)); });
  };
  const std::string twice = fmt::format("data.path=[\"{0}\", \"{0}\"]", path("a1.csv"));
  EXPECT_EQ(error({twice}),
            "[" + path("a1.csv") + "] is named twice, by data.path and by data.path; leave it out of one of them");
  EXPECT_EQ(
      error({"data.path=" + path("a*.csv"), "data.validation_path=" + path("a2.csv")}),
      "[" + path("a2.csv") + "] is named twice, by data.path and by data.validation_path; leave it out of one of them");
}

TEST_F(TableFiles, PoissonIsOfCounts) {
  spill(folder_ / "n.csv", "x,n\n1,0\n2,3\n3,-1\n");
  const auto config = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"data.kind=csv", "loss.name=poisson", "data.path=" + path("n.csv")});
    return config_of(more);
  };
  EXPECT_EQ(
      error_text([&] { make_data(config({})); }),
      "[" + path("n.csv") + ":4] loss.name = \"poisson\" is of counts, and column \"n\" has -1; expected 0 or more");
  EXPECT_EQ(
      usage_error_text([&] { config({"data.standardize_target=true"}); }),
      "[--set data.standardize_target=true] data.standardize_target = true makes numbers below 0, and loss.name = "
      "\"poisson\" is of counts");
}

TEST(ExperimentData, TextOfSeveralFilesWithItsOwnValidation) {
  const TemporaryFolder folder;
  spill(folder / "1.txt", "abcabcabc");
  spill(folder / "2.txt", "cba");
  spill(folder / "v.txt", "cccc");
  const auto config = [&](const char* validation) {
    return Config::parse(
        "train.steps = 1\nmodel.kind = 'gpt'\ndata.kind = 'text'\nmodel.context = 3", "run.toml",
        {"data.path=" + (folder / "[12].txt").string(), "data.validation_path=" + (folder / validation).string()});
  };
  const ExperimentData data = make_data(config("v.txt"));
  const auto tokens = [](const std::unique_ptr<Dataset>& part) {
    const TokenSequence& all = dynamic_cast<const TokenDataset&>(*part).tokens();
    std::vector<int64_t> ids(static_cast<size_t>(all.size()));
    all.copy(0, all.size(), ids.data());
    return ids;
  };
  EXPECT_EQ(tokens(data.training), (std::vector<int64_t>{0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 1, 0}));
  EXPECT_EQ(tokens(data.validation), (std::vector<int64_t>{2, 2, 2, 2}));
  EXPECT_EQ(error_text([&] {
              spill(folder / "s.txt", "ab");
              make_data(config("s.txt"));
            }),
            "[" + (folder / "s.txt").string() +
                "] 2 tokens; expected at least model.context + 1 = 4: give more text, or set model.context lower");
  spill(folder / "bad.txt", "ab\xE9z");
  EXPECT_THAT(error_text([&] { make_data(config("bad.txt")); }),
              testing::StartsWith("[" + (folder / "bad.txt").string() + "] the text is not valid UTF-8 at byte 2"));
  // Characters are those of both; what is learned from a text, of the training part alone.
  spill(folder / "x.txt", "abcx");
  const ExperimentData more = make_data(config("x.txt"));
  EXPECT_EQ(more.shape.vocabulary, 4);
  EXPECT_EQ(tokens(more.validation), (std::vector<int64_t>{0, 1, 2, 3}));
}

TEST(ExperimentModel, LossesAndStartsAreThoseOfTheKeys) {
  const auto first_loss = [](std::vector<std::string> keys) {
    keys.insert(keys.begin(), {"data.kind=blobs", "data.classes=2", "model.init=zeros"});
    const Config config = config_of(keys);
    const ExperimentData data = make_data(config);
    const std::unique_ptr<Model> model = make_model(config, data.shape);
    const Batch batch = data.training->batch(std::vector<int64_t>{0, 1, 2, 3});
    const NoGrad no_grad;
    Context context;
    const Loss loss = model->loss(batch, context);
    return loss.sum.item() / loss.weight;
  };
  // With all outputs 0.
  EXPECT_NEAR(first_loss({}), std::log(2.0), 1e-6);
  EXPECT_NEAR(first_loss({"loss.name=binary_cross_entropy"}), std::log(2.0), 1e-6);
  EXPECT_NEAR(first_loss({"loss.name=hinge"}), 1.0, 1e-6);
  EXPECT_NEAR(first_loss({"loss.name=squared_hinge"}), 1.0, 1e-6);
  EXPECT_NEAR(first_loss({"loss.label_smoothing=0.2"}), std::log(2.0), 1e-6);
  EXPECT_NEAR(first_loss({"loss.class_weights=[1.0,3.0]"}), std::log(2.0), 1e-6);
  EXPECT_EQ(
      usage_error_text([&] { first_loss({"loss.class_weights=[1.0,3.0,2.0]"}); }),
      "[--set loss.class_weights=[1.0,3.0,2.0]] loss.class_weights has 3 numbers for 2 classes; give one for each");
  // ¼ of the examples' … half of them each: (α + 1 − α)/2 · ½^γ · log 2.
  EXPECT_NEAR(first_loss({"loss.name=focal", "loss.gamma=1"}), 0.25 * std::log(2.0), 1e-6);
  // Of three classes (2/3)^γ · log 3; of those that count, where the third does not.
  const std::vector<std::string> three = {"loss.name=focal", "loss.gamma=1", "data.classes=3"};
  const auto with = [](std::vector<std::string> keys, const std::string& more) {
    keys.push_back(more);
    return keys;
  };
  EXPECT_NEAR(first_loss(three), 2.0 / 3 * std::log(3.0), 1e-6);
  EXPECT_NEAR(first_loss(with(three, "loss.class_weights=[1.0,3.0,0.0]")), 2.0 / 3 * std::log(3.0), 1e-6);
  EXPECT_EQ(usage_error_text([&] { first_loss(with(three, "loss.alpha=0.5")); }),
            "[--set loss.alpha=0.5] loss.alpha weighs two classes, and there are 3; give loss.class_weights, a number "
            "for each");
  EXPECT_EQ(usage_error_text([&] {
              first_loss({"loss.name=focal", "loss.class_weights=[1.0,3.0]"});
            }),
            "[--set loss.class_weights=[1.0,3.0]] loss.name = \"focal\" weighs two classes by loss.alpha; take that in "
            "place of loss.class_weights");
}

TEST(ExperimentModel, OtherNamesOfLossesAreAnsweredWithOurs) {
  const auto ending = [](const std::string& name) {
    const std::string text = usage_error_text([&] { config_of({"data.kind=blobs", "loss.name=" + name}); });
    return text.substr(text.rfind(';'));
  };
  const std::pair<const char*, const char*> names[] = {{"l1", "mae"},
                                                       {"absolute_error", "mae"},
                                                       {"mean_absolute_error", "mae"},
                                                       {"l2", "mse"},
                                                       {"squared_error", "mse"},
                                                       {"mean_squared_error", "mse"},
                                                       {"pinball", "quantile"},
                                                       {"bce", "binary_cross_entropy"},
                                                       {"bce_with_logits", "binary_cross_entropy"},
                                                       {"ce", "cross_entropy"},
                                                       {"nll", "cross_entropy"},
                                                       {"log_loss", "cross_entropy"},
                                                       {"softmax", "cross_entropy"},
                                                       {"kl", "kl_divergence"},
                                                       {"kl_div", "kl_divergence"}};
  for (const auto& [other, ours] : names) EXPECT_EQ(ending(other), fmt::format("; did you mean \"{}\"?", ours));
  EXPECT_EQ(ending("smooth_l1"), "; did you mean \"huber\", which is it where loss.delta = 1?");
  EXPECT_EQ(ending("contrastive"), "; did you mean \"triplet\" or \"info_nce\"?");
}

TEST(ExperimentModel, EveryInitialiserHasItsDeviation) {
  const auto deviation = [](const std::string& init, double scale = 0.0, const std::vector<std::string>& more = {}) {
    std::vector<std::string> keys = {"data.kind=blobs", "data.dimensions=400", "data.classes=100",  "data.points=200",
                                     "model.kind=mlp",  "model.hidden=[300]",  "model.init=" + init};
    if (scale > 0.0) keys.push_back("model.init_scale=" + std::to_string(scale));
    keys.insert(keys.end(), more.begin(), more.end());
    const Config config = config_of(keys);
    const std::unique_ptr<Model> model = make_model(config, {.inputs = 400, .outputs = 100});
    double squares = 0.0;
    const std::vector<double> weights = model->parameters()[0].tensor.values<double>();
    for (const double w : weights) squares += w * w / static_cast<double>(weights.size());
    return std::sqrt(squares);
  };
  // 120,000 weights: the deviation of a deviation is below 0.3%.
  EXPECT_NEAR(deviation("default"), 1.0 / std::sqrt(3.0 * 400), 1e-3);
  EXPECT_EQ(deviation("zeros"), 0.0);
  EXPECT_NEAR(deviation("normal"), 1.0, 1e-2);
  EXPECT_NEAR(deviation("uniform"), 1.0 / std::sqrt(3.0), 1e-2);
  EXPECT_NEAR(deviation("xavier_normal"), std::sqrt(2.0 / 700), 1e-3);
  EXPECT_NEAR(deviation("xavier_uniform"), std::sqrt(2.0 / 700), 1e-3);
  EXPECT_NEAR(deviation("kaiming_normal"), std::sqrt(2.0 / 400), 1e-3);
  EXPECT_NEAR(deviation("kaiming_uniform"), std::sqrt(2.0 / 400), 1e-3);
  EXPECT_NEAR(deviation("lecun_normal"), std::sqrt(1.0 / 400), 1e-3);
  EXPECT_NEAR(deviation("lecun_uniform"), std::sqrt(1.0 / 400), 1e-3);
  EXPECT_NEAR(deviation("kaiming_normal", 1.5), 1.5 * std::sqrt(2.0 / 400), 1.5e-3);
  EXPECT_NEAR(deviation("kaiming_uniform", 0.5), 0.5 * std::sqrt(2.0 / 400), 1e-3);
  EXPECT_NEAR(deviation("lecun_normal", 5.0 / 3), 5.0 / 3 * std::sqrt(1.0 / 400), 2e-3);
  EXPECT_NEAR(deviation("lecun_uniform", 5.0 / 3), 5.0 / 3 * std::sqrt(1.0 / 400), 2e-3);
  EXPECT_NEAR(deviation("orthogonal"), std::sqrt(1.0 / 400), 1e-6);  // its rows have length 1
  EXPECT_NEAR(deviation("xavier_truncated_normal"), std::sqrt(2.0 / 700), 1e-3);
  EXPECT_NEAR(deviation("kaiming_truncated_normal"), std::sqrt(2.0 / 400), 1e-3);
  EXPECT_NEAR(deviation("lecun_truncated_normal"), std::sqrt(1.0 / 400), 1e-3);
  EXPECT_NEAR(deviation("kaiming_normal", 1.0, {"model.init_mode=fan_out"}), std::sqrt(2.0 / 300), 1e-3);
  EXPECT_NEAR(deviation("kaiming_uniform", 1.0, {"model.init_mode=fan_avg"}), std::sqrt(2.0 / 350), 1e-3);
  EXPECT_NEAR(deviation("constant", 0.0, {"model.init_value=-0.25"}), 0.25, 1e-12);
  EXPECT_NEAR(deviation("identity", 2.0), 2.0 / std::sqrt(400), 1e-12);            // 300 of 300 · 400
  EXPECT_NEAR(deviation("sparse", 1.0, {"model.init_sparsity=0.75"}), 0.5, 5e-3);  // 30,000 that are not 0
}

TEST(ExperimentModel, OtherNamesOfStartsAreAnsweredWithOurs) {
  const auto ending = [](const std::string& name) {
    const std::string text = usage_error_text([&] { config_of({"data.kind=blobs", "model.init=" + name}); });
    return text.substr(text.rfind(';'));
  };
  EXPECT_EQ(ending("glorot_uniform"), "; did you mean \"xavier_uniform\"?");
  EXPECT_EQ(ending("glorot_normal"),
            "; did you mean \"xavier_normal\", or \"xavier_truncated_normal\", which Keras draws?");
  EXPECT_EQ(ending("he_uniform"), "; did you mean \"kaiming_uniform\"?");
  EXPECT_EQ(ending("he_normal"),
            "; did you mean \"kaiming_normal\", or \"kaiming_truncated_normal\", which Keras draws?");
  EXPECT_EQ(ending("random_normal"), "; did you mean \"normal\"?");
  EXPECT_EQ(ending("random_uniform"), "; did you mean \"uniform\"?");
  EXPECT_EQ(ending("eye"), "; did you mean \"identity\"?");
  EXPECT_EQ(ending("dirac"), "; did you mean \"identity\"?");
  EXPECT_EQ(ending("ones"), "; take \"constant\" with model.init_value = 1");
  EXPECT_EQ(ending("variance_scaling"), "; take \"xavier_…\", \"lecun_…\", or \"kaiming_…\" with model.init_mode");
}

// Each by its name, its deviation; that of a convolution counts its kernel, that of a gate its own outputs.
TEST(ExperimentModel, ModelInitIsForEveryNetwork) {
  struct Case {
    std::vector<std::string> keys;
    DataShape shape;
    std::string name;
    double fan_in, fan_out;
  };
  const DataShape picture{.inputs = 12 * 12, .example = {12, 12, 1}, .outputs = 10};
  const DataShape words{.outputs = 2, .vocabulary = 30};
  const std::vector<Case> cases = {
      {{"data.kind=images", "data.path=p", "model.kind=cnn", "model.channels=[16, 48]"},
       picture,
       "features.1.weight",
       144,
       432},
      {{"data.kind=images", "data.path=p", "model.kind=cnn", "model.hidden=[96]"}, picture, "layers.0.weight", 576, 96},
      {{"data.kind=images", "data.path=p", "model.kind=lenet"}, picture, "features.1.weight", 150, 400},
      {{"data.kind=images", "data.path=p", "model.kind=resnet", "model.width=16"},
       picture,
       "layer2.0.conv1.weight",
       144,
       288},
      {{"data.kind=images", "data.path=p", "model.kind=vit", "model.patch=[6]", "model.width=96", "model.heads=2"},
       picture,
       "h.0.mlp.c_fc.weight",
       96,
       384},
      {{"data.kind=images", "data.path=p", "model.kind=vit", "model.patch=[6]", "model.width=192", "model.heads=2"},
       picture,
       "patch.weight",
       36,
       192},
      {{"data.kind=images", "data.path=p", "model.kind=autoencoder", "model.hidden=[64]"},
       picture,
       "encoder.0.weight",
       144,
       64},
      {{"data.kind=labelled_text", "data.path=p", "model.kind=rnn", "model.width=48"},
       words,
       "rnn.weight_hh_l0",
       48,
       48},
      {{"data.kind=labelled_text", "data.path=p", "model.kind=rnn", "model.width=48", "model.cell=gru"},
       words,
       "rnn.weight_ih_l0",
       48,
       48},
      {{"data.kind=labelled_text", "data.path=p", "model.kind=encoder", "model.width=64", "model.heads=2"},
       words,
       "h.1.attn.c_attn.weight",
       64,
       192}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.keys[2] + " " + c.name);
    const auto values = [&](const std::string& init, const std::string& name) {
      std::vector<std::string> keys = c.keys;
      keys.push_back("model.init=" + init);
      const auto model = make_model(config_of(keys), c.shape);
      for (const Parameter& p : model->parameters()) {
        if (p.name == name) return p.tensor.values<double>();
      }
      return std::vector<double>{};
    };
    const auto expect = [&](const std::string& init, double variance) {
      double squares = 0.0;
      const std::vector<double> own = values(init, c.name);
      for (const double w : own) squares += w * w / static_cast<double>(own.size());
      ASSERT_GE(own.size(), 2000U);
      // Five deviations of a deviation.
      EXPECT_NEAR(std::sqrt(squares / variance), 1.0, 5.0 / std::sqrt(2.0 * static_cast<double>(own.size()))) << init;
    };
    expect("kaiming_normal", 2.0 / c.fan_in);
    expect("xavier_uniform", 2.0 / (c.fan_in + c.fan_out));
    expect("lecun_truncated_normal", 1.0 / c.fan_in);
    expect("normal", 1.0);
    std::string bias = c.name;
    bias.replace(bias.rfind("weight"), 6, "bias");
    for (const double b : values("kaiming_normal", bias)) EXPECT_EQ(b, 0.0);
  }
}

Config gpt_config(std::vector<std::string> keys) {
  keys.insert(keys.begin(), {"data.kind=text", "data.path=t", "model.kind=gpt", "model.layers=2", "model.width=64",
                             "model.heads=2", "model.context=48"});
  return config_of(keys);
}

TEST(ExperimentModel, EveryInitialiserIsForAGptToo) {
  const auto deviation = [](const std::string& init, std::string_view name) {
    const auto model = make_model(gpt_config({"model.init=" + init}), {.vocabulary = 96});
    double squares = 0.0;
    for (const Parameter& p : model->parameters()) {
      if (p.name != name) continue;
      const std::vector<double> weights = p.tensor.values<double>();
      for (const double w : weights) squares += w * w / static_cast<double>(weights.size());
    }
    return std::sqrt(squares);
  };
  // At least 3072 weights each: the deviation of a deviation is 1/√(2·3072) = 1.3% of it.
  const auto expect = [&](const char* init, const char* name, double wanted) {
    EXPECT_NEAR(deviation(init, name), wanted, 0.05 * wanted) << init << ' ' << name;
  };
  for (const char* name : {"wte.weight", "wpe.weight", "h.1.attn.c_attn.weight", "h.1.mlp.c_fc.weight"}) {
    expect("default", name, 0.02);
    expect("normal", name, 1.0);
    expect("uniform", name, 1.0 / std::sqrt(3.0));
    expect("kaiming_normal", name, std::sqrt(2.0 / 64));
    expect("kaiming_uniform", name, std::sqrt(2.0 / 64));
    expect("lecun_normal", name, std::sqrt(1.0 / 64));
  }
  expect("xavier_normal", "h.0.attn.c_attn.weight", std::sqrt(2.0 / (64 + 192)));
  expect("xavier_uniform", "wte.weight", std::sqrt(2.0 / (64 + 96)));
  // 64 columns of length 1, of 192 weights each.
  EXPECT_NEAR(deviation("orthogonal", "h.0.attn.c_attn.weight"), std::sqrt(1.0 / 192), 1e-6);
  // What is added to a block's input: 4 such projections.
  EXPECT_NEAR(deviation("orthogonal", "h.0.attn.c_proj.weight"), std::sqrt(1.0 / 64) / 2.0, 1e-6);
  EXPECT_NEAR(deviation("lecun_normal", "h.1.mlp.c_proj.weight"), std::sqrt(1.0 / 256) / 2.0, 0.05 / 32);
  EXPECT_EQ(deviation("normal", "h.0.attn.c_attn.bias"), 0.0);
  EXPECT_EQ(deviation("normal", "h.0.ln_1.weight"), 1.0);
}

TEST(ExperimentModel, AGptStartsAsGpt2WithTheSameBitsByName) {
  const auto weights = [](const std::vector<std::string>& keys) {
    std::vector<double> all;
    const auto model = make_model(gpt_config(keys), {.vocabulary = 50});
    for (const Parameter& p : model->parameters()) {
      const std::vector<double> own = p.tensor.values<double>();
      all.insert(all.end(), own.begin(), own.end());
    }
    return all;
  };
  EXPECT_EQ(weights({}), weights({"model.init=normal", "model.init_scale=0.02"}));
  for (const std::string init : {"zeros", "constant"}) {
    std::vector<std::string> keys = {"model.init=" + init};
    if (init == "constant") keys.emplace_back("model.init_value=1");
    EXPECT_EQ(usage_error_text([&] { gpt_config(keys); }), "[--set model.init=" + init + "] model.init = \"" + init +
                                                               "\" gives all weights of a gpt the gradient "
                                                               "0, so that it learns nothing; choose another");
  }
}

TEST(ExperimentModel, NetworksOfPicturesAndTextsNeedSuch) {
  const auto error = [](const std::string& kind) {
    return usage_error_text([&] { make_model(config_of({"data.kind=blobs", "model.kind=" + kind}), {.inputs = 2}); });
  };
  const std::string ending = ", which data.kind = \"blobs\" does not give; take \"mlp\" for rows of numbers";
  EXPECT_EQ(error("cnn"), "[--set model.kind=cnn] model.kind = \"cnn\" is for pictures and spectrograms" + ending);
  EXPECT_EQ(error("encoder"), "[--set model.kind=encoder] model.kind = \"encoder\" is for texts with labels" + ending);
  EXPECT_EQ(error("rnn"), "[--set model.kind=rnn] model.kind = \"rnn\" is for sounds, and texts with labels" + ending);
}

TEST(ExperimentModel, APatchHasOneSideOrTwo) {
  const Config config = config_of({"data.kind=images", "data.path=x", "model.kind=vit", "model.patch=[1, 2, 3]"});
  EXPECT_EQ(usage_error_text([&] {
              make_model(config, {.example = {8, 8, 3}, .outputs = 2});
            }),
            "[--set model.patch=[1, 2, 3]] model.patch = [1, 2, 3]; expected a side, or two numbers, down and across");
}

TEST(ExperimentConfig, ALossThatDoesNotGoWithTheData) {
  const auto error = [](std::vector<std::string> keys) {
    return usage_error_text([&] { config_of(std::move(keys)); });
  };
  EXPECT_EQ(error({"data.kind=line", "loss.name=focal"}),
            "[--set loss.name=focal] loss.name = \"focal\" is for classes, and data.kind = \"line\" has numbers; take "
            "\"mse\"");
  EXPECT_EQ(error({"data.kind=moons", "loss.name=mae"}),
            "[--set loss.name=mae] loss.name = \"mae\" is for numbers, and data.kind = \"moons\" has classes; take "
            "\"cross_entropy\"");
  EXPECT_EQ(error({"data.kind=blobs", "loss.name=binary_cross_entropy"}),
            "[--set loss.name=binary_cross_entropy] loss.name = \"binary_cross_entropy\" is for two classes, and "
            "data.classes = 3; take \"cross_entropy\"");
  const std::string weights = "loss.class_weights=[1,2]", binary = "loss.name=binary_cross_entropy";
  EXPECT_EQ(error({"data.kind=moons", "loss.class_weights=[0, 0]"}),
            "[--set loss.class_weights=[0, 0]] loss.class_weights are all 0, so that nothing counts; give one above 0");
  EXPECT_EQ(error({"data.kind=moons", binary, weights, "loss.positive_weight=2"}),
            "[--set loss.class_weights=[1,2]] loss.class_weights and loss.positive_weight both weigh the second class; "
            "remove one of them");
  const std::string probabilities =
      "[--set loss.class_weights=[1,2]] loss.class_weights are of rows of one class, and these have probabilities; "
      "take loss.positive_weight";
  EXPECT_EQ(error({"data.kind=csv", "data.path=x", binary, weights, "loss.soft_labels=true"}), probabilities);
  EXPECT_EQ(error({"data.kind=csv", "data.path=x", binary, weights, "data.target=[\"a\", \"b\"]"}), probabilities);
  EXPECT_EQ(error({"data.kind=csv", "data.path=x", "loss.name=hinge", "data.standardize_target=true"}),
            "[--set data.standardize_target=true] data.standardize_target = true is for a target of numbers, and "
            "loss.name = \"hinge\" learns classes");
  EXPECT_EQ(
      error({"data.kind=csv", "data.path=x", "data.validation_path=y", "data.validation_fraction=0.5"}),
      "[--set data.validation_fraction=0.5] \"data.validation_fraction\" does not apply where data.validation_path "
      "is given; remove one of them");
}

}  // namespace experiment_data_test
}  // namespace gradus
