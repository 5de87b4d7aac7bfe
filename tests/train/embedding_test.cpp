// Categories that an MLP has vectors for.
#include <fmt/format.h>

#include <filesystem>

#include "gradus/autograd/tape.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/train/prediction.h"
#include "gradus/train/session.h"
#include "tests/random_tensor.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace embedding_test {

// With unit vectors for embeddings, the network is that of one-hot inputs, in its outputs and gradients.
TEST(Embeddings, OfUnitVectorsAreOneHotInputs) {
  const MlpOptions one_hot{.inputs = 5, .outputs = 2, .hidden = {4}};  // number, three of a category, number
  MlpOptions embedded = one_hot;
  embedded.inputs = 3;
  embedded.embeddings = {{.input = 1, .rows = 3, .width = 3}};
  const Mlp wanted(one_hot, 1), found(embedded, 2);
  ASSERT_EQ(found.parameters()[0].name, "embeddings.0.weight");
  load_parameters({found.parameters()[0]},
                  {{"embeddings.0.weight", Tensor::from(std::vector<float>{1, 0, 0, 0, 1, 0, 0, 0, 1}, {3, 3})}}, "test");
  NamedTensors layers;
  for (const Parameter& p : wanted.parameters()) layers.emplace_back(p.name, p.tensor);
  load_parameters(Parameters(found.parameters().begin() + 1, found.parameters().end()), layers, "test");
  const Tensor x = Tensor::from(std::vector<float>{0.5, 2, -1, 3, 0, 0.25, -2, 1, 1}, {3, 3});
  const Tensor dense =
      Tensor::from(std::vector<float>{0.5, 0, 0, 1, -1, 3, 1, 0, 0, 0.25, -2, 0, 1, 0, 1}, {3, 5});
  const auto gradients = [](const Mlp& model, const Tensor& inputs) {
    Tape tape;
    Context context;
    const Loss loss = model.loss({inputs, Tensor::zeros({3, 2})}, context);
    tape.backward(loss.sum);
    std::vector<double> all = {loss.sum.item()};
    for (const Parameter& p : model.parameters()) {
      if (p.name == "embeddings.0.weight") continue;
      const std::vector<double> own = p.tensor.grad().values<double>();
      all.insert(all.end(), own.begin(), own.end());
    }
    return all;
  };
  const std::vector<double> a = gradients(found, x), b = gradients(wanted, dense);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5 * (1 + std::abs(b[i]))) << i;
  // The row of a category is moved by the examples that have it: each of the three has another one.
  EXPECT_EQ(found.parameters()[0].tensor.grad().shape(), (Shape{3, 3}));
}

std::string towns() {
  std::string text = "town,size,price\n";
  const char* const names[] = {"Bonn", "Ulm", "Kiel", "Jena"};
  for (int i = 0; i < 80; ++i) text += fmt::format("{},{},{}\n", names[i % 4], i % 7, 10 * (i % 4) + i % 7);
  return text;
}

Config config_of(const std::filesystem::path& path, Overrides keys = {}) {
  keys.push_back(Config::text_override("data.path", path.string()));
  return Config::parse(
      "data = {kind = \"csv\", categories = \"embedding\", unseen = \"zeros\", standardize_target = true}\n"
      "model = {kind = \"mlp\", hidden = [16]}\noptimizer = {name = \"adam\", learning_rate = 0.02}\n"
      "train = {steps = 400, batch_size = 32}\nvalidation.every = 400\n",
      "run.toml", keys);
}

TEST(Embeddings, AreLearnedSavedAndUsedForPredictions) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", towns());
  gradus::Run run(config_of(folder / "t.csv", {"model.embedding_width=2"}), folder / "run");
  EXPECT_LT(*run.train().best_validation_loss, 0.01);
  EXPECT_EQ(run.model().parameters()[0].tensor.shape(), (Shape{5, 2}));  // a row for towns that are not known
  const TrainedRun trained = load(folder / "run");
  EXPECT_EQ(trained.shape().embedded, (std::vector<std::pair<int64_t, int64_t>>{{0, 5}}));
  spill(folder / "new.csv", "size,town\n3,Ulm\n3,Kiel\n3,Bern\n");
  const Predictions p = predict_files(trained, {(folder / "new.csv").string()});
  EXPECT_NEAR(p.numbers[0], 13.0, 2.0);
  EXPECT_NEAR(p.numbers[1], 23.0, 2.0);
  EXPECT_TRUE(std::isfinite(p.numbers[2]));
}

TEST(Embeddings, AreLearnedOfRowsThatAreStreamed) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", towns());
  gradus::Run run(config_of(folder / "t.csv", {"data.rows=streamed", "model.embedding_width=2"}), folder / "run");
  EXPECT_LT(*run.train().best_validation_loss, 0.02);
  EXPECT_EQ(run.model().parameters()[0].tensor.shape(), (Shape{5, 2}));
  spill(folder / "new.csv", "size,town\n3,Ulm\n3,Kiel\n");
  const Predictions p = predict_files(load(folder / "run"), {(folder / "new.csv").string()});
  EXPECT_NEAR(p.numbers[0], 13.0, 3.0);
  EXPECT_NEAR(p.numbers[1], 23.0, 3.0);
}

TEST(Embeddings, HaveTheUsualWidthWithoutAKey) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", towns());
  const Session session(config_of(folder / "t.csv"));
  EXPECT_EQ(session.model().parameters()[0].tensor.shape(), (Shape{5, 3}));  // half of the 5, rounded up
}

TEST(Embeddings, GoOnFromACheckpointToTheSameBits) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", towns());
  const Config config = config_of(folder / "t.csv", {"train.steps=20", "checkpoint.every=5"});
  gradus::Run(config, folder / "whole").train();
  train_until(11, config, folder / "cut");
  gradus::Run(config, folder / "cut", {.resume = true}).train();
  EXPECT_EQ(slurp(folder / "cut/model.safetensors"), slurp(folder / "whole/model.safetensors"));
}

TEST(Embeddings, AreForAnMlp) {
  EXPECT_EQ(parse_error("data = {kind = \"csv\", path = \"a\", categories = \"embedding\"}\nmodel.kind = \"linear\"\n"
                        "train.steps = 1\n"),
            "[run.toml:1:35] data.categories = \"embedding\" is for model.kind = \"mlp\", which learns a vector for each "
            "text; for \"linear\" take \"one_hot\" or \"hash\"");
}

}  // namespace embedding_test
}  // namespace gradus
