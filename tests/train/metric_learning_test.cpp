// Embeddings by the classes of examples: `loss.name` = "triplet" and "info_nce".
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/train/prediction.h"
#include "gradus/train/report.h"
#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"

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
  EXPECT_EQ(error("train.batch_size=1"),
            "[--set train.batch_size=1] loss.name = \"info_nce\" compares the examples of a batch with each other, and "
            "train.batch_size = 1 has nothing to compare; take some of each class");
  EXPECT_EQ(
      error("validation.report=true"),
      "[--set validation.report=true] validation.report is of classes or numbers, and loss.name = \"info_nce\" gives "
      "embeddings; remove it");
  EXPECT_EQ(parse_error("data = {kind = \"csv\", path = \"a\", weight = \"w\"}\nmodel.kind = \"mlp\"\ntrain.steps = 1\n"
                        "loss.name = \"triplet\"\n"),
            "[run.toml:1:35] loss.name = \"triplet\" compares examples, and has no weights of them; remove it");
}

}  // namespace metric_learning_test
}  // namespace gradus
