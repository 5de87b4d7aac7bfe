// The learning-rate range test, against closed forms.
#include "gradus/train/rate_search.h"

#include <cmath>

#include "tests/testing.h"

namespace gradus {
namespace rate_search_test {

RateSearch with_losses(int64_t count, const std::function<double(double)>& loss) {
  RateSearch search;
  for (int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<double>(i);
    search.rows.push_back({.learning_rate = std::pow(10.0, at / 10.0), .loss = loss(at)});
  }
  return search;
}

// A loss that falls as a logistic curve does is steepest in its middle, whatever its width.
TEST(RateSearch, SuggestsWhereTheLossFallsFastest) {
  for (const double middle : {30.0, 60.0, 80.0}) {
    for (const double width : {1.0, 4.0, 9.0}) {
      RateSearch search = with_losses(100, [&](double at) { return 1.0 / (1.0 + std::exp((at - middle) / width)); });
      judge(search, 100);
      ASSERT_TRUE(search.suggestion);
      EXPECT_DOUBLE_EQ(*search.suggestion, std::pow(10.0, middle / 10.0)) << width;
      EXPECT_EQ(search.lowest_at, search.rows.back().learning_rate);
    }
  }
}

TEST(RateSearch, TheEndWhereItGrowsDoesNotCount) {
  RateSearch search = with_losses(100, [](double at) { return at < 70 ? 1.0 - at / 100 : 0.3 + (at - 70); });
  judge(search, 100);
  EXPECT_LE(*search.lowest_at, std::pow(10.0, 7.0));
  EXPECT_LE(*search.suggestion, *search.lowest_at);
}

// Down by 1 at step 30, up by `rise` at 50, and at 70 down again, faster, to 0.6 below what it was at 50.
TEST(RateSearch, WhatComesAfterARiseDoesNotCount) {
  const auto suggested = [](double rise) {
    const auto fallen = [](double at, double middle, double width) {
      return 1.0 / (1.0 + std::exp((middle - at) / width));
    };
    RateSearch search = with_losses(100, [&](double at) {
      return 3.0 - fallen(at, 30, 4) + rise * fallen(at, 50, 1) - (0.6 + rise) * fallen(at, 70, 1);
    });
    judge(search, 100);
    EXPECT_LE(search.suggestion, search.lowest_at);
    return std::log10(search.suggestion.value()) * 10.0;
  };
  EXPECT_NEAR(suggested(0.2), 70.0, 1e-9) << "less than a quarter of the fall";
  EXPECT_NEAR(suggested(0.5), 30.0, 1.0);
}

// Small GPTs that fell again after the rate had broken them, as `gradus lr-find gpt_char` saw them: of 40 seeds each,
// 38 and 39 others had their fastest fall at 0.0005 to 0.0013.
TEST(RateSearch, AModelThatFallsAgainAfterItBrokeIsNoSuggestion) {
  const std::vector<double> curves[] = {
      {4.184, 4.191, 4.178, 4.176, 4.171, 4.187, 4.162, 4.185, 4.181, 4.183, 4.169, 4.172, 4.169, 4.169, 4.171, 4.171,
       4.181, 4.174, 4.172, 4.171, 4.173, 4.171, 4.169, 4.166, 4.18,  4.172, 4.169, 4.161, 4.166, 4.155, 4.152, 4.156,
       4.141, 4.147, 4.132, 4.122, 4.097, 4.082, 4.08,  4.047, 4.027, 3.974, 3.96,  3.91,  3.89,  3.867, 3.825, 3.834,
       3.788, 3.74,  3.659, 3.645, 3.543, 3.457, 3.431, 3.429, 3.332, 3.253, 3.271, 3.351, 5.858, 3.361, 3.437, 5.459,
       3.423, 3.5,   3.271, 3.189, 3.329, 3.144, 3.194, 3.298, 3.24,  3.192, 3.26,  3.315, 3.26,  3.392, 3.807, 3.759,
       3.353, 3.409, 3.302, 3.322, 3.773, 6.768, 6.196, 7.991, 9.793, 16.1,  38.03, 28.5,  31.48, 46.53},
      {4.185, 4.174, 4.188, 4.182, 4.188, 4.176, 4.192, 4.196, 4.191, 4.17,  4.189, 4.18,  4.174, 4.185, 4.199, 4.193,
       4.189, 4.195, 4.185, 4.187, 4.182, 4.206, 4.178, 4.185, 4.194, 4.179, 4.175, 4.171, 4.17,  4.179, 4.172, 4.172,
       4.163, 4.136, 4.153, 4.131, 4.125, 4.121, 4.086, 4.047, 4.04,  4.022, 3.973, 3.95,  3.921, 3.887, 3.862, 3.807,
       3.789, 3.719, 3.669, 3.655, 3.563, 3.477, 3.443, 3.551, 3.37,  3.398, 3.212, 3.351, 3.375, 6.767, 4.227, 4.683,
       3.732, 3.396, 3.299, 3.248, 3.407, 3.74,  3.513, 3.423, 3.489, 3.406, 3.509, 3.514, 3.282, 3.34,  3.405, 3.436,
       3.614, 3.699, 5.734, 6.871, 6.07,  5.816, 15.99, 11.67, 15.74, 31.73, 55.34}};
  for (const std::vector<double>& losses : curves) {
    RateSearch search;
    for (size_t i = 0; i < losses.size(); ++i) {
      search.rows.push_back({.learning_rate = 1e-7 * std::pow(1e8, static_cast<double>(i) / 99.0), .loss = losses[i]});
    }
    judge(search, 100);
    ASSERT_TRUE(search.suggestion);
    EXPECT_GT(*search.suggestion, 0.0005);
    EXPECT_LT(*search.suggestion, 0.0013);
    EXPECT_LT(*search.lowest_at, 0.005);
  }
}

// 11 losses, of which the outer ones have fewer beside them.
TEST(RateSearch, SmoothsByAMeanThatLeansToNoSide) {
  RateSearch search = with_losses(100, [](double at) { return at == 20 ? 11.0 : at == 98 ? 3.0 : 0.0; });
  judge(search, 100);
  for (size_t i = 0; i < 90; ++i) EXPECT_DOUBLE_EQ(search.rows[i].smoothed, i >= 15 && i <= 25 ? 1.0 : 0.0) << i;
  EXPECT_DOUBLE_EQ(search.rows[99].smoothed, 0.0);
  EXPECT_DOUBLE_EQ(search.rows[98].smoothed, 1.0);
  RateSearch line = with_losses(100, [](double at) { return 5.0 - 0.01 * at; });
  judge(line, 100);
  for (const RateSearch::Row& row : line.rows) EXPECT_NEAR(row.smoothed, row.loss, 1e-12);
}

// Alternating 1 and 3: no rate helps. Falling by less than three standard errors of the means of 10 and of 11, which
// are √(10/9)·√(1/10 + 1/11) = 0.4606 each, is no fall.
TEST(RateSearch, SuggestsNothingWhereNoRateHelps) {
  const auto noise = [](double at) { return std::fmod(at, 2.0) == 0.0 ? 1.0 : 3.0; };
  const auto suggests = [&](double fall) {
    RateSearch search = with_losses(100, [&](double at) { return noise(at) - (at < 50 ? 0.0 : fall); });
    judge(search, 100);
    EXPECT_TRUE(search.lowest_at);
    return search.suggestion.has_value();
  };
  EXPECT_FALSE(suggests(0.0));
  EXPECT_FALSE(suggests(1.28));  // the smoothed losses are 2 ± 1/11: 1.2819 is 3 · 0.4606 less 1/11
  EXPECT_FALSE(suggests(1.29 - 0.01));
  EXPECT_TRUE(suggests(1.30));
  RateSearch flat = with_losses(100, [](double) { return 2.0; });
  judge(flat, 100);
  EXPECT_FALSE(flat.suggestion);
}

// x symmetric about 0, y = 1, from W = b = 0: the error of b shrinks by 1 − 2α at each step, the loss by its square.
Config one_number(const std::vector<std::string>& overrides = {}) {
  return Config::parse(R"(
data = {kind = "line", points = 11, slope = 0, intercept = 1, noise = 0}
model = {kind = "linear", init = "zeros"}
train = {steps = 1}
)",
                       "run.toml", overrides);
}

TEST(RateSearch, TrainsByRisingRatesUntilTheLossDiverges) {
  const RateSearch search = search_learning_rate(one_number(), {.from = 1e-3, .to = 100.0, .steps = 26});
  double error = 1.0, mean = 0.0, weight = 1.0, lowest = INFINITY;
  size_t n = 0;
  bool diverged = false;
  for (; !diverged; ++n) {
    ASSERT_LT(n, search.rows.size());
    const double rate = 1e-3 * std::pow(10.0, static_cast<double>(n) / 5.0), loss = error * error;
    EXPECT_NEAR(search.rows[n].learning_rate, rate, 1e-12 * rate);
    EXPECT_NEAR(search.rows[n].loss, loss, 1e-4 * loss) << n;  // f32, of an error that gets to 0.02
    mean = 0.9 * mean + 0.1 * loss;
    weight *= 0.9;
    lowest = std::min(lowest, mean / (1 - weight));
    diverged = n >= 2 && mean / (1 - weight) > std::max(4 * lowest, 1.0);
    error *= 1 - 2 * rate;
  }
  EXPECT_EQ(search.rows.size(), n);
  EXPECT_EQ(search.diverged_at, search.rows.back().learning_rate);
  EXPECT_LT(n, 26u);
  ASSERT_TRUE(search.suggestion);
  EXPECT_LT(*search.suggestion, 0.5) << "which is the best step at once";
  EXPECT_GT(*search.suggestion, 0.02);
}

TEST(RateSearch, ALossThatIsNotFiniteEndsIt) {
  const RateSearch search = search_learning_rate(one_number(), {.from = 1e10, .to = 1e30, .steps = 20});
  EXPECT_LT(search.rows.size(), 10u);
  ASSERT_TRUE(search.diverged_at);
  for (const RateSearch::Row& row : search.rows) EXPECT_TRUE(std::isfinite(row.loss));
  EXPECT_FALSE(search.suggestion);
}

// The configuration's own length, schedule, limits and validation do not count; everything is as without them.
TEST(RateSearch, OnlyTheStepOfTheConfigurationCounts) {
  const RateSearchOptions options{.from = 1e-3, .to = 1.0, .steps = 30};
  const RateSearch plain = search_learning_rate(one_number(), options);
  const RateSearch other =
      search_learning_rate(one_number({"schedule.name=dynamic", "schedule.decay_steps=3", "schedule.warmup_steps=1",
                                       "train.stop_loss=10", "train.max_time_s=1e-9", "log.every=3"}),
                           options);
  ASSERT_EQ(plain.rows.size(), 30u);
  ASSERT_EQ(other.rows.size(), 30u);
  for (size_t i = 0; i < 30; ++i) EXPECT_EQ(plain.rows[i].loss, other.rows[i].loss);
  EXPECT_FALSE(plain.diverged_at);
}

TEST(RateSearch, ASolverHasNone) {
  const Config config = Config::parse(
      "data.kind = \"line\"\nmodel.kind = \"linear\"\ntrain.steps = 9\nsolver.name = \"newton\"\n", "run.toml", {});
  EXPECT_EQ(usage_error_text([&] {
              search_learning_rate(one_number({"optimizer.name=lbfgs", "train.batch_size=all"}), {});
            }),
            "[--set optimizer.name=lbfgs] optimizer.name = \"lbfgs\" searches the length of every step itself, so that "
            "no rate is better than another: optimizer.learning_rate = 1 is as good as any; set another optimizer to "
            "look for its rate");
  EXPECT_EQ(
      usage_error_text([&] { search_learning_rate(one_number({"optimizer.name=rprop"}), {}); }),
      "[--set optimizer.name=rprop] optimizer.name = \"rprop\" takes the learning rate for its first step alone, so "
      "that a rate that rises would do nothing; set another optimizer to look for its rate");
  EXPECT_EQ(usage_error_text([&] { search_learning_rate(config, {}); }),
            "[run.toml:4:8] solver.name = \"newton\" leaves optimizer.learning_rate aside; set solver.name = \"none\" to "
            "look for one");
}

TEST(RateSearch, OptionsOutOfRangeAreUsageErrors) {
  const auto text = [](const RateSearchOptions& o) {
    return usage_error_text([&] { search_learning_rate(one_number(), o); });
  };
  EXPECT_EQ(text({.from = 0.0}), "[learning rates] from 0 to 10; expected a number above 0 and a higher one");
  EXPECT_EQ(text({.from = 1.0, .to = 1.0}), "[learning rates] from 1 to 1; expected a number above 0 and a higher one");
  EXPECT_EQ(text({.to = INFINITY}), "[learning rates] from 1e-07 to inf; expected a number above 0 and a higher one");
  EXPECT_EQ(text({.steps = 19}), "[steps] 19 steps; expected from 20 to 1000000");
}

}  // namespace rate_search_test
}  // namespace gradus
