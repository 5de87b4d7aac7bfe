#include "gradus/data/feature.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gradus/base/hash.h"
#include "gradus/data/csv.h"
#include "gradus/data/feature_fit.h"
#include "tests/testing.h"

namespace gradus {
namespace feature_test {

using Names = std::vector<std::string>;
using Numbers = std::vector<float>;

// The first four rows are the training part.
Table table() { return parse_csv("x,kind,zip\n1,dog,10\nNA,cat,9\n4,,10\n7,dog,10\n3,cow,11\n", "t.csv"); }
const std::vector<int64_t> kTraining = {0, 1, 2, 3};

Numbers seen(const Feature& feature, const Table& t) {
  Numbers all(static_cast<size_t>(t.rows * feature.width()), -1.0F);
  FeatureWriter(feature, t).write(0, t.rows, all.data(), feature.width());
  return all;
}

Feature fit(const char* name, const FeatureOptions& options) { return fit_feature(table(), name, kTraining, options); }

void expect_near(const Numbers& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-6) << i;
}

TEST(Feature, FillsWithTheMedianAndTellsThatItDid) {
  const Feature x = fit("x", {.scaling = Scaling::kNone, .impute = Impute::kMedian, .indicator = true});
  EXPECT_EQ(x.input_names(), (Names{"x", "x is missing"}));
  expect_near(seen(x, table()), {1, 0, 4, 1, 4, 0, 7, 0, 3, 0});  // 4 is the median of 1, 4 and 7
}

TEST(Feature, AMedianNeedsAllRowsAtOnce) {
  FeatureFitter fitter("x", {.impute = Impute::kMedian});
  fitter.add(table(), kTraining);
  EXPECT_EQ(error_text([&] { fitter.add(table(), kTraining); }),
            "[t.csv] column \"x\" comes in several tables, and its median needs all of it at once");
}

TEST(Feature, TheMedianOfAnEvenNumberLiesBetween) {
  const Table t = parse_csv("x,y\n1,0\n8,0\nNA,0\n2,0\n4,0\n", "t.csv");
  const std::vector<int64_t> all = {0, 1, 2, 3, 4};
  EXPECT_EQ(fit_feature(t, "x", all, {.impute = Impute::kMedian}).fill, 3.0);
}

// As scikit-learn's SimpleImputer and StandardScaler, one behind the other: 1, 4, 4, 7.
TEST(Feature, StandardizesWhatWasFilled) {
  const Feature x = fit("x", {.impute = Impute::kMean});
  const double deviation = std::sqrt(18.0 / 4.0);
  EXPECT_EQ(x.width(), 1);
  expect_near(seen(x, table()), {-3 / deviation, 0, 0, 3 / deviation, -1 / deviation});
}

TEST(Feature, BringsToOneAndTakesLogarithms) {
  const Feature x = fit("x", {.scaling = Scaling::kMinMax, .log1p = true, .impute = Impute::kConstant, .fill = 0.0});
  const double range = std::log(8.0);  // from log 1 of the fill to log 8 of 7
  expect_near(seen(x, table()), {std::log(2.0) / range, 0, std::log(5.0) / range, 1, std::log(4.0) / range});
}

TEST(Feature, OneHotOfTheTrainingPart) {
  const Feature kind = fit("kind", {.impute = Impute::kMedian});
  EXPECT_EQ(kind.input_names(), (Names{"kind = cat", "kind = dog", "kind is missing"}));
  EXPECT_EQ(seen(kind, table()), (Numbers{0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}));  // no cow was trained on
  const Feature strict = fit("kind", {.impute = Impute::kMedian, .refuse_unseen = true});
  EXPECT_EQ(
      error_text([&] { seen(strict, table()); }),
      "[t.csv:6] \"cow\" in column \"kind\" is a category that the training part has not; it has: cat, dog; leave "
      "the row out, or train with data.unseen = \"zeros\"");
}

TEST(Feature, NumbersCanBeNames) {
  const Feature zip = fit("zip", {.is_category = true});
  EXPECT_EQ(zip.input_names(), (Names{"zip = 10", "zip = 9"}));
  EXPECT_EQ(seen(zip, table()), (Numbers{1, 0, 0, 1, 1, 0, 1, 0, 0, 0}));
}

TEST(Feature, HashesIntoBuckets) {
  const Feature kind = fit("kind", {.impute = Impute::kMean, .categories = CategoryEncoding::kHash, .buckets = 5});
  const Numbers all = seen(kind, table());
  Numbers expected(25, 0.0F);
  const char* const texts[] = {"dog", "cat", nullptr, "dog", "cow"};
  for (size_t row = 0; row < 5; ++row) {
    if (texts[row] != nullptr) expected[5 * row + xxh3(texts[row], 3) % 5] = 1.0F;
  }
  EXPECT_EQ(all, expected);
  EXPECT_EQ(kind.input_names()[4], "kind #4");
}

TEST(Feature, ComesBackFromJson) {
  const Feature features[] = {
      fit("x", {.log1p = true, .impute = Impute::kMedian, .indicator = true}),
      fit("kind", {.impute = Impute::kMedian, .refuse_unseen = true}),
      fit("kind", {.impute = Impute::kMean, .categories = CategoryEncoding::kHash, .buckets = 7}),
      fit_feature(table(), "zip", kTraining, {.scaling = Scaling::kMinMax})};
  for (const Feature& feature : features) {
    const std::string json = feature.to_json().line();
    const Feature again = feature_from_json(parse_json(json, "f"), "f");
    EXPECT_EQ(again.to_json().line(), json);
    EXPECT_EQ(again.input_names(), feature.input_names());
    const Table few = parse_csv("x,kind,zip\n2,dog,5\n", "t.csv");
    EXPECT_EQ(seen(again, few), seen(feature, few));
  }
}

TEST(Feature, RefusesDamagedJson) {
  const auto error = [](const char* json) {
    const std::string text = error_text([&] { feature_from_json(parse_json(json, "f"), "f"); });
    return text.substr(4, text.find(';') - 4);
  };
  EXPECT_EQ(error(R"({"name": "a"})"), "a column has neither a mean and a scale, nor categories, nor buckets");
  EXPECT_EQ(error(R"({"name": "a", "buckets": 1.5})"), "a number of buckets is no whole number from 1 to 2^24");
  EXPECT_EQ(error(R"({"name": "a", "categories": 1})"), "the \"categories\" of a column is no list");
  EXPECT_EQ(error(R"({"name": "a", "categories": [1]})"), "one of the \"categories\" of a column is no text");
  EXPECT_EQ(error(R"({"name": "a", "categories": []})"), "a column has no category");
  EXPECT_EQ(error(R"({"name": "a", "mean": 0, "scale": 1, "log1p": 1})"),
            "the \"log1p\" of a column is not true or false");
}

TEST(Feature, SaysWhatIsWrongWithTheData) {
  EXPECT_EQ(
      usage_error_text([] { fit("x", {}); }),
      "[t.csv:3] the value of column \"x\" is missing; fill it, or train with data.impute, which says what takes its "
      "place");
  EXPECT_EQ(
      usage_error_text([] { fit("kind", {}); }),
      "[t.csv:4] the value of column \"kind\" is missing; fill it, or train with data.impute, which says what takes "
      "its place");
  const Table t = parse_csv("x,y\nNA,1\n-1,2\n", "n.csv");
  const std::vector<int64_t> first = {0};
  EXPECT_EQ(usage_error_text([&] { fit_feature(t, "x", first, {.log1p = true, .impute = Impute::kConstant}); }),
            "[n.csv:3] -1 in column \"x\" has no log(1 + x); take it out of data.log1p");
  EXPECT_EQ(usage_error_text([&] {
              fit_feature(table(), "x", kTraining, {.log1p = true, .impute = Impute::kConstant, .fill = -2.0});
            }),
            "[data.impute_value] -2 has no log(1 + x), which data.log1p asks for in column \"x\"");
  EXPECT_EQ(
      usage_error_text([&] { fit_feature(t, "x", first, {.impute = Impute::kMedian}); }),
      "[n.csv] column \"x\" has no value in the training part, and data.impute asks for their median; leave it out "
      "of data.features");
}

}  // namespace feature_test
}  // namespace gradus
