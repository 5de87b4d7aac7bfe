// From arrays of examples to a model's inputs, and what is wrong with others.
#include "gradus/data/array_features.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gradus/data/table_encoder.h"
#include "tests/testing.h"

namespace gradus {
namespace array_features_test {

Tensor images(const std::vector<float>& numbers, const Shape& shape) { return Tensor::from(numbers, shape); }

const std::vector<int64_t> kFirstTwo = {0, 1};
const Shape kShape = {3, 1, 2};
const std::vector<float> kNumbers = {10, 20, 30, 50, 90, 0};

ArrayFeatures fitted(Scaling scaling) { return fit_array(images(kNumbers, kShape), kFirstTwo, scaling); }

Tensor inputs(const ArrayFeatures& features) { return array_inputs(features, images(kNumbers, kShape), "a.idx"); }

// All by what the first two examples, 10 20 30 50, say.
TEST(ArrayFeatures, ScalesAllNumbersAlike) {
  EXPECT_EQ(inputs(fitted(Scaling::kNone)).values<float>(), kNumbers);
  EXPECT_EQ(inputs(fitted(Scaling::kMinMax)).values<float>(),
            (std::vector<float>{0.0F, 0.25F, 0.5F, 1.0F, 2.0F, -0.25F}));
  const double deviation = std::sqrt(218.75);  // of 10, 20, 30 and 50, whose mean is 27.5
  const std::vector<float> standard = inputs(fitted(Scaling::kStandardize)).values<float>();
  for (size_t i = 0; i < standard.size(); ++i) {
    EXPECT_FLOAT_EQ(standard[i], static_cast<float>((static_cast<double>(kNumbers[i]) - 27.5) / deviation)) << i;
  }
  EXPECT_EQ(inputs(fitted(Scaling::kNone)).shape(), (Shape{3, 2}));
  EXPECT_EQ(fitted(Scaling::kNone).shape, (Shape{1, 2}));
}

TEST(ArrayFeatures, ConstantNumbersAreOnlyShifted) {
  for (const Scaling scaling : {Scaling::kMinMax, Scaling::kStandardize}) {
    const ArrayFeatures features = fit_array(images({7, 7, 7, 7}, {2, 2}), kFirstTwo, scaling);
    EXPECT_EQ(array_inputs(features, images({7, 8}, {1, 2}), "a.idx").values<float>(), (std::vector<float>{0, 1}));
  }
}

TEST(ArrayFeatures, AnotherShapeIsAnError) {
  EXPECT_EQ(error_text([] {
              array_inputs(fitted(Scaling::kNone), images({1, 2, 3}, {1, 1, 3}), "a.idx");
            }),
            "[a.idx] its examples are (1, 3); expected (1, 2), as those that the model learned from");
}

// Beside labels, which are classes as those of any table.
TEST(ArrayFeatures, ComeBackFromTheEncodersJson) {
  Table labels;
  labels.rows = 3;
  labels.columns.push_back({.name = "label", .numbers = {7, -1, 3}});
  labels.lines = {1, 2, 3};
  labels.parts = {{.source = "labels.idx"}};
  const TableEncoder encoder =
      TableEncoder::fit(labels, kFirstTwo, {.classes = true, .array = fitted(Scaling::kMinMax)});
  EXPECT_EQ(encoder.width(), 2);
  EXPECT_EQ(encoder.classes(), (std::vector<std::string>{"-1", "3", "7"}));
  const std::string json = encoder.to_json();
  EXPECT_EQ(json,
            "{\"array\": {\"shape\":[1,2],\"mean\":10.0,\"scale\":40.0},\n \"target\": "
            "{\"name\":\"label\",\"mean\":0.0,\"scale\":1.0,\"classes\":[\"-1\",\"3\",\"7\"]}}\n");
  const TableEncoder again = TableEncoder::from_json(json, "columns.json");
  EXPECT_EQ(again.to_json(), json);
  EXPECT_EQ(inputs(*again.array()).values<float>(), inputs(fitted(Scaling::kMinMax)).values<float>());
  EXPECT_EQ(again.targets(labels).values<int64_t>(), (std::vector<int64_t>{2, 0, 1}));
}

TEST(ArrayFeatures, DamagedJsonIsAnError) {
  const auto refused = [](const std::string& array) {
    const std::string text =
        error_text([&] { TableEncoder::from_json("{\"array\":" + array + R"(,"target":null})", "columns.json"); });
    const std::string ending = "; expected the shape and the scale of an array's examples as gradus writes them";
    EXPECT_TRUE(text.ends_with(ending)) << text;
    return text.substr(0, text.size() - std::min(text.size(), ending.size()));
  };
  const std::string rest = R"(,"mean":0,"scale":1})";
  EXPECT_EQ(refused("{}"), "[columns.json] there is no \"shape\"");
  EXPECT_EQ(refused(R"({"shape":3)" + rest), "[columns.json] \"shape\" is no list");
  const std::string size = "[columns.json] a size is no whole number from 1, or there are too many numbers";
  EXPECT_EQ(refused(R"({"shape":[0])" + rest), size);
  EXPECT_EQ(refused(R"({"shape":["2"])" + rest), size);
  EXPECT_EQ(refused(R"({"shape":[1000000,1000000,2])" + rest), size);
  EXPECT_EQ(refused(R"({"shape":[1,1,1,1,1,1,1,1])" + rest), "[columns.json] there are too many sizes");
  EXPECT_EQ(refused(R"({"shape":[2],"mean":"0","scale":1})"), "[columns.json] \"mean\" is no number");
  EXPECT_EQ(refused(R"({"shape":[2],"mean":0,"scale":0})"), "[columns.json] the scale is not above 0");
}

}  // namespace array_features_test
}  // namespace gradus
