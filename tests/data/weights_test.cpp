#include "gradus/data/weights.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/testing.h"

namespace gradus {
namespace weights_test {

using nlohmann::json;
using Ids = std::vector<int64_t>;
using Reals = std::vector<double>;

void expect_near(const Reals& values, const Reals& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-12);
}

TEST(ClassWeights, BalancedOnesEqualScikitLearns) {
  const json references = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/splits.json"));
  EXPECT_EQ(references["balanced"].size(), 3u);
  for (const json& c : references["balanced"]) {
    const Ids truth = c["truth"];
    expect_near(balanced_class_weights(truth, c["classes"]), c["plain"]);
    expect_near(balanced_class_weights(truth, c["classes"], c["weights"].get<Reals>()), c["weighted"]);
  }
}

TEST(ClassWeights, BalancedClassesCountAlike) {
  const Ids truth{0, 0, 0, 1, 2, 2, 2, 2};
  const Reals weights = example_weights(truth, balanced_class_weights(truth, 3));
  Reals sums(3);
  for (size_t i = 0; i < truth.size(); ++i) sums[static_cast<size_t>(truth[i])] += weights[i];
  expect_near(sums, Reals(3, 8.0 / 3.0));
}

TEST(ClassWeights, AreGivenByName) {
  const std::vector<std::string> names{"cat", "dog", "bird"};
  EXPECT_EQ(class_weights(names, std::vector<NamedWeight>{{"bird", 4.0}, {"cat", 0.5}}), (Reals{0.5, 1.0, 4.0}));
  EXPECT_EQ(class_weights(names, {}), Reals(3, 1.0));
  const auto text = [&](const std::vector<NamedWeight>& given) {
    return usage_error_text([&] { class_weights(names, given); });
  };
  EXPECT_EQ(text({{"fish", 1.0}}),
            "[class_weights] there is no class \"fish\"; expected one of \"cat\", \"dog\", \"bird\"");
  EXPECT_EQ(text({{"cat", 1.0}, {"cat", 2.0}}), "[class_weights] class \"cat\" is given two weights; leave one out");
  EXPECT_EQ(text({{"dog", 0.0}}), "[class_weights] the weight of class \"dog\" is 0; expected a finite number above 0");
  EXPECT_EQ(text({{"dog", NAN}}),
            "[class_weights] the weight of class \"dog\" is nan; expected a finite number above 0");
}

TEST(ClassWeights, BalancingErrorsSayWhichClass) {
  EXPECT_EQ(error_text([] {
              balanced_class_weights(Ids{0, 2}, 3);
            }),
            "[class_weights] class 1 has no example to train on, so that no weight balances it; leave the class out");
  EXPECT_EQ(error_text([] {
              balanced_class_weights(Ids{0, 1}, 2, Reals{1.0, 0.0});
            }),
            "[class_weights] class 1 has no example to train on, so that no weight balances it; leave the class out");
  EXPECT_EQ(error_text([] {
              balanced_class_weights(Ids{0, 3}, 3);
            }),
            "[class_weights] the class of example 1 is 3; expected 0 to 2");
  EXPECT_EQ(usage_error_text([] { balanced_class_weights({}, 0); }), "[class_weights] 0 classes; expected 1 or more");
}

TEST(ExampleWeights, AreTheirClassesTimesTheirOwn) {
  EXPECT_EQ(example_weights(Ids{1, 0, 1}, Reals{2.0, 3.0}), (Reals{3.0, 2.0, 3.0}));
  EXPECT_EQ(example_weights(Ids{1, 0, 1}, Reals{2.0, 3.0}, Reals{0.5, 1.0, 0.0}), (Reals{1.5, 2.0, 0.0}));
}

TEST(ExampleWeights, ErrorsSayWhichExample) {
  EXPECT_EQ(error_text([] {
              example_weights(Ids{0, 2}, Reals{1.0, 1.0});
            }),
            "[example_weights] the class of example 1 is 2; expected 0 to 1");
  EXPECT_EQ(error_text([] {
              example_weights(Ids{0, 1}, Reals{1.0, 1.0}, Reals{1.0});
            }),
            "[example_weights] 1 weights for 2 examples; expected one each");
  EXPECT_EQ(error_text([] {
              check_example_weights(Reals{1.0, -1.0}, 2);
            }),
            "[example_weights] the weight of example 1 is -1; expected a finite number, 0 or more");
  EXPECT_EQ(error_text([] {
              check_example_weights(Reals{0.0, 0.0}, 2);
            }),
            "[example_weights] the sum of the weights is 0; expected a finite number above 0");
  const double large = std::numeric_limits<double>::max();
  EXPECT_EQ(error_text([&] {
              check_example_weights(Reals{large, large}, 2);
            }),
            "[example_weights] the sum of the weights is inf; expected a finite number above 0");
}

}  // namespace weights_test
}  // namespace gradus
