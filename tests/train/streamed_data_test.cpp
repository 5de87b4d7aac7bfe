// Rows that are streamed from a cache: data.rows = "streamed" learns what rows in memory teach.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <random>
#include <sstream>

#include "gradus/base/threads.h"
#include "gradus/data/csv.h"
#include "gradus/train/evaluation.h"
#include "gradus/train/prediction.h"
#include "gradus/train/session.h"
#include "gradus/train/streamed_rows.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace streamed_data_test {

namespace fs = std::filesystem;

// Rows of 20 features of which some say what the label is.
std::string libsvm_rows(int count, uint32_t seed, int labels = 2) {
  std::mt19937 random(seed);
  std::string text;
  for (int i = 0; i < count; ++i) {
    std::string pairs;
    int sum = 0;
    for (int j = 1; j <= 20; ++j) {
      if (random() % 3 != 0) continue;
      const auto value = static_cast<int>(random() % 7) - 3;
      sum += value * (j % 5 - 2);
      pairs += fmt::format(" {}:{}", j, 0.25 * value);
    }
    const int label = labels == 2 ? (sum > 0 ? 1 : -1) : std::abs(sum) % labels;
    text += fmt::format("{}{}\n", label, pairs);
  }
  return text;
}

// Columns of every kind; `late` holds text in its last row alone.
std::string csv_rows(int count, uint32_t seed) {
  std::mt19937 random(seed);
  const char* const towns[] = {"Bonn", "Ulm", "\"Kyo,to\"", ""};
  std::string text = "size,town,zip,rooms,late,weight,price,kind\n";
  for (int i = 0; i < count; ++i) {
    const double size = static_cast<double>(random() % 1000) / 7;
    const bool no_rooms = random() % 9 == 0;
    const auto rooms = static_cast<double>(random() % 5);
    text += fmt::format("{},{},{},{},{},{},{},{}\n", size, towns[random() % 4], 100 + random() % 3,
                        no_rooms ? "NA" : fmt::format("{}", rooms), i + 1 == count ? "x" : fmt::format("{}", i % 2),
                        1 + random() % 3, size * 0.3 + rooms, size > 60 ? "big" : "small");
  }
  return text;
}

class StreamedData : public testing::Test {
 protected:
  std::string path_(const char* name) const { return (folder_ / name).string(); }

  Config sparse_(Overrides keys, const char* file = "a.svm") const {
    keys.insert(keys.begin(), Config::text_override("data.path", path_(file)));
    const bool is_held_out = std::any_of(keys.begin(), keys.end(),
                                         [](const std::string& key) { return key.starts_with("data.validation_"); });
    if (!is_held_out) keys.emplace_back("data.validation_fraction=0.0");
    return Config::parse(
        "data.kind = \"libsvm\"\nmodel.kind = \"linear\"\n"
        "loss.name = \"binary_cross_entropy\"\nsolver.name = \"ftrl\"\ntrain.steps = 3\n",
        "run.toml", keys);
  }
  Config table_(Overrides keys) const {
    keys.insert(keys.begin(), Config::text_override("data.path", path_("a.csv")));
    return Config::parse(
        "data = {kind = \"csv\", validation_fraction = 0.0, target = \"price\", impute = \"mean\", missing_indicator = "
        "true, category_columns = [\"zip\", \"late\"], features = [\"size\", \"town\", \"zip\", \"rooms\", \"late\"]}\n"
        "model.kind = \"linear\"\nsolver = {name = \"adagrad\", learning_rate = 0.5}\ntrain.steps = 3\n",
        "run.toml", keys);
  }
  static Overrides streamed_(Overrides keys, const char* megabytes = "256") {
    keys.insert(keys.end(), {"data.rows=streamed", std::string("data.rows_megabytes=") + megabytes});
    return keys;
  }

  TemporaryFolder folder_;
};

struct Trained {
  std::vector<double> weights;
  uint64_t hash = 0;
  double loss = 0.0;
  std::optional<Metrics> metrics;
};

Trained trained(const Config& config) {
  Session session(config);
  const TrainingSummary summary = session.trainer().run();
  Trained result{values_of(session.model().parameters()), session.weights_hash(), summary.final_loss, std::nullopt};
  if (session.data().validation != nullptr) {
    result.metrics = evaluate(evaluation_of(session.model()), *session.data().validation,
                              {.units = metric_units(session.data().encoder, *session.data().validation)});
  }
  return result;
}

TEST_F(StreamedData, WhatFitsInMemoryIsLearnedToTheSameBits) {
  spill(folder_ / "a.svm", libsvm_rows(500, 1));
  spill(folder_ / "b.svm", libsvm_rows(100, 2));
  spill(folder_ / "three.svm", libsvm_rows(300, 3, 3));
  const Overrides held = {Config::text_override("data.validation_path", path_("b.svm")), "validation.every=1"};
  const auto with = [&](Overrides keys) {
    keys.insert(keys.end(), held.begin(), held.end());
    return keys;
  };
  for (const Overrides& keys :
       {with({"solver.name=ftrl", "regularization.l1=0.001"}), with({"solver.name=adagrad", "loss.positive_weight=3"}),
        with({"solver.name=sgd", "regularization.l2=0.01", "loss.name=hinge"}),
        with({"solver.name=sgd", "regularization.l2=0.01", "solver.batch_size=8", "train.sampling=in_order"}),
        with({"loss.name=mse", "data.standardize_target=true"})}) {
    SCOPED_TRACE(keys[0] + keys[1]);
    const Trained wanted = trained(sparse_(keys)), found = trained(sparse_(streamed_(keys)));
    EXPECT_EQ(found.weights, wanted.weights);
    EXPECT_EQ(found.loss, wanted.loss);
    EXPECT_NEAR(found.metrics->loss(), wanted.metrics->loss(), 1e-12);
    for (size_t i = 0; i < wanted.metrics->values().size(); ++i) {
      EXPECT_NEAR(found.metrics->values()[i].value, wanted.metrics->values()[i].value, 1e-12);
    }
    fs::remove(path_("a.svm.rows"));
  }
  const Overrides classes = {"loss.name=cross_entropy", "loss.class_weights=[1.0, 2.0, 0.5]"};
  EXPECT_EQ(trained(sparse_(streamed_(classes), "three.svm")).hash, trained(sparse_(classes, "three.svm")).hash);
}

// Blocks of a MiB, of which windows of a MB have one each: another order, and the same minimum.
TEST_F(StreamedData, WhatDoesNotFitIsLearnedInWindows) {
  spill(folder_ / "a.svm", libsvm_rows(60'000, 1));
  spill(folder_ / "b.svm", libsvm_rows(2000, 2));
  const Overrides keys = {Config::text_override("data.validation_path", path_("b.svm")), "validation.every=1",
                          "regularization.l2=1e-4"};
  const Trained wanted = trained(sparse_(keys)), found = trained(sparse_(streamed_(keys, "2")));
  EXPECT_NE(found.weights, wanted.weights);
  // Both are near the minimum, which the last rows of a pass move them about.
  EXPECT_NEAR(found.metrics->loss(), wanted.metrics->loss(), 0.01 * wanted.metrics->loss());
  EXPECT_GT(found.metrics->values()[0].value, 0.98);
  const auto cache = std::make_shared<const RowCache>(path_("a.svm.rows"));
  EXPECT_GE(cache->blocks_of(RowPart::kTraining).size(), 4u);

  set_threads(1);
  EXPECT_EQ(trained(sparse_(streamed_(keys, "2"))).hash, found.hash);
  set_threads(3);
  EXPECT_EQ(trained(sparse_(streamed_(keys, "2"))).hash, found.hash);
  set_threads(0);
  const auto longer = [&](const char* name) {
    Overrides own = streamed_(keys, "2");
    own.emplace_back("train.steps=5");
    return gradus::Run(sparse_(own), folder_ / name);
  };
  longer("straight").train();
  Overrides first = streamed_(keys, "2");
  first.emplace_back("train.steps=2");
  gradus::Run(sparse_(first), folder_ / "resumed").train();
  Overrides rest = streamed_(keys, "2");
  rest.emplace_back("train.steps=5");
  gradus::Run(sparse_(rest), folder_ / "resumed", {.resume = true}).train();
  const auto weights = [&](const char* name) { return values_of(load(folder_ / name).model().parameters()); };
  EXPECT_EQ(weights("resumed"), weights("straight"));
}

TEST_F(StreamedData, OptimizersTakeMiniBatchesOfIt) {
  spill(folder_ / "a.svm", libsvm_rows(500, 1));
  for (const Overrides& keys :
       {Overrides{"solver.name=none", "train.batch_size=32", "train.steps=40"},
        Overrides{"model.kind=mlp", "solver.name=none", "train.batch_size=32", "train.steps=40"}}) {
    Overrides own = keys;
    if (keys[0] == "model.kind=mlp") own.erase(own.begin() + 1);
    const auto config = [&](const Overrides& all) {
      return Config::parse("data.kind = \"libsvm\"\nloss.name = \"binary_cross_entropy\"\nmodel.kind = \"linear\"\n",
                           "run.toml", all);
    };
    own.push_back(Config::text_override("data.path", path_("a.svm")));
    own.emplace_back("data.validation_fraction=0.0");
    EXPECT_EQ(trained(config(streamed_(own))).hash, trained(config(own)).hash);
  }
  spill(folder_ / "a.svm", libsvm_rows(60'000, 1));
  spill(folder_ / "b.svm", libsvm_rows(2000, 2));
  const auto config = [&](const char* megabytes) {
    return Config::parse(
        "data.kind = \"libsvm\"\nloss.name = \"binary_cross_entropy\"\nmodel.kind = \"linear\"\n"
        "train = {batch_size = 64, epochs = 2}\noptimizer = {name = \"adam\", learning_rate = 0.01}\n",
        "run.toml",
        streamed_({Config::text_override("data.path", path_("a.svm")),
                   Config::text_override("data.validation_path", path_("b.svm"))},
                  megabytes));
  };
  const Trained narrow = trained(config("2"));
  EXPECT_GT(narrow.metrics->values()[0].value, 0.97);
  EXPECT_EQ(trained(config("2")).hash, narrow.hash);
  EXPECT_NE(trained(config("256")).hash, narrow.hash);
}

TEST_F(StreamedData, TablesArePreparedToTheSameBits) {
  spill(folder_ / "a.csv", csv_rows(400, 1));
  for (const Overrides& keys :
       {Overrides{}, Overrides{"data.scaling=min_max", "data.log1p=[\"size\"]"}, Overrides{"data.weight=weight"},
        Overrides{"data.target=kind", "loss.name=binary_cross_entropy", "solver.name=ftrl"},
        Overrides{"data.categories=hash", "data.hash_buckets=4", "data.standardize_target=true"}}) {
    SCOPED_TRACE(keys.empty() ? "" : keys[0]);
    const Config in_memory = table_(keys), config = table_(streamed_(keys));
    const ExperimentData wanted = make_data(in_memory), found = make_data(config);
    EXPECT_EQ(encoder_json(found.encoder), encoder_json(wanted.encoder));
    EXPECT_EQ(found.training->size(), wanted.training->size());
    EXPECT_EQ(trained(config).hash, trained(in_memory).hash);
    fs::remove(path_("a.csv.rows"));
  }
}

// Held-out rows are no part of what the columns are prepared by.
TEST_F(StreamedData, HoldsRowsOutOneByOne) {
  spill(folder_ / "a.csv", csv_rows(400, 1));
  const Overrides quarter = streamed_({"data.validation_fraction=0.25", "validation.every=1", "data.unseen=zeros"});
  const ExperimentData data = make_data(table_(quarter));
  EXPECT_EQ(data.training->size() + data.validation->size(), 400);
  EXPECT_NEAR(static_cast<double>(data.validation->size()), 100.0, 4 * 8.7);
  std::vector<int64_t> ids(static_cast<size_t>(data.training->size()));
  std::iota(ids.begin(), ids.end(), 0);
  const Batch training = data.training->batch(ids);
  double sum = 0.0;
  for (int64_t i = 0; i < training.inputs.size(0); ++i) {
    sum += double{training.inputs.data<float>()[i * training.inputs.size(1)]};
  }
  EXPECT_NEAR(sum, 0.0, 1e-4);  // size is standardised by these rows
  int64_t in_folds = 0;
  for (const char* fold : {"0", "1", "2"}) {
    const ExperimentData part =
        make_data(table_(streamed_({"data.folds=3", "data.unseen=zeros", std::string("data.fold=") + fold})));
    in_folds += part.validation->size();
  }
  EXPECT_EQ(in_folds, 400);
  EXPECT_EQ(error_text([&] {
              make_data(table_(streamed_({"data.folds=3", "data.fold=3"})));
            }),
            "[--set data.fold=3] data.fold = 3 of 3 folds; they are numbered from 0");
}

// Of 60,000 rows it is longer than the pieces that it is written in.
TEST_F(StreamedData, TheSplitIsWrittenDown) {
  spill(folder_ / "a.svm", libsvm_rows(60'000, 1));
  const Config config = sparse_(streamed_({"data.validation_fraction=0.25", "train.steps=1"}));
  gradus::Run(config, folder_ / "run").train();
  const Table split = read_csv(path_("run/split.csv"));
  ASSERT_EQ(split.rows, 60'000);
  std::vector<double> rows(60'000);
  std::iota(rows.begin(), rows.end(), 0.0);
  EXPECT_EQ(split.columns[0].numbers, rows);
  std::istringstream lines(slurp(folder_ / "a.svm"));
  std::vector<double> labels;
  int64_t held = 0;
  for (int64_t row = 0; row < 60'000; ++row) {
    std::string line;
    std::getline(lines, line);
    if (split.columns[1].text(row) != "validation") continue;
    ++held;
    labels.push_back(line[0] == '-' ? 0.0 : 1.0);
  }
  const ExperimentData data = make_data(config);
  ASSERT_EQ(data.validation->size(), held);
  std::vector<int64_t> ids(static_cast<size_t>(held));
  std::iota(ids.begin(), ids.end(), 0);
  EXPECT_EQ(data.validation->batch(ids).targets.values<double>(), labels);

  const auto written = fs::last_write_time(folder_ / "run/split.csv");
  const std::string text = slurp(folder_ / "run/split.csv");
  gradus::Run(sparse_(streamed_({"data.validation_fraction=0.25", "train.steps=2"})), folder_ / "run", {.resume = true})
      .train();
  EXPECT_EQ(fs::last_write_time(folder_ / "run/split.csv"), written);
  for (const std::string& other : {text + "1", text.substr(0, text.size() - 1), std::string()}) {
    spill(folder_ / "run/split.csv", other);
    gradus::Run(sparse_(streamed_({"data.validation_fraction=0.25", "train.steps=2"})), folder_ / "run",
                {.resume = true});
    EXPECT_EQ(slurp(folder_ / "run/split.csv"), text);
  }
}

// Rows that are left out have no number, so that the same row has the same one in both.
TEST_F(StreamedData, TheSplitIsThatOfRowsInMemory) {
  spill(folder_ / "a.csv", csv_rows(20, 1) + "1,Ulm,101,2,x,1,,big\n" + csv_rows(20, 2).substr(46));
  spill(folder_ / "b.csv", csv_rows(10, 3));
  const Overrides keys = {"data.unlabelled=leave_out", Config::text_override("data.validation_path", path_("b.csv")),
                          "data.unseen=zeros"};
  const auto split = [&](const Overrides& of_run) {
    Overrides all = of_run;
    all.insert(all.begin(), keys.begin(), keys.end());
    const Config config = Config::parse(
        "data = {kind = \"csv\", target = \"price\", impute = \"mean\", features = [\"size\", \"town\"]}\n"
        "model.kind = \"linear\"\nsolver = {name = \"adagrad\", learning_rate = 0.5}\ntrain.steps = 1\n",
        "run.toml", [&] {
          all.push_back(Config::text_override("data.path", path_("a.csv")));
          return all;
        }());
    gradus::Run(config, folder_ / "run", {.overwrite = true}).train();
    return slurp(folder_ / "run/split.csv");
  };
  const std::string wanted = split({});
  EXPECT_EQ(std::count(wanted.begin(), wanted.end(), '\n'), 41);
  EXPECT_EQ(split(streamed_({})), wanted);
}

TEST_F(StreamedData, EvaluatesAndPredictsPieceByPiece) {
  spill(folder_ / "a.csv", csv_rows(400, 1));
  spill(folder_ / "b.csv", csv_rows(90, 2));
  spill(folder_ / "a.svm", libsvm_rows(500, 1));
  const auto check = [&](const Config& in_memory, const Config& streamed, const std::string& file) {
    gradus::Run(in_memory, folder_ / "memory", {.overwrite = true}).train();
    gradus::Run(streamed, folder_ / "streamed", {.overwrite = true}).train();
    const TrainedRun wanted = load(folder_ / "memory"), found = load(folder_ / "streamed");
    std::string text;
    predict_files(found, {file}, [&](const Predictions& rows) { text += to_csv(rows, text.empty()); });
    EXPECT_EQ(text, to_csv(predict_files(wanted, {file})));
    Metrics metrics(metric_units(found.encoder(), *read_data(wanted.config(), wanted.encoder(), {file}).rows));
    int64_t rows = 0;
    read_data_in_parts(found.config(), std::get<TableEncoder>(found.encoder()), {file}, [&](const Dataset& part) {
      evaluate_into(metrics, evaluation_of(found.model()), part, {});
      rows += part.size();
    });
    const auto data = read_data(wanted.config(), wanted.encoder(), {file}).rows;
    EXPECT_EQ(rows, data->size());
    EXPECT_NEAR(metrics.loss(), evaluate(evaluation_of(wanted.model()), *data, {})->loss(), 1e-9);
  };
  const Overrides keys = {"data.weight=weight"};
  check(table_(keys), table_(streamed_(keys)), path_("b.csv"));
  check(sparse_({}), sparse_(streamed_({})), path_("a.svm"));
  const TrainedRun run = load(folder_ / "streamed");
  spill(folder_ / "wide.svm", "1 1:1\n-1 21:1\n");
  EXPECT_EQ(error_text([&] { predict_files(run, {path_("wide.svm")}, [](const Predictions&) {}); }),
            fmt::format("[{}:2] index 21, and there are 20 columns; expected at most 20", path_("wide.svm")));
}

TEST_F(StreamedData, LeavesOutWhatIsAskedFor) {
  std::string text = csv_rows(50, 1);
  text += "1,Ulm,101,2,x,1,,big\n1,Ulm\n";
  spill(folder_ / "a.csv", text);
  const Overrides keys = {"data.unlabelled=leave_out", "data.on_bad_row=skip"};
  const ExperimentData data = make_data(table_(streamed_(keys)));
  EXPECT_EQ(left_out_text(data),
            fmt::format("1 rows are left out, as something is wrong with them; the first: [{}:53] 2 "
                        "fields; expected 8, as in line 1\n1 rows without a target are left out\n",
                        path_("a.csv")));
  EXPECT_EQ(data.training->size(), 50);
  EXPECT_EQ(trained(table_(streamed_(keys))).weights, trained(table_(keys)).weights);
  EXPECT_EQ(error_text([&] { make_data(table_(streamed_({"data.on_bad_row=skip"}))); }),
            fmt::format("[{}:52] the value of column \"price\", which is to be learned, is missing; fill it, or "
                        "remove the row (of tables and arrays data.unlabelled = \"leave_out\" does)",
                        path_("a.csv")));
}

// In a feature, the weight and the target; a category keeps its texts, and a column that is not used any.
TEST_F(StreamedData, LeavesOutBadValuesAsRowsInMemoryAre) {
  std::string text = csv_rows(50, 1);
  text += "inf,Ulm,101,2,x,1,3,big\n7,Ulm,101,2,x,abc,3,big\n7,Ulm,101,2,x,1,1e999,big\n";
  text += std::string("7,Ulm,101,\0,x,1,3,big\n", 22) + "7,Ulm,abc,2,x,1,3,big\n";
  spill(folder_ / "a.csv", text);
  const Overrides keys = {"data.on_bad_row=skip", "data.weight=weight"};
  const ExperimentData data = make_data(table_(streamed_(keys)));
  EXPECT_EQ(left_out_text(data), fmt::format("4 rows are left out, as something is wrong with them; the first: [{}:52, "
                                             "column 1] \"inf\" is no number; expected one, as in the rest of the "
                                             "column\n",
                                             path_("a.csv")));
  EXPECT_EQ(left_out_text(make_data(table_(keys))), left_out_text(data));
  EXPECT_EQ(data.training->size(), 51);
  EXPECT_EQ(trained(table_(streamed_(keys))).weights, trained(table_(keys)).weights);
  const std::string error = error_text([&] { make_data(table_(streamed_({}))); });
  EXPECT_EQ(error.substr(0, error.find(';')),
            fmt::format("[{}:54] column \"price\" holds text, \"1e999\"", path_("a.csv")));
  EXPECT_EQ(error_text([&] { make_data(table_({})); }), error);
}

TEST_F(StreamedData, TheCacheIsMadeAgainWhenItIsNotWhatIsAskedFor) {
  spill(folder_ / "a.svm", libsvm_rows(100, 1));
  const Overrides keys = streamed_({Config::text_override("data.cache", path_("cache"))});
  EXPECT_EQ(left_out_text(make_data(sparse_(keys))), "");
  EXPECT_EQ(left_out_text(make_data(sparse_(keys))), "");
  Overrides other = keys;
  other.emplace_back("data.validation_fraction=0.5");
  EXPECT_EQ(left_out_text(make_data(sparse_(other))),
            fmt::format("the cache of rows {} is made again: it was made with other options\n", path_("cache")));
  spill(folder_ / "a.svm", libsvm_rows(101, 1));
  EXPECT_EQ(left_out_text(make_data(sparse_(other))),
            fmt::format("the cache of rows {} is made again: {} has changed since\n", path_("cache"), path_("a.svm")));
  EXPECT_EQ(folder_.count(), 2u);
}

TEST_F(StreamedData, SaysWhatCannotBeStreamed) {
  spill(folder_ / "a.svm", libsvm_rows(100, 1));
  spill(folder_ / "a.csv", csv_rows(50, 1));
  const auto error = [&](const Overrides& keys) {
    return error_text([&] { Session session(sparse_(streamed_(keys))); });
  };
  EXPECT_EQ(
      error({"solver.name=newton"}),
      "[--set data.rows=streamed] solver.name = \"newton\" needs all rows in memory; take \"sgd\", \"adagrad\" or "
      "\"ftrl\", which take one at a time, or an optimizer with solver.name = \"none\"; or set data.rows = "
      "\"in_memory\"");
  EXPECT_EQ(
      error({"solver.name=none"}),
      "[run.toml] data.rows = \"streamed\" needs batches that fit in memory; set train.batch_size to a number, such "
      "as 256");
  EXPECT_EQ(
      error({"solver.name=none", "train.batch_size=5", "train.sampling=replacement"}),
      "[--set train.sampling=replacement] train.sampling = \"replacement\" takes rows from anywhere, and data.rows "
      "= \"streamed\" has some at hand; set train.sampling = \"shuffle\"");
  EXPECT_EQ(error({"data.split=stratified"}),
            "[--set data.split=stratified] data.split = \"stratified\" needs all rows in memory; set data.split = "
            "\"random\", or "
            "data.rows = \"in_memory\"");
  spill(folder_ / "b.svm", libsvm_rows(10, 2));
  EXPECT_EQ(
      error({"data.folds=2", Config::text_override("data.validation_path", path_("b.svm"))}),
      fmt::format("[--set data.validation_path=\"{}\"] data.validation_path and data.folds both say what is held out "
                  "of streamed rows; remove one of them",
                  path_("b.svm")));
  EXPECT_EQ(
      error({"data.training_size=5"}),
      "[--set data.training_size=5] data.training_size draws rows from all of them, which data.rows = \"streamed\" "
      "does not hold; remove it");
  EXPECT_EQ(error_text([&] { make_data(table_(streamed_({"data.impute=median"}))); }),
            "[data.impute] the median needs all numbers of a column at once, which data.rows = \"streamed\" does not "
            "keep; take \"mean\" or \"constant\"");
  EXPECT_EQ(error({"validation.every=1", "data.validation_fraction=1e-9"}).substr(0, 101),
            "[--set data.validation_fraction=1e-9] data.validation_fraction = 1e-09 of 100 examples holds out none");
  spill(folder_ / "a.csv", "price,size,town,zip,rooms,late,weight\n1,2,a,1,2,3,0\n2,3,b,2,2,3,0\n");
  EXPECT_EQ(error_text([&] { make_data(table_(streamed_({"data.weight=weight"}))); }),
            fmt::format("[{}.rows] the weights in column \"weight\", which data.weight names, are all 0; expected "
                        "some above 0",
                        path_("a.csv")));
  EXPECT_EQ(error_text([&] { make_data(table_(streamed_({"data.validation_fraction=0.999999"}))); }),
            fmt::format("[{}] no row is left to train on; give more rows, or a smaller data.validation_fraction",
                        path_("a.csv")));
  EXPECT_EQ(error_text([&] { make_data(sparse_(streamed_({"data.validation_fraction=0.999999"}))); }),
            fmt::format("[{}.rows] no row is left to train on; give more rows, or a smaller data.validation_fraction",
                        path_("a.svm")));
}

TEST_F(StreamedData, LabelsThatTheModelDoesNotKnowAreErrors) {
  spill(folder_ / "a.svm", "1 1:1\n-1 2:1\n");
  spill(folder_ / "b.svm", "1 1:1\n3 2:1\n");
  const Overrides keys = {Config::text_override("data.validation_path", path_("b.svm"))};
  EXPECT_EQ(
      error_text([&] { make_data(sparse_(streamed_(keys))); }),
      fmt::format("[{}:2] \"3\" in column \"label\" is a class that the model does not know; it was made for: -1, 1",
                  path_("b.svm")));
  const ExperimentData data = make_data(sparse_(streamed_({})));
  const CachedTargets targets(std::get<TableEncoder>(data.encoder));
  const std::vector<double> unknown = {1.0, 2.0};
  EXPECT_EQ(error_text([&] { targets(unknown, "c"); }), "[c] the label 2 is a class that the model does not know");
  const ExperimentData numbers = make_data(sparse_(streamed_({"loss.name=mse"})));
  const CachedTargets of_numbers(std::get<TableEncoder>(numbers.encoder));
  const std::vector<double> large = {1e300};
  EXPECT_EQ(error_text([&] { of_numbers(large, "c"); }),
            "[c] the label 1e+300 is beyond what 32 bits hold; give it in another unit");
}

TEST_F(StreamedData, SeveralTablesAreOne) {
  spill(folder_ / "a.csv", "x,town,y\n1,,2\n2,NA,3\n");
  spill(folder_ / "b.csv", "x,town,y\n3,Ulm,5\n5,Bonn,6\n");
  const auto config = [&](Overrides keys) {
    return Config::parse(
        "data = {kind = \"csv\", validation_fraction = 0.0, impute = \"mean\"}\nmodel.kind = "
        "\"linear\"\nsolver.name = \"adagrad\"\ntrain.steps = 2\n",
        "run.toml", keys);
  };
  const std::string both = fmt::format("data.path=[\"{}\", \"{}\"]", path_("a.csv"), path_("b.csv"));
  EXPECT_EQ(trained(config(streamed_({both}))).hash, trained(config({both})).hash);
  const auto error = [&] { return error_text([&] { make_data(config(streamed_({both}))); }); };
  spill(folder_ / "b.csv", "x,town,y\nthree,Ulm,5\n");
  EXPECT_EQ(error(),
            fmt::format("[{}] column \"x\" holds text; in {} it holds numbers", path_("b.csv"), path_("a.csv")));
  EXPECT_EQ(error(), error_text([&] { make_data(config({both})); }));
  spill(folder_ / "b.csv", "x,y\n3,5\n");
  EXPECT_EQ(error(),
            fmt::format("[{}] column 2 is \"y\"; expected \"town\", as in {}", path_("b.csv"), path_("a.csv")));
  spill(folder_ / "b.csv", "x,town,y,z\n3,Ulm,5,6\n");
  EXPECT_EQ(error(), fmt::format("[{}] column 4 is \"z\"; expected none, as in {}", path_("b.csv"), path_("a.csv")));
}

TEST_F(StreamedData, RefusesMoreThanMemoryHolds) {
  std::string text = "id,y\n";
  for (int i = 0; i < 70'000; ++i) text += fmt::format("n{},{}\n", i, i % 2);
  spill(folder_ / "a.csv", text);
  const auto config = [&](Overrides keys) {
    keys.insert(keys.begin(), Config::text_override("data.path", path_("a.csv")));
    return Config::parse(
        "data = {kind = \"csv\", validation_fraction = 0.0}\nmodel.kind = \"linear\"\n"
        "solver.name = \"adagrad\"\ntrain.steps = 2\n",
        "run.toml", keys);
  };
  EXPECT_EQ(error_text([&] { make_data(config(streamed_({}))); }),
            fmt::format("[{}] column \"id\" has more than 65536 different values, where classes or categories are "
                        "learned; leave it out of data.features, set data.categories = \"hash\", or learn numbers",
                        path_("a.csv")));
  spill(folder_ / "a.csv", "id,y\na,1\nb,2\n");
  const ExperimentData data = make_data(config(streamed_({"data.categories=hash", "data.hash_buckets=65536"})));
  const std::vector<int64_t> ids(10'000'000);
  EXPECT_EQ(error_text([&] { data.training->batch(ids); }),
            "[data.rows] 10000000 rows at once do not fit in memory; take smaller batches, or other data with --data");
}

TEST_F(StreamedData, AFileThatDoesNotFitIsRefusedWithAWordOnStreaming) {
  spill(folder_ / "a.svm", "1 1:1\n-1 2:1\n");
  constexpr uintmax_t kTerabytes = uintmax_t{4} << 40;
  std::error_code error;
  fs::resize_file(folder_ / "a.svm", kTerabytes, error);  // a hole
  if (error) GTEST_SKIP() << "this file system has no files of " << kTerabytes << " bytes";
  EXPECT_EQ(
      error_text([&] { make_data(sparse_({})); }),
      fmt::format("[{}] {} bytes to read, with the files before it, which is more than half of the free memory; set "
                  "data.rows = \"streamed\", so that rows go through memory a part at a time",
                  path_("a.svm"), kTerabytes));
}

TEST(StreamedCache, ReplacesNothingOfSomebodysOwn) {
  const TemporaryFolder folder;
  spill(folder / "a.csv", "x,y\n1,2\n2,3\n3,5\n");
  spill(folder / "notes.txt", "mine, and longer than the mark of a cache");
  const auto error = [&](const char* cache) {
    return message_of(ErrorKind::kUsage, [&] {
      make_data(
          Config::parse("data = {kind = \"csv\", rows = \"streamed\", validation_fraction = 0.0}\n"
                        "model.kind = \"linear\"\nsolver = {name = \"sgd\", rate = \"constant\"}\ntrain.steps = 1\n",
                        "run.toml",
                        {Config::text_override("data.path", (folder / "a.csv").string()),
                         Config::text_override("data.cache", (folder / cache).string())}));
    });
  };
  EXPECT_EQ(error("a.csv"),
            "[" + (folder / "a.csv").string() +
                "] is the file to learn from, and cannot be its cache of rows; name another data.cache");
  EXPECT_EQ(
      error("notes.txt"),
      "[" + (folder / "notes.txt").string() +
          "] is no cache of rows, and is left as it is; name another data.cache, or move the file out of the way");
  EXPECT_EQ(slurp(folder / "notes.txt"), "mine, and longer than the mark of a cache");
  EXPECT_EQ(slurp(folder / "a.csv").substr(0, 4), "x,y\n");
  EXPECT_EQ(error("new.rows"), "");
  EXPECT_EQ(error("new.rows"), "");  // which is one now
}

}  // namespace streamed_data_test
}  // namespace gradus
