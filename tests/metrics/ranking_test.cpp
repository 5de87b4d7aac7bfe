#include "gradus/metrics/ranking.h"

#include "gradus/base/threads.h"
#include "tests/metrics/references.h"

namespace gradus {
namespace ranking_test {

using nlohmann::json;
using Ids = std::vector<int64_t>;
using Reals = std::vector<double>;

constexpr std::pair<const char*, ClassAverage> kAverages[] = {
    {"micro", ClassAverage::kMicro}, {"macro", ClassAverage::kMacro}, {"weighted", ClassAverage::kWeighted}};

void expect_all(const Ids& truth, const Reals& scores, int64_t classes, const Reals& weights, const json& expected,
                const std::string& name) {
  const json &roc = expected["roc_auc"], &precision = expected["average_precision"];
  expect_equals(roc_auc_per_class(truth, scores, classes, weights), roc["per_class"], name + ", roc_auc");
  expect_equals(average_precision_per_class(truth, scores, classes, weights), precision["per_class"],
                name + ", average_precision");
  for (const auto& [key, average] : kAverages) {
    expect_equals(roc_auc(truth, scores, classes, average, weights), roc[key], name + ", roc_auc " + key);
    expect_equals(average_precision(truth, scores, classes, average, weights), precision[key],
                  name + ", average_precision " + key);
  }
  for (int64_t k = 1; k <= classes; ++k) {
    expect_equals(top_k_accuracy(truth, scores, classes, k, weights), expected["top_k"][static_cast<size_t>(k - 1)],
                  name + ", top " + std::to_string(k));
  }
}

TEST(Ranking, EqualsScikitLearn) {
  EXPECT_EQ(metric_references()["ranking"].size(), 18u);
  for (const json& c : metric_references()["ranking"]) {
    const Ids truth = c["truth"];
    const Reals scores = c["scores"], weights = numbers_of(c["weights"]);
    const std::string name = c["name"];
    if (scores.size() > truth.size()) {
      expect_all(truth, scores, c["classes"], weights, c["expected"], name);
    } else {
      expect_equals(roc_auc(truth, scores, weights), c["expected"]["roc_auc"], name + ", roc_auc");
      expect_equals(average_precision(truth, scores, weights), c["expected"]["average_precision"],
                    name + ", average_precision");
    }
  }
}

TEST(Ranking, EqualsScikitLearnOnTwentyThousandExamples) {
  const LargeExamples& all = large_examples();
  const json& large = metric_references()["large"];
  expect_all(all.truth, all.probabilities, large["classes"], all.weights, large["ranking"], "large");
}

TEST(Ranking, ThreadsChangeNoBit) {
  const LargeExamples& all = large_examples();
  const auto areas = [&] { return roc_auc_per_class(all.truth, all.probabilities, 5, all.weights); };
  set_threads(1);
  const Reals alone = areas();
  set_threads(5);
  EXPECT_EQ(areas(), alone);
  set_threads(0);
}

TEST(Ranking, TheAreaIsTheProbabilityOfTheRightOrder) {
  // Of 6 pairs, 4 are in order, one is not and one is equal.
  EXPECT_NEAR(roc_auc(Ids{0, 1, 0, 1, 1}, Reals{1.0, 2.0, 3.0, 3.0, 5.0}), 4.5 / 6.0, 1e-15);
}

TEST(Ranking, NoExamplesAreUndefined) {
  const Reals nothing(2, 0.0);
  EXPECT_TRUE(std::isnan(roc_auc({}, {})));
  EXPECT_TRUE(std::isnan(average_precision({}, {})));
  EXPECT_TRUE(std::isnan(roc_auc(Ids{0, 1}, Reals{1.0, 2.0}, nothing)));
  EXPECT_TRUE(std::isnan(average_precision(Ids{0, 1}, Reals{1.0, 2.0}, nothing)));
  EXPECT_TRUE(std::isnan(top_k_accuracy({}, {}, 3, 1)));
  for (const auto& [key, average] : kAverages) {
    EXPECT_TRUE(std::isnan(roc_auc({}, {}, 3, average))) << key;
    EXPECT_TRUE(std::isnan(average_precision({}, {}, 3, average))) << key;
  }
}

TEST(Ranking, ErrorsSayWhichExample) {
  EXPECT_EQ(error_text([] {
              roc_auc(Ids{0, 1}, Reals{1.0});
            }),
            "[roc_auc] 1 scores for 2 examples; expected 1 an example");
  EXPECT_EQ(error_text([] {
              average_precision(Ids{0, 1}, Reals{1.0, 2.0, 3.0}, 3, ClassAverage::kMacro);
            }),
            "[average_precision] 3 scores for 2 examples; expected 3 an example");
  EXPECT_EQ(error_text([] {
              roc_auc(Ids{0, 1, 2}, Reals{1.0, 2.0, 3.0});
            }),
            "[roc_auc] the true class of example 2 is 2; expected a class from 0 to 1");
  EXPECT_EQ(error_text([] {
              roc_auc(Ids{0, 1}, Reals{1.0, INFINITY});
            }),
            "[roc_auc] the score of example 1 is inf; expected a finite number");
  EXPECT_EQ(error_text([] {
              top_k_accuracy(Ids{0, 1}, Reals{1.0, 2.0, NAN, 3.0}, 2, 1);
            }),
            "[top_k_accuracy] the score of example 1 is nan; expected a finite number");
  EXPECT_EQ(usage_error_text([] {
              top_k_accuracy(Ids{0}, Reals{1.0, 2.0}, 2, 3);
            }),
            "[top_k_accuracy] k is 3; expected 1 to 2, the number of classes");
  EXPECT_EQ(usage_error_text([] { roc_auc_per_class(Ids{0}, Reals{1.0}, 1); }),
            "[roc_auc] 1 classes; expected 2 or more");
}

}  // namespace ranking_test
}  // namespace gradus
