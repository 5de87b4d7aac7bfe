// Made-up data against the formulas that it is made by.
#include "gradus/data/generated.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/testing.h"

namespace gradus {
namespace generated_test {

using Doubles = std::vector<double>;

const CurveOptions kExact{.points = 5, .x_min = 0, .x_max = 2, .noise = 0};

TEST(Generated, CurvesAreTheirFormulas) {
  const TensorDataset cubic = make_polynomial(kExact, {1, -2, 0, 3}, 1);
  EXPECT_EQ(cubic.inputs().values<double>(), (Doubles{0, 0.5, 1, 1.5, 2}));
  EXPECT_EQ(cubic.targets().values<double>(), (Doubles{1, 0.375, 2, 8.125, 21}));
  const Doubles sine = make_sine(kExact, 3, 0.25, 1).targets().values<double>();
  const double root = 3 * std::sqrt(0.5);
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(sine[i], (Doubles{0, root, 3, root, 0})[i], 1e-6);
  EXPECT_EQ(make_polynomial(kExact, {}, 1).targets().values<double>(), Doubles(5, 0.0));
}

// Of 20,000 points: five standard errors.
TEST(Generated, NoiseHasItsDeviationAndFollowsTheSeed) {
  const CurveOptions options{.points = 20'000, .noise = 0.5};
  const auto noise = [&](uint64_t seed) { return make_polynomial(options, {0}, seed).targets().values<double>(); };
  const Doubles values = noise(1);
  double squares = 0;
  for (const double v : values) squares += v * v;
  EXPECT_NEAR(std::sqrt(squares / 20'000), 0.5, 5 * 0.5 / std::sqrt(40'000));
  EXPECT_EQ(noise(1), values);
  EXPECT_NE(noise(2), values);
}

TEST(Generated, MoonsAreTwoHalfCircles) {
  const TensorDataset moons = make_moons({.points = 201, .noise = 0}, 1);
  const Doubles x = moons.inputs().values<double>(), label = moons.targets().values<double>();
  for (size_t i = 0; i < 201; ++i) {
    EXPECT_EQ(label[i], static_cast<double>(i % 2));
    const double centre_x = i % 2 == 0 ? 0 : 1, centre_y = i % 2 == 0 ? 0 : 0.5;
    EXPECT_NEAR(std::hypot(x[2 * i] - centre_x, x[2 * i + 1] - centre_y), 1.0, 1e-6);
    EXPECT_GE(i % 2 == 0 ? x[2 * i + 1] : 0.5 - x[2 * i + 1], -1e-6);
  }
  EXPECT_NEAR(x[0], 1, 1e-6);     // from t = 0 …
  EXPECT_NEAR(x[400], -1, 1e-6);  // … to t = π
}

TEST(Generated, SpiralsGrowAndTurn) {
  const TensorDataset spirals = make_spirals({.points = 300, .classes = 3, .noise = 0}, 2.0, 1);
  const Doubles x = spirals.inputs().values<double>();
  for (size_t i = 0; i < 300; ++i) {
    const double r = static_cast<double>(i / 3) / 99;
    const double turn = 2 * std::numbers::pi * (2 * r + static_cast<double>(i % 3) / 3);
    EXPECT_NEAR(x[2 * i], r * std::cos(turn), 1e-6);
    EXPECT_NEAR(x[2 * i + 1], r * std::sin(turn), 1e-6);
  }
}

TEST(Generated, XorIsTheSignsOfTheCoordinates) {
  const TensorDataset data = make_xor({.points = 400, .noise = 0}, 1);
  const Doubles x = data.inputs().values<double>(), label = data.targets().values<double>();
  int quadrants[4] = {};
  for (size_t i = 0; i < 400; ++i) {
    const bool left = x[2 * i] < 0, below = x[2 * i + 1] < 0;
    EXPECT_EQ(label[i], left != below ? 1 : 0) << i;
    ++quadrants[2 * left + below];
    EXPECT_LE(std::max(std::abs(x[2 * i]), std::abs(x[2 * i + 1])), 1.0);
  }
  for (const int count : quadrants) EXPECT_EQ(count, 100);
}

TEST(Generated, BlobsLieAroundTheirCentres) {
  const TensorDataset exact = make_blobs({.points = 9, .classes = 3, .noise = 0}, 4, 7);
  EXPECT_EQ(exact.inputs().shape(), (Shape{9, 4}));
  const Doubles centres = exact.inputs().values<double>();
  for (size_t i = 12; i < 36; ++i) EXPECT_EQ(centres[i], centres[i % 12]);
  EXPECT_NE(centres[0], centres[4]);
  const Doubles x = make_blobs({.points = 30'000, .classes = 3, .noise = 0.25}, 4, 7).inputs().values<double>();
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) squares += std::pow(x[i] - centres[i % 12], 2);
  EXPECT_NEAR(std::sqrt(squares / 120'000), 0.25, 5 * 0.25 / std::sqrt(240'000));
}

TEST(Generated, RefusesWhatMakesNoSense) {
  EXPECT_EQ(usage_error_text([] { make_sine({.points = 0}, 1, 1, 1); }), "[sine] points is 0; expected at least 1");
  EXPECT_EQ(usage_error_text([] { make_polynomial({}, {NAN}, 1); }),
            "[polynomial] an option is nan; expected finite numbers");
  EXPECT_EQ(usage_error_text([] { make_blobs({.points = 2, .classes = 3}, 2, 1); }),
            "[blobs] 2 points of 3 classes; expected 2 classes or more, and a point of each");
  EXPECT_EQ(usage_error_text([] { make_blobs({}, 0, 1); }), "[blobs] dimensions is 0; expected at least 1");
}

}  // namespace generated_test
}  // namespace gradus
