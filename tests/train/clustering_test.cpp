// Models that make clusters, from the configuration to a checkpoint and back: what the library finds is what a run
// finds.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/classic/mini_batch_kmeans.h"
#include "gradus/metrics/clustering.h"
#include "gradus/train/cluster_report.h"
#include "gradus/train/clustering_model.h"
#include "gradus/train/clustering_solver.h"
#include "gradus/train/prediction.h"
#include "gradus/train/rate_search.h"
#include "gradus/train/session.h"
#include "gradus/train/verify.h"
#include "tests/testing.h"
#include "tests/train/configs.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace clustering_test {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kBlobs =
    "data = {kind = \"blobs\", classes = 4, points = 240, dimensions = 3, noise = 0.8}\n"
    "train = {steps = 200, seed = 3}\n";

Config kmeans(const Overrides& overrides = {}) {
  return Config::parse(std::string(kBlobs) + "model = {kind = \"kmeans\", clusters = 4}\n", "run.toml", overrides);
}

Config gmm(const Overrides& overrides = {}) {
  return Config::parse(std::string(kBlobs) + "model = {kind = \"gmm\", clusters = 3}\n", "run.toml", overrides);
}

const Tensor& rows_of(const Session& session) {
  return dynamic_cast<const TensorDataset&>(*session.data().training).inputs();
}

std::vector<double> parameter(const Session& session, size_t i) {
  return session.model().parameters()[i].tensor.values<double>();
}

TEST(Clustering, ARunHasTheRoundsOfKMeans) {
  for (const bool random : {false, true}) {
    Session session(kmeans({random ? "model.start=random" : "model.start=kmeans++"}));
    const KMeansOptions options{
        .clusters = 4, .start = random ? KMeansStart::kRandom : KMeansStart::kPlusPlus, .seed = 3};
    KMeans learner(rows_of(session), options);
    std::vector<double> losses;
    KMeansRound round;
    while (!round.converged) {
      round = learner.step();
      losses.push_back(round.inertia / static_cast<double>(rows_of(session).size(0)));
    }
    const Outcome outcome = run_trainer(session.trainer());
    EXPECT_EQ(outcome.summary.stop_reason, StopReason::kConverged);
    EXPECT_EQ(outcome.losses(), losses);
    EXPECT_EQ(parameter(session, 0), learner.centers().values<double>());
  }
}

TEST(Clustering, ARunHasTheBestOfSeveralStarts) {
  Session session(kmeans({"model.start=random", "model.starts=8", "model.clusters=9"}));
  session.trainer().run();
  const KMeansResult best =
      fit_kmeans(rows_of(session), {.clusters = 9, .start = KMeansStart::kRandom, .starts = 8, .seed = 3});
  EXPECT_EQ(parameter(session, 0), best.centers.values<double>());
  EXPECT_NE(best.seed, 3U);
  Session mixture(gmm({"model.start=random", "model.starts=4"}));
  mixture.trainer().run();
  const GaussianMixtureResult fitted =
      fit_gaussian_mixture(rows_of(mixture), {.components = 3, .start = MixtureStart::kRandom, .starts = 4, .seed = 3});
  EXPECT_EQ(parameter(mixture, 1), fitted.mixture.means.values<double>());
}

TEST(Clustering, ARunHasTheRoundsOfAMixture) {
  for (const bool full : {true, false}) {
    Session session(gmm({full ? "model.covariance=full" : "model.covariance=diagonal", "solver.tolerance=1e-6",
                         "model.covariance_regularization=1e-3"}));
    const TrainingSummary summary = session.trainer().run();
    const GaussianMixtureOptions options{.components = 3,
                                         .covariance = full ? Covariance::kFull : Covariance::kDiagonal,
                                         .regularization = 1e-3,
                                         .tolerance = 1e-6,
                                         .max_rounds = 200,
                                         .seed = 3};
    const GaussianMixtureResult fitted = fit_gaussian_mixture(rows_of(session), options);
    EXPECT_EQ(summary.stop_reason, StopReason::kConverged);
    EXPECT_EQ(summary.steps, fitted.rounds);
    EXPECT_EQ(summary.final_loss, -fitted.lower_bound);
    EXPECT_EQ(parameter(session, 0), fitted.mixture.weights.values<double>());
    EXPECT_EQ(parameter(session, 1), fitted.mixture.means.values<double>());
    EXPECT_EQ(parameter(session, 2), fitted.mixture.covariances.values<double>());
  }
}

// A step is a pass: 240 rows are 8 batches of 32.
TEST(Clustering, ARunHasThePassesOfMiniBatches) {
  const Overrides keys = {"solver.name=mini_batch", "solver.batch_size=32", "solver.patience=4",
                          "solver.reassign_below=0.05"};
  Session session(kmeans(keys));
  const MiniBatchKMeansOptions options{
      .clusters = 4, .batch_size = 32, .reassign_below = 0.05, .patience = 4, .seed = 3};
  MiniBatchKMeans learner(rows_of(session), options);
  MiniBatchStep step;
  while (!step.converged) step = learner.step();
  const TrainingSummary summary = session.trainer().run();
  EXPECT_EQ(summary.stop_reason, StopReason::kConverged);
  EXPECT_EQ(rows_of(session).size(0), 240);
  EXPECT_EQ(summary.steps, (step.step + 7) / 8);
  EXPECT_EQ(parameter(session, 0), learner.centers().values<double>());
  EXPECT_EQ(session.trainer().state().examples, 32 * step.step);
}

TEST(Clustering, ChoosesTheNumberOfClusters) {
  const TemporaryFolder folder;
  gradus::Run run(kmeans({"model.clusters=[2,3,4,5,6]", "data.noise=0.05"}), folder / "run");
  EXPECT_EQ(run.data().shape.outputs, 4);
  ASSERT_EQ(run.notes().size(), 1U);
  EXPECT_THAT(run.notes()[0],
              testing::MatchesRegex("silhouette of 2 clusters 0[.0-9]+, of 3 clusters .*: 4 are taken"));
  run.train();
  const json choice = log_of(folder / "run")[0];
  EXPECT_EQ(choice["event"], "choice");
  EXPECT_EQ(choice["text"], run.notes()[0]);
  EXPECT_EQ(load(folder / "run").shape().outputs, 4);
  Session mixture(gmm({"model.clusters=[1,2,3,4,5,6]", "data.noise=0.05"}));
  EXPECT_EQ(mixture.data().shape.outputs, 4);
  EXPECT_THAT(mixture.choice(), testing::StartsWith("bic of 1 clusters "));
  Session by_silhouette(gmm({"model.clusters=[2,4,6]", "data.noise=0.05", "model.choose_by=silhouette"}));
  EXPECT_THAT(by_silhouette.choice(), HasSubstr(": 4 are taken"));
  Session mini_batch(kmeans({"model.clusters=[2,4]", "data.noise=0.05", "solver.name=mini_batch"}));
  EXPECT_EQ(mini_batch.data().shape.outputs, 4);
  EXPECT_EQ(Session(kmeans(), {.plan_only = true}).choice(), "");
}

class ClusteringResume : public testing::TestWithParam<const char*> {
 protected:
  static Config config(const Overrides& more = {}) {
    const std::string name = GetParam();
    Overrides keys = {"solver.tolerance=0", "train.steps=9", "checkpoint.every=2", "checkpoint.keep=9"};
    if (name == "mini_batch") keys.insert(keys.end(), {"solver.name=mini_batch", "solver.patience=0"});
    if (name == "lloyd") keys.emplace_back("model.clusters=9");
    if (name == "choice") keys.emplace_back("model.clusters=[7,8,9]");
    if (name == "starts") keys.emplace_back("model.starts=3");
    keys.emplace_back(name == "mini_batch" ? "solver.batch_size=16" : "data.noise=1.5");
    keys.insert(keys.end(), more.begin(), more.end());
    return name == "lloyd" || name == "mini_batch" || name == "choice" ? kmeans(keys) : gmm(keys);
  }
};

TEST_P(ClusteringResume, GoesOnToTheSameBits) {
  const TemporaryFolder folder;
  gradus::Run(config(), folder / "whole").train();
  train_until(5, config(), folder / "cut");
  gradus::Run(config(), folder / "cut", {.resume = true}).train();
  for (const char* file : {"model.safetensors", "checkpoints/last/optimizer.safetensors"}) {
    EXPECT_EQ(slurp(folder / "cut" / file), slurp(folder / "whole" / file)) << file;
  }
  EXPECT_EQ(log_of(folder / "cut").back()["loss"], log_of(folder / "whole").back()["loss"]);
}

TEST_P(ClusteringResume, ReplaysAndExtends) {
  const TemporaryFolder folder;
  gradus::Run(config({"train.steps=6"}), folder / "run").train();
  EXPECT_EQ(replay(folder / "run", 2, 4).difference, "");
  gradus::Run(config(), folder / "run", {.resume = true, .own_configuration = false}).train();
  gradus::Run(config(), folder / "whole").train();
  EXPECT_EQ(slurp(folder / "run/model.safetensors"), slurp(folder / "whole/model.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Solvers, ClusteringResume, testing::Values("lloyd", "mini_batch", "choice", "em", "starts"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Clustering, ConvergedStaysConverged) {
  const TemporaryFolder folder;
  const TrainingSummary first = gradus::Run(gmm(), folder / "run").train();
  EXPECT_EQ(first.stop_reason, StopReason::kConverged);
  EXPECT_EQ(json::parse(slurp(folder / "run/summary.json"))["stop_reason"], "converged");
  const TrainingSummary again = gradus::Run(gmm(), folder / "run", {.resume = true}).train();
  EXPECT_EQ(again.stop_reason, StopReason::kConverged);
  EXPECT_EQ(again.steps, first.steps);
}

TEST(Clustering, StartsFromAnotherRunsModel) {
  const TemporaryFolder folder;
  gradus::Run(kmeans({"train.steps=2"}), folder / "start").train();
  gradus::Run(kmeans({"train.steps=5", "solver.tolerance=0"}), folder / "whole").train();
  const std::string from = Config::text_override("model.from", (folder / "start").string());
  gradus::Run(kmeans({"train.steps=3", "solver.tolerance=0", from, "model.clusters=[3,4]"}), folder / "more").train();
  EXPECT_EQ(slurp(folder / "more/model.safetensors"), slurp(folder / "whole/model.safetensors"));
  gradus::Run(gmm({"train.steps=2"}), folder / "mixture").train();
  gradus::Run(gmm({"train.steps=5", "solver.tolerance=0"}), folder / "whole_mixture").train();
  const std::string mixture = Config::text_override("model.from", (folder / "mixture").string());
  gradus::Run(gmm({"train.steps=3", "solver.tolerance=0", mixture}), folder / "more_mixture").train();
  EXPECT_EQ(slurp(folder / "more_mixture/model.safetensors"), slurp(folder / "whole_mixture/model.safetensors"));
  EXPECT_EQ(message_of(ErrorKind::kUsage,
                       [&] {
                         Session(kmeans({from, "model.clusters=[5,6]"}));
                       }),
            "[--set model.clusters=[5,6]] model.clusters = [5, 6], and model.from has 4; expected as many");
}

TEST(Clustering, ValidatesOnRowsThatAreHeldOut) {
  Session session(kmeans({"data.validation_fraction=0.25", "validation.every=1"}));
  const Outcome outcome = run_trainer(session.trainer());
  const auto& held = dynamic_cast<const TensorDataset&>(*session.data().validation).inputs();
  const Tensor& centers = session.model().parameters()[0].tensor;
  EXPECT_EQ(held.size(0), 60);
  EXPECT_NEAR(*outcome.records.back().validation_loss, inertia_of(held, nearest_centers(held, centers), centers) / 60,
              1e-12);
}

// Two pairs of points, 4 apart; each 1 from its centre.
TEST(Clustering, ReportsMeasures) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y,kind\n0,0,a\n0,2,a\n4,0,b\n4,2,a\n");
  const std::string path = Config::text_override("data.path", (folder / "t.csv").string());
  const std::string text =
      "data = {kind = \"csv\", scaling = \"none\", target = \"kind\"}\nmodel = {kind = \"kmeans\", clusters = 2}\n"
      "train.steps = 10\n";
  gradus::Run(Config::parse(text, "run.toml", {path}), folder / "run").train();
  const TrainedRun run = load(folder / "run");
  const ExperimentData data = make_data(run.config(), run.encoder());
  const ClusterReport report = make_cluster_report(run, *data.training);
  EXPECT_EQ(report.sizes, (std::vector<int64_t>{2, 2}));
  const auto value = [&](const char* name) {
    for (const Metric& measure : report.measures) {
      if (measure.name == name) return measure.value;
    }
    return std::nan("");
  };
  EXPECT_EQ(value("inertia"), 4.0);
  EXPECT_EQ(value("loss"), 1.0);
  const double apart = (4 + std::sqrt(20)) / 2;  // from the points of the other pair, on average
  EXPECT_NEAR(value("silhouette"), 1 - 2 / apart, 1e-12);
  EXPECT_NEAR(value("calinski_harabasz"), 16.0 / (4.0 / 2.0), 1e-12);
  EXPECT_NEAR(value("davies_bouldin"), 2.0 / 4.0, 1e-12);
  EXPECT_NEAR(value("adjusted_rand"), 0.0, 1e-12);  // one pair of two is split: as much as by chance
  EXPECT_TRUE(std::isnan(value("bic")));
  EXPECT_EQ(report.silhouette_examples, 4);
}

TEST(Clustering, ATargetIsNotLearnedAndNeedNotBeThere) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n0,0\n0,2\n4,0\n4,2\n");
  const std::string path = Config::text_override("data.path", (folder / "t.csv").string());
  const std::string text =
      "data = {kind = \"csv\", scaling = \"none\"}\nmodel = {kind = \"gmm\", clusters = 1}\ntrain.steps = 10\n";
  gradus::Run(Config::parse(text, "run.toml", {path}), folder / "run").train();
  const TrainedRun run = load(folder / "run");
  EXPECT_EQ(run.shape().inputs, 2) << "the last column is one like the others";
  EXPECT_FALSE(std::get<TableEncoder>(run.encoder()).has_target());
  const auto& model = dynamic_cast<const MixtureModel&>(run.model());
  EXPECT_EQ(model.mixture().means.values<double>(), (std::vector<double>{2, 1}));
  const Predictions predictions = predict_files(run, {(folder / "t.csv").string()});
  EXPECT_EQ(to_csv(predictions), "prediction,p_0\n0,1\n0,1\n0,1\n0,1\n");
  const ExperimentData data = make_data(run.config(), run.encoder());
  const ClusterReport report = make_cluster_report(run, *data.training);
  // Of one component there are a likelihood and its penalties, and no clusters to compare.
  std::vector<std::string> names;
  for (const Metric& measure : report.measures) names.push_back(measure.name);
  EXPECT_EQ(names, (std::vector<std::string>{"loss", "mean_log_likelihood", "bic", "aic"}));
  EXPECT_EQ(report.measures[2].value, model.mixture().bic(dynamic_cast<const TensorDataset&>(*data.training).inputs()));
}

TEST(Clustering, SamplesManyRowsForTheSilhouette) {
  Session session(kmeans({"data.points=6000"}));
  session.trainer().run();
  const Tensor& x = rows_of(session);
  const Tensor labels = nearest_centers(x, session.model().parameters()[0].tensor);
  ASSERT_EQ(x.size(0), 6000);
  const double sampled = sampled_silhouette(x, labels);
  const std::vector<float> points = x.values<float>();
  EXPECT_NEAR(sampled, silhouette_score(points, 3, labels.values<int64_t>()), 0.01);
  EXPECT_EQ(sampled, sampled_silhouette(x, labels));
}

TEST(Clustering, RefusesWhatHasNoMeaning) {
  const auto kmeans_error = [](const Overrides& keys) { return message_of(ErrorKind::kUsage, [&] { kmeans(keys); }); };
  const auto gmm_error = [](const Overrides& keys) { return message_of(ErrorKind::kUsage, [&] { gmm(keys); }); };
  EXPECT_EQ(kmeans_error({"optimizer.learning_rate=0.1"}),
            "[--set optimizer.learning_rate=0.1] optimizer.learning_rate has no meaning with solver.name = \"lloyd\"; "
            "remove it");
  EXPECT_EQ(kmeans_error({"regularization.l2=0.1"}),
            "[--set regularization.l2=0.1] regularization.l2 has no meaning with solver.name = \"lloyd\"; remove it");
  EXPECT_EQ(kmeans_error({"solver.name=none"}),
            "[--set solver.name=none] solver.name = \"none\" is for model.kind = \"linear\", not for \"kmeans\"; take "
            "\"lloyd\" or \"mini_batch\"");
  EXPECT_EQ(gmm_error({"solver.name=lloyd"}),
            "[--set solver.name=lloyd] solver.name = \"lloyd\" is for model.kind = \"kmeans\", not for \"gmm\"; take "
            "\"em\"");
  EXPECT_EQ(line_error({"solver.name=em"}),
            "[--set solver.name=em] solver.name = \"em\" is for model.kind = \"gmm\", not for \"linear\"; take another "
            "solver, or \"none\"");
  EXPECT_EQ(kmeans_error({"model.start=kmeans"}),
            "[--set model.start=kmeans] model.start = \"kmeans\" is for model.kind = \"gmm\"; take \"kmeans++\" or "
            "\"random\"");
  EXPECT_EQ(kmeans_error({"model.choose_by=bic"}),
            "[--set model.choose_by=bic] model.choose_by = \"bic\" goes by likelihoods, which model.kind = \"kmeans\" "
            "has not; take \"silhouette\"");
  EXPECT_EQ(kmeans_error({"model.clusters=[1,2]"}),
            "[--set model.clusters=[1,2]] model.clusters has 1 to choose from, of which there is no silhouette; leave "
            "it out");
  EXPECT_EQ(error_text([] {
              gmm({"model.clusters=[1,2]", "model.choose_by=silhouette"});
            }),
            "[--set model.clusters=[1,2]] model.clusters has 1 to choose from, of which there is no silhouette; leave "
            "it out, or set model.choose_by = \"bic\"");
  EXPECT_EQ(kmeans_error({"solver.name=mini_batch", "model.starts=2"}),
            "[--set model.starts=2] model.starts = 2 has no meaning with solver.name = \"mini_batch\", which has one; "
            "remove it, or set solver.name = \"lloyd\"");
  EXPECT_THAT(kmeans_error({"loss.name=mse"}), HasSubstr("\"loss.name\" applies to model.kind = "));
  EXPECT_EQ(
      kmeans_error({"model.clusters=0"}),
      "[--set model.clusters=0] \"model.clusters\" must be an integer from 1 to 1048576, or a list of such; found "
      "the integer 0");
  EXPECT_EQ(
      message_of(ErrorKind::kUsage, [] { Session(kmeans({"model.clusters=[3,300]"})); }),
      "[--set model.clusters=[3,300]] model.clusters = [3, 300] for 240 examples; expected no more than examples");
  const std::string table =
      "data = {kind = \"csv\", path = \"t.csv\"}\nmodel = {kind = \"gmm\", clusters = 2}\n"
      "train.steps = 9\n";
  EXPECT_EQ(parse_error(table, {"data.split=stratified"}),
            "[--set data.split=stratified] data.split = \"stratified\" goes by data.target, and there is none; set it");
  EXPECT_EQ(parse_error(table, {"data.unlabelled=leave_out"}),
            "[--set data.unlabelled=leave_out] data.unlabelled = \"leave_out\" goes by data.target, and there is none; "
            "set it, or remove this");
  EXPECT_THAT(
      parse_error("data = {kind = \"libsvm\", path = \"a\"}\nmodel = {kind = \"gmm\", clusters = 2}\n"
                  "train.steps = 9\n"),
      HasSubstr("data.kind = \"libsvm\" has sparse rows, and model.kind = \"gmm\" takes dense ones; convert them "
                "to a table"));
  EXPECT_THAT(parse_error("data = {kind = \"labelled_text\", path = \"a\"}\nmodel = {kind = \"gmm\", clusters = 2}\n"
                          "train.steps = 9\n"),
              HasSubstr("model.kind = \"gmm\" does not go with data.kind = \"labelled_text\", which is learned by its "
                        "classes; take \"linear\" or \"mlp\""));
}

TEST(Clustering, FoldsAreHeldOut) {
  const TemporaryFolder folder;
  spill(folder / "t.csv", "x,y\n0,0\n0,2\n4,0\n4,2\n1,1\n3,1\n");
  Session session(
      Config::parse("data = {kind = \"csv\", folds = 3}\nmodel = {kind = \"kmeans\", clusters = 2}\n"
                    "train.steps = 9\nvalidation.every = 1\n",
                    "run.toml", {Config::text_override("data.path", (folder / "t.csv").string())}));
  EXPECT_EQ(session.data().validation->size(), 2);
  EXPECT_TRUE(session.trainer().run().best_validation_loss.has_value());
}

TEST(Clustering, IsOfDenseRowsInMemory) {
  ExperimentData data;
  data.training =
      std::make_unique<SparseDataset>(std::make_shared<const SparseMatrix>(SparseMatrix{
                                          .rows = 1, .columns = 1, .offsets = {0, 0}, .indices = {}, .values = {}}),
                                      Tensor::zeros({1}, DType::kI64));
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { clustering_memory(kmeans(), data, 0); }),
            "[model.kind] clusters are made of rows of numbers in memory, and the data is others; take another model");
}

TEST(Clustering, HasNoLearningRate) {
  EXPECT_EQ(message_of(ErrorKind::kUsage, [] { search_learning_rate(gmm(), {}); }),
            "[run.toml:3:10] model.kind = \"gmm\" has no learning rate to be found; train it as it is");
}

TEST(Clustering, AModelOfAnythingElseHasNoClusters) {
  const TemporaryFolder folder;
  gradus::Run(line({"train.steps=1"}), folder / "run").train();
  const TrainedRun run = load(folder / "run");
  const ExperimentData data = make_data(run.config());
  EXPECT_EQ(message_of(ErrorKind::kUsage, [&] { make_cluster_report(run, *data.training); }),
            "[eval] the run's model is \"linear\"; expected one that makes clusters");
}

TEST(Clustering, MemoryHasItsAdvice) {
  const Session session(kmeans(), {.clusters = 4});
  const MemoryPrediction prediction = clustering_memory(kmeans(), session.data(), 0);
  const auto advice = [&](const std::string& name) {
    const auto found = std::ranges::find(prediction.parts, name, &MemoryPart::name);
    return found == prediction.parts.end() ? "" : found->remedy;
  };
  EXPECT_EQ(advice("the model"), "fewer model.clusters, or model.covariance = \"diagonal\"");
  EXPECT_EQ(advice("labels, distances and sums"), "fewer model.clusters, or data.training_size");
}

TEST(Clustering, AStateOfAnotherShapeIsAnError) {
  const TemporaryFolder folder;
  train_until(3, kmeans({"solver.tolerance=0"}), folder / "run");
  Session session(kmeans(), {.clusters = 4, .resumes = true});
  Checkpoint checkpoint = read_checkpoint(folder / "run/checkpoints/last");
  checkpoint.optimizer[1].second = Tensor::zeros({7}, DType::kI64);
  EXPECT_THAT(message_of(ErrorKind::kFailure, [&] { session.restore(checkpoint, "there"); }),
              HasSubstr("[there] the state has no \"labels\" of i64 (240,)"));
}

}  // namespace clustering_test
}  // namespace gradus
