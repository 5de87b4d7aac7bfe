// Targets of a table beside the plain ones: a class that is ignored, probabilities of classes, several numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/train/evaluation.h"
#include "gradus/train/prediction.h"
#include "gradus/train/report.h"
#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace labels_test {

const nlohmann::json& references() {
  static const auto json = nlohmann::json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/labels.json"));
  return json;
}

class Labels : public testing::Test {
 protected:
  std::string path_(const char* name) const { return (folder_ / name).string(); }

  // The rows of the references, with the name of each one's class.
  void spill_names_() const {
    std::string text = "x,y,kind\n";
    const auto& all = references();
    for (size_t i = 0; i < all["inputs"].size(); ++i) {
      const auto& x = all["inputs"][i];
      text += fmt::format("{},{},{}\n", x[0].get<double>(), x[1].get<double>(), all["names"][i].get<std::string>());
    }
    spill(folder_ / "t.csv", text);
  }

  // The same rows, with the probabilities of the classes.
  void spill_probabilities_() const {
    std::string text = "x,y,ant,bee,cat\n";
    const auto& all = references();
    for (size_t i = 0; i < all["inputs"].size(); ++i) {
      const auto &x = all["inputs"][i], &p = all["labels"][i];
      text += fmt::format("{},{},{},{},{}\n", x[0].get<double>(), x[1].get<double>(), p[0].get<double>(),
                          p[1].get<double>(), p[2].get<double>());
    }
    spill(folder_ / "t.csv", text);
  }

  Config config_(Overrides keys) const {
    keys.insert(keys.begin(), Config::text_override("data.path", path_("t.csv")));
    const bool has_validation = std::any_of(keys.begin(), keys.end(),
                                            [](const std::string& key) { return key.starts_with("data.validation_"); });
    if (!has_validation) keys.emplace_back("data.validation_fraction=0.0");
    return Config::parse(
        "data = {kind = \"csv\", scaling = \"none\"}\n"
        "model = {kind = \"linear\", init = \"zeros\"}\nloss.name = \"cross_entropy\"\n"
        "optimizer.learning_rate = 0.5\ntrain.steps = 20\ntrain.sampling = \"in_order\"\nlog.every = 1\n",
        "run.toml", keys);
  }

  // Twenty steps in f32, from weights that are all `start`, against PyTorch's in f64: each rounds by some 2⁻²⁴, of
  // numbers up to 5.
  void expect_as_torch_(const char* name, const Overrides& keys, float start = 0.0F) const {
    const auto& wanted = references()["cases"][name];
    const std::filesystem::path folder = folder_ / fmt::format("{}_{}", name, keys.size());
    gradus::Run run(config_(keys), folder);
    for (const Parameter& p : run.model().parameters()) {
      Tensor tensor = p.tensor;
      std::fill_n(tensor.mutable_data<float>(), tensor.numel(), start);
    }
    run.train();
    const std::vector<nlohmann::json> rows = log_of(folder);
    ASSERT_GE(rows.size(), wanted["losses"].size());
    constexpr double kTolerance = 20 * 5.0 / (1 << 24);
    for (size_t i = 0; i < wanted["losses"].size(); ++i) {
      EXPECT_NEAR(rows[i]["loss"].get<double>(), wanted["losses"][i].get<double>(), kTolerance) << name << ' ' << i;
    }
    auto weights = wanted["weight"].get<std::vector<double>>();
    const auto bias = wanted["bias"].get<std::vector<double>>();
    weights.insert(weights.end(), bias.begin(), bias.end());
    const std::vector<double> found = values_of(run.model().parameters());
    ASSERT_EQ(found.size(), weights.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], weights[i], kTolerance) << name << ' ' << i;
  }

  TemporaryFolder folder_;
};

using IgnoredClass = Labels;

TEST_F(IgnoredClass, IsThatOfPyTorch) {
  spill_names_();
  expect_as_torch_("ignored", {"loss.ignored_class=unknown"});
  expect_as_torch_("ignored_weighted", {"loss.ignored_class=unknown", "loss.class_weights=[0.5, 1, 3]"});
}

TEST_F(IgnoredClass, HasNoOutputAndCountsNowhere) {
  spill_names_();
  const ExperimentData data = make_data(config_({"loss.ignored_class=unknown"}));
  int64_t ignored = 0;
  for (const auto& name : references()["names"]) ignored += name == "unknown" ? 1 : 0;
  ASSERT_GT(ignored, 0);
  EXPECT_EQ(data.shape.outputs, 3);
  EXPECT_EQ(std::get<TableEncoder>(data.encoder).classes(), (std::vector<std::string>{"ant", "bee", "cat"}));
  EXPECT_EQ(data.training->size(), 15 - ignored);
  EXPECT_EQ(left_out_text(data), fmt::format("{} rows of the ignored class are left out\n", ignored));
  // Of other files they are left out as well, and need not be there.
  const Config config = config_({"loss.ignored_class=unknown"});
  spill(folder_ / "more.csv", "x,y,kind\n1,2,ant\n1,2,unknown\n2,2,cat\n");
  EXPECT_EQ(read_data(config, data.encoder, {path_("more.csv")}).rows->size(), 2);
  spill(folder_ / "more.csv", "x,y,kind\n1,2,ant\n");
  EXPECT_EQ(read_data(config, data.encoder, {path_("more.csv")}).rows->size(), 1);
}

TEST_F(IgnoredClass, MayBeANumber) {
  spill(folder_ / "t.csv", "x,kind\n1,0\n2,-100\n3,1\n4,-100.0\n");
  const ExperimentData data = make_data(config_({"loss.ignored_class=\"-100\""}));
  EXPECT_EQ(std::get<TableEncoder>(data.encoder).classes(), (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(data.left_out.ignored, 2);
}

TEST_F(IgnoredClass, IsLeftOutOfStreamedRowsToo) {
  spill_names_();
  const Overrides keys = {"loss.ignored_class=unknown", "data.rows=streamed", "train.batch_size=3", "train.steps=4"};
  const ExperimentData data = make_data(config_(keys));
  EXPECT_EQ(data.training->size(), make_data(config_({"loss.ignored_class=unknown"})).training->size());
  EXPECT_EQ(data.left_out.ignored, 15 - data.training->size());
  EXPECT_EQ(data.left_out.count(), data.left_out.ignored);
  EXPECT_EQ(std::get<TableEncoder>(data.encoder).classes(), (std::vector<std::string>{"ant", "bee", "cat"}));
  // Another class makes the cache anew.
  EXPECT_EQ(usage_error_text([&] {
              make_data(config_({"loss.ignored_class=dog", "data.rows=streamed", "train.batch_size=3"}));
            }),
            "[" + path_("t.csv") +
                "] no value of column \"kind\" is \"dog\", which loss.ignored_class names; name it as it stands there, "
                "or remove the key");
}

TEST_F(IgnoredClass, IsCountedBesideOtherRowsThatAreLeftOut) {
  std::string rows = "x,y,kind\n";
  for (int i = 0; i < 8; ++i) rows += fmt::format("{},1,ant\n{},2,unknown\n{},3,bee\n", i, i, i);
  spill(folder_ / "t.csv", rows + "1,1,\n1,2\n");
  const Overrides keys = {"loss.ignored_class=unknown", "data.unlabelled=leave_out", "data.on_bad_row=skip",
                          "train.batch_size=3", "train.steps=4"};
  const std::string text = fmt::format(
      "1 rows are left out, as something is wrong with them; the first: [{}:27] 2 fields; expected 3, as in line 1\n"
      "1 rows without a target are left out\n8 rows of the ignored class are left out\n",
      path_("t.csv"));
  const ExperimentData whole = make_data(config_(keys));
  EXPECT_EQ(left_out_text(whole), text);
  EXPECT_EQ(left_out_text(read_data(config_(keys), whole.encoder, {path_("t.csv")}).left_out), text);
  Overrides streamed = keys;
  streamed.emplace_back("data.rows=streamed");
  for (int i = 0; i < 2; ++i) {  // from the text, and from the cache of its rows
    const ExperimentData data = make_data(config_(streamed));
    EXPECT_EQ(left_out_text(data), text);
    EXPECT_EQ(data.streamed_split.rows, 16);
  }
  const LeftOutRows in_parts = read_data_in_parts(config_(streamed), std::get<TableEncoder>(whole.encoder),
                                                  {path_("t.csv")}, [](const Dataset&) {});
  EXPECT_EQ(left_out_text(in_parts), text);
}

TEST_F(IgnoredClass, IsAnErrorWhereThereIsNone) {
  spill_names_();
  EXPECT_EQ(usage_error_text([&] { make_data(config_({"loss.ignored_class=Unknown"})); }),
            "[" + path_("t.csv") +
                "] no value of column \"kind\" is \"Unknown\", which loss.ignored_class names; name it as it stands "
                "there, or remove the key");
  spill(folder_ / "t.csv", "x,kind\n1,no\n2,no\n");
  EXPECT_EQ(error_text([&] { make_data(config_({"loss.ignored_class=no"})); }),
            "[" + path_("t.csv") + "] no row has a class beside \"no\", the ignored one");
  EXPECT_EQ(
      parse_error("data.kind = \"moons\"\nmodel.kind = \"linear\"\ntrain.steps = 1\nloss.ignored_class = \"1\"\n"),
      "[run.toml:4:6] loss.ignored_class names a value of a table's column, and data.kind = \"moons\" has none; "
      "remove it");
}

const char* const kSoft = "data.target=[\"ant\", \"bee\", \"cat\"]";

using SoftLabels = Labels;

TEST_F(SoftLabels, AreThoseOfPyTorch) {
  spill_probabilities_();
  expect_as_torch_("soft", {kSoft});
  expect_as_torch_("soft_smoothed", {kSoft, "loss.label_smoothing=0.2"});
  expect_as_torch_("soft_weighted", {kSoft, "loss.label_smoothing=0.1", "loss.class_weights=[0.5, 1, 3]"});
  expect_as_torch_("soft", {kSoft, "train.micro_batch_size=4"});
}

TEST_F(SoftLabels, AreValidatedEvaluatedAndPredicted) {
  spill_probabilities_();
  const Config config =
      config_({kSoft, Config::text_override("data.validation_path", path_("v.csv")), "validation.every=10"});
  spill(folder_ / "v.csv", "x,y,ant,bee,cat\n1,1,0.2,0.5,0.3\n0,0.5,1,0,0\n");
  gradus::Run(config, folder_ / "run").train();
  const TrainedRun run = load(folder_ / "run");
  const auto data = read_data(run.config(), run.encoder(), {path_("v.csv")}).rows;
  const Metrics metrics = *evaluate(evaluation_of(run.model()), *data, {});
  // By hand: −Σ p·log q of the probabilities that are predicted, and whether the likeliest classes agree.
  const Predictions predicted = predict_files(run, {path_("v.csv")});
  EXPECT_EQ(predicted.classes, (std::vector<std::string>{"ant", "bee", "cat"}));
  const double truth[2][3] = {{0.2, 0.5, 0.3}, {1.0, 0.0, 0.0}};
  double loss = 0.0, right = 0.0;
  for (size_t row = 0; row < 2; ++row) {
    for (size_t c = 0; c < 3; ++c) loss -= truth[row][c] * std::log(predicted.probabilities[row][c]) / 2.0;
    right += predicted.ids[row] == (row == 0 ? 1 : 0) ? 0.5 : 0.0;
  }
  EXPECT_NEAR(metrics.loss(), loss, 1e-6);
  ASSERT_FALSE(metrics.values().empty());
  EXPECT_EQ(metrics.values()[0].name, "accuracy");
  EXPECT_EQ(metrics.values()[0].value, right);
  const Report report = make_report(run, *data, {});
  EXPECT_EQ(report.examples, 2);
  EXPECT_EQ(report.confusion.at(1, predicted.ids[0]), 1);
  EXPECT_EQ(log_of(folder_ / "run").back()["val_accuracy"].get<double>(), right);
}

TEST_F(SoftLabels, AreNoFeaturesAndMayBeMissing) {
  spill(folder_ / "t.csv", "x,a,b\n1,0.25,0.75\n2,,1\n3,0.3335,0.667\n");
  const Overrides keys = {"data.target=[\"a\", \"b\"]", "data.unlabelled=leave_out"};
  const ExperimentData data = make_data(config_(keys));
  const auto& part = dynamic_cast<const TensorDataset&>(*data.training);
  EXPECT_EQ(part.inputs().values<double>(), (std::vector<double>{1, 3}));
  EXPECT_EQ(part.targets().values<float>(), (std::vector<float>{0.25F, 0.75F, 0.3335F, 0.667F}));
  EXPECT_EQ(data.left_out.unlabelled, 1);
  EXPECT_EQ(data.shape.outputs, 2);
  EXPECT_EQ(error_text([&] { make_data(config_({keys[0]})); }),
            "[" + path_("t.csv") +
                ":3] the value of column \"a\", which is to be learned, is missing; fill it, or remove the "
                "row (of tables and arrays data.unlabelled = \"leave_out\" does)");
}

TEST_F(SoftLabels, AreProbabilities) {
  const auto error = [&](const char* rows) {
    spill(folder_ / "t.csv", std::string("x,a,b\n1,0.25,0.75\n") + rows);
    const std::string text = error_text([&] { make_data(config_({"data.target=[\"a\", \"b\"]"})); });
    return text.substr(std::min(text.size(), path_("t.csv").size() + 1));
  };
  EXPECT_EQ(error("2,-0.5,1.5\n"),
            ":3] -0.5 in column \"a\" is no probability of the class; expected a number from 0 to 1");
  EXPECT_EQ(error("2,0,3\n"), ":3] 3 in column \"b\" is no probability of the class; expected a number from 0 to 1");
  EXPECT_EQ(error("2,0.5,0.4\n"),
            ":3] the probabilities in columns \"a\", \"b\" add up to 0.9; expected 1, within 0.001");
  EXPECT_EQ(error("2,yes,no\n"),
            ":3] column \"a\" holds text, \"yes\"; expected the probabilities of a class, as data.target names several "
            "columns or loss.soft_labels is true: name one column, without that, if its texts are the classes");
}

TEST_F(SoftLabels, AreForWhatTakesThem) {
  const std::string source =
      "data = {kind = \"csv\", path = \"a\", target = [\"a\", \"b\"]}\nmodel.kind = \"linear\"\ntrain.steps = 1\n";
  const auto error = [&](const Overrides& keys) { return parse_error(source, keys); };
  EXPECT_EQ(error({"loss.name=focal"}),
            "[run.toml:1:35] data.target names several columns, which are probabilities of classes or numbers, and "
            "loss.name = \"focal\" learns one class; name one column, or take \"cross_entropy\" or \"mse\"");
  for (const char* loss : {"loss.name=cross_entropy", "loss.name=mse"}) {
    EXPECT_EQ(
        error({loss, "solver.name=newton"}),
        "[--set solver.name=newton] solver.name = \"newton\" learns one column, and data.target names several; set "
        "solver.name = \"none\" to use an optimizer");
    EXPECT_EQ(
        error({loss, "data.split=stratified"}),
        "[--set data.split=stratified] data.split = \"stratified\" goes by the class of a row, and the columns of "
        "data.target do not name one; take \"random\"");
  }
  EXPECT_EQ(error({"loss.name=cross_entropy", "data.rows=streamed"}),
            "[--set data.rows=streamed] data.rows = \"streamed\" keeps one target of a row, and data.target names "
            "several columns; set data.rows = \"in_memory\"");
  EXPECT_EQ(error({"loss.name=cross_entropy", "loss.ignored_class=c"}),
            "[--set loss.ignored_class=c] loss.ignored_class is a value of one column, and data.target names several; "
            "leave the class's column out, or remove this");
  EXPECT_EQ(error({"loss.name=cross_entropy", "data.target=[\"a\", \"b\", \"a\"]"}),
            "[--set data.target=[\"a\", \"b\", \"a\"]] data.target names column \"a\" twice; name each once");
  EXPECT_EQ(
      error({"model.kind=kmeans", "model.clusters=2"}),
      "[run.toml:1:35] data.target names several columns, and model.kind = \"kmeans\" learns none; name one that it is "
      "compared with");
  EXPECT_EQ(parse_error("data = {kind = \"images\", path = \"a\", target = [\"a\", \"b\"]}\nmodel.kind = \"cnn\"\n"
                        "train.steps = 1\n"),
            "[run.toml:1:38] data.target names several columns, and data.kind = \"images\" has one target; name one");
}

TEST_F(SoftLabels, OfADivergenceAreThoseOfPyTorch) {
  spill_probabilities_();
  expect_as_torch_("divergence", {kSoft, "loss.name=kl_divergence"});
  expect_as_torch_("divergence", {kSoft, "loss.name=kl_divergence", "train.micro_batch_size=4"});
  EXPECT_EQ(
      usage_error_text([&] {
        config_({"data.target=ant", "loss.name=kl_divergence"});
      }),
      "[--set loss.name=kl_divergence] loss.name = \"kl_divergence\" compares with probabilities, a column for each "
      "class; name the columns in data.target, or take \"cross_entropy\", which is the same where a row is of one "
      "class");
}

class BinaryLabels : public Labels {
 protected:
  // The rows of the references, with a column of 0 and 1, of the probability of "cat", and of what is left of it.
  void spill_two_classes_() const {
    std::string text = "x,y,kind,cat,other\n";
    const auto& all = references();
    for (size_t i = 0; i < all["inputs"].size(); ++i) {
      const auto& x = all["inputs"][i];
      const auto name = all["names"][i].get<std::string>();
      const double cat = all["labels"][i][2].get<double>();
      text += fmt::format("{},{},{},{},{}\n", x[0].get<double>(), x[1].get<double>(),
                          name == "bee" || name == "cat" ? 1 : 0, cat, 1.0 - cat);
    }
    spill(folder_ / "t.csv", text);
  }
  static Overrides keys_(const Overrides& more) {
    Overrides keys = {"loss.name=binary_cross_entropy", "data.features=[\"x\", \"y\"]"};
    keys.insert(keys.end(), more.begin(), more.end());
    return keys;
  }
};

TEST_F(BinaryLabels, AreThoseOfPyTorch) {
  spill_two_classes_();
  expect_as_torch_("binary", keys_({"data.target=kind"}));
  expect_as_torch_("binary", keys_({"data.target=kind", "train.micro_batch_size=4"}));
  expect_as_torch_("binary_smoothed", keys_({"data.target=kind", "loss.label_smoothing=0.2"}));
  const char *const one = "loss.soft_labels=true", *const two = "data.target=[\"other\", \"cat\"]";
  expect_as_torch_("binary_soft", keys_({"data.target=cat", one}));
  expect_as_torch_("binary_soft", keys_({two, "train.micro_batch_size=4", "train.threads=1"}));
  const Overrides more = {"loss.label_smoothing=0.1", "loss.positive_weight=2.5"};
  expect_as_torch_("binary_soft_smoothed", keys_({"data.target=cat", one, more[0], more[1]}));
  expect_as_torch_("binary_soft_smoothed", keys_({two, more[0], more[1], "train.threads=1", "log.every=1"}));
}

TEST_F(BinaryLabels, MayBeAColumnOfProbabilities) {
  spill(folder_ / "t.csv", "x,p\n1,0.25\n2,1\n3,0\n4,0.625\n");
  const Overrides keys = {"loss.name=binary_cross_entropy", "loss.soft_labels=true"};
  const ExperimentData data = make_data(config_(keys));
  EXPECT_EQ(data.shape.outputs, 1);
  EXPECT_EQ(dynamic_cast<const TensorDataset&>(*data.training).targets().values<float>(),
            (std::vector<float>{0.75F, 0.25F, 0, 1, 1, 0, 0.375F, 0.625F}));
  const auto& encoder = std::get<TableEncoder>(data.encoder);
  EXPECT_EQ(TableEncoder::from_json(encoder.to_json(), "c").target_columns(), std::vector<std::string>{"p"});
  gradus::Run(config_(keys), folder_ / "run").train();
  const TrainedRun run = load(folder_ / "run");
  EXPECT_EQ(predict_files(run, {path_("t.csv")}).classes, (std::vector<std::string>{"0", "1"}));
  const Report report = make_report(run, *read_data(run.config(), run.encoder(), {path_("t.csv")}).rows, {});
  EXPECT_EQ(report.confusion.at(1, 0) + report.confusion.at(1, 1), 2);
  const auto error = [&](const char* row) {
    spill(folder_ / "t.csv", std::string("x,p\n1,0.25\n2,") + row + "\n");
    const std::string text = error_text([&] { make_data(config_(keys)); });
    return text.substr(std::min(text.size(), path_("t.csv").size() + 1));
  };
  EXPECT_EQ(error("1.5"), ":3] 1.5 in column \"p\" is no probability of the class; expected a number from 0 to 1");
  EXPECT_EQ(error("yes"),
            ":3] column \"p\" holds text, \"yes\"; expected the probabilities of a class, as data.target names several "
            "columns or loss.soft_labels is true: name one column, without that, if its texts are the classes");
  EXPECT_EQ(error(""),
            ":3] the value of column \"p\", which is to be learned, is missing; fill it, or remove the row (of "
            "tables and arrays data.unlabelled = \"leave_out\" does)");
}

TEST_F(BinaryLabels, AreForWhatTakesThem) {
  const std::string source =
      "data = {kind = \"csv\", path = \"a\"}\nmodel.kind = \"linear\"\ntrain.steps = 1\n"
      "loss = {name = \"binary_cross_entropy\", soft_labels = true}\n";
  const auto error = [&](const Overrides& keys) { return parse_error(source, keys); };
  EXPECT_EQ(error({"loss.name=focal"}),
            "[run.toml:4:40] \"loss.soft_labels\" applies to loss.name = \"binary_cross_entropy\", not to \"focal\"; "
            "remove it, or change loss.name");
  EXPECT_EQ(
      error({"solver.name=newton"}),
      "[--set solver.name=newton] solver.name = \"newton\" takes one class a row, and loss.soft_labels = true gives "
      "it the probability of one; set solver.name = \"none\"");
  EXPECT_EQ(
      error({"data.split=stratified"}),
      "[--set data.split=stratified] data.split = \"stratified\" takes one class a row, and loss.soft_labels = true "
      "gives it the probability of one; set data.split = \"random\"");
  EXPECT_EQ(
      error({"data.rows=streamed", "train.batch_size=2"}),
      "[--set data.rows=streamed] data.rows = \"streamed\" takes one class a row, and loss.soft_labels = true gives "
      "it the probability of one; set data.rows = \"in_memory\"");
  EXPECT_EQ(
      error({"loss.ignored_class=1"}),
      "[--set loss.ignored_class=1] loss.ignored_class names a class, and with loss.soft_labels = true the column "
      "has probabilities; remove one of them");
  EXPECT_EQ(
      error({"data.target=[\"a\", \"b\"]"}),
      "[run.toml:4:40] loss.soft_labels is of one column of probabilities, and data.target names several, which are "
      "soft labels without it; remove it, or name one column");
  EXPECT_EQ(error({"data.target=[\"a\", \"b\", \"c\"]", "loss.soft_labels=false"}),
            "[--set data.target=[\"a\", \"b\", \"c\"]] data.target names 3 columns, and loss.name = "
            "\"binary_cross_entropy\" is for two classes; name two, or take \"cross_entropy\"");
  EXPECT_EQ(parse_error("data.kind = \"moons\"\nmodel.kind = \"mlp\"\ntrain.steps = 1\n"
                        "loss = {name = \"binary_cross_entropy\", soft_labels = true}\n"),
            "[run.toml:4:40] loss.soft_labels is of a table's column of probabilities, and data.kind = \"moons\" has "
            "none; remove it");
}

// Two numbers of each row.
class SeveralNumbers : public Labels {
 protected:
  void spill_numbers_() const {
    std::string text = "x,y,a,b\n";
    const auto& all = references();
    for (size_t i = 0; i < all["inputs"].size(); ++i) {
      const auto &x = all["inputs"][i], &n = all["numbers"][i];
      text +=
          fmt::format("{},{},{},{}\n", x[0].get<double>(), x[1].get<double>(), n[0].get<double>(), n[1].get<double>());
    }
    spill(folder_ / "t.csv", text);
    spill(folder_ / "v.csv", text);
  }
  // The measures of the run on these rows.
  Measures report_of_(const std::filesystem::path& folder) const {
    const TrainedRun run = load(folder);
    return report_measures(run, *read_data(run.config(), run.encoder(), {path_("t.csv")}).rows);
  }
};

const char* const kNumbers = "data.target=[\"a\", \"b\"]";

TEST_F(SeveralNumbers, AreLearnedAsByPyTorch) {
  spill_numbers_();
  expect_as_torch_("numbers", {kNumbers, "loss.name=mse"});
  expect_as_torch_("numbers", {kNumbers, "loss.name=mse", "train.micro_batch_size=4"});
  expect_as_torch_("angle", {kNumbers, "loss.name=cosine"}, references()["start_of_angle"].get<float>());
}

// Ours are of weights in f32.
TEST_F(SeveralNumbers, HaveTheMeasuresOfScikitLearn) {
  spill_numbers_();
  const Config config = config_({kNumbers, "loss.name=mse",
                                 Config::text_override("data.validation_path", path_("v.csv")), "validation.every=20"});
  gradus::Run(config, folder_ / "run").train();
  const auto& wanted = references()["measures"];
  int compared = 0;
  for (const auto& [name, value] : report_of_(folder_ / "run")) {
    if (!wanted.contains(name)) continue;
    EXPECT_NEAR(value, wanted[name].get<double>(), 1e-5) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 6);
  const nlohmann::json last = log_of(folder_ / "run").back();
  EXPECT_NEAR(last["val_r2"].get<double>(), wanted["r2"].get<double>(), 1e-5);
  EXPECT_NEAR(last["val_rmse"].get<double>(), wanted["rmse"].get<double>(), 1e-5);
  EXPECT_NEAR(last["val_mae"].get<double>(), wanted["mae"].get<double>(), 1e-5);
}

TEST_F(SeveralNumbers, ArePredictedByName) {
  spill(folder_ / "t.csv", "x,y,a,b\n1,0,3,1000\n0,1,-1,3000\n1,1,2,4000\n0,0,0,0\n");
  const Config config = config_({kNumbers, "loss.name=mse", "data.standardize_target=true", "train.steps=500"});
  gradus::Run(config, folder_ / "run").train();
  const TrainedRun run = load(folder_ / "run");
  spill(folder_ / "v.csv", "x,y\n1,0\n0,1\n");
  Predictions p = predict_files(run, {path_("v.csv")});
  EXPECT_EQ(p.size(), 2U);
  EXPECT_EQ(p.targets, (std::vector<std::string>{"a", "b"}));
  const double expected[] = {3, 1000, -1, 3000};  // a plane goes through all four rows
  ASSERT_EQ(p.numbers.size(), 4U);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(p.numbers[i], expected[i], 1e-3 * (1 + std::abs(expected[i]))) << i;
  p.numbers = {3, 1000, -1.5, 3000};
  EXPECT_EQ(to_csv(p, true), "prediction_a,prediction_b\n3,1000\n-1.5,3000\n");
  EXPECT_EQ(to_jsonl(p), "{\"prediction\":{\"a\":3,\"b\":1000}}\n{\"prediction\":{\"a\":-1.5,\"b\":3000}}\n");
  EXPECT_EQ(to_text(p), "row 1: a 3, b 1000\nrow 2: a -1.5, b 3000\n");
  // Each in its own unit, also of what is measured.
  const Measures measures = report_of_(folder_ / "run");
  ASSERT_EQ(measures[0].first, "r2");
  EXPECT_NEAR(measures[0].second, 1.0, 1e-5);
}

TEST_F(SeveralNumbers, AreAllNeededAndNumbers) {
  const auto error = [&](const char* rows, const Overrides& keys = {}) {
    spill(folder_ / "t.csv", std::string("x,a,b\n1,2,3\n") + rows);
    Overrides all = {kNumbers, "loss.name=mse"};
    all.insert(all.end(), keys.begin(), keys.end());
    const std::string text = error_text([&] { make_data(config_(all)); });
    return text.substr(std::min(text.size(), path_("t.csv").size() + 1));
  };
  EXPECT_EQ(error("2,1,\n"),
            ":3] the value of column \"b\", which is to be learned, is missing; fill it, or remove the row (of "
            "tables and arrays data.unlabelled = \"leave_out\" does)");
  EXPECT_EQ(
      error("2,1,much\n"),
      ":3] column \"b\" holds text, \"much\"; a target that is not a class must be a number: name the column that is "
      "with data.target, or learn classes with loss.name = \"cross_entropy\"");
  EXPECT_EQ(error("2,1,-2\n", {"loss.name=poisson"}),
            ":3] loss.name = \"poisson\" is of counts, and column \"b\" has -2; expected 0 or more");
}

// Of directions: rows that lie on one line from 0 are the same target.
TEST_F(SeveralNumbers, MayBeADirection) {
  for (const char* name : {"t.csv", "v.csv"}) spill(folder_ / name, "x,y,a,b\n1,0,3,0\n0,1,0,5\n1,1,2,2\n2,1,8,4\n");
  const Overrides keys = {kNumbers,
                          "loss.name=cosine",
                          "model.init=normal",
                          "train.steps=3000",
                          Config::text_override("data.validation_path", path_("v.csv")),
                          "validation.every=3000"};
  gradus::Run(config_(keys), folder_ / "run").train();
  const nlohmann::json last = log_of(folder_ / "run").back();
  EXPECT_LT(last["val_loss"].get<double>(), 1e-3);
  EXPECT_FALSE(last.contains("val_r2"));
  const Measures measures = report_of_(folder_ / "run");
  ASSERT_EQ(measures.size(), 1U);
  EXPECT_EQ(measures[0].first, "cosine_similarity");
  EXPECT_NEAR(measures[0].second, 1.0 - last["val_loss"].get<double>(), 1e-6);
  EXPECT_EQ(usage_error_text([&] {
              config_({"data.target=a", "loss.name=cosine"});
            }),
            "[--set loss.name=cosine] loss.name = \"cosine\" is of the direction of several numbers, and one has none; "
            "name their columns in data.target");
  EXPECT_EQ(usage_error_text([&] {
              config_({kNumbers, "loss.name=cosine", "data.standardize_target=true"});
            }),
            "[--set data.standardize_target=true] data.standardize_target = true moves the numbers, and loss.name = "
            "\"cosine\" is of their direction from 0; remove it");
}

}  // namespace labels_test
}  // namespace gradus
