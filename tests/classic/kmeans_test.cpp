#include "gradus/classic/kmeans.h"

#include <cmath>
#include <limits>
#include <set>

#include "gradus/base/random.h"
#include "tests/classic/clustering_data.h"
#include "tests/random_tensor.h"
#include "tests/tensor/same_bits.h"

namespace gradus {
namespace kmeans_test {

using nlohmann::json;

Tensor rows_as_centers(const Tensor& x, const json& start) {
  std::vector<double> centers;
  for (const json& one : start) {
    const int64_t row = one.is_object() ? one["row"] : one;
    const double add = one.is_object() ? one["add"].get<double>() : 0.0;
    for (int64_t p = 0; p < x.size(1); ++p) centers.push_back(x.data<float>()[row * x.size(1) + p] + add);
  }
  return Tensor::from(centers, {static_cast<int64_t>(start.size()), x.size(1)});
}

KMeansOptions options_of(const Tensor& x, const json& c) {
  KMeansOptions options{.clusters = static_cast<int64_t>(c["start"].size()), .start = KMeansStart::kGiven};
  options.centers = rows_as_centers(x, c["start"]);
  options.tolerance = c.value("tolerance", options.tolerance);
  options.max_rounds = c.value("max_rounds", options.max_rounds);
  return options;
}

KMeansOptions from_rows(const Tensor& x, std::vector<int64_t> rows) {
  KMeansOptions options{.clusters = static_cast<int64_t>(rows.size()), .start = KMeansStart::kGiven};
  options.centers = rows_as_centers(x, json(rows));
  return options;
}

void expect_near(const std::vector<double>& got, const json& expected, double tolerance) {
  size_t i = 0;
  for (const json& row : expected) {
    for (const double value : row.is_array() ? row.get<std::vector<double>>() : std::vector<double>{row}) {
      ASSERT_LT(i, got.size());
      EXPECT_NEAR(got[i], value, tolerance * std::max(1.0, std::abs(value))) << "number " << i;
      ++i;
    }
  }
  EXPECT_EQ(i, got.size());
}

std::vector<double> row_sums(const Tensor& x) {
  std::vector<double> sums(static_cast<size_t>(x.size(0)));
  const std::vector<double> values = x.values<double>();
  for (size_t i = 0; i < values.size(); ++i) sums[i / static_cast<size_t>(x.size(1))] += values[i];
  return sums;
}

std::vector<int64_t> counts_of(const KMeansResult& result) {
  std::vector<int64_t> counts(static_cast<size_t>(result.centers.size(0)));
  for (const int64_t label : result.labels.values<int64_t>()) ++counts[static_cast<size_t>(label)];
  return counts;
}

void expect_as_scikit_learn(const json& c) {
  SCOPED_TRACE(c["data"].get<std::string>() + " " + c["start"].dump());
  const Tensor x = clustering_data(c["data"]);
  if (!x.defined()) return;
  const KMeansResult result = fit_kmeans(x, options_of(x, c));
  EXPECT_NEAR(result.inertia, c["inertia"], 1e-10 * std::max(1.0, c["inertia"].get<double>()));
  EXPECT_EQ(result.rounds, c["rounds"]);
  EXPECT_EQ(result.converged, c["rounds"] < c.value("max_rounds", 300));
  EXPECT_EQ(counts_of(result), c["counts"].get<std::vector<int64_t>>());
  if (c.contains("labels")) {
    EXPECT_EQ(result.labels.values<int64_t>(), c["labels"].get<std::vector<int64_t>>());
  }
  if (c.contains("centers")) {
    expect_near(result.centers.values<double>(), c["centers"], 1e-10);
  } else {
    expect_near(row_sums(result.centers), c["center_sums"], 1e-10);
  }
}

TEST(KMeans, EqualsScikitLearnFromGivenStarts) {
  for (const json& c : clustering_references()["kmeans"]) {
    if (c["data"] != "penguins" && c["data"] != "mnist") expect_as_scikit_learn(c);
  }
}

TEST(KMeans, EqualsScikitLearnOnPenguinsAndDigits) {
  if (!clustering_data("penguins").defined()) GTEST_SKIP() << "../shared/data is not there";
  for (const json& c : clustering_references()["kmeans"]) {
    if (c["data"] == "penguins" || c["data"] == "mnist") expect_as_scikit_learn(c);
  }
}

TEST(KMeans, AssignsEachRowToTheNearestCentreInDouble) {
  // Widths around those of vectors, and numbers of centres around those that are read together.
  for (const int64_t columns : {1, 2, 3, 4, 5, 7, 16, 33, 100}) {
    for (const int64_t k : {1, 2, 5, 6, 7, 8, 9, 17}) {
      const int64_t rows = 75;
      const Tensor x = random_tensor({rows, columns}, mix(1, static_cast<uint64_t>(columns)));
      const Tensor centers = random_tensor({k, columns}, mix(2, static_cast<uint64_t>(k)));
      const std::vector<int64_t> labels = nearest_centers(x, centers).values<int64_t>();
      const auto distance = [&](int64_t i, int64_t j) {
        double sum = 0.0;
        for (int64_t p = 0; p < columns; ++p) {
          const double off = static_cast<double>(x.data<float>()[i * columns + p]) -
                             static_cast<double>(centers.data<float>()[j * columns + p]);
          sum += off * off;
        }
        return sum;
      };
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < k; ++j) {
          ASSERT_LE(distance(i, labels[static_cast<size_t>(i)]), distance(i, j) * (1 + 1e-14))
              << columns << " columns, " << k << " centres, row " << i;
        }
      }
    }
  }
}

TEST(KMeans, GivesTiesToTheFirstCentre) {
  // Row 0 is as far from either; rows 1 and 2 are nearer to one by less than f32 can see in a product.
  const float step = std::ldexp(1.0F, -18);
  const Tensor x = Tensor::from(std::vector<float>{0, 5, -step, 5, step, 5}, {3, 2});
  const Tensor centers = Tensor::from(std::vector<double>{1, 5, -1, 5, 1, 5, -1, 5}, {4, 2});
  EXPECT_EQ(nearest_centers(x, centers).values<int64_t>(), (std::vector<int64_t>{0, 1, 0}));
}

TEST(KMeans, SettlesInDoubleWhatF32CannotTellApart) {
  // Centres 2⁻²⁰ apart, 64 columns: nearer or not is decided far below the rounding of an f32 product.
  const int64_t columns = 64, k = 40, rows = 500;
  std::vector<double> centers;
  std::vector<float> values;
  const RandomStream random(7);
  for (int64_t j = 0; j < k; ++j) {
    for (int64_t p = 0; p < columns; ++p) {
      centers.push_back(3.0 + static_cast<double>(p) + 0x1p-20 * random.normal(1, static_cast<uint64_t>(j * 64 + p)));
    }
  }
  for (int64_t i = 0; i < rows * columns; ++i) {
    values.push_back(
        static_cast<float>(3.0 + static_cast<double>(i % columns) + random.normal(2, static_cast<uint64_t>(i))));
  }
  const std::vector<int64_t> labels =
      nearest_centers(Tensor::from(values, {rows, columns}), Tensor::from(centers, {k, columns})).values<int64_t>();
  for (int64_t i = 0; i < rows; ++i) {
    long double least = std::numeric_limits<long double>::infinity();
    int64_t nearest = 0;
    for (int64_t j = 0; j < k; ++j) {
      long double sum = 0.0L;
      for (int64_t p = 0; p < columns; ++p) {
        const long double off = static_cast<long double>(values[static_cast<size_t>(i * columns + p)]) -
                                static_cast<long double>(centers[static_cast<size_t>(j * columns + p)]);
        sum += off * off;
      }
      if (sum < least) {
        least = sum;
        nearest = j;
      }
    }
    ASSERT_EQ(labels[static_cast<size_t>(i)], nearest) << "row " << i;
  }
}

TEST(KMeans, TakesNumbersOfAnySize) {
  // Squares that overflow f32, or vanish in it; few columns and many, which are multiplied in other ways.
  for (const float scale : {1e-38F, 1e-30F, 1e-10F, 1e18F, 1e20F, 3e37F}) {
    for (const int64_t columns : {2, 20}) {
      SCOPED_TRACE(fmt::format("{} columns of {}", columns, scale));
      std::vector<float> values;
      for (int64_t i = 0; i < 20 * columns; ++i) {
        values.push_back(scale * static_cast<float>((i / columns % 2 == 0 ? -4 : 4) + i % 3));
      }
      const Tensor x = Tensor::from(values, {20, columns});
      const KMeansResult result = fit_kmeans(x, from_rows(x, {0, 3}));
      EXPECT_TRUE(result.converged);
      EXPECT_TRUE(std::isfinite(result.inertia));
      for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(result.labels.data<int64_t>()[i], i % 2);
    }
  }
}

TEST(KMeans, KeepsItsPrecisionBesideOutliers) {
  // One row and one centre far away from all others, which share their tiles and their scale.
  const int64_t columns = 24, k = 9, rows = 200;
  for (const float far : {1e3F, 1e8F, 1e30F}) {
    Tensor x = random_tensor({rows, columns}, 11), centers = random_tensor({k, columns}, 12);
    x.mutable_data<float>()[7 * columns + 3] = far;
    centers.mutable_data<float>()[2 * columns + 3] = 0.9F * far;
    const std::vector<int64_t> labels = nearest_centers(x, centers).values<int64_t>();
    for (int64_t i = 0; i < rows; ++i) {
      const Tensor row = x.view({1, columns}, {columns, 1}, i * columns);
      for (int64_t j = 0; j < k; ++j) {
        const auto distance = [&](int64_t of) {
          return inertia_of(row, Tensor::full({1}, static_cast<double>(of), DType::kI64), centers);
        };
        ASSERT_LE(distance(labels[static_cast<size_t>(i)]), distance(j)) << "row " << i << ", far " << far;
      }
    }
    EXPECT_EQ(labels[7], 2);
  }
}

TEST(KMeans, SkipsOnlyRowsWhoseLabelStays) {
  // Rounds from rounds before have the labels that the same centres give anew.
  for (const int64_t columns : {6, 20}) {
    const Tensor x = random_tensor({3000, columns}, 21);
    KMeans learner(x, {.clusters = 17, .start = KMeansStart::kRandom, .tolerance = 0.0, .seed = 2});
    for (int round = 0; round < 40; ++round) {
      const Tensor before = learner.result().labels;
      learner.step();
      ASSERT_EQ(learner.state()[1].second.values<int64_t>(), before.values<int64_t>()) << "round " << round;
    }
  }
}

TEST(KMeans, ReportsEachRound) {
  const Tensor x = clustering_data("overlapping");
  KMeans learner(x, from_rows(x, {5, 50, 500, 555}));
  double before = std::numeric_limits<double>::infinity();
  KMeansRound round;
  while (!round.converged) {
    const KMeansResult now = learner.result();
    round = learner.step();
    EXPECT_NEAR(round.inertia, now.inertia, 1e-12 * now.inertia) << "by the sums, and by each row";
    EXPECT_NEAR(inertia_of(x, now.labels, now.centers), now.inertia, 1e-15 * now.inertia);
    EXPECT_LE(round.inertia, before);
    before = round.inertia;
  }
  EXPECT_GT(round.round, 5);
  EXPECT_EQ(learner.result().rounds, round.round);
}

TEST(KMeans, GoesOnFromItsState) {
  const Tensor x = clustering_data("overlapping");
  const KMeansOptions options = from_rows(x, {5, 50, 500, 555});
  KMeans straight(x, options), first(x, options);
  for (int i = 0; i < 3; ++i) first.step(), straight.step();
  KMeans second(x, {.clusters = 4, .start = KMeansStart::kRandom});
  second.restore(first.state());
  KMeansRound a, b;
  while (!a.converged) {
    a = straight.step();
    b = second.step();
    EXPECT_EQ(a.round, b.round);
    EXPECT_EQ(a.inertia, b.inertia);
    EXPECT_EQ(a.converged, b.converged);
  }
  EXPECT_EQ(error_text([&] { second.restore({}); }),
            "[kmeans] the state has no \"centers\" of f64 (4, 5); expected the state of a learner with this data and "
            "these options");
}

TEST(KMeans, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = random_tensor({20000, 9}, 3);
  for (const KMeansStart start : {KMeansStart::kPlusPlus, KMeansStart::kRandom}) {
    const KMeansOptions options{.clusters = 11, .start = start, .max_rounds = 4, .seed = 5};
    expect_same_bits([&] { return fit_kmeans(x, options).centers; });
    expect_same_bits([&] { return fit_kmeans(x, options).labels; });
    expect_same_bits([&] { return Tensor::scalar(fit_kmeans(x, options).inertia, DType::kF64); });
  }
}

TEST(KMeansStart, DrawsRowsOfTheData) {
  const Tensor x = clustering_data("overlapping");
  for (const KMeansStart start : {KMeansStart::kPlusPlus, KMeansStart::kRandom}) {
    for (const int64_t trials : {0, 1, 4}) {
      const KMeans learner(x, {.clusters = 20, .start = start, .trials = trials, .seed = 9});
      const KMeansResult result = learner.result();
      std::set<int64_t> labels;
      for (const int64_t label : nearest_centers(x, result.centers).values<int64_t>()) labels.insert(label);
      EXPECT_EQ(labels.size(), 20U) << "different rows";
      int at_rows = 0;
      for (int64_t i = 0; i < x.size(0); ++i) {
        const Tensor row = x.view({1, 5}, {5, 1}, i * 5);
        at_rows += inertia_of(row, nearest_centers(row, result.centers), result.centers) == 0.0 ? 1 : 0;
      }
      EXPECT_GE(at_rows, 20);
    }
  }
}

TEST(KMeansStart, PlusPlusFindsBlobsThatLieApart) {
  // Four blobs whose distances are far above their width: a first centre in each, or the draw is not by distance.
  const Tensor x = clustering_data("apart");
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const KMeansResult result = fit_kmeans(x, {.clusters = 4, .seed = seed});
    EXPECT_EQ(counts_of(result), (std::vector<int64_t>(4, 50))) << "seed " << seed;
  }
}

TEST(KMeansStart, PlusPlusDrawsByTheSquaredDistance) {
  // Two centres of the rows 0, 1, 3: after row a, row b comes with d(a, b)² over the sum; 1 trial.
  const Tensor x = Tensor::from(std::vector<float>{0, 1, 3}, {3, 1});
  std::vector<double> seen(9);
  const int draws = 20000;
  for (int seed = 0; seed < draws; ++seed) {
    const KMeans learner(x, {.clusters = 2, .trials = 1, .seed = static_cast<uint64_t>(seed)});
    const std::vector<double> centers = learner.result().centers.values<double>();
    const auto row = [](double value) { return value == 3.0 ? 2 : static_cast<size_t>(value); };
    seen[row(centers[0]) * 3 + row(centers[1])] += 1.0 / draws;
  }
  const double expected[] = {0, 1.0 / 10, 9.0 / 10, 1.0 / 5, 0, 4.0 / 5, 9.0 / 13, 4.0 / 13, 0};
  for (size_t i = 0; i < 9; ++i) {
    const double p = expected[i] / 3;
    EXPECT_NEAR(seen[i], p, 5 * std::sqrt(p * (1 - p) / draws)) << i;  // five deviations
  }
}

TEST(KMeansStart, KeepsTheBestOfSeveral) {
  const Tensor x = clustering_data("overlapping");
  KMeansOptions options{.clusters = 12, .start = KMeansStart::kRandom, .seed = 1};
  double least = fit_kmeans(x, options).inertia;
  const double first = least;
  options.starts = 6;
  const KMeansResult kept = fit_kmeans(x, options);
  const double best = kept.inertia;
  options.starts = 1;
  KMeansOptions again = options;
  again.seed = kept.seed;
  EXPECT_EQ(fit_kmeans(x, again).centers.values<double>(), kept.centers.values<double>());
  for (uint64_t i = 1; i < 6; ++i) {
    options.seed = mix(1, i);
    least = std::min(least, fit_kmeans(x, options).inertia);
  }
  EXPECT_EQ(best, least);
  EXPECT_LT(best, first);
}

TEST(KMeansStart, HasMoreCentresThanDifferentRows) {
  const Tensor x = clustering_data("four_rows");
  const KMeansResult result = fit_kmeans(x, {.clusters = 7});
  EXPECT_TRUE(result.converged);
  EXPECT_EQ(result.inertia, 0.0);
}

TEST(KMeans, RefusesWhatItCannotCluster) {
  const Tensor x = clustering_data("few");
  const auto text = [&](const KMeansOptions& options) { return usage_error_text([&] { fit_kmeans(x, options); }); };
  EXPECT_EQ(text({.clusters = 0}), "[kmeans] 0 clusters; expected 1 or more");
  EXPECT_EQ(text({.clusters = 8}), "[kmeans] 8 clusters for 7 rows; expected no more clusters than rows");
  EXPECT_EQ(text({.clusters = 2, .trials = -1}), "[kmeans] -1 trials; expected 1 or more, or 0 for 2 + ln k");
  EXPECT_EQ(text({.clusters = 2, .tolerance = -1}), "[kmeans] tolerance is -1; expected a finite number from 0");
  EXPECT_EQ(text({.clusters = 2, .max_rounds = 0}), "[kmeans] 0 rounds at most; expected 1 or more");
  EXPECT_EQ(text({.clusters = 2, .starts = 0}), "[kmeans] 0 starts; expected 1 or more");
  KMeansOptions given = from_rows(x, {0, 1});
  given.clusters = 3;
  EXPECT_EQ(text(given), "[kmeans] 2 centres are given for 3 clusters; expected as many");
}

TEST(KMeans, RefusesDataThatDoesNotFit) {
  const Tensor x = clustering_data("few");
  Tensor bad = x.clone();
  bad.mutable_data<float>()[9] = std::numeric_limits<float>::quiet_NaN();
  const char* advice = "; expected finite numbers: leave such rows out, or fill them in first";
  EXPECT_EQ(error_text([&] { fit_kmeans(bad, {.clusters = 2}); }),
            std::string("[kmeans] row 4, column 1 is nan") + advice);
  EXPECT_EQ(error_text([&] { nearest_centers(bad, x); }),
            std::string("[nearest_centers] row 4, column 1 is nan") + advice);
  bad.mutable_data<float>()[9] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(error_text([&] { fit_kmeans(bad, {.clusters = 2}); }),
            std::string("[kmeans] row 4, column 1 is -inf") + advice);
  EXPECT_EQ(error_text([&] { fit_kmeans(Tensor::zeros({3}), {}); }),
            "[kmeans] the data is f32 (3,); expected f32 (rows, columns), one or more of each");
  EXPECT_EQ(error_text([&] {
              nearest_centers(x, Tensor::zeros({2, 3}));
            }),
            "[nearest_centers] the centres are f32 (2, 3); expected f32 or f64 (clusters, 2)");
  EXPECT_EQ(error_text([&] { nearest_centers(x, bad); }),
            "[nearest_centers] centre 4, column 1 is -inf; expected finite numbers");
  const Tensor labels = Tensor::full({7}, 7, DType::kI64);
  EXPECT_EQ(error_text([&] { inertia_of(x, labels, x); }), "[inertia_of] the label of row 0 is 7; expected 0 to 6");
  EXPECT_EQ(error_text([&] { inertia_of(x, Tensor::zeros({7}), x); }),
            "[inertia_of] the labels are f32 (7,); expected i64 (7,)");
}

}  // namespace kmeans_test
}  // namespace gradus
