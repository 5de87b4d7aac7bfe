#include "gradus/metrics/bootstrap.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "gradus/base/random.h"
#include "gradus/base/threads.h"
#include "gradus/metrics/ranking.h"
#include "tests/metrics/references.h"

namespace gradus {
namespace bootstrap_test {

using Ids = std::vector<int64_t>;
using Reals = std::vector<double>;

RowMeasure mean_of(const Reals& values) {
  return [&values](std::span<const int64_t> rows) {
    double sum = 0.0;
    for (const int64_t row : rows) sum += values[static_cast<size_t>(row)];
    return sum / static_cast<double>(rows.size());
  };
}

TEST(Bootstrap, DrawsByTheDocumentedFormula) {
  Ids drawn(1000);
  bootstrap_rows(3, 17, drawn);
  const RandomStream stream(mix(3, hash_name("metrics.bootstrap")));
  for (size_t i = 0; i < drawn.size(); ++i) {
    // ⌊bits·1000 / 2⁶⁴⌋ by the halves of the bits, since no standard type holds the product.
    const uint64_t bits = stream.bits(17, i), high = (bits >> 32) * 1000, low = (bits & 0xFFFFFFFF) * 1000;
    EXPECT_EQ(drawn[i], static_cast<int64_t>((high + (low >> 32)) >> 32));
  }
  // With replacement, 1 − 1/e of the rows are drawn: 632 ± 4 standard deviations of 9.8.
  EXPECT_NEAR(static_cast<double>(std::set<int64_t>(drawn.begin(), drawn.end()).size()), 632.0, 40.0);
  Ids other(1000);
  bootstrap_rows(4, 17, other);
  EXPECT_NE(drawn, other);
  bootstrap_rows(3, 18, other);
  EXPECT_NE(drawn, other);
}

TEST(Bootstrap, EndsAreQuantilesOfTheResampledValues) {
  const Reals values = sequence(40, std::sqrt(2.0));
  const BootstrapOptions options{.resamples = 101, .confidence = 0.9, .seed = 5};
  Reals resampled;
  for (int64_t i = 0; i < 101; ++i) {
    Ids drawn(40);
    bootstrap_rows(5, i, drawn);
    resampled.push_back(mean_of(values)(drawn));
  }
  std::sort(resampled.begin(), resampled.end());
  const BootstrapInterval interval = bootstrap_interval(40, mean_of(values), options);
  EXPECT_NEAR(interval.low, resampled[5], 1e-15);
  EXPECT_NEAR(interval.high, resampled[95], 1e-15);
  EXPECT_EQ(interval.undefined, 0);
  // Of 4 values the quantiles 0.25 and 0.75 lie at 0.75 and 2.25, between two of them.
  std::vector<double> four = {resampled[0], resampled[0], resampled[0], resampled[0]};
  for (int64_t i = 0; i < 4; ++i) {
    Ids drawn(40);
    bootstrap_rows(5, i, drawn);
    four[static_cast<size_t>(i)] = mean_of(values)(drawn);
  }
  std::sort(four.begin(), four.end());
  const BootstrapInterval half =
      bootstrap_interval(40, mean_of(values), {.resamples = 4, .confidence = 0.5, .seed = 5});
  EXPECT_NEAR(half.low, 0.25 * four[0] + 0.75 * four[1], 1e-15);
  EXPECT_NEAR(half.high, 0.75 * four[2] + 0.25 * four[3], 1e-15);
}

// Of a mean, resampled values are about normal with the standard deviation s/√n; the 0.025 quantile of 20000 of them is
// known to 0.02 of it (one standard deviation: √(q(1−q)/20000) / density(1.96) = 0.019).
TEST(Bootstrap, IntervalOfAMeanIsThatOfTheNormalDistribution) {
  const Reals values = sequence(400, std::sqrt(2.0));
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 400.0;
  double squares = 0.0;
  for (const double x : values) squares += (x - mean) * (x - mean);
  const double error = std::sqrt(squares / 400.0 / 400.0);
  const BootstrapInterval interval = bootstrap_interval(400, mean_of(values), {.resamples = 20000});
  EXPECT_NEAR((interval.low - mean) / error, -1.96, 0.08);
  EXPECT_NEAR((interval.high - mean) / error, 1.96, 0.08);
}

TEST(Bootstrap, ThreadsChangeNoBit) {
  const Reals values = sequence(300, std::sqrt(3.0));
  set_threads(1);
  const BootstrapInterval alone = bootstrap_interval(300, mean_of(values), {.resamples = 500});
  for (const int count : {2, 5}) {
    set_threads(count);
    const BootstrapInterval interval = bootstrap_interval(300, mean_of(values), {.resamples = 500});
    EXPECT_EQ(interval.low, alone.low);
    EXPECT_EQ(interval.high, alone.high);
  }
  set_threads(0);
}

TEST(Bootstrap, SeveralMeasuresAreEachAsAlone) {
  const Reals values = sequence(40, std::sqrt(3.0)), others = sequence(40, std::sqrt(5.0));
  const BootstrapOptions options{.resamples = 300, .seed = 4};
  const auto both = bootstrap_intervals(
      40, 2,
      [&](std::span<const int64_t> rows, std::span<double> measures) {
        measures[0] = mean_of(values)(rows);
        measures[1] = mean_of(others)(rows);
      },
      options);
  ASSERT_EQ(both.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const BootstrapInterval alone = bootstrap_interval(40, mean_of(i == 0 ? values : others), options);
    EXPECT_EQ(both[i].low, alone.low);
    EXPECT_EQ(both[i].high, alone.high);
  }
  EXPECT_TRUE(bootstrap_intervals(40, 0, [](auto, auto) {}, options).empty());
}

TEST(Bootstrap, UndefinedResamplesAreLeftOutAndCounted) {
  // One positive of 4: no resample has it with the probability (3/4)⁴, and all are positive with (1/4)⁴.
  const Ids truth{0, 0, 0, 1};
  const Reals scores{0.1, 0.2, 0.3, 0.4};
  const auto area = [&](std::span<const int64_t> rows) {
    Ids drawn_truth;
    Reals drawn_scores;
    for (const int64_t row : rows) {
      drawn_truth.push_back(truth[static_cast<size_t>(row)]);
      drawn_scores.push_back(scores[static_cast<size_t>(row)]);
    }
    return roc_auc(drawn_truth, drawn_scores);
  };
  const BootstrapInterval interval = bootstrap_interval(4, area, {.resamples = 10000});
  EXPECT_EQ(interval.low, 1.0);
  EXPECT_EQ(interval.high, 1.0);
  EXPECT_NEAR(static_cast<double>(interval.undefined), 10000.0 * (81.0 + 1.0) / 256.0, 4.0 * 46.7);
  const BootstrapInterval none = bootstrap_interval(4, [](auto) { return double{NAN}; }, {.resamples = 10});
  EXPECT_TRUE(std::isnan(none.low));
  EXPECT_TRUE(std::isnan(none.high));
  EXPECT_EQ(none.undefined, 10);
}

TEST(Bootstrap, OptionsOutOfRangeAreUsageErrors) {
  const auto text = [](int64_t rows, const BootstrapOptions& options) {
    return usage_error_text([&] {
      bootstrap_interval(
          rows, [](auto) { return 0.0; }, options);
    });
  };
  EXPECT_EQ(text(0, {}), "[bootstrap] 0 rows to draw from; expected 1 or more");
  EXPECT_EQ(text(1, {.resamples = 0}), "[bootstrap] resamples is 0; expected 1 to 10000000");
  EXPECT_EQ(text(1, {.confidence = 1.0}), "[bootstrap] confidence is 1; expected a number between 0 and 1");
  EXPECT_EQ(text(1, {.confidence = NAN}), "[bootstrap] confidence is nan; expected a number between 0 and 1");
}

TEST(Bootstrap, AnErrorOfTheMeasureGoesThrough) {
  EXPECT_EQ(
      error_text([] { bootstrap_interval(3, [](auto) -> double { fail("test", "the measure's own words"); }, {}); }),
      "[test] the measure's own words");
}

}  // namespace bootstrap_test
}  // namespace gradus
