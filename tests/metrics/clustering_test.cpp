#include "gradus/metrics/clustering.h"

#include "gradus/base/threads.h"
#include "tests/metrics/references.h"

namespace gradus {
namespace clustering_test {

using nlohmann::json;
using Ids = std::vector<int64_t>;
using Floats = std::vector<float>;

struct Points {
  Floats values;
  Ids labels;
};

// `large()` of the script.
Points large_points() {
  const json& large = metric_references()["large"];
  const auto count = large["points"].get<size_t>(), features = large["features"].get<size_t>();
  Points all;
  for (const double x : sequence(count, std::sqrt(2.0))) {
    all.labels.push_back(static_cast<int64_t>(x * large["clusters"].get<double>()));
  }
  const std::vector<double> x = sequence(count * features, std::sqrt(3.0));
  for (size_t i = 0; i < x.size(); ++i) {
    all.values.push_back(static_cast<float>(x[i] + 0.5 * static_cast<double>(all.labels[i / features])));
  }
  return all;
}

TEST(Clustering, EqualsScikitLearn) {
  EXPECT_EQ(metric_references()["clustering"].size(), 8u);
  for (const json& c : metric_references()["clustering"]) {
    const Floats points = c["points"];
    const Ids labels = c["labels"];
    const std::string name = c["name"];
    const json& expected = c["expected"];
    expect_equals(silhouettes(points, c["features"], labels), expected["silhouettes"], name + ", silhouette of");
    expect_equals(silhouette_score(points, c["features"], labels), expected["silhouette"], name + ", silhouette");
    expect_equals(calinski_harabasz(points, c["features"], labels), expected["calinski_harabasz"],
                  name + ", Calinski-Harabasz");
    expect_equals(davies_bouldin(points, c["features"], labels), expected["davies_bouldin"], name + ", Davies-Bouldin");
  }
}

TEST(Clustering, EqualsScikitLearnOnManyPoints) {
  const Points all = large_points();
  const json& large = metric_references()["large"];
  const json& expected = large["clustering"];
  expect_equals(silhouette_score(all.values, large["features"], all.labels), expected["silhouette"], "silhouette");
  expect_equals(calinski_harabasz(all.values, large["features"], all.labels), expected["calinski_harabasz"],
                "Calinski-Harabasz");
  expect_equals(davies_bouldin(all.values, large["features"], all.labels), expected["davies_bouldin"],
                "Davies-Bouldin");
}

TEST(Clustering, ThreadsChangeNoBit) {
  const Points all = large_points();
  set_threads(1);
  const std::vector<double> alone = silhouettes(all.values, 8, all.labels);
  for (const int count : {2, 5}) {
    set_threads(count);
    EXPECT_EQ(silhouettes(all.values, 8, all.labels), alone) << count;
  }
  set_threads(0);
}

TEST(Clustering, TooFewOrTooManyClustersAreUndefined) {
  const Floats points{0.0F, 1.0F, 5.0F};
  for (const Ids& labels : {Ids{4, 4, 4}, Ids{0, 1, 2}}) {
    EXPECT_TRUE(std::isnan(silhouette_score(points, 1, labels)));
    EXPECT_TRUE(std::isnan(silhouettes(points, 1, labels)[1]));
    EXPECT_TRUE(std::isnan(calinski_harabasz(points, 1, labels)));
    EXPECT_TRUE(std::isnan(davies_bouldin(points, 1, labels)));
  }
  EXPECT_TRUE(std::isnan(silhouette_score({}, 1, {})));
  EXPECT_TRUE(silhouettes({}, 1, {}).empty());
}

TEST(Clustering, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(error_text([] {
              silhouettes(Floats{1.0F, 2.0F, 3.0F}, 2, Ids{0, 1});
            }),
            "[silhouette] 3 numbers for 2 labels; expected 2 a point");
  EXPECT_EQ(error_text([] {
              calinski_harabasz(Floats{1.0F, 2.0F, 3.0F, NAN}, 2, Ids{0, 1});
            }),
            "[calinski_harabasz] the feature of example 1 is nan; expected a finite number");
  EXPECT_EQ(usage_error_text([] { davies_bouldin({}, 0, {}); }), "[davies_bouldin] 0 features; expected 1 or more");
}

}  // namespace clustering_test
}  // namespace gradus
