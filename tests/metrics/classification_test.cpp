#include "gradus/metrics/classification.h"

#include "tests/metrics/references.h"

namespace gradus {
namespace classification_test {

using nlohmann::json;
using Ids = std::vector<int64_t>;

void expect_scores(const ClassScores& scores, const json& expected, const std::string& what) {
  expect_equals(scores.precision, expected[0], what + ", precision");
  expect_equals(scores.recall, expected[1], what + ", recall");
  expect_equals(scores.f1, expected[2], what + ", f1");
}

void expect_all(const ConfusionMatrix& matrix, const json& expected, const std::string& name) {
  expect_equals(matrix.counts, expected["matrix"], name + ", matrix");
  expect_equals(accuracy(matrix), expected["accuracy"], name + ", accuracy");
  expect_equals(balanced_accuracy(matrix), expected["balanced_accuracy"], name + ", balanced accuracy");
  expect_equals(matthews_correlation(matrix), expected["matthews"], name + ", Matthews' correlation");
  const std::vector<ClassScores> each = class_scores(matrix);
  ASSERT_EQ(each.size(), expected["per_class"].size());
  for (size_t c = 0; c < each.size(); ++c) {
    expect_scores(each[c], expected["per_class"][c], name + ", class " + std::to_string(c));
    expect_equals(each[c].support, expected["per_class"][c][3], name + ", support");
  }
  expect_scores(average_scores(matrix, ClassAverage::kMicro), expected["micro"], name + ", micro");
  expect_scores(average_scores(matrix, ClassAverage::kMacro), expected["macro"], name + ", macro");
  expect_scores(average_scores(matrix, ClassAverage::kWeighted), expected["weighted"], name + ", weighted");
}

TEST(Classification, EqualsScikitLearn) {
  EXPECT_EQ(metric_references()["classification"].size(), 13u);
  for (const json& c : metric_references()["classification"]) {
    const ConfusionMatrix matrix =
        confusion_matrix(c["truth"].get<Ids>(), c["predicted"].get<Ids>(), c["classes"], numbers_of(c["weights"]));
    expect_all(matrix, c["expected"], c["name"]);
  }
}

TEST(Classification, EqualsScikitLearnOnTwentyThousandExamples) {
  const LargeExamples& all = large_examples();
  const json& large = metric_references()["large"];
  expect_all(confusion_matrix(all.truth, all.predicted, large["classes"], all.weights), large["classification"],
             "large");
}

TEST(Classification, TheMatrixHasTruthsInRows) {
  const ConfusionMatrix matrix = confusion_matrix(Ids{0, 0, 1}, Ids{1, 1, 0}, 2);
  EXPECT_EQ(matrix.at(0, 1), 2.0);
  EXPECT_EQ(matrix.at(1, 0), 1.0);
  EXPECT_EQ(matrix.at(0, 0), 0.0);
}

TEST(Classification, NoExamplesAreUndefined) {
  const std::vector<double> nothing(2, 0.0);
  for (const ConfusionMatrix& matrix :
       {confusion_matrix({}, {}, 3), confusion_matrix(Ids{0, 2}, Ids{0, 1}, 3, nothing)}) {
    EXPECT_TRUE(std::isnan(accuracy(matrix)));
    EXPECT_TRUE(std::isnan(balanced_accuracy(matrix)));
    EXPECT_TRUE(std::isnan(matthews_correlation(matrix)));
    for (const ClassAverage average : {ClassAverage::kMicro, ClassAverage::kMacro, ClassAverage::kWeighted}) {
      EXPECT_TRUE(std::isnan(average_scores(matrix, average).f1));
    }
    EXPECT_EQ(class_scores(matrix)[2].f1, 0.0);
  }
}

TEST(Classification, ErrorsSayWhichExample) {
  const auto text = [](const Ids& truth, const Ids& predicted, int64_t classes, const std::vector<double>& weights) {
    return error_text([&] { confusion_matrix(truth, predicted, classes, weights); });
  };
  EXPECT_EQ(text({0, 1}, {0}, 2, {}), "[confusion_matrix] 1 predictions for 2 examples; expected one an example");
  EXPECT_EQ(text({0, 1}, {0, 1}, 2, {1.0}), "[confusion_matrix] 1 weights for 2 examples; expected one an example");
  EXPECT_EQ(text({0, 1}, {0, 1}, 2, {1.0, -0.5}),
            "[confusion_matrix] the weight of example 1 is -0.5; expected a finite number, 0 or more");
  EXPECT_EQ(text({0, 1}, {0, 1}, 2, {NAN, 1.0}),
            "[confusion_matrix] the weight of example 0 is nan; expected a finite number, 0 or more");
  EXPECT_EQ(text({0, 2}, {0, 1}, 2, {}),
            "[confusion_matrix] the true class of example 1 is 2; expected a class from 0 to 1");
  EXPECT_EQ(text({0, 1}, {-1, 1}, 2, {}),
            "[confusion_matrix] the predicted class of example 0 is -1; expected a class from 0 to 1");
  EXPECT_EQ(usage_error_text([] { confusion_matrix({}, {}, 0); }), "[confusion_matrix] 0 classes; expected 1 to 32768");
  EXPECT_EQ(text({}, {}, 40000, {}), "[confusion_matrix] 40000 classes; expected 1 to 32768");
}

}  // namespace classification_test
}  // namespace gradus
