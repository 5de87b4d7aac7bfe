#include "gradus/nn/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gradus/nn/models/feedforward.h"
#include "tests/testing.h"

namespace gradus {
namespace metrics_test {

Tensor rows(const std::vector<double>& values, int64_t width) {
  const auto count = static_cast<int64_t>(values.size()) / width;
  return Tensor::from(values, {count, width});
}

Tensor classes(const std::vector<int64_t>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

double value_of(const Metrics& metrics, const std::string& name) {
  for (const Metric& metric : metrics.values()) {
    if (metric.name == name) return metric.value;
  }
  ADD_FAILURE() << "no " << name;
  return 0.0;
}

TEST(Metrics, AccuracyTakesTheHighestScore) {
  Metrics metrics;
  metrics.add_classes(rows({1, 2, 0, 3, 1, 2}, 3), classes({1, 2}));
  EXPECT_EQ(value_of(metrics, "accuracy"), 0.5);
  metrics.add_classes(rows({0, 0, 5, -1, -2, -3}, 3), classes({2, 0}));
  EXPECT_EQ(value_of(metrics, "accuracy"), 0.75);
}

TEST(Metrics, AccuracyOfTwoClassesGoesByTheSign) {
  Metrics metrics;
  metrics.add_classes(rows({0.5, -0.5, 0.0, 2.0}, 1), classes({1, 0, 1, 0}));
  EXPECT_EQ(value_of(metrics, "accuracy"), 0.5);  // 0 stands for the first
}

// Values of sklearn.metrics 1.7: r2_score([3, -0.5, 2, 7], [2.5, 0, 2, 8]) = 0.9486081370449679, and so on.
TEST(Metrics, NumbersAreThoseOfScikitLearn) {
  for (const double offset : {0.0, 4000.0}) {  // what lies far from 0 loses nothing
    Metrics metrics({.target_scales = {2.0}});
    metrics.add_numbers(rows({2.5 + offset, 0 + offset}, 1), rows({3 + offset, -0.5 + offset}, 1));
    metrics.add_numbers(rows({2 + offset, 8 + offset}, 1), rows({2 + offset, 7 + offset}, 1));
    EXPECT_NEAR(value_of(metrics, "r2"), 0.9486081370449679, 1e-12);
    EXPECT_NEAR(value_of(metrics, "rmse"), 2.0 * 0.6123724356957945, 1e-12);
    EXPECT_NEAR(value_of(metrics, "mae"), 2.0 * 0.5, 1e-12);
  }
}

// r2_score of the columns is 0.9486… and −3; the mean is what multioutput="uniform_average" gives.
TEST(Metrics, SeveralOutputsCountAlike) {
  Metrics metrics;
  metrics.add_numbers(rows({2.5, 1, 0, 3, 2, 1, 8, 3}, 2), rows({3, 2, -0.5, 2, 2, 2, 7, 2.5}, 2));
  const double second = 1.0 - (1 + 1 + 1 + 0.25) / (0.1875);
  EXPECT_NEAR(value_of(metrics, "r2"), (0.9486081370449679 + second) / 2.0, 1e-12);
  EXPECT_NEAR(value_of(metrics, "rmse"), (std::sqrt(0.375) + std::sqrt(3.25 / 4.0)) / 2.0, 1e-12);
  Metrics scaled({.target_scales = {2.0, 10.0}});
  scaled.add_numbers(rows({2.5, 1, 0, 3, 2, 1, 8, 3}, 2), rows({3, 2, -0.5, 2, 2, 2, 7, 2.5}, 2));
  EXPECT_NEAR(value_of(scaled, "rmse"), (2.0 * std::sqrt(0.375) + 10.0 * std::sqrt(3.25 / 4.0)) / 2.0, 1e-12);
  EXPECT_NEAR(value_of(scaled, "mae"), (2.0 * 0.5 + 10.0 * 3.5 / 4.0) / 2.0, 1e-12);
  EXPECT_EQ(error_text([&] { scaled.add_numbers(rows({1}, 1), rows({1}, 1)); }),
            "[metrics] targets f64 (1, 1) and units of 2 outputs; expected one of each");
}

TEST(Metrics, NoR2WhereAllTargetsAreEqual) {
  Metrics metrics;
  metrics.add_numbers(rows({1, 2}, 1), rows({3, 3}, 1));
  ASSERT_EQ(metrics.values().size(), 2u);
  EXPECT_EQ(metrics.values()[0].name, "rmse");
}

TEST(Metrics, TextHasPerplexityAndBitsAByte) {
  Metrics metrics({.is_text = true, .bytes_per_token = 1.25});
  metrics.add({Tensor::scalar(6.0), 4.0});
  metrics.add({Tensor::scalar(2.0), 4.0});
  EXPECT_EQ(metrics.loss(), 1.0);
  EXPECT_DOUBLE_EQ(value_of(metrics, "perplexity"), std::exp(1.0));
  EXPECT_DOUBLE_EQ(value_of(metrics, "bits_per_byte"), 1.0 / std::log(2.0) / 1.25);
}

// Nearest others: of 0 it is 0.1, of 0.1 it is 0, of 1 it is 1.2, of 1.2 it is 1, of 1.9 it is 1.2.
TEST(Metrics, EmbeddingsHaveTheirNearestOthersClass) {
  Metrics metrics;
  metrics.add_embeddings(rows({0, 0.1F, 1}, 1), classes({0, 0, 1}));
  metrics.add_embeddings(rows({1.2F, 1.9F}, 1), classes({2, 2}));
  EXPECT_DOUBLE_EQ(value_of(metrics, "recall_at_1"), 3.0 / 5.0);
  EXPECT_EQ(error_text([&] {
              metrics.add_embeddings(rows({0, 1}, 1), classes({0}));
            }),
            "[metrics] embeddings f64 (2, 1) for classes i64 (1,); expected a row for each");
}

TEST(Metrics, RefuseWhatDoesNotFit) {
  Metrics metrics;
  EXPECT_EQ(error_text([&] {
              metrics.add_numbers(rows({1, 2}, 1), rows({1, 2}, 2));
            }),
            "[metrics] a prediction f64 (2, 1) for targets f64 (1, 2); expected two equal shapes (examples, outputs)");
  EXPECT_EQ(error_text([&] {
              metrics.add_classes(rows({1, 2, 3}, 1), classes({0, 1}));
            }),
            "[metrics] scores f64 (3, 1) for classes i64 (2,); expected a row for each");
}

TEST(Objective, PredictionsAreWhatTheLossIsAbout) {
  const auto predicted = [](ObjectiveKind kind, const Tensor& outputs) {
    return objective_prediction({.kind = kind}, outputs).values<double>();
  };
  EXPECT_EQ(predicted(ObjectiveKind::kMse, rows({1, 2}, 1)), (std::vector<double>{1, 2}));
  EXPECT_NEAR(predicted(ObjectiveKind::kPoisson, rows({1}, 1))[0], std::exp(1.0), 1e-6);
  EXPECT_NEAR(predicted(ObjectiveKind::kCrossEntropy, rows({0, std::log(3.0)}, 2))[1], 0.75, 1e-7);
  const std::vector<double> two = predicted(ObjectiveKind::kBinaryCrossEntropy, rows({std::log(3.0)}, 1));
  EXPECT_NEAR(two[0], 0.25, 1e-7);
  EXPECT_NEAR(two[1], 0.75, 1e-7);
  EXPECT_EQ(predicted(ObjectiveKind::kHinge, rows({-2}, 1)), (std::vector<double>{-2}));
  EXPECT_TRUE(gives_probabilities(ObjectiveKind::kFocal));
  EXPECT_FALSE(gives_probabilities(ObjectiveKind::kHinge));
}

TEST(Objective, EveryNameIsALoss) {
  EXPECT_EQ(objective_kind("mse"), ObjectiveKind::kMse);
  EXPECT_EQ(objective_kind("squared_hinge"), ObjectiveKind::kSquaredHinge);
  EXPECT_EQ(usage_error_text([] { objective_kind("mean"); }), "[objective] there is no loss \"mean\"");
  EXPECT_EQ(activation_from_name("mish"), Activation::kMish);
  EXPECT_EQ(usage_error_text([] { activation_from_name("rely"); }), "[activation] there is no activation \"rely\"");
}

}  // namespace metrics_test
}  // namespace gradus
