// [solver]: linear models without an optimizer, from the configuration to a checkpoint and back.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/nn/models/feedforward.h"
#include "gradus/train/session.h"
#include "gradus/train/solver.h"
#include "tests/reads.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace solver_test {

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
  const Loss loss = session.model().loss({.inputs = data.inputs(), .targets = data.targets()}, context);
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
  for (const char* solver : {"adagrad", "ftrl"}) {
    Session session(line(
        {std::string("solver.name=") + solver, "solver.learning_rate=1e-9", "train.steps=1", "model.init=normal"}));
    session.trainer().run();
    const std::vector<double> found = values_of(session.model().parameters()),
                              wanted = values_of(other.model().parameters());
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-6) << solver;
  }
}

// What a run writes down as its configuration starts where it started, for each solver of a linear model.
TEST(Solver, ARunsOwnConfigurationIsTheSameRun) {
  for (const char* solver : {"newton", "lbfgs", "coordinate_descent", "gradient_descent", "adagrad", "ftrl"}) {
    SCOPED_TRACE(solver);
    const TemporaryFolder folder;
    const Config config = blobs({std::string("solver.name=") + solver, "train.steps=1"});
    EXPECT_EQ(config.text("model.init"), "zeros");
    EXPECT_FALSE(config.has("model.init_scale"));
    gradus::Run(config, folder / "first").train();
    gradus::Run(Config::load((folder / "first/config.toml").string()), folder / "second").train();
    EXPECT_EQ(slurp(folder / "second/model.safetensors"), slurp(folder / "first/model.safetensors"));
  }
  for (const Overrides& init : {Overrides{}, {"model.init=normal"}}) {
    const TemporaryFolder folder;
    Overrides keys = {"solver.name=sgd", "solver.rate=constant", "solver.learning_rate=0.001", "train.steps=1"};
    keys.insert(keys.end(), init.begin(), init.end());
    gradus::Run(blobs(keys), folder / "first").train();
    gradus::Run(Config::load((folder / "first/config.toml").string()), folder / "second").train();
    EXPECT_EQ(slurp(folder / "second/model.safetensors"), slurp(folder / "first/model.safetensors"));
    EXPECT_EQ(log_of(folder / "second").back()["loss"], log_of(folder / "first").back()["loss"]);
  }
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
  EXPECT_EQ(
      parse_error(kLine + "[solver]\nname = \"sgd\"\n"),
      "[run.toml:8:1] solver.rate = \"optimal\" follows from regularization.l2, which is 0; give one, such as 1 / "
      "the rows, or set solver.rate = \"constant\" or \"inverse_scaling\"");
  EXPECT_EQ(parse_error(kLine + "[solver]\nname = \"sgd\"\n[[optimizer.groups]]\npattern = \"*\"\n"),
            "[run.toml:8:1] [[optimizer.groups]] have no meaning with solver.name = \"sgd\"; remove them");
  EXPECT_EQ(line_error({"solver.name=sgd", "train.batch_size=3"}),
            "[--set train.batch_size=3] train.batch_size has no meaning with solver.name = \"sgd\"; remove it, or set "
            "solver.name = \"none\"");
  EXPECT_EQ(message_of(ErrorKind::kUsage,
                       [] {
                         Session(line({"solver.name=sgd", "regularization.l2=0.1", "solver.learning_rate=0.1"}));
                       }),
            "[--set solver.learning_rate=0.1] solver.learning_rate has no meaning with solver.rate = \"optimal\"; "
            "remove it, or set solver.rate = \"constant\" or \"inverse_scaling\"");
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

// The advice is what the solver has.
TEST(Solver, SaysWhatToDoWhereItDiverges) {
  const auto error = [](const Overrides& overrides) {
    Overrides keys = {"train.steps=9"};
    keys.insert(keys.end(), overrides.begin(), overrides.end());
    Session session(line(keys));
    return message_of(ErrorKind::kFailure, [&] { session.trainer().run(); });
  };
  EXPECT_THAT(error({"solver.name=gradient_descent", "solver.learning_rate=1e200"}),
              testing::EndsWith("scale the data, or lower solver.learning_rate"));
  EXPECT_THAT(error({"solver.name=sgd", "regularization.l2=1e-3", "data.x_max=1e15"}),
              testing::EndsWith("scale the data, or set solver.rate = \"constant\" with a solver.learning_rate"));
  Session session(line({"solver.name=newton"}));
  session.trainer().set_iteration([] { return Iteration{.loss = HUGE_VAL}; });
  EXPECT_EQ(message_of(ErrorKind::kFailure, [&] { session.trainer().run(); }),
            "[solver] the loss is inf after step 0; scale the data");
}

TEST(Solver, AnIterationThatDivergesChangesNoCheckpoint) {
  const TemporaryFolder folder;
  const Config config = line(
      {"solver.name=sgd", "solver.rate=constant", "solver.learning_rate=30", "train.steps=9", "checkpoint.every=1"});
  EXPECT_THAT(message_of(ErrorKind::kFailure, [&] { gradus::Run(config, folder / "run").train(); }),
              testing::HasSubstr("; scale the data, or lower solver.learning_rate"));
}

// Each solver of a minimum comes to the one that the tape's L-BFGS comes to, or to a known one.
TEST(Solver, EachFindsTheMinimum) {
  struct Case {
    const char *solver, *loss, *penalty;
  };
  for (const Case& c :
       {Case{"lbfgs", "binary_cross_entropy", "l2"}, Case{"gradient_descent", "squared_hinge", "l2"},
        Case{"dual_descent", "squared_hinge", "l2"}, Case{"coordinate_descent", "binary_cross_entropy", "l2"}}) {
    SCOPED_TRACE(c.solver);
    const std::string loss = std::string("loss.name=") + c.loss;
    Session solved(blobs({loss, std::string("solver.name=") + c.solver, "solver.tolerance=1e-6", "train.steps=5000"}));
    const TrainingSummary summary = solved.trainer().run();
    EXPECT_EQ(summary.stop_reason, StopReason::kConverged);
    Session newton(blobs({loss, "solver.name=newton", "solver.tolerance=1e-10"}));
    newton.trainer().run();
    EXPECT_NEAR(loss_of(solved) + penalty_of(solved), loss_of(newton) + penalty_of(newton), 1e-7);
  }
}

// The least mean absolute error of a constant feature is the median.
TEST(Solver, InteriorPointFindsAMedian) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n1,1\n1,2\n1,10\n1,4\n1,100\n");
  for (const auto& [loss, wanted] : {std::pair("mae", 4.0), std::pair("quantile", 10.0)}) {
    Session session(
        Config::parse("data = {kind = \"csv\", validation_fraction = 0.0}\nmodel.kind = \"linear\"\ntrain.steps = 200\n"
                      "solver.name = \"interior_point\"\nregularization.l2 = 1e-6\n",
                      "run.toml",
                      loss == std::string("mae")
                          ? Overrides{"loss.name=mae", Config::text_override("data.path", (folder / "t.csv").string())}
                          : Overrides{"loss.name=quantile", "loss.quantile=0.7",
                                      Config::text_override("data.path", (folder / "t.csv").string())}));
    EXPECT_EQ(session.trainer().run().stop_reason, StopReason::kConverged);
    EXPECT_NEAR(values_of(session.model().parameters())[1], wanted, 1e-4) << loss;
  }
}

// A weight of 2 is the row twice, for solvers and for the tape, of numbers and of classes.
TEST(Solver, AWeightOfTwoIsTheRowTwice) {
  const TemporaryFolder folder;
  spill(folder / "w.csv", "x,label,w\n1,0,2\n2,1,1\n3,1,2\n4,0,1\n5,1,3\n");
  spill(folder / "t.csv", "x,label\n1,0\n1,0\n2,1\n3,1\n3,1\n4,0\n5,1\n5,1\n5,1\n");
  const auto weights = [&](const char* file, Overrides keys) {
    if (file == std::string("w.csv")) keys.insert(keys.end(), {"data.weight=w", "data.target=label"});
    keys.push_back(Config::text_override("data.path", (folder / file).string()));
    Session session(
        Config::parse("data = {kind = \"csv\", validation_fraction = 0.0, scaling = \"none\"}\n"
                      "model = {kind = \"linear\", init = \"zeros\"}\nregularization.l2 = 0.1\n"
                      "train = {steps = 30, batch_size = \"all\"}\n",
                      "run.toml", keys));
    session.trainer().run();
    return values_of(session.model().parameters());
  };
  for (const char* loss : {"binary_cross_entropy", "squared_hinge", "mse", "cross_entropy", "huber"}) {
    for (const char* how : {"solver.name=lbfgs", "optimizer.name=lbfgs"}) {
      SCOPED_TRACE(fmt::format("{} {}", loss, how));
      const Overrides keys = {fmt::format("loss.name={}", loss), how};
      const std::vector<double> found = weights("w.csv", keys), wanted = weights("t.csv", keys);
      ASSERT_EQ(found.size(), wanted.size());
      for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 2e-4) << i;
    }
  }
}

// The objective of the solver is that of the tape, penalties included, with a weight of the positive class.
TEST(Solver, APositiveWeightKeepsThePenaltysShare) {
  const Overrides weight = {"loss.positive_weight=3"};
  Session newton(blobs({"loss.positive_weight=3", "solver.name=newton", "solver.tolerance=1e-10"}));
  newton.trainer().run();
  Session lbfgs(blobs({"loss.positive_weight=3", "optimizer.name=lbfgs", "train.steps=300"}));
  lbfgs.trainer().run();
  const std::vector<double> found = values_of(newton.model().parameters()),
                            wanted = values_of(lbfgs.model().parameters());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-4) << i;
}

// Three classes, each against the others: as three problems of two classes.
TEST(Solver, ASupportVectorMachineOfThreeClasses) {
  const std::string text =
      "data = {kind = \"blobs\", classes = 3, points = 30, noise = 0.5, validation_fraction = 0.0}\n"
      "model = {kind = \"linear\", init = \"zeros\"}\nloss.name = \"squared_hinge\"\nregularization.l2 = 0.1\n"
      "train = {steps = 300, batch_size = \"all\"}\n";
  Session newton(Config::parse(text, "run.toml", {"solver.name=newton", "solver.tolerance=1e-9"}));
  newton.trainer().run();
  Session lbfgs(Config::parse(text, "run.toml", {"optimizer.name=lbfgs"}));
  lbfgs.trainer().run();
  const std::vector<double> found = values_of(newton.model().parameters()),
                            wanted = values_of(lbfgs.model().parameters());
  ASSERT_EQ(found.size(), 9U);
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-3) << i;
}

// Class weights of a support vector machine, by a solver and by the tape.
TEST(Solver, WeighsClassesOfHinges) {
  const Overrides keys = {"loss.name=squared_hinge", "loss.class_weights=[1, 4]"};
  Overrides newton = keys, lbfgs = keys;
  newton.insert(newton.end(), {"solver.name=newton", "solver.tolerance=1e-10"});
  lbfgs.insert(lbfgs.end(), {"optimizer.name=lbfgs", "train.steps=300"});
  Session a(blobs(newton)), b(blobs(lbfgs)), even(blobs({"loss.name=squared_hinge", "solver.name=newton"}));
  a.trainer().run();
  b.trainer().run();
  even.trainer().run();
  const std::vector<double> found = values_of(a.model().parameters()), wanted = values_of(b.model().parameters());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-4) << i;
  EXPECT_GT(found.back(), values_of(even.model().parameters()).back() + 0.05);  // the second class pulls the bias
}

TEST(Solver, AStateOfAnotherKindIsAnError) {
  const TemporaryFolder folder;
  const Config config = blobs({"solver.name=newton"});
  gradus::Run(config, folder / "run").train();
  Checkpoint checkpoint = read_checkpoint(folder / "run/checkpoints/last");
  checkpoint.optimizer.clear();
  Session session(config, {.resumes = true});
  EXPECT_THAT(error_text([&] { session.restore(checkpoint, "there"); }),
              Reads("[there] the state has no \"{}\"; it is of another kind of solver, or of another version"));
}

}  // namespace solver_test
}  // namespace gradus
