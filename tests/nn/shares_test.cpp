// Targets that say how likely each class is, as mixed pictures have them.
#include <gtest/gtest.h>

#include "gradus/nn/objective.h"
#include "tests/testing.h"

namespace gradus {
namespace shares_test {

const Tensor kLogits = Tensor::from<float>({0.5F, -1.0F, 2.0F, 0.0F, 0.25F, -0.5F}, {2, 3});

double mean_of(const Objective& objective, const Tensor& targets) {
  const Loss loss = objective_loss(objective, kLogits, targets);
  EXPECT_EQ(loss.weight, 2.0);
  return static_cast<double>(loss.sum.item()) / loss.weight;
}

TEST(Shares, OfOneClassAreThatClass) {
  const Tensor classes = Tensor::from<int64_t>({2, 0}, {2});
  const Tensor shares = Tensor::from<float>({0, 0, 1, 1, 0, 0}, {2, 3});
  for (const double smoothing : {0.0, 0.3}) {
    const Objective objective{.kind = ObjectiveKind::kCrossEntropy, .label_smoothing = smoothing};
    EXPECT_NEAR(mean_of(objective, shares), mean_of(objective, classes), 1e-6);
  }
}

TEST(Shares, AreMixedLosses) {
  const Objective objective{.kind = ObjectiveKind::kCrossEntropy};
  const double a = mean_of(objective, Tensor::from<int64_t>({2, 0}, {2}));
  const double b = mean_of(objective, Tensor::from<int64_t>({1, 1}, {2}));
  const Tensor mixed = Tensor::from<float>({0, 0.25F, 0.75F, 0.75F, 0.25F, 0}, {2, 3});
  EXPECT_NEAR(mean_of(objective, mixed), 0.75 * a + 0.25 * b, 1e-6);
}

}  // namespace shares_test
}  // namespace gradus
