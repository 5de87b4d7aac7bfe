// Embeddings by the classes of examples: `loss.name` = "triplet" and "info_nce".
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/train/prediction.h"
#include "gradus/train/report.h"
#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace metric_learning_test {

Config config_of(const Overrides& keys) {
  return Config::parse(
      "data = {kind = \"spirals\", points = 300, noise = 0.05}\nmodel = {kind = \"mlp\", hidden = [32, 32]}\n"
      "loss = {name = \"info_nce\", embedding = 4}\noptimizer = {name = \"adamw\", learning_rate = 0.01}\n"
      "train = {steps = 300, batch_size = 64}\nvalidation.every = 300\nlog.every = 300\n",
      "run.toml", keys);
}

// Of the arms' points four in five have the nearest other on their own arm to begin with, behind random weights.
TEST(MetricLearning, BringsAClassTogether) {
  const TemporaryFolder folder;
  const auto recall = [&](const std::string& loss, const std::string& steps) {
    const std::filesystem::path run = folder / (loss + steps);
    gradus::Run(config_of({"loss.name=" + loss, "train.steps=" + steps, "validation.every=" + steps}), run).train();
    const nlohmann::json last = log_of(run).back();
    EXPECT_FALSE(last.contains("val_accuracy"));
    return last["val_recall_at_1"].get<double>();
  };
  for (const char* loss : {"info_nce", "triplet"}) {
    EXPECT_LT(recall(loss, "1"), 0.85) << loss;
    EXPECT_GT(recall(loss, "300"), 0.9) << loss;
  }
}

TEST(MetricLearning, PredictsEmbeddings) {
  const TemporaryFolder folder;
  spill(folder / "v.csv", "x,y\n0.5,0.25\n-1,0.5\n");
  for (const char* loss : {"info_nce", "triplet"}) {
    gradus::Run(config_of({std::string("loss.name=") + loss, "train.steps=3"}), folder / loss).train();
    const TrainedRun run = load(folder / loss);
    const Predictions p = predict_files(run, {(folder / "v.csv").string()});
    ASSERT_EQ(p.size(), 2U);
    ASSERT_EQ(p.codes[0].size(), 4U);
    double squares = 0.0;
    for (const double x : p.codes[1]) squares += x * x;
    if (std::string_view(loss) == "info_nce") {
      EXPECT_NEAR(squares, 1.0, 1e-5);
    }
    EXPECT_TRUE(to_csv(p, true).starts_with("code_0,code_1,code_2,code_3\n"));
    Predictions two;
    two.codes = {{0.5, -1}, {2, 3}};
    EXPECT_EQ(to_text(two), "row 1: 0.5,-1\nrow 2: 2,3\n");
    two.names = {"a.png", "b,c.png"};
    EXPECT_EQ(to_csv(two), "file,code_0,code_1\na.png,0.5,-1\n\"b,c.png\",2,3\n");
    EXPECT_EQ(to_jsonl(two), "{\"file\":\"a.png\",\"code\":[0.5,-1]}\n{\"file\":\"b,c.png\",\"code\":[2,3]}\n");
    EXPECT_EQ(to_text(two), "a.png: 0.5,-1\nb,c.png: 2,3\n");
    const ExperimentData data = make_data(run.config());
    EXPECT_EQ(usage_error_text([&] { report_measures(run, *data.validation); }),
              std::string("[report] the run's model gives embeddings (loss.name = \"") + loss +
                  "\"), of which there is no report; `gradus eval` without it has their loss and recall_at_1");
  }
}

TEST(MetricLearning, IsOfTheSeedAndNotOfTheThreads) {
  const auto weights = [](const char* threads) {
    Session session(config_of({"train.steps=5", threads}));
    session.trainer().run();
    std::vector<double> all;
    for (const Parameter& p : session.model().parameters()) {
      const std::vector<double> own = p.tensor.values<double>();
      all.insert(all.end(), own.begin(), own.end());
    }
    return all;
  };
  EXPECT_EQ(weights("train.threads=1"), weights("train.threads=4"));
}

TEST(MetricLearning, NeedsBatchesOfSeveral) {
  const auto error = [](const char* key) { return usage_error_text([&] { config_of({key}); }); };
  EXPECT_EQ(
      error("train.micro_batch_size=8"),
      "[--set train.micro_batch_size=8] loss.name = \"info_nce\" compares the examples of a batch with each other, and "
      "train.micro_batch_size cuts it into parts; remove it");
  for (const std::string key : {"train.batch_size", "validation.batch_size"}) {
    EXPECT_EQ(error((key + "=2").c_str()),
              "[--set " + key +
                  "=2] loss.name = \"info_nce\" compares an example of a batch with one of its class and "
                  "one of another, and " +
                  key + " = 2 has no room for the three; take some of each class");
  }
  // There is a validation at the end in any case.
  EXPECT_THAT(usage_error_text([] {
                config_of({"validation.batch_size=2", "validation.every=0"});
              }),
              testing::HasSubstr("validation.batch_size = 2 has no room for the three"));
  EXPECT_EQ(
      error("validation.report=true"),
      "[--set validation.report=true] validation.report is of classes or numbers, and loss.name = \"info_nce\" gives "
      "embeddings; remove it");
  EXPECT_EQ(parse_error("data = {kind = \"csv\", path = \"a\", weight = \"w\"}\nmodel.kind = \"mlp\"\ntrain.steps = 1\n"
                        "loss.name = \"triplet\"\n"),
            "[run.toml:1:35] loss.name = \"triplet\" compares examples, and has no weights of them; remove it");
}

Config table_of(const std::filesystem::path& path, const Overrides& keys) {
  return Config::parse(
      "data = {kind = \"csv\", split = \"in_order\"}\nmodel.kind = \"linear\"\nloss.name = \"triplet\"\n"
      "loss.embedding = 2\ntrain = {steps = 6, batch_size = 3, sampling = \"in_order\"}\nlog.every = 1\n",
      "run.toml", [&] {
        Overrides all = {"data.path=" + path.string()};
        all.insert(all.end(), keys.begin(), keys.end());
        return all;
      }());
}

// Batches by turns with a pair and without: those without are passed over.
TEST(MetricLearning, ABatchWithoutAPairIsPassedOver) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n1,a\n2,a\n3,b\n4,a\n5,b\n6,c\n");
  Session session(table_of(folder / "t.csv", {}));
  std::vector<double> weights;
  session.trainer().set_callback([&](const StepRecord& record) {
    weights.push_back(record.weight);
    EXPECT_EQ(std::isnan(record.loss), record.weight == 0.0);
  });
  session.trainer().run();
  EXPECT_EQ(weights, (std::vector<double>{2, 0, 2, 0, 2, 0}));
}

TEST(MetricLearning, DataWithoutPairsIsSaidBeforeTraining) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n1,a\n2,b\n3,c\n4,d\n");
  EXPECT_EQ(usage_error_text([&] { make_data(table_of(folder / "t.csv", {"loss.name=info_nce"})); }),
            "[--set loss.name=info_nce] loss.name = \"info_nce\" compares examples of one class with those of another, "
            "and the training part has no two of one class beside another; give more examples of each class, or take "
            "\"cross_entropy\"");
  spill(folder / "t.csv", "x,y\n1,a\n2,a\n3,b\n4,a\n5,b\n6,c\n");
  const ExperimentData data = make_data(table_of(folder / "t.csv", {"data.validation_fraction=0.5"}));
  EXPECT_EQ(data.notes.back(),
            "the validation part has no two examples of one class beside another, so that there is no validation loss");
  const auto waits = [&](const std::string& key) {
    return usage_error_text([&] {
      make_data(table_of(folder / "t.csv", {"data.validation_fraction=0.5", "validation.every=1", key}));
    });
  };
  EXPECT_EQ(
      waits("train.patience=2"),
      "[--set train.patience=2] train.patience = 2 goes by the validation loss, and the validation part has no two "
      "examples of one class beside another, so that there is none; hold more out, or remove it");
  EXPECT_THAT(waits("train.restore_best=true"), testing::HasSubstr("train.restore_best = true goes by the validation"));
  EXPECT_THAT(waits("schedule.name=plateau"), testing::HasSubstr("schedule.name = \"plateau\" goes by the validation"));
}

// Sorted by class, each pass of validation would have one class alone, and no triplet.
TEST(MetricLearning, ValidationOfSortedRowsComparesClasses) {
  const TemporaryFolder folder;
  std::string rows = "x,y\n1,a\n2,a\n3,b\n", held = "x,y\n";
  for (int i = 0; i < 60; ++i) held += fmt::format("{},{}\n", i, i < 30 ? "a" : "b");
  spill(folder / "t.csv", rows);
  spill(folder / "v.csv", held);
  const auto loss = [&](const std::string& seed) {
    Session session(table_of(
        folder / "t.csv",
        {"data.validation_path=" + (folder / "v.csv").string(), "validation.every=6", "validation.batch_size=10", seed,
         "optimizer.learning_rate=1e-30", "model.init=constant", "model.init_value=1"}));
    return run_trainer(session.trainer()).records.back().validation_loss.value();
  };
  EXPECT_TRUE(std::isfinite(loss("train.seed=1")));
  EXPECT_EQ(loss("train.seed=1"), loss("train.seed=1"));
  EXPECT_NE(loss("train.seed=1"), loss("train.seed=2"));
}

}  // namespace metric_learning_test
}  // namespace gradus
