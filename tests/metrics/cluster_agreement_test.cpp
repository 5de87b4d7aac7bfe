#include "gradus/metrics/cluster_agreement.h"

#include <numeric>

#include "tests/metrics/references.h"

namespace gradus {
namespace cluster_agreement_test {

using nlohmann::json;
using Ids = std::vector<int64_t>;

constexpr std::pair<const char*, EntropyMean> kMeans[] = {{"arithmetic", EntropyMean::kArithmetic},
                                                          {"geometric", EntropyMean::kGeometric},
                                                          {"min", EntropyMean::kMin},
                                                          {"max", EntropyMean::kMax}};

void expect_all(const Ids& truth, const Ids& labels, const json& expected, const std::string& name) {
  expect_equals(adjusted_rand(truth, labels), expected["adjusted_rand"], name + ", adjusted Rand");
  expect_equals(mutual_information(truth, labels), expected["mutual_information"], name + ", mutual information");
  for (const auto& [key, mean] : kMeans) {
    expect_equals(normalized_mutual_information(truth, labels, mean), expected["normalized"][key],
                  name + ", normalized by " + key);
    expect_equals(adjusted_mutual_information(truth, labels, mean), expected["adjusted"][key],
                  name + ", adjusted by " + key);
  }
  for (const auto& [beta, values] : expected["v_measure"].items()) {
    const VMeasure v = v_measure(truth, labels, std::stod(beta));
    expect_equals({v.homogeneity, v.completeness, v.v_measure}, values, name + ", v-measure of beta " + beta);
  }
}

TEST(ClusterAgreement, EqualsScikitLearn) {
  EXPECT_EQ(metric_references()["agreement"].size(), 12u);
  for (const json& c : metric_references()["agreement"]) expect_all(c["truth"], c["labels"], c["expected"], c["name"]);
}

TEST(ClusterAgreement, EqualsScikitLearnOnTwentyThousandExamples) {
  const LargeExamples& all = large_examples();
  expect_all(all.truth, all.predicted, metric_references()["large"]["agreement"], "large");
}

TEST(ClusterAgreement, DoesNotDependOnWhichIsTheTruth) {
  const LargeExamples& all = large_examples();
  EXPECT_NEAR(adjusted_rand(all.truth, all.predicted), adjusted_rand(all.predicted, all.truth), 1e-14);
  EXPECT_NEAR(adjusted_mutual_information(all.truth, all.predicted),
              adjusted_mutual_information(all.predicted, all.truth), 1e-12);
}

// N² pairs of groups, but only one pair of sizes.
TEST(ClusterAgreement, ManyGroupsOfOneSizeAreOneTerm) {
  Ids alone(50000);
  std::iota(alone.begin(), alone.end(), 0);
  EXPECT_EQ(adjusted_mutual_information(alone, alone), 1.0);
}

TEST(ClusterAgreement, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(error_text([] {
              adjusted_rand(Ids{0, 1}, Ids{0});
            }),
            "[adjusted_rand] 1 labels for 2 examples; expected one an example");
  EXPECT_EQ(usage_error_text([] { v_measure({}, {}, -1.0); }),
            "[v_measure] beta is -1; expected a finite number, 0 or more");
  EXPECT_EQ(usage_error_text([] { v_measure({}, {}, INFINITY); }),
            "[v_measure] beta is inf; expected a finite number, 0 or more");
}

}  // namespace cluster_agreement_test
}  // namespace gradus
