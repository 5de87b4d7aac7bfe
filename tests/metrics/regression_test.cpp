#include "gradus/metrics/regression.h"

#include "tests/metrics/references.h"

namespace gradus {
namespace regression_test {

using nlohmann::json;
using Reals = std::vector<double>;

void expect_all(const Reals& y, const Reals& p, const Reals& w, const json& expected, const std::string& name) {
  using Measure = double (*)(std::span<const double>, std::span<const double>, std::span<const double>);
  const std::pair<const char*, Measure> measures[] = {
      {"mean_squared_error", mean_squared_error},
      {"root_mean_squared_error", root_mean_squared_error},
      {"mean_absolute_error", mean_absolute_error},
      {"median_absolute_error", median_absolute_error},
      {"r2", r2_score},
      {"explained_variance", explained_variance},
      {"poisson", poisson_deviance},
      {"gamma", gamma_deviance},
      {"max_error", [](auto truth, auto predicted, auto) { return max_error(truth, predicted); }}};
  size_t compared = 0;
  for (const auto& [key, measure] : measures) {
    if (!expected.contains(key)) continue;
    expect_equals(measure(y, p, w), expected[key], name + ", " + key);
    ++compared;
  }
  const json pinball = expected.value("pinball", json::object());
  for (const auto& [quantile, value] : pinball.items()) {
    expect_equals(pinball_loss(y, p, std::stod(quantile), w), value, name + ", pinball " + quantile);
  }
  for (const auto& [power, value] : expected["tweedie"].items()) {
    expect_equals(tweedie_deviance(y, p, std::stod(power), w), value, name + ", deviance of power " + power);
  }
  compared += expected.contains("pinball") ? 1 : 0;
  EXPECT_EQ(compared + 1, expected.size()) << name << ": some values are not compared";
}

TEST(Regression, EqualsScikitLearn) {
  EXPECT_EQ(metric_references()["regression"].size(), 17u);
  for (const json& c : metric_references()["regression"]) {
    expect_all(c["truth"], c["predicted"], numbers_of(c["weights"]), c["expected"], c["name"]);
  }
}

TEST(Regression, EqualsScikitLearnOnTwentyThousandExamples) {
  const LargeExamples& all = large_examples();
  expect_all(all.targets, all.numbers, all.weights, metric_references()["large"]["regression"], "large");
}

// With weights, the mean of equal numbers is not always that number; the variance must be 0 all the same.
TEST(Regression, EqualTruthsHaveNoVarianceWhateverTheirWeights) {
  const Reals y(7, 0.1), p{0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1}, w{0.0, 0.3, 0.1, 0.7, 1.1, 0.9, 0.2};
  EXPECT_EQ(r2_score(y, y, w), 1.0);
  EXPECT_EQ(r2_score(y, p, w), 0.0);
  EXPECT_EQ(explained_variance(y, y, w), 1.0);
  EXPECT_EQ(explained_variance(y, p, w), 0.0);
}

TEST(Regression, NoExamplesAreUndefined) {
  const Reals two{1.0, 2.0}, nothing{0.0, 0.0};
  for (const double value :
       {mean_squared_error({}, {}), root_mean_squared_error({}, {}), mean_absolute_error({}, {}),
        median_absolute_error({}, {}), max_error({}, {}), r2_score({}, {}), explained_variance({}, {}),
        pinball_loss({}, {}, 0.5), poisson_deviance({}, {}), mean_squared_error(two, two, nothing),
        median_absolute_error(two, two, nothing), r2_score(two, two, nothing), explained_variance(two, two, nothing),
        r2_score(Reals{1.0}, Reals{1.0})}) {
    EXPECT_TRUE(std::isnan(value)) << value;
  }
}

TEST(Regression, ErrorsSayWhichExample) {
  const Reals two{1.0, 2.0}, zero{1.0, 0.0}, negative{1.0, -2.0};
  EXPECT_EQ(error_text([&] { r2_score(two, Reals{1.0}); }),
            "[r2_score] 1 predictions for 2 examples; expected one an example");
  EXPECT_EQ(error_text([&] {
              max_error(Reals{1.0, NAN}, two);
            }),
            "[max_error] the target of example 1 is nan; expected a finite number");
  EXPECT_EQ(error_text([&] {
              mean_absolute_error(two, Reals{INFINITY, 1.0});
            }),
            "[mean_absolute_error] the prediction of example 0 is inf; expected a finite number");
  EXPECT_EQ(error_text([&] { mean_squared_error(two, two, Reals{1.0}); }),
            "[mean_squared_error] 1 weights for 2 examples; expected one an example");
  EXPECT_EQ(error_text([&] { poisson_deviance(two, zero); }),
            "[poisson_deviance] the prediction of example 1 is 0; a deviance of power 1 needs it above 0");
  EXPECT_EQ(error_text([&] { poisson_deviance(negative, two); }),
            "[poisson_deviance] the target of example 1 is -2; a deviance of power 1 needs it to be 0 or more");
  EXPECT_EQ(error_text([&] { gamma_deviance(zero, two); }),
            "[gamma_deviance] the target of example 1 is 0; a deviance of power 2 needs it above 0");
  EXPECT_EQ(error_text([&] { tweedie_deviance(two, negative, -1.0); }),
            "[tweedie_deviance] the prediction of example 1 is -2; a deviance of power -1 needs it above 0");
  EXPECT_EQ(usage_error_text([&] { tweedie_deviance(two, two, 0.5); }),
            "[tweedie_deviance] power is 0.5; expected a number that is 0 or less, or 1 or more");
  EXPECT_EQ(usage_error_text([&] { pinball_loss(two, two, 1.5); }),
            "[pinball_loss] quantile is 1.5; expected a number from 0 to 1");
}

}  // namespace regression_test
}  // namespace gradus
