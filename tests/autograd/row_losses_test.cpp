// Reduction::kRows: a loss for each example.
#include <functional>

#include "gradus/autograd/gradient_check.h"
#include "gradus/autograd/ops.h"
#include "tests/testing.h"

namespace gradus {
namespace row_losses_test {

using LossOf = std::function<Tensor(const Tensor& prediction, const Tensor& target, Reduction reduction)>;

struct Case {
  const char* name;
  LossOf loss;
  bool is_of_signs = false;  // targets −1 and 1
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"mse", [](auto& p, auto& t, Reduction r) { return mse(p, t, r); }},
      {"mae", [](auto& p, auto& t, Reduction r) { return mae(p, t, r); }},
      {"huber", [](auto& p, auto& t, Reduction r) { return huber(p, t, 0.7, r); }},
      {"log_cosh", [](auto& p, auto& t, Reduction r) { return log_cosh(p, t, r); }},
      {"quantile", [](auto& p, auto& t, Reduction r) { return quantile_loss(p, t, 0.3, r); }},
      {"poisson", [](auto& p, auto& t, Reduction r) { return poisson_loss(p, t, r); }},
      {"hinge", [](auto& p, auto& t, Reduction r) { return hinge(p, t, r); }, true},
      {"squared_hinge", [](auto& p, auto& t, Reduction r) { return squared_hinge(p, t, r); }, true},
      {"binary_cross_entropy", [](auto& p, auto& t, Reduction r) { return binary_cross_entropy(p, t, 2.0, r); }},
      {"focal", [](auto& p, auto& t, Reduction r) { return focal_loss(p, t, 2.0, 0.25, r); }},
      {"kl_divergence", [](auto& p, auto& t, Reduction r) { return kl_divergence(p, t, r); }},
      {"soft_cross_entropy", [](auto& p, auto& t, Reduction r) { return soft_cross_entropy(p, t, r); }},
  };
  return all;
}

Tensor prediction() {
  return Tensor::from(std::vector<double>{0.3, -1.2, 0.9, 2.1, -0.4, 0.15, 1.3, -0.7, 0.55, -1.9, 0.05, 0.8}, {4, 3});
}

Tensor target(bool signs) {
  if (signs) return Tensor::from(std::vector<double>{1, -1, 1, -1, -1, 1, 1, 1, -1, -1, 1, 1}, {4, 3});
  return Tensor::from(std::vector<double>{0.2, 0.5, 0.3, 0.1, 0.1, 0.8, 0.4, 0.4, 0.2, 0.25, 0.7, 0.05}, {4, 3});
}

Tensor row(const Tensor& x, int64_t i) { return slice(x, 0, i, i + 1); }

TEST(RowLosses, AreTheSumsOfEachRow) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Tensor p = prediction(), t = target(c.is_of_signs);
    const Tensor rows = c.loss(p, t, Reduction::kRows);
    ASSERT_EQ(rows.shape(), (Shape{4}));
    const std::vector<double> found = rows.values<double>();
    for (int64_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(found[static_cast<size_t>(i)], c.loss(row(p, i), row(t, i), Reduction::kSum).item(), 1e-14) << i;
    }
  }
}

TEST(RowLosses, HaveTheGradientOfDifferences) {
  const Tensor weights = Tensor::from(std::vector<double>{0.5, 2.0, 0.0, 1.25}, {4});
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    Tensor p = prediction(), t = target(c.is_of_signs);
    p.set_requires_grad();
    const GradientCheck check = check_gradient(
        [&](std::span<const Tensor> in) { return sum(c.loss(in[0], t, Reduction::kRows) * weights); }, {p});
    EXPECT_TRUE(check.passed) << check.describe();
    EXPECT_EQ(check.checked, 12);
  }
}

TEST(RowLosses, CrossEntropyHasOneForEachExample) {
  Tensor logits = prediction();
  logits.set_requires_grad();
  const Tensor classes = Tensor::from(std::vector<int64_t>{2, 0, 1, 1}, {4});
  const CrossEntropyOptions options{.reduction = Reduction::kRows,
                                    .label_smoothing = 0.1,
                                    .class_weights = Tensor::from(std::vector<double>{1, 2, 0.5}, {3})};
  const std::vector<double> rows = cross_entropy(logits, classes, options).values<double>(),
                            plain = cross_entropy(logits, classes, Reduction::kRows).values<double>();
  for (int64_t i = 0; i < 4; ++i) {
    CrossEntropyOptions sum = options;
    sum.reduction = Reduction::kSum;
    const auto at = static_cast<size_t>(i);
    EXPECT_NEAR(rows[at], cross_entropy(row(logits, i), row(classes, i), sum).item(), 1e-14);
    EXPECT_NEAR(plain[at], cross_entropy(row(logits, i), row(classes, i), Reduction::kSum).item(), 1e-14);
  }
  const GradientCheck check =
      check_gradient([&](std::span<const Tensor> in) { return cross_entropy(in[0], classes, options); }, {logits});
  EXPECT_TRUE(check.passed) << check.describe();
}

TEST(RowLosses, SayWhatHasNoRows) {
  EXPECT_EQ(error_text([] { mse(Tensor::scalar(1.0), Tensor::scalar(2.0), Reduction::kRows); }),
            "[mse] f32 () has no rows to give a loss each");
  const Tensor x = Tensor::zeros({2, 3});
  EXPECT_EQ(error_text([&] {
              linear_cross_entropy(x, Tensor::zeros({4, 3}), Tensor::zeros({2}, DType::kI64), Reduction::kRows);
            }),
            "[linear_cross_entropy] gives a mean or a sum, no loss of each row");
}

// The norm is then epsilon, and does not change: the gradient is b / (epsilon · ‖b‖), as in PyTorch.
TEST(CosineSimilarity, OfARowOfZerosHasAFiniteGradient) {
  Tensor a = Tensor::zeros({1, 2}, DType::kF64);
  a.set_requires_grad();
  const Tensor b = Tensor::from(std::vector<double>{3, 4}, {1, 2});
  Tape tape;
  const Tensor similarity = sum(cosine_similarity(a, b));
  tape.backward(similarity);
  EXPECT_EQ(similarity.item(), 0.0);
  const std::vector<double> gradient = a.grad().values<double>();
  EXPECT_NEAR(gradient[0], 0.6e8, 1e-6);
  EXPECT_NEAR(gradient[1], 0.8e8, 1e-6);
}

}  // namespace row_losses_test
}  // namespace gradus
