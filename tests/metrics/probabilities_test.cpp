#include "gradus/metrics/probabilities.h"

#include "tests/metrics/references.h"

namespace gradus {
namespace probabilities_test {

using nlohmann::json;
using Ids = std::vector<int64_t>;
using Reals = std::vector<double>;

void expect_all(const Ids& truth, const Reals& p, int64_t classes, const Reals& weights, const json& expected,
                const std::string& name) {
  expect_equals(log_loss(truth, p, classes, weights), expected["log_loss"], name + ", log_loss");
  expect_equals(brier_score(truth, p, classes, weights), expected["brier"], name + ", brier");
  for (const auto& [bins, error] : expected["calibration"].items()) {
    expect_equals(expected_calibration_error(truth, p, classes, std::stoll(bins), weights), error,
                  name + ", calibration by bins: " + bins);
  }
}

TEST(Probabilities, EqualScikitLearnAndNumpy) {
  EXPECT_EQ(metric_references()["probabilities"].size(), 11u);
  for (const json& c : metric_references()["probabilities"]) {
    expect_all(c["truth"], c["probabilities"], c["classes"], numbers_of(c["weights"]), c["expected"], c["name"]);
  }
}

TEST(Probabilities, EqualScikitLearnAndNumpyOnTwentyThousandExamples) {
  const LargeExamples& all = large_examples();
  const json& large = metric_references()["large"];
  expect_all(all.truth, all.probabilities, large["classes"], all.weights, large["probabilities"], "large");
}

TEST(Probabilities, BinsAreOpenBelowAndClosedAbove) {
  const std::vector<CalibrationBin> bins =
      calibration_bins(Ids{1, 0, 1, 1}, Reals{0.5, 0.75, 0.75, 1.0}, 2, 4, Reals{1.0, 3.0, 1.0, 0.5});
  ASSERT_EQ(bins.size(), 4u);
  EXPECT_EQ(bins[0].weight, 0.0);
  EXPECT_EQ(bins[0].accuracy, 0.0);
  EXPECT_EQ(bins[1].weight, 1.0);  // (0.25, 0.5]: class 0, the first of two equal ones, which is wrong
  EXPECT_EQ(bins[1].confidence, 0.5);
  EXPECT_EQ(bins[1].accuracy, 0.0);
  EXPECT_EQ(bins[2].weight, 4.0);
  EXPECT_EQ(bins[2].confidence, 0.75);
  EXPECT_EQ(bins[2].accuracy, 0.25);
  EXPECT_EQ(bins[3].weight, 0.5);
  EXPECT_EQ(bins[3].accuracy, 1.0);
  EXPECT_NEAR(expected_calibration_error(Ids{1, 0, 1, 1}, Reals{0.5, 0.75, 0.75, 1.0}, 2, 4, Reals{1.0, 3.0, 1.0, 0.5}),
              (1.0 * 0.5 + 4.0 * 0.5) / 5.5, 1e-15);
}

TEST(Probabilities, EveryEdgeEndsTheBinBelowIt) {
  for (const int64_t bins : {1, 3, 7, 10, 15, 49, 100, 1000}) {
    for (int64_t i = bins / 2 + 1; i <= bins; ++i) {
      const double edge = static_cast<double>(i) / static_cast<double>(bins);
      EXPECT_EQ(calibration_bins(Ids{1}, Reals{edge}, 2, bins)[static_cast<size_t>(i - 1)].weight, 1.0) << edge;
    }
  }
}

TEST(Probabilities, NoExamplesAreUndefined) {
  EXPECT_TRUE(std::isnan(log_loss({}, {}, 2)));
  EXPECT_TRUE(std::isnan(brier_score({}, {}, 3)));
  EXPECT_TRUE(std::isnan(expected_calibration_error({}, {}, 2)));
  EXPECT_TRUE(std::isnan(log_loss(Ids{1}, Reals{0.5}, 2, Reals{0.0})));
}

TEST(Probabilities, ErrorsSayWhichExample) {
  EXPECT_EQ(error_text([] {
              log_loss(Ids{0, 1}, Reals{0.5, 0.5, 1.0}, 2);
            }),
            "[log_loss] 3 probabilities for 2 examples; expected 2 an example, or that of class 1 alone");
  EXPECT_EQ(error_text([] {
              brier_score(Ids{0, 1}, Reals{0.5, 0.5}, 3);
            }),
            "[brier_score] 2 probabilities for 2 examples; expected 3 an example");
  EXPECT_EQ(error_text([] {
              log_loss(Ids{0, 1}, Reals{0.5, 1.5}, 2);
            }),
            "[log_loss] a probability of example 1 is 1.5; expected a number from 0 to 1");
  EXPECT_EQ(error_text([] { log_loss(Ids{0}, Reals{NAN}, 2); }),
            "[log_loss] a probability of example 0 is nan; expected a number from 0 to 1");
  EXPECT_EQ(error_text([] {
              brier_score(Ids{0, 1}, Reals{0.5, 0.5, 0.5, 0.25}, 2);
            }),
            "[brier_score] the probabilities of example 1 have the sum 0.75; expected 1");
  EXPECT_EQ(error_text([] { log_loss(Ids{2}, Reals{0.5}, 2); }),
            "[log_loss] the true class of example 0 is 2; expected a class from 0 to 1");
  EXPECT_EQ(usage_error_text([] { log_loss({}, {}, 1); }), "[log_loss] 1 classes; expected 2 or more");
  EXPECT_EQ(usage_error_text([] { calibration_bins({}, {}, 2, 0); }), "[calibration] 0 bins; expected 1 to 1000000");
}

}  // namespace probabilities_test
}  // namespace gradus
