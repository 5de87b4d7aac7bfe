#include "gradus/classic/gaussian_mixture.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "gradus/classic/kmeans.h"
#include "tests/classic/clustering_data.h"
#include "tests/random_tensor.h"
#include "tests/tensor/same_bits.h"

namespace gradus {
namespace gaussian_mixture_test {

using nlohmann::json;

// Proportional to 1 + (7·i + 11·c + i·c) mod 5, as in tools/make_clustering_references.py.
Tensor responsibilities(int64_t rows, int64_t components) {
  std::vector<double> all;
  for (int64_t i = 0; i < rows; ++i) {
    double sum = 0.0;
    for (int64_t c = 0; c < components; ++c) sum += static_cast<double>(1 + (7 * i + 11 * c + i * c) % 5);
    for (int64_t c = 0; c < components; ++c) all.push_back(static_cast<double>(1 + (7 * i + 11 * c + i * c) % 5) / sum);
  }
  return Tensor::from(all, {rows, components});
}

GaussianMixtureOptions started(const Tensor& x, int64_t components, Covariance covariance) {
  GaussianMixtureOptions o{.components = components, .covariance = covariance};
  o.start = MixtureStart::kResponsibilities;
  o.responsibilities = responsibilities(x.size(0), components);
  return o;
}

std::vector<double> flat(const json& any) {
  if (!any.is_array()) return {any.get<double>()};
  std::vector<double> all;
  for (const json& part : any) {
    const std::vector<double> own = flat(part);
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

void expect_near(const char* what, const Tensor& got, const json& expected, double tolerance) {
  const std::vector<double> values = got.values<double>(), wanted = flat(expected);
  ASSERT_EQ(values.size(), wanted.size()) << what;
  double largest = 0.0;
  for (const double value : wanted) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], wanted[i], tolerance * largest) << what << " " << i;
}

void expect_as_scikit_learn(const json& c) {
  SCOPED_TRACE(c["data"].get<std::string>() + ", " + c["covariance"].get<std::string>());
  const Tensor x = clustering_data(c["data"]);
  if (!x.defined()) return;
  GaussianMixtureOptions options =
      started(x, c["components"], c["covariance"] == "full" ? Covariance::kFull : Covariance::kDiagonal);
  options.tolerance = c.value("tolerance", options.tolerance);
  options.max_rounds = c.value("max_rounds", options.max_rounds);
  options.regularization = c.value("regularization", options.regularization);
  const GaussianMixtureResult result = fit_gaussian_mixture(x, options);
  const GaussianMixture& mixture = result.mixture;
  const auto expect_number = [&](const char* what, double got) {
    EXPECT_NEAR(got, c[what], 1e-7 * std::max(1.0, std::abs(c[what].get<double>()))) << what;
  };
  EXPECT_EQ(result.rounds, c["rounds"]);
  EXPECT_EQ(result.converged, c["converged"]);
  expect_number("lower_bound", result.lower_bound);
  expect_number("score", mixture.score(x));
  expect_number("bic", mixture.bic(x));
  expect_number("aic", mixture.aic(x));
  expect_near("weights", mixture.weights, c["weights"], 1e-5);
  expect_near("means", mixture.means, c["means"], 1e-5);
  expect_near("covariances", mixture.covariances, c["covariances"], 1e-5);
  expect_near("probabilities", mixture.probabilities(x.view({5, x.size(1)}, {x.size(1), 1})), c["probabilities"], 1e-5);
}

TEST(GaussianMixture, EqualsScikitLearnFromGivenResponsibilities) {
  for (const json& c : clustering_references()["mixtures"]) {
    if (c["data"] != "penguins") expect_as_scikit_learn(c);
  }
}

TEST(GaussianMixture, EqualsScikitLearnOnPenguins) {
  if (!clustering_data("penguins").defined()) GTEST_SKIP() << "../shared/data is not there";
  for (const json& c : clustering_references()["mixtures"]) {
    if (c["data"] == "penguins") expect_as_scikit_learn(c);
  }
}

TEST(GaussianMixture, OfOneComponentIsTheNormalDistribution) {
  // Mean and covariance in closed form, and ln p of their density, −½·(2·ln 2π + ln det + squared distance).
  const Tensor x = Tensor::from(std::vector<float>{0, 0, 2, 1, 4, 5, 6, 2}, {4, 2});
  const GaussianMixture m = fit_gaussian_mixture(x, {.components = 1, .regularization = 0.0}).mixture;
  EXPECT_EQ(m.weights.values<double>(), (std::vector<double>{1.0}));
  expect_near("means", m.means, {3.0, 2.0}, 1e-15);
  expect_near("covariances", m.covariances, {5.0, 2.5, 2.5, 3.5}, 1e-14);
  const double det = 5.0 * 3.5 - 2.5 * 2.5, squares = (3.5 * 9 - 2 * 2.5 * 6 + 5.0 * 4) / det;
  EXPECT_NEAR(m.log_likelihoods(x).values<double>()[0],
              -0.5 * (2 * std::log(2 * std::numbers::pi) + std::log(det) + squares), 1e-13);
  EXPECT_EQ(m.free_parameters(), 5);
}

TEST(GaussianMixture, RaisesItsBoundRoundByRound) {
  const Tensor x = clustering_data("overlapping");
  for (const Covariance covariance : {Covariance::kFull, Covariance::kDiagonal}) {
    GaussianMixtureOptions options = started(x, 3, covariance);
    options.regularization = 0.0;
    ExpectationMaximization learner(x, options);
    double before = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < 60; ++i) {
      const double score = learner.mixture().score(x);
      const MixtureRound round = learner.step();
      EXPECT_NEAR(round.lower_bound, score, 1e-13 * std::abs(score));
      EXPECT_GE(round.lower_bound, before - 1e-12);
      before = round.lower_bound;
    }
  }
}

TEST(GaussianMixture, StartsFromClustersOrMeans) {
  const Tensor x = clustering_data("apart");
  const GaussianMixtureResult by_clusters = fit_gaussian_mixture(x, {.components = 4});
  std::vector<int64_t> counts(4);
  const std::vector<int64_t> labels = by_clusters.mixture.predict(x).values<int64_t>();
  for (const int64_t label : labels) ++counts[static_cast<size_t>(label)];
  EXPECT_EQ(counts, (std::vector<int64_t>(4, 50)));
  GaussianMixtureOptions options{.components = 4, .start = MixtureStart::kMeans};
  options.means = Tensor::from(x.values<float>(), x.shape()).view({4, 3}, {3, 1});
  const GaussianMixtureResult by_means = fit_gaussian_mixture(x, options);
  EXPECT_NEAR(by_means.lower_bound, by_clusters.lower_bound, 1e-12);
  const std::vector<int64_t> own = by_means.mixture.predict(x).values<int64_t>();
  for (size_t i = 0; i < own.size(); ++i) ASSERT_EQ(own[i], static_cast<int64_t>(i % 4)) << "in the order of the means";
}

TEST(GaussianMixture, StartsFromRowsThatAreDrawn) {
  const Tensor x = clustering_data("overlapping");
  for (const bool random : {false, true}) {
    const GaussianMixtureOptions drawn{
        .components = 3, .start = random ? MixtureStart::kRandom : MixtureStart::kPlusPlus, .seed = 5};
    const KMeansStart start = random ? KMeansStart::kRandom : KMeansStart::kPlusPlus;
    const GaussianMixtureOptions given{.components = 3,
                                       .start = MixtureStart::kMeans,
                                       .means = KMeans(x, {.clusters = 3, .start = start, .seed = 5}).centers()};
    EXPECT_EQ(fit_gaussian_mixture(x, drawn).lower_bound, fit_gaussian_mixture(x, given).lower_bound);
  }
}

TEST(GaussianMixture, GoesOnFromItsState) {
  const Tensor x = clustering_data("overlapping");
  const GaussianMixtureOptions options = started(x, 3, Covariance::kFull);
  ExpectationMaximization straight(x, options), first(x, options), second(x, {.components = 3});
  for (int i = 0; i < 3; ++i) first.step(), straight.step();
  second.restore(first.state());
  for (int i = 0; i < 3; ++i) {
    const MixtureRound a = straight.step(), b = second.step();
    EXPECT_EQ(a.round, b.round);
    EXPECT_EQ(a.lower_bound, b.lower_bound);
  }
  EXPECT_EQ(straight.mixture().covariances.values<double>(), second.mixture().covariances.values<double>());
  EXPECT_NE(error_text([&] { second.restore({}); }).find("the state has no \"weights\" of f64 (3,)"),
            std::string::npos);
}

TEST(GaussianMixture, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = random_tensor({5000, 5}, 3);
  for (const Covariance covariance : {Covariance::kFull, Covariance::kDiagonal}) {
    const GaussianMixtureOptions options{.components = 3, .covariance = covariance, .max_rounds = 5};
    expect_same_bits([&] { return fit_gaussian_mixture(x, options).mixture.covariances; });
    expect_same_bits([&] { return fit_gaussian_mixture(x, options).mixture.probabilities(x); });
    expect_same_bits([&] { return Tensor::scalar(fit_gaussian_mixture(x, options).lower_bound, DType::kF64); });
  }
}

TEST(GaussianMixture, KeepsTheBestOfSeveralStarts) {
  const Tensor x = clustering_data("overlapping");
  const double one = fit_gaussian_mixture(x, {.components = 6, .starts = 1, .seed = 2}).lower_bound;
  const GaussianMixtureResult best = fit_gaussian_mixture(x, {.components = 6, .starts = 4, .seed = 2});
  EXPECT_GE(best.lower_bound, one);
  EXPECT_EQ(fit_gaussian_mixture(x, {.components = 6, .seed = best.seed}).lower_bound, best.lower_bound);
}

TEST(GaussianMixture, RefusesWhatItCannotFit) {
  const Tensor x = clustering_data("few");
  const auto usage = [&](const GaussianMixtureOptions& o) {
    return usage_error_text([&] { fit_gaussian_mixture(x, o); });
  };
  const auto text = [&](const GaussianMixtureOptions& o) { return error_text([&] { fit_gaussian_mixture(x, o); }); };
  EXPECT_EQ(usage({.components = 8}),
            "[gaussian_mixture] 8 components for 7 rows; expected 1 or more, and no more than rows");
  EXPECT_EQ(usage({.regularization = -1}), "[gaussian_mixture] regularization is -1; expected a finite number from 0");
  EXPECT_EQ(usage({.tolerance = -1}), "[gaussian_mixture] tolerance is -1; expected a finite number from 0");
  EXPECT_EQ(usage({.max_rounds = 0}), "[gaussian_mixture] 0 rounds at most; expected 1 or more");
  EXPECT_EQ(usage({.starts = 0}), "[gaussian_mixture] 0 starts; expected 1 or more");
  EXPECT_EQ(usage({.components = 2, .start = MixtureStart::kMeans, .means = x}),
            "[gaussian_mixture] 7 means are given for 2 components; expected as many");
  EXPECT_EQ(text({.components = 2, .start = MixtureStart::kResponsibilities}),
            "[gaussian_mixture] the responsibilities are undefined; expected f32 or f64 (7, 2)");
  EXPECT_EQ(
      text({.components = 2, .start = MixtureStart::kResponsibilities, .responsibilities = Tensor::zeros({7, 2})}),
      "[gaussian_mixture] the responsibilities of row 0 have the sum 0; expected numbers from 0 with the sum 1");
  // Two columns that are the same: a covariance of rank 1.
  const Tensor line = Tensor::from(std::vector<float>{1, 1, 2, 2, 4, 4}, {3, 2});
  EXPECT_EQ(
      error_text([&] { fit_gaussian_mixture(line, {.components = 1, .regularization = 0.0}); }),
      "[gaussian_mixture] the covariance of component 0 is not positive definite, as few rows or dependent columns "
      "make it; use fewer components or a larger regularization");
  const GaussianMixture mixture = fit_gaussian_mixture(x, {}).mixture;
  EXPECT_EQ(error_text([&] {
              mixture.score(Tensor::zeros({2, 3}));
            }),
            "[gaussian_mixture] the data is f32 (2, 3); expected 2 columns, as the mixture has");
  Tensor bad = x.clone();
  bad.mutable_data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(error_text([&] { mixture.predict(bad); }).find("row 1, column 1 is nan"), std::string::npos);
  EXPECT_NE(error_text([&] { fit_gaussian_mixture(bad, {}); }).find("row 1, column 1 is nan"), std::string::npos);
}

}  // namespace gaussian_mixture_test
}  // namespace gradus
