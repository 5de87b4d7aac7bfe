// A run that ends with its best weights.
#include <gtest/gtest.h>

#include <numeric>

#include "gradus/autograd/tape.h"
#include "gradus/train/experiment.h"
#include "gradus/train/run.h"
#include "gradus/train/verify.h"
#include "tests/testing.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace restore_best_test {

namespace fs = std::filesystem;
using nlohmann::json;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

// A few noisy points and a rate that leaves the best weights behind.
Config config(const std::vector<std::string>& overrides = {}) {
  return Config::parse(R"(
data = {kind = "line", points = 40, noise = 1.0, validation_fraction = 0.25}
model = {kind = "linear"}
optimizer = {learning_rate = 0.2, momentum = 0.9}
train = {steps = 200, batch_size = 7, sampling = "replacement", patience = 8, restore_best = true, seed = 3}
validation = {every = 3}
)",
                       "run.toml", overrides);
}

std::string link(const fs::path& path) { return fs::read_symlink(path).string(); }

std::vector<std::string> not_good(const fs::path& run) {
  std::vector<std::string> texts;
  for (const Finding& finding : verify_run(run)) {
    if (finding.kind != Finding::Kind::kGood) texts.push_back(finding.text);
  }
  return texts;
}

TEST(RestoreBest, TheRunEndsWithTheBestWeights) {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  auto held = std::make_unique<TrainingRun>(config(), path);
  TrainingRun& run = *held;
  std::string best_bits;
  double best = INFINITY;
  run.set_on_step([&](const StepRecord& record) {
    if (!record.validation_loss || *record.validation_loss >= best) return;
    best = *record.validation_loss;
    best_bits = bits_of(run.model().parameters());
  });
  const TrainingSummary summary = run.train();
  EXPECT_EQ(summary.stop_reason, StopReason::kNoImprovement);
  const int64_t best_step = run.trainer().state().best_step;
  EXPECT_EQ(best_step, summary.steps - 8 * 3);
  EXPECT_EQ(summary.best_validation_loss, best);
  EXPECT_EQ(run.model_step(), best_step);
  EXPECT_EQ(bits_of(run.model().parameters()), best_bits);
  EXPECT_EQ(bits_of(load(path).model().parameters()), best_bits);
  EXPECT_EQ(link(path / "model.safetensors"), "checkpoints/best/model.safetensors");
  EXPECT_EQ(link(path / "checkpoints/best"), checkpoint_name(best_step));
  EXPECT_EQ(link(path / "checkpoints/last"), checkpoint_name(summary.steps));
  const json written = json::parse(slurp(path / "summary.json"));
  EXPECT_EQ(written["stop_reason"], "no_improvement");
  EXPECT_EQ(written["model_step"], best_step);
  EXPECT_EQ(written["steps"], summary.steps);
  held.reset();
  EXPECT_EQ(not_good(path), std::vector<std::string>{});
}

// What was validated is the average, so the best weights are the average of that step.
TEST(RestoreBest, WithAnAverageItIsTheBestAverage) {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  std::string best_average, best_weights;
  int64_t best_step = 0;
  {
    TrainingRun run(config({"optimizer.ema=0.5"}), path);
    run.set_on_step([&](const StepRecord& record) {
      if (record.best) best_weights = bits_of(run.model().parameters());
    });
    const TrainingSummary summary = run.train();
    EXPECT_EQ(summary.stop_reason, StopReason::kNoImprovement);
    best_step = run.model_step();
    EXPECT_EQ(best_step, summary.steps - 8 * 3);
    EXPECT_NE(bits_of(run.model().parameters()), best_weights);
    best_average = bits_of(run.model().parameters());
  }
  EXPECT_EQ(link(path / "model.safetensors"), "checkpoints/best/average.safetensors");
  EXPECT_EQ(link(path / "best.safetensors"), "checkpoints/best/average.safetensors");
  EXPECT_EQ(link(path / "checkpoints/best"), checkpoint_name(best_step));
  EXPECT_EQ(bits_of(load(path).model().parameters()), best_average);
  EXPECT_EQ(not_good(path), std::vector<std::string>{});
  const Checkpoint best = read_checkpoint(path / "checkpoints/best");
  EXPECT_EQ(bits_of(load(path, Weights::kBest).model().parameters()), best_average);
  EXPECT_EQ(*best.state.training.best_validation_loss, *best.state.training.last_validation_loss);
  // The loss that was logged is that of these weights.
  const TrainedRun loaded = load(path);
  const Config own = config();
  const ExperimentData data = make_data(own);
  std::vector<int64_t> ids(static_cast<size_t>(data.validation->size()));
  std::iota(ids.begin(), ids.end(), 0);
  Context context;
  context.example_ids = ids;
  const NoGrad no_grad;
  const Loss loss = loss_of(loaded.model())(data.validation->batch(ids), context);
  EXPECT_NEAR(loss.sum.item() / loss.weight, *best.state.training.best_validation_loss, 1e-6);
}

// The best step is the last: there is no other checkpoint to take the weights of, but an average.
TEST(RestoreBest, WithAnAverageAlsoWhereTheLastIsTheBest) {
  const TemporaryFolder folder;
  TrainingRun run(config({"optimizer.ema=0.9", "optimizer.learning_rate=0.001", "train.steps=9"}), folder / "run");
  EXPECT_EQ(run.train().steps, 9);
  ASSERT_EQ(run.model_step(), 9);
  EXPECT_EQ(link(folder / "run/model.safetensors"), "checkpoints/best/average.safetensors");
  EXPECT_EQ(bits_of(load(folder / "run").model().parameters()), bits_of(run.model().parameters()));
}

// It goes on from the last weights, not from the best average.
TEST(RestoreBest, WithAnAverageAFinishedRunGoesOn) {
  const TemporaryFolder folder;
  const std::string ema = "optimizer.ema=0.5", longer = "train.patience=12";
  TrainingRun straight(config({ema, longer}), folder / "straight");
  straight.train();
  TrainingRun(config({ema}), folder / "run").train();
  TrainingRun again(config({ema, longer}), folder / "run", {.resume = true});
  again.train();
  EXPECT_EQ(again.trainer().steps_done(), straight.trainer().steps_done());
  for (const char* name :
       {"model.safetensors", "checkpoints/last/model.safetensors", "checkpoints/last/average.safetensors"}) {
    EXPECT_EQ(slurp(folder / "run" / name), slurp(folder / "straight" / name)) << name;
  }
}

TEST(RestoreBest, WithoutItTheLastWeightsStay) {
  const TemporaryFolder folder;
  TrainingRun run(config({"train.restore_best=false"}), folder / "run");
  const int64_t steps = run.train().steps;
  EXPECT_EQ(run.model_step(), steps);
  EXPECT_EQ(link(folder / "run/model.safetensors"), "checkpoints/last/model.safetensors");
  EXPECT_EQ(json::parse(slurp(folder / "run/summary.json"))["model_step"], steps);
}

// It goes on from the last weights, and ends as the run that never stopped; so does one that had ended already.
TEST(RestoreBest, AnInterruptedRunKeepsItsLastWeights) {
  const TemporaryFolder folder;
  TrainingRun straight(config(), folder / "straight");
  const int64_t steps = straight.train().steps;
  train_until(steps - 5, config(), folder / "run");
  EXPECT_EQ(link(folder / "run/model.safetensors"), "checkpoints/last/model.safetensors");
  EXPECT_EQ(json::parse(slurp(folder / "run/summary.json"))["model_step"], steps - 5);
  EXPECT_EQ(not_good(folder / "run"), std::vector<std::string>{});
  const auto go_on = [&] {
    TrainingRun again(config(), folder / "run", {.resume = true});
    EXPECT_EQ(link(folder / "run/model.safetensors"), "checkpoints/last/model.safetensors");
    EXPECT_EQ(again.train().stop_reason, StopReason::kNoImprovement);
    EXPECT_EQ(again.trainer().steps_done(), steps);
    EXPECT_EQ(bits_of(again.model().parameters()), bits_of(straight.model().parameters()));
    for (const char* name : {"model.safetensors", "checkpoints/last/model.safetensors"}) {
      EXPECT_EQ(slurp(folder / "run" / name), slurp(folder / "straight" / name)) << name;
    }
    return again.notes().at(1);
  };
  go_on();
  EXPECT_EQ(go_on(),
            "its validation loss has not improved for train.patience validations already; --set train.patience=N waits "
            "for N");
}

TEST(RestoreBest, WithMorePatienceAFinishedRunGoesOn) {
  const TemporaryFolder folder;
  TrainingRun longer(config({"train.patience=12"}), folder / "longer");
  longer.train();
  TrainingRun(config(), folder / "run").train();
  TrainingRun again(config({"train.patience=12"}), folder / "run", {.resume = true});
  again.train();
  EXPECT_EQ(again.trainer().steps_done(), longer.trainer().steps_done());
  EXPECT_EQ(slurp(folder / "run/checkpoints/last/model.safetensors"),
            slurp(folder / "longer/checkpoints/last/model.safetensors"));
}

}  // namespace restore_best_test
}  // namespace gradus
