// Clusters by the command: train, eval, predict, and the recipes against what scikit-learn finds.
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "tests/command/command.h"

namespace gradus {
namespace clustering_test {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

// Two groups of points, and a column that names them but for one row.
void write_table(const TemporaryFolder& folder) {
  std::string text = "a,kind,b\n";
  for (int i = 0; i < 20; ++i) {
    const bool is_far = i % 2 == 1;
    text += fmt::format("{},{},{}\n", (is_far ? 50 : 0) + i % 3, is_far && i != 1 ? "far" : "near", i % 5);
  }
  spill(folder / "t.csv", text);
  spill(folder / "c.toml",
        "data = {kind = \"csv\", path = \"t.csv\", target = \"kind\"}\nmodel = {kind = \"gmm\", clusters = 2}\n"
        "train.steps = 50\n");
}

TEST(ClusteringCommand, PrintsAllMeasures) {
  const TemporaryFolder folder;
  write_table(folder);
  const CommandResult trained = run_gradus(folder, {"train", "c.toml", "--out", "run"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_THAT(trained.out, StartsWith("model gmm: 14 parameters; 20 examples; at most 50 steps; folder run\n"));
  EXPECT_THAT(trained.out, HasSubstr("the solver's tolerance is reached"));
  const CommandResult table = run_gradus(folder, {"eval", "run"});
  EXPECT_EQ(table.err, "");
  const std::vector<std::string> lines = lines_of(table.out);
  EXPECT_EQ(lines[0], "20 examples: the training part, for nothing was held out for validation");
  EXPECT_THAT(table.out, HasSubstr("\nadjusted_rand                 "));
  EXPECT_THAT(table.out, HasSubstr("\ncluster                               examples\n0                       "));
  const json all = json::parse(run_gradus(folder, {"eval", "run", "--json"}).out);
  EXPECT_EQ(all["examples"], 20);
  EXPECT_EQ(all["clusters"], (std::vector<int>{10, 10}));
  EXPECT_EQ(all["silhouette_examples"], 20);
  EXPECT_GT(all["silhouette"].get<double>(), 0.4);
  EXPECT_EQ(all["loss"].get<double>(), -all["mean_log_likelihood"].get<double>());
  const double parameters = 2 * (3 + 2) + 1;
  EXPECT_NEAR(all["aic"].get<double>(), 40 * all["loss"].get<double>() + 2 * parameters, 1e-9);
  EXPECT_NEAR(all["bic"].get<double>(), 40 * all["loss"].get<double>() + parameters * std::log(20), 1e-9);
  // scikit-learn's adjusted_rand_score of 9 and 11 against 10 and 10 with one on the other side.
  EXPECT_NEAR(all["adjusted_rand"].get<double>(), 0.7995558023320377, 1e-12);
  EXPECT_THAT(run_gradus(folder, {"eval", "run", "--report"}).err,
              HasSubstr("[--report] is for models that predict; of clusters `gradus eval` says all: leave it out"));
}

TEST(ClusteringCommand, OtherFilesNeedNoTarget) {
  const TemporaryFolder folder;
  write_table(folder);
  ASSERT_EQ(run_gradus(folder, {"train", "c.toml", "--out", "run", "--quiet"}).exit_code, 0);
  spill(folder / "new.csv", "b,a\n2,1\n2,51\n1,50\n3,1\n");
  const CommandResult evaluated = run_gradus(folder, {"eval", "run", "--data", "new.csv", "--json"});
  EXPECT_EQ(evaluated.err, "");
  const json all = json::parse(evaluated.out);
  EXPECT_EQ(all["clusters"], (std::vector<int>{2, 2}));
  EXPECT_FALSE(all.contains("adjusted_rand"));
  const CommandResult predicted = run_gradus(folder, {"predict", "run", "--data", "new.csv"});
  const std::vector<std::string> lines = lines_of(predicted.out);
  ASSERT_EQ(lines.size(), 5U) << predicted.err;
  EXPECT_EQ(lines[0], "prediction,p_0,p_1");
  EXPECT_EQ(lines[1][0], lines[4][0]);
  EXPECT_EQ(lines[2][0], lines[3][0]);
  EXPECT_NE(lines[1][0], lines[2][0]);
  const json row =
      json::parse(lines_of(run_gradus(folder, {"predict", "run", "--data", "new.csv", "--format", "jsonl"}).out)[0]);
  EXPECT_NEAR(row["probabilities"]["0"].get<double>() + row["probabilities"]["1"].get<double>(), 1.0, 1e-6);
  EXPECT_THAT(run_gradus(folder, {"eval", "run", "--labels", "t.csv"}).err,
              HasSubstr("[--labels] are those of --data, which is missing; give both"));
}

TEST(ClusteringCommand, SaysWhatARunWouldBe) {
  const TemporaryFolder folder;
  write_table(folder);
  const CommandResult plan = run_gradus(folder, {"train", "c.toml", "--dry-run", "--set", "model.clusters=[2,3]",
                                                 "--set", "data.features=[\"a\",\"b\"]"});
  EXPECT_EQ(plan.err, "");
  EXPECT_THAT(plan.out, HasSubstr("the first of them, as the model sees them (a, b → kind):\n"));
  EXPECT_THAT(plan.out, HasSubstr("  means                            (3, 2)"));
  EXPECT_THAT(plan.out, HasSubstr("labels, distances and sums"));
  spill(folder / "plain.csv", "a,b\n1,2\n3,4\n");
  spill(folder / "k.toml",
        "data = {kind = \"csv\", path = \"plain.csv\"}\nmodel = {kind = \"kmeans\", clusters = 2}\ntrain.steps = 5\n");
  const CommandResult plain = run_gradus(folder, {"train", "k.toml", "--dry-run"});
  EXPECT_THAT(plain.out, HasSubstr("as the model sees them (a, b):\n  (-1, -1)\n  (1, 1)\n"));
}

// What scikit-learn finds: tools/make_clustering_recipe_references.py.
const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/clustering_recipes.json"));
  return all;
}

constexpr const char* kData = GRADUS_SOURCE_DIR "/../shared/data/";

json evaluation_of_recipe(const TemporaryFolder& folder, const std::string& name, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"train", recipe(name), "--out", "run", "--quiet"});
  const CommandResult trained = run_gradus(folder, arguments);
  EXPECT_EQ(trained.exit_code, 0) << trained.err;
  return json::parse(run_gradus(folder, {"eval", "run", "--json"}).out);
}

void expect_equal(const json& found, const json& wanted, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const double value = wanted[name];
    EXPECT_NEAR(found[name].get<double>(), value, 1e-9 * std::abs(value)) << name;
  }
}

TEST(ClusteringRecipes, KMeansFindsWhatScikitLearnFinds) {
  const std::string data = std::string(kData) + "tabular/penguins.csv";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << data << " is not there";
  const TemporaryFolder folder;
  const json found = evaluation_of_recipe(folder, "kmeans", {"--data", data}), wanted = references()["kmeans"];
  std::vector<int64_t> sizes = found["clusters"];
  std::sort(sizes.begin(), sizes.end());
  ASSERT_EQ(sizes, wanted["sizes"].get<std::vector<int64_t>>());
  expect_equal(found, wanted,
               {"inertia", "silhouette", "calinski_harabasz", "davies_bouldin", "adjusted_rand",
                "adjusted_mutual_information", "v_measure"});
}

// The tolerance of both is 1e-6 of the mean log-likelihood a round, and they stop at different rounds.
TEST(ClusteringRecipes, AMixtureFindsWhatScikitLearnFinds) {
  const std::string data = std::string(kData) + "tabular/penguins.csv";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << data << " is not there";
  const TemporaryFolder folder;
  const json found = evaluation_of_recipe(folder, "gmm", {"--data", data}), wanted = references()["gmm"];
  EXPECT_EQ(found["clusters"].size(), wanted["components"].get<size_t>());
  EXPECT_GE(found["mean_log_likelihood"].get<double>(), wanted["mean_log_likelihood"].get<double>() - 1e-6);
  expect_equal(found, wanted,
               {"silhouette", "calinski_harabasz", "davies_bouldin", "adjusted_rand", "adjusted_mutual_information",
                "v_measure"});
}

// With other starts: a local minimum as good, and of the digits as much.
TEST(ClusteringRecipes, PixelsOfDigits) {
  const std::string images = std::string(kData) + "images/t10k-images-idx3-ubyte.gz",
                    labels = std::string(kData) + "images/t10k-labels-idx1-ubyte.gz";
  if (!std::filesystem::exists(images)) GTEST_SKIP() << images << " is not there";
  const TemporaryFolder folder;
  const json found = evaluation_of_recipe(folder, "mnist_kmeans", {"--data", images, "--set", "data.labels=" + labels});
  EXPECT_EQ(found["clusters"].size(), 10U);
  EXPECT_EQ(found["silhouette_examples"], 5000);
  const double inertia = references()["mnist_kmeans"]["inertia"];
  EXPECT_LT(found["inertia"].get<double>(), 1.001 * inertia);
  EXPECT_GT(found["adjusted_rand"].get<double>(), 0.33);
  const CommandResult other = run_gradus(folder, {"eval", "run", "--data", images, "--labels", labels, "--json"});
  EXPECT_EQ(json::parse(other.out)["adjusted_rand"], found["adjusted_rand"]) << other.err;
}

}  // namespace clustering_test
}  // namespace gradus
