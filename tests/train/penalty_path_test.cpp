// regularization.l1 = "path": from the configuration to the log, and on from a checkpoint.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/tensor/safetensors.h"
#include "gradus/train/session.h"
#include "gradus/train/solver.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace penalty_path_test {

using nlohmann::json;

const std::string kPath = "regularization.l1=path", kDescent = "solver.name=coordinate_descent",
                  kLbfgs = "solver.name=lbfgs";

std::string lasso_table() {
  std::string text = "a,b,c,y\n";
  for (int i = 0; i < 40; ++i) {
    const double a = i % 7 - 3.0, b = i % 5 - 2.0, c = i % 3 - 1.0;
    text += fmt::format("{},{},{},{}\n", a, b, c, 3 * a - b + 0.1 * c + 0.05 * (i % 4));
  }
  return text;
}

Config lasso(const std::filesystem::path& path, Overrides keys) {
  keys.push_back(Config::text_override("data.path", path.string()));
  return Config::parse(
      "data = {kind = \"csv\", validation_fraction = 0.25}\nmodel.kind = \"linear\"\ntrain.steps = 100\n"
      "validation.every = 1\n",
      "run.toml", keys);
}

// A step is a point; coordinate descent at that point's l1 comes to the same weights.
TEST(PenaltyPath, GoesFromNothingToAllFeatures) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", lasso_table());
  const Overrides keys = {kPath, kDescent, "solver.points=12", "solver.tolerance=1e-10", "train.restore_best=true"};
  const TrainingSummary summary = gradus::Run(lasso(folder / "t.csv", keys), folder / "run").train();
  EXPECT_EQ(summary.stop_reason, StopReason::kConverged);
  EXPECT_EQ(summary.steps, 12);
  const std::vector<json> rows = log_of(folder / "run");
  ASSERT_EQ(rows.size(), 12U);
  EXPECT_NEAR(rows[11]["l1"].get<double>() / rows[0]["l1"].get<double>(), 1e-3, 1e-9);
  EXPECT_NEAR(rows[0]["penalty"].get<double>(), 0.0, 1e-12);  // all weights are 0
  const std::string l1 = fmt::format("regularization.l1={:.17g}", rows[6]["l1"].get<double>());
  gradus::Run(lasso(folder / "t.csv", {"solver.name=coordinate_descent", l1, "solver.tolerance=1e-12"}), folder / "one")
      .train();
  EXPECT_NEAR(log_of(folder / "one").back()["val_loss"].get<double>(), rows[6]["val_loss"].get<double>(), 1e-6);
}

// Numbers in three columns and two targets, or three classes.
std::string classes_table() {
  std::string text = "a,b,c,y\n";
  for (int i = 0; i < 90; ++i) {
    const int a = i % 7 - 3, b = i % 5 - 2, c = i % 4 - 1;
    text += fmt::format("{},{},{},{}\n", a, b, c, a + i % 3 > 1 ? "red" : b - c + i % 2 > 0 ? "green" : "blue");
  }
  return text;
}

std::string labels_table() {
  std::string text = "a,b,c,y\n";
  for (int i = 0; i < 60; ++i) {
    text += fmt::format("{},{},{},{}\n", i % 7 - 3, i % 5 - 2, i % 4 - 1, (i % 7 - 3) * 2 - i % 5 + i % 3 > 0 ? 1 : 0);
  }
  return text;
}

struct PathCase {
  std::string solver, loss, file;
};
const PathCase kPathCases[] = {{kDescent, "mse", "t.csv"},
                               {kDescent, "binary_cross_entropy", "l.csv"},
                               {kLbfgs, "binary_cross_entropy", "l.csv"},
                               {kLbfgs, "cross_entropy", "c.csv"},
                               {kLbfgs, "huber", "t.csv"},
                               {kLbfgs, "squared_hinge", "c.csv"},
                               {kLbfgs, "mse", "t.csv"}};

void spill_tables(const TemporaryFolder& folder) {
  spill(folder / "t.csv", lasso_table());
  spill(folder / "l.csv", labels_table());
  spill(folder / "c.csv", classes_table());
}

// The log has each point's l1, loss and penalty; a run of its own at that l1, and the l2 that keeps its ratio to it,
// comes to the same.
TEST(PenaltyPath, OfTheElasticNetGoesThroughItsMinima) {
  const TemporaryFolder folder;
  spill_tables(folder);
  for (const PathCase& c : kPathCases) {
    SCOPED_TRACE(c.solver + ", " + c.loss);
    const std::string name = "loss.name=" + c.loss;
    const auto run = folder / (c.solver + c.loss);
    gradus::Run(lasso(folder / c.file, {kPath, c.solver, name, "regularization.l1_ratio=0.25", "solver.points=8",
                                        "solver.smallest=0.01", "solver.tolerance=1e-9"}),
                run)
        .train();
    const std::vector<json> rows = log_of(run);
    ASSERT_EQ(rows.size(), 8U);
    EXPECT_NEAR(rows[0]["penalty"].get<double>(), 0.0, 1e-12);
    for (const size_t k : {2, 5}) {
      const double l1 = rows[k]["l1"];
      const auto one = folder / fmt::format("{}{}{}", c.solver, c.loss, k);
      gradus::Run(lasso(folder / c.file, {c.solver, name, fmt::format("regularization.l1={:.17g}", l1),
                                          fmt::format("regularization.l2={:.17g}", 3 * l1), "solver.tolerance=1e-11",
                                          "train.steps=3000", "validation.every=3000"}),
                  one)
          .train();
      const json last = log_of(one).back();
      for (const char* what : {"loss", "penalty", "val_loss"}) {
        EXPECT_NEAR(last[what].get<double>(), rows[k][what].get<double>(), 1e-6) << what;
      }
      EXPECT_GT(rows[k]["penalty"].get<double>(), 1e-3);
    }
  }
}

// Of classes, too: nothing but the bias at first, whose loss is the entropy of the classes, and better step by step.
TEST(PenaltyPath, OfClassesBeginsWithTheBestBias) {
  const TemporaryFolder folder;
  spill_tables(folder);
  const Config config = lasso(folder / "c.csv", {kPath, kLbfgs, "loss.name=cross_entropy", "solver.points=10"});
  Session session(config);
  const auto& data = dynamic_cast<const TensorDataset&>(*session.data().training);
  std::vector<double> counts(3);
  for (const int64_t k : data.targets().values<int64_t>()) counts[static_cast<size_t>(k)] += 1.0;
  double entropy = 0.0;
  for (const double n : counts) {
    entropy -= n / static_cast<double>(data.size()) * std::log(n / static_cast<double>(data.size()));
  }
  const TrainingSummary summary = gradus::Run(config, folder / "run").train();
  EXPECT_EQ(summary.stop_reason, StopReason::kConverged);
  const std::vector<json> rows = log_of(folder / "run");
  ASSERT_EQ(rows.size(), 10U);
  EXPECT_NEAR(rows[0]["loss"].get<double>(), entropy, 1e-12);
  EXPECT_EQ(rows[0]["nonzero_weights"], 0);
  for (size_t k = 1; k < rows.size(); ++k) {
    EXPECT_LT(rows[k]["loss"].get<double>(), rows[k - 1]["loss"].get<double>());
    EXPECT_NEAR(rows[k]["l1"].get<double>(), rows[0]["l1"].get<double>() * std::pow(1e-3, static_cast<double>(k) / 9.0),
                1e-12);
    EXPECT_LE(rows[k]["grad_norm"].get<double>(), 1e-6 * rows[0]["l1"].get<double>());
    EXPECT_GE(rows[k]["nonzero_weights"], rows[k - 1]["nonzero_weights"]);
  }
  const std::vector<double> weights =
      read_safetensors(folder / "run/model.safetensors").find("weight").values<double>();
  EXPECT_EQ(rows[9]["nonzero_weights"], std::ranges::count_if(weights, [](double w) { return w != 0.0; }));
}

TEST(PenaltyPath, GoesOnFromACheckpointToTheSameBits) {
  const TemporaryFolder folder;
  spill_tables(folder);
  for (const PathCase& c : kPathCases) {
    SCOPED_TRACE(c.solver + ", " + c.loss);
    const Config config =
        lasso(folder / c.file, {kPath, c.solver, "loss.name=" + c.loss, "solver.points=9", "checkpoint.every=2"});
    const auto whole = folder / (c.solver + c.loss), cut = folder / (c.solver + c.loss + "_cut");
    gradus::Run(config, whole).train();
    train_until(5, config, cut);
    gradus::Run(config, cut, {.resume = true}).train();
    EXPECT_EQ(slurp(cut / "model.safetensors"), slurp(whole / "model.safetensors"));
    const std::vector<json> rows = log_of(cut), wanted = log_of(whole);
    ASSERT_EQ(rows.size(), 9U);
    for (size_t k = 0; k < rows.size(); ++k) {
      for (const char* what : {"loss", "penalty", "l1", "val_loss"}) EXPECT_EQ(rows[k][what], wanted[k][what]) << k;
    }
  }
}

// A state of another solver, behind sums that were made to fit.
TEST(PenaltyPath, RefusesAnotherSolversState) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", lasso_table());
  const Config config = lasso(folder / "t.csv", {kPath, kDescent});
  const Session session(config);
  const std::unique_ptr<Solver> solver = make_solver(config, session.data(), session.model());
  EXPECT_EQ(program_error([&] {
              solver->restore({{"weights", Tensor::zeros({1, 3})}}, "x");
            }),
            "[x] \"weights\" of the state is f32 (1, 3); expected f64 (1, 3), as the problem is");
}

TEST(PenaltyPath, SaysWhatItIsFor) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", lasso_table());
  const auto error = [&](const Overrides& keys) {
    return message_of(ErrorKind::kUsage, [&] { Session session(lasso(folder / "t.csv", keys)); });
  };
  const std::string start = "[--set regularization.l1=path] regularization.l1 = \"path\" with solver.name = \"";
  EXPECT_EQ(error({kPath, kDescent, "loss.name=huber"}),
            start +
                "coordinate_descent\" is for loss.name = \"mse\", \"binary_cross_entropy\" or \"poisson\"; set "
                "one of these, or solver.name = \"lbfgs\"");
  EXPECT_EQ(error({kPath, kDescent, "loss.name=mae"}),
            start +
                "coordinate_descent\" is for loss.name = \"mse\", \"binary_cross_entropy\" or \"poisson\"; set "
                "one of these");
  EXPECT_EQ(error({kPath, kLbfgs, "loss.name=mae"}),
            start +
                "lbfgs\" is for loss.name = \"mse\", \"huber\", \"poisson\", \"binary_cross_entropy\", "
                "\"cross_entropy\" or \"squared_hinge\"; set one of these");
  const std::string other =
      "[--set regularization.l1=path] regularization.l1 = \"path\" is a series of penalties, which solver.name = "
      "\"coordinate_descent\" and \"lbfgs\" go through; set one of these, with model.kind = \"linear\", or give a "
      "number";
  EXPECT_EQ(error({kPath, "solver.name=newton"}), other);
  EXPECT_EQ(error({kPath}), other);
  EXPECT_EQ(error({kPath, "regularization.method=proximal"}), other);
  EXPECT_EQ(error({kDescent, "solver.points=5"}),
            "[--set solver.points=5] \"solver.points\" applies to regularization.l1 = \"path\", not to 0.0; remove it, "
            "or change regularization.l1");
  EXPECT_EQ(
      error({kDescent, "regularization.l1=paht"}),
      "[--set regularization.l1=paht] \"regularization.l1\" must be a real number of at least 0 or \"path\"; found "
      "the text \"paht\"; did you mean \"path\"?");
  EXPECT_EQ(error({kDescent, "regularization.l1=-1"}),
            "[--set regularization.l1=-1] \"regularization.l1\" must be a real number of at least 0 or \"path\"; found "
            "the integer -1");
  EXPECT_THAT(
      error({"solver.name=lasso_path"}),
      testing::EndsWith("; found the text \"lasso_path\"; for a path set solver.name = \"coordinate_descent\" and "
                        "regularization.l1 = \"path\""));
}

}  // namespace penalty_path_test
}  // namespace gradus
