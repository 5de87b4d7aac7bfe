// [solver]: linear models without an optimizer, from the configuration to a checkpoint and back.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/nn/models/feedforward.h"
#include "gradus/train/session.h"
#include "gradus/train/solver.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace {

using nlohmann::json;

Config blobs(const Overrides& overrides) {
  return Config::parse(
      "data = {kind = \"blobs\", classes = 2, points = 40, noise = 1.0, validation_fraction = 0.2}\n"
      "model = {kind = \"linear\"}\nloss.name = \"binary_cross_entropy\"\nregularization.l2 = 0.01\ntrain.steps = 60\n",
      "run.toml", overrides);
}

double penalty_of(const Session& session) {
  double squares = 0.0;
  for (const double w : session.model().parameters()[0].tensor.values<double>()) squares += w * w;
  return 0.5 * 0.01 * squares;
}

// The mean loss of the session's model on its training part.
double loss_of(const Session& session) {
  const auto& data = dynamic_cast<const TensorDataset&>(*session.data().training);
  const NoGrad no_grad;
  Context context;
  const Loss loss = session.model().loss(data.inputs(), data.targets(), context);
  return loss.sum.item() / loss.weight;
}

// Another method, by the tape, comes to the same minimum; the weights are f32 in both.
TEST(Solver, NewtonFindsWhatLbfgsFinds) {
  for (const char* loss : {"binary_cross_entropy", "squared_hinge"}) {
    SCOPED_TRACE(loss);
    const std::string key = std::string("loss.name=") + loss;
    Session newton(blobs({key, "solver.name=newton", "solver.tolerance=1e-10"}));
    const TrainingSummary summary = newton.trainer().run();
    EXPECT_EQ(summary.stop_reason, StopReason::kConverged);
    EXPECT_LT(summary.steps, 30);
    Session lbfgs(blobs({key, "optimizer.name=lbfgs", "train.steps=300"}));
    lbfgs.trainer().run();
    EXPECT_NEAR(loss_of(newton) + penalty_of(newton), loss_of(lbfgs) + penalty_of(lbfgs), 1e-7);
    const std::vector<double> found = values_of(newton.model().parameters()),
                              wanted = values_of(lbfgs.model().parameters());
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-4) << i;
    EXPECT_NEAR(summary.final_loss, loss_of(newton), 1e-6);  // without the penalty, behind the step
  }
}

// Ridge regression by its closed form: of x in [−1, 1] with mean 0, w = Σxy / (Σx² + n·l2/2) for our mean of squares.
TEST(Solver, NewtonIsTheClosedFormOfLeastSquares) {
  Session session(line({"solver.name=newton", "regularization.l2=0.1"}));
  EXPECT_EQ(session.trainer().run().stop_reason, StopReason::kConverged);
  const auto& data = dynamic_cast<const TensorDataset&>(*session.data().training);
  const std::vector<double> x = data.inputs().values<double>(), y = data.targets().values<double>();
  double xy = 0.0, xx = 0.0, mean = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += x[i] * y[i];
    xx += x[i] * x[i];
    mean += y[i] / static_cast<double>(x.size());
  }
  const std::vector<double> found = values_of(session.model().parameters());
  EXPECT_NEAR(found[0], xy / (xx + static_cast<double>(x.size()) * 0.1 / 2), 1e-6);
  EXPECT_NEAR(found[1], mean, 1e-6);
}

TEST(Solver, BeginsAtTheModelsWeightsIfAsked) {
  const auto start = [](const Overrides& keys) {
    Overrides all = {"solver.name=sgd", "solver.rate=constant", "solver.learning_rate=1e-30", "train.steps=1"};
    all.insert(all.end(), keys.begin(), keys.end());
    Session session(line(all));
    session.trainer().run();
    return values_of(session.model().parameters())[0];
  };
  EXPECT_NEAR(start({}), 0.0, 1e-20);
  Session other(line({"model.init=normal"}));
  EXPECT_EQ(start({"model.init=normal"}), values_of(other.model().parameters())[0]);
}

TEST(Solver, GoesOnFromACheckpointToTheSameBits) {
  const TemporaryFolder folder;
  const Overrides sgd = {"solver.name=sgd", "solver.average_from=100", "train.steps=7", "checkpoint.every=3"};
  gradus::Run(blobs(sgd), folder / "whole").train();
  train_until(4, blobs(sgd), folder / "cut");
  gradus::Run(blobs(sgd), folder / "cut", {.resume = true}).train();
  EXPECT_EQ(slurp(folder / "cut/model.safetensors"), slurp(folder / "whole/model.safetensors"));
  const std::vector<json> rows = log_of(folder / "cut"), wanted = log_of(folder / "whole");
  EXPECT_EQ(rows.back()["loss"], wanted.back()["loss"]);
}

TEST(Solver, ConvergedStaysConverged) {
  const TemporaryFolder folder;
  const Config config = blobs({"solver.name=newton", "validation.every=1000"});
  const TrainingSummary first = gradus::Run(config, folder / "run").train();
  EXPECT_EQ(first.stop_reason, StopReason::kConverged);
  EXPECT_TRUE(first.best_validation_loss.has_value());
  const std::string weights = slurp(folder / "run/model.safetensors");
  const TrainingSummary again = gradus::Run(config, folder / "run", {.resume = true}).train();
  EXPECT_EQ(again.stop_reason, StopReason::kConverged);
  EXPECT_EQ(again.steps, first.steps);
  EXPECT_EQ(slurp(folder / "run/model.safetensors"), weights);
  EXPECT_EQ(json::parse(slurp(folder / "run/summary.json"))["stop_reason"], "converged");
}

// Nine of ten examples are of the second class; weighted, the bias alone gives both the same probability.
TEST(Solver, WeighsClasses) {
  const TemporaryFolder folder;
  std::string text = "x,kind\n";
  for (int i = 0; i < 10; ++i) text += i == 0 ? "1,a\n" : "1,b\n";
  spill(folder / "t.csv", text);
  Session session(
      Config::parse("data = {kind = \"csv\", validation_fraction = 0.0}\nmodel.kind = \"linear\"\n"
                    "loss = {name = \"binary_cross_entropy\", positive_weight = 0.1111111111}\n"
                    "regularization.l2 = 0.1\nsolver.name = \"newton\"\ntrain.steps = 50\n",
                    "run.toml", {Config::text_override("data.path", (folder / "t.csv").string())}));
  session.trainer().run();
  EXPECT_NEAR(values_of(session.model().parameters())[1], 0.0, 1e-6);
}

TEST(Solver, RefusesWhatItWouldNotUse) {
  EXPECT_EQ(line_error({"solver.name=newton", "optimizer.learning_rate=0.1"}),
            "[--set optimizer.learning_rate=0.1] optimizer.learning_rate has no meaning with solver.name = \"newton\"; "
            "remove it, or set solver.name = \"none\"");
  EXPECT_EQ(parse_error(kLine + "[solver]\nname = \"sgd\"\n[[optimizer.groups]]\npattern = \"*\"\n"),
            "[run.toml:8:1] [[optimizer.groups]] have no meaning with solver.name = \"sgd\"; remove them");
  EXPECT_EQ(line_error({"solver.name=sgd", "train.batch_size=3"}),
            "[--set train.batch_size=3] train.batch_size has no meaning with solver.name = \"sgd\"; remove it, or set "
            "solver.name = \"none\"");
  EXPECT_EQ(message_of(ErrorKind::kUsage,
                       [] {
                         Session(line({"solver.name=newton", "loss.name=log_cosh"}));
                       }),
            "[--set solver.name=newton] loss.name = \"log_cosh\" has no solver; set solver.name = \"none\" to use an "
            "optimizer");
  EXPECT_EQ(message_of(ErrorKind::kUsage,
                       [] {
                         Session(blobs({"solver.name=sgd", "loss.name=cross_entropy", "loss.label_smoothing=0.1"}));
                       }),
            "[--set loss.label_smoothing=0.1] loss.label_smoothing has no meaning for a solver; remove it, or set "
            "solver.name = \"none\"");
}

TEST(Solver, AnIterationThatDivergesChangesNoCheckpoint) {
  const TemporaryFolder folder;
  const Config config = line(
      {"solver.name=sgd", "solver.rate=constant", "solver.learning_rate=30", "train.steps=9", "checkpoint.every=1"});
  EXPECT_THAT(message_of(ErrorKind::kFailure, [&] { gradus::Run(config, folder / "run").train(); }),
              testing::HasSubstr("lower solver.learning_rate, or scale the data"));
}

}  // namespace
}  // namespace gradus
