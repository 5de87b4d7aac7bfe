#include "gradus/classic/mini_batch_kmeans.h"

#include <cmath>
#include <limits>

#include "tests/classic/clustering_data.h"
#include "tests/random_tensor.h"
#include "tests/tensor/same_bits.h"

namespace gradus {
namespace mini_batch_kmeans_test {

using nlohmann::json;

void expect_near(const Tensor& got, const json& expected) {
  size_t i = 0;
  const std::vector<double> values = got.values<double>();
  for (const json& row : expected) {
    for (const json& value : row) EXPECT_NEAR(values.at(i++), value, 1e-12) << "number " << i;
  }
  EXPECT_EQ(i, values.size());
}

Tensor rows_of(const Tensor& x, const std::vector<int64_t>& numbers) {
  std::vector<float> values;
  for (const int64_t row : numbers) {
    values.insert(values.end(), x.data<float>() + row * x.size(1), x.data<float>() + (row + 1) * x.size(1));
  }
  return Tensor::from(values, {static_cast<int64_t>(numbers.size()), x.size(1)});
}

TEST(MiniBatchKMeans, EqualsScikitLearnOnGivenBatches) {
  const json& c = clustering_references()["mini_batch"];
  const Tensor x = clustering_data(c["data"]);
  MiniBatchKMeansOptions options{.clusters = 4, .start = KMeansStart::kGiven, .reassign_below = 0.0};
  options.centers = rows_of(x, c["start"]);
  MiniBatchKMeans learner(x, options);
  for (int64_t t = 0; t < c["steps"]; ++t) {
    std::vector<int64_t> numbers;
    for (int64_t i = 0; i < c["rows"]; ++i) numbers.push_back((37 * t + 11 * i) % 600);
    EXPECT_EQ(learner.step_on(rows_of(x, numbers)).step, t + 1);
    if (t == 0) expect_near(learner.result().centers, c["first"]);
  }
  expect_near(learner.result().centers, c["last"]);
}

TEST(MiniBatchKMeans, ComesNearToLloyd) {
  const Tensor x = clustering_data("apart");
  const KMeansResult whole = fit_kmeans(x, {.clusters = 4, .seed = 2});
  const KMeansResult some = fit_mini_batch_kmeans(x, {.clusters = 4, .batch_size = 32, .patience = 40, .seed = 2});
  EXPECT_TRUE(some.converged);
  EXPECT_LT(some.inertia, 1.05 * whole.inertia);
  EXPECT_GE(some.inertia, whole.inertia) << "which is the least that there is";
}

TEST(MiniBatchKMeans, MovesRareCentresIntoTheBatch) {
  // Two of four centres lie where no row ever is.
  const Tensor x = clustering_data("apart");
  MiniBatchKMeansOptions options{.clusters = 4, .start = KMeansStart::kGiven, .batch_size = 64, .seed = 1};
  std::vector<float> far(12, 1000.0F);
  std::copy_n(x.data<float>(), 6, far.begin());
  options.centers = Tensor::from(far, {4, 3});
  for (const double below : {0.0, 0.01}) {
    options.reassign_below = below;
    MiniBatchKMeans learner(x, options);
    for (int i = 0; i < 50; ++i) learner.step();
    const std::vector<double> centers = learner.result().centers.values<double>();
    EXPECT_EQ(centers.back() == 1000.0, below == 0.0);
    for (const auto& [name, counts] : learner.state()) {
      if (name != "counts") continue;
      const std::vector<double> all = counts.values<double>();
      EXPECT_EQ(*std::min_element(all.begin(), all.end()) == 0.0, below == 0.0);
    }
  }
}

TEST(MiniBatchKMeans, ConvergesByEachOfItsRules) {
  const Tensor x = clustering_data("overlapping");
  MiniBatchKMeansOptions options{.clusters = 5, .batch_size = 100, .patience = 0, .max_steps = 400};
  EXPECT_FALSE(fit_mini_batch_kmeans(x, options).converged);
  EXPECT_EQ(fit_mini_batch_kmeans(x, options).rounds, 400);
  options.tolerance = 1e-4;
  const KMeansResult by_shift = fit_mini_batch_kmeans(x, options);
  EXPECT_TRUE(by_shift.converged);
  EXPECT_LT(by_shift.rounds, 400);
  options.tolerance = 0.0;
  options.patience = 10;
  const KMeansResult by_average = fit_mini_batch_kmeans(x, options);
  EXPECT_TRUE(by_average.converged);
  EXPECT_GT(by_average.rounds, 11);
  EXPECT_LT(by_average.rounds, 400);
}

TEST(MiniBatchKMeans, GoesOnFromItsState) {
  const Tensor x = clustering_data("overlapping");
  const MiniBatchKMeansOptions options{.clusters = 5, .batch_size = 50, .seed = 3};
  MiniBatchKMeans straight(x, options), first(x, options), second(x, options);
  for (int i = 0; i < 7; ++i) straight.step(), first.step();
  second.restore(first.state());
  for (int i = 0; i < 7; ++i) {
    const MiniBatchStep a = straight.step(), b = second.step();
    EXPECT_EQ(a.step, b.step);
    EXPECT_EQ(a.inertia, b.inertia);
    EXPECT_EQ(a.converged, b.converged);
  }
  EXPECT_EQ(straight.result().centers.values<double>(), second.result().centers.values<double>());
}

TEST(MiniBatchKMeans, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = random_tensor({6000, 9}, 3);
  const MiniBatchKMeansOptions options{.clusters = 11, .batch_size = 2000, .max_steps = 5};
  expect_same_bits([&] { return fit_mini_batch_kmeans(x, options).centers; });
}

TEST(MiniBatchKMeans, RefusesWhatItCannotCluster) {
  const Tensor x = clustering_data("few");
  const auto text = [&](const MiniBatchKMeansOptions& o) {
    return usage_error_text([&] { fit_mini_batch_kmeans(x, o); });
  };
  EXPECT_EQ(text({.clusters = 8}), "[mini_batch_kmeans] 8 clusters for 7 rows; expected no more clusters than rows");
  EXPECT_EQ(text({.clusters = 2, .batch_size = 0}), "[mini_batch_kmeans] 0 rows a batch; expected 1 or more");
  EXPECT_EQ(
      text({.clusters = 4, .start_rows = 3}),
      "[mini_batch_kmeans] a start from 3 rows for 4 clusters; expected as many or more, or 0 for the usual number");
  EXPECT_EQ(text({.clusters = 2, .reassign_below = 1}),
            "[mini_batch_kmeans] reassign_below is 1; expected a number from 0, below 1");
  EXPECT_EQ(text({.clusters = 2, .tolerance = -1}),
            "[mini_batch_kmeans] tolerance is -1; expected a finite number from 0");
  EXPECT_EQ(text({.clusters = 2, .patience = -1}),
            "[mini_batch_kmeans] patience is -1; expected 1 or more, or 0 for none");
  EXPECT_EQ(text({.clusters = 2, .max_steps = -1}),
            "[mini_batch_kmeans] -1 steps at most; expected 1 or more, or 0 for 100 epochs");
  MiniBatchKMeans learner(x, {.clusters = 2});
  EXPECT_EQ(error_text([&] {
              learner.step_on(Tensor::zeros({4, 3}));
            }),
            "[mini_batch_kmeans] the rows are f32 (4, 3); expected 2 columns, as the centres have");
}

}  // namespace mini_batch_kmeans_test
}  // namespace gradus
