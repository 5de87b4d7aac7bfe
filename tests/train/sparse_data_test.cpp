// Sparse rows in a run: data.kind = "libsvm", from the file to predictions.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <sstream>

#include "gradus/train/evaluation.h"
#include "gradus/train/prediction.h"
#include "gradus/train/report.h"
#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace sparse_data_test {

using Lines = std::vector<std::string>;

Config sparse(const std::filesystem::path& path, Overrides keys = {}) {
  keys.push_back(Config::text_override("data.path", path.string()));
  return Config::parse(
      "data = {kind = \"libsvm\", validation_fraction = 0.0}\nmodel = {kind = \"linear\", init = \"zeros\"}\n"
      "loss.name = \"binary_cross_entropy\"\ntrain.steps = 20\n",
      "run.toml", keys);
}

// Four features, of which each row has two, and what they say of the class.
std::string rows(int count, int first) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const int a = i % 4, b = (i * 7 / 4 + 1 + a) % 4;
    if (a == b) continue;
    const bool positive = a + b > 3 || i % 5 == 0;
    text += fmt::format("{} {}:{} {}:{}\n", positive ? "+1" : "-1", std::min(a, b) + first, 1 + i % 3,
                        std::max(a, b) + first, 0.5 * (i % 4) - 1.0);
  }
  return text;
}

// The same rows as a table.
std::string dense(const std::string& sparse_rows, int first) {
  std::string text = "a,b,c,d,label\n";
  std::istringstream lines(sparse_rows);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string label, field;
    fields >> label;
    double x[4] = {};
    while (fields >> field) {
      const size_t colon = field.find(':');
      x[std::stoi(field.substr(0, colon)) - first] = std::stod(field.substr(colon + 1));
    }
    text += fmt::format("{},{},{},{},{}\n", x[0], x[1], x[2], x[3], label);
  }
  return text;
}

Config dense_config(const std::filesystem::path& path, Overrides keys) {
  keys.insert(keys.begin(), {"data.kind=csv", "data.scaling=none"});
  return sparse(path, keys);
}

std::vector<double> trained(const Config& config) {
  Session session(config);
  session.trainer().run();
  return values_of(session.model().parameters());
}

// The tape's products of sparse rows are those of dense ones: same weights after 20 steps of the same batches.
TEST(SparseData, OptimizersAndSolversLearnWhatTheyLearnOfATable) {
  const TemporaryFolder folder;
  const std::string text = rows(60, 1);
  spill(folder / "a.svm", text);
  spill(folder / "a.csv", dense(text, 1));
  for (const Overrides& keys :
       {Overrides{"optimizer.name=adam", "train.batch_size=16"}, Overrides{"model.kind=mlp", "model.init=default"},
        Overrides{"solver.name=newton", "regularization.l2=0.01"},
        Overrides{"solver.name=lbfgs", "regularization.l2=0.01"},
        Overrides{"solver.name=adagrad"}, Overrides{"solver.name=ftrl", "regularization.l1=0.001"}}) {
    SCOPED_TRACE(keys[0]);
    const std::vector<double> found = trained(sparse(folder / "a.svm", keys)),
                              wanted = trained(dense_config(folder / "a.csv", keys));
    ASSERT_EQ(found.size(), wanted.size());
    // Sums of two products, rounded once instead of twice, in some 20 to 80 updates of f32.
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 2e-5) << i;
  }
}

TEST(SparseData, EvaluatesAndPredictsAsATableDoes) {
  const TemporaryFolder folder;
  const std::string text = rows(60, 1);
  spill(folder / "a.svm", text);
  spill(folder / "a.csv", dense(text, 1));
  const Overrides keys = {"solver.name=newton", "regularization.l2=0.01"};
  gradus::Run(sparse(folder / "a.svm", keys), folder / "sparse").train();
  gradus::Run(dense_config(folder / "a.csv", keys), folder / "dense").train();
  const TrainedRun found = load(folder / "sparse"), wanted = load(folder / "dense");
  EXPECT_EQ(found.shape().inputs, 4);
  const Predictions p = predict_files(found, {(folder / "a.svm").string()}),
                    q = predict_files(wanted, {(folder / "a.csv").string()});
  EXPECT_EQ(p.classes, (Lines{"-1", "1"}));
  EXPECT_EQ(p.ids, q.ids);
  for (size_t i = 0; i < p.probabilities.size(); ++i) {
    EXPECT_NEAR(p.probabilities[i][1], q.probabilities[i][1], 1e-5) << i;
  }
  const auto part = read_data(found.config(), found.encoder(), {(folder / "a.svm").string()}).rows;
  const auto table = read_data(wanted.config(), wanted.encoder(), {(folder / "a.csv").string()}).rows;
  const auto metrics = evaluate(evaluation_of(found.model()), *part, {}), other =
      evaluate(evaluation_of(wanted.model()), *table, {});
  EXPECT_NEAR(metrics->loss(), other->loss(), 1e-6);
  EXPECT_EQ(report_json(make_report(found, *part, {.resamples = 10})).substr(0, 40),
            report_json(make_report(wanted, *table, {.resamples = 10})).substr(0, 40));
}

TEST(SparseData, ColumnsAreCountedAsInTheTrainingFile) {
  const TemporaryFolder folder;
  spill(folder / "a.svm", "1 0:1 3:1\n-1 1:1\n1 0:2\n-1 2:1\n");
  spill(folder / "b.svm", "1 1:1\n-1 3:1\n");  // by itself its first column would be 1
  gradus::Run(sparse(folder / "a.svm", {"solver.name=newton", "regularization.l2=0.1"}), folder / "run").train();
  const TrainedRun run = load(folder / "run");
  const auto& encoder = std::get<TableEncoder>(run.encoder());
  EXPECT_EQ(encoder.sparse().first, 0);
  EXPECT_EQ(encoder.width(), 4);
  const auto part = read_data(run.config(), run.encoder(), {(folder / "b.svm").string()}).rows;
  const auto& data = dynamic_cast<const SparseDataset&>(*part);
  EXPECT_EQ(data.rows()->indices, (std::vector<int32_t>{1, 3}));
  spill(folder / "wide.svm", "1 1:1\n-1 4:1\n");
  EXPECT_EQ(program_error([&] { predict_files(run, {(folder / "wide.svm").string()}); }),
            fmt::format("[{}:2] index 4, and there are 4 columns; expected at most 3", (folder / "wide.svm").string()));
}

TEST(SparseData, BadRowsAreLeftOutAndCountedIfAskedFor) {
  const TemporaryFolder folder;
  spill(folder / "a.svm", "1 1:1\n-1 2:1 # \xFF\nx\n1 1:2\n-1 2:1\n1 2:3 2:4\n");
  spill(folder / "b.svm", "1 1:1\n-1 9:1\n-1 2:1\n");
  const std::string path = (folder / "a.svm").string(), other = (folder / "b.svm").string();
  EXPECT_EQ(program_error([&] { make_data(sparse(folder / "a.svm")); }).substr(0, path.size() + 3), "[" + path + ":2");
  const Overrides skip = {"data.on_bad_row=skip", "solver.name=newton", "regularization.l2=0.1"};
  const ExperimentData data = make_data(sparse(folder / "a.svm", skip));
  EXPECT_EQ(data.training->size(), 3);
  EXPECT_EQ(left_out_text(data),
            fmt::format("3 rows are left out, as something is wrong with them; the first: [{}:2] byte "
                        "9 of the row, 0xFF, is no UTF-8; expected text in UTF-8\n",
                        path));
  Overrides streamed = skip;
  streamed[1] = "solver.name=ftrl";
  streamed.emplace_back("data.rows=streamed");
  EXPECT_EQ(left_out_text(make_data(sparse(folder / "a.svm", streamed))), left_out_text(data));
  for (const Overrides& keys : {skip, streamed}) {
    gradus::Run(sparse(folder / "a.svm", keys), folder / "run", {.overwrite = true}).train();
    EXPECT_EQ(slurp(folder / "run/split.csv"), "row,part\n0,training\n1,training\n2,training\n");
    const TrainedRun run = load(folder / "run");
    const std::string wrong = fmt::format("[{}:2] index 9, and there are 2 columns; expected at most 2", other);
    const ReadRows read = read_data(run.config(), run.encoder(), {other});
    EXPECT_EQ(read.rows->size(), 2);
    EXPECT_EQ(read.left_out.skipped.first, wrong);
    int64_t rows = 0;
    const LeftOutRows in_parts = read_data_in_parts(run.config(), std::get<TableEncoder>(run.encoder()), {other},
                                                    [&](const Dataset& part) { rows += part.size(); });
    EXPECT_EQ(rows, 2);
    EXPECT_EQ(in_parts.skipped.first, wrong);
    // Each row has its prediction.
    EXPECT_EQ(program_error([&] { predict_files(run, {other}, [](const Predictions&) {}); }), wrong);
  }
}

TEST(SparseData, AValidationFileMayHaveColumnsOfItsOwn) {
  const TemporaryFolder folder;
  spill(folder / "a.svm", "1 1:1\n-1 2:1\n");
  spill(folder / "b.svm", "1 1:1 7:3\n-1 2:1\n");
  const Overrides keys = {"solver.name=newton", "regularization.l2=0.1", "validation.every=20"};
  Config config = Config::parse(
      "data = {kind = \"libsvm\"}\nmodel.kind = \"linear\"\nloss.name = \"hinge\"\ntrain.steps = 3\n"
      "solver = {name = \"dual_descent\"}\nregularization.l2 = 0.1\nvalidation.every = 3\n",
      "run.toml",
      {Config::text_override("data.path", (folder / "a.svm").string()),
       Config::text_override("data.validation_path", (folder / "b.svm").string())});
  const ExperimentData data = make_data(config);
  EXPECT_EQ(data.shape.inputs, 7);
  EXPECT_EQ(dynamic_cast<const SparseDataset&>(*data.training).rows()->columns, 7);
  Session session(config);
  EXPECT_TRUE(session.trainer().run().best_validation_loss.has_value());
}

TEST(SparseData, SeveralFilesAreOne) {
  const TemporaryFolder folder;
  spill(folder / "a.svm", "1 1:1\n-1 2:1\n");
  spill(folder / "b.svm", "3 5:2\n");
  const Config config = Config::parse(
      "data = {kind = \"libsvm\", validation_fraction = 0.0}\nmodel.kind = \"linear\"\nloss.name = \"cross_entropy\"\n"
      "train.steps = 1\n",
      "run.toml",
      {fmt::format("data.path=[\"{}\", \"{}\"]", (folder / "a.svm").string(), (folder / "b.svm").string())});
  const ExperimentData data = make_data(config);
  const auto& all = dynamic_cast<const SparseDataset&>(*data.training);
  EXPECT_EQ(all.rows()->offsets, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(all.rows()->indices, (std::vector<int32_t>{0, 1, 4}));
  EXPECT_EQ(all.targets().values<int64_t>(), (std::vector<int64_t>{1, 0, 2}));
  EXPECT_EQ(std::get<TableEncoder>(data.encoder).classes(), (Lines{"-1", "1", "3"}));
  EXPECT_EQ(data.split.training, (std::vector<int64_t>{0, 1, 2}));
}

TEST(SparseData, StratifiesByTheLabel) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 40; ++i) text += i % 4 == 0 ? "1 1:1\n" : "-1 2:1\n";
  spill(folder / "a.svm", text);
  const ExperimentData data =
      make_data(sparse(folder / "a.svm", {"data.split=stratified", "data.validation_fraction=0.25"}));
  std::vector<int64_t> held = dynamic_cast<const SparseDataset&>(*data.validation).targets().values<int64_t>();
  EXPECT_EQ(held.size(), 10U);
  EXPECT_NEAR(static_cast<double>(std::count(held.begin(), held.end(), 1)), 2.5, 0.5);
}

TEST(SparseData, AHugeIndexIsAskedAbout) {
  const TemporaryFolder folder;
  spill(folder / "a.svm", "1 1:0.5 2147483646:1\n-1 1:1\n");
  const std::string path = (folder / "a.svm").string();
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { make_data(sparse(path)); }),
            "[" + path +
                "] its highest index is 2147483646, and a model has a weight for each column; set data.columns if there "
                "are so many");
  EXPECT_EQ(make_data(sparse(path, {"data.columns=2147483646"})).shape.inputs, 2147483646);
}

}  // namespace sparse_data_test
}  // namespace gradus
