// Losses of embeddings against PyTorch's (tools/make_label_references.py).
#include "gradus/nn/embedding_objective.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/pool.h"
#include "tests/nn/reference.h"
#include "tests/random_tensor.h"
#include "tests/testing.h"

namespace gradus {
namespace embedding_objective_test {

const nlohmann::json& references() {
  static const auto json =
      nlohmann::json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/labels.json"))["embeddings"];
  return json;
}

Tensor embeddings(DType dtype) {
  std::vector<double> all;
  for (const auto& row : references()["rows"]) {
    for (const auto& x : row) all.push_back(x.get<double>());
  }
  const auto rows = static_cast<int64_t>(references()["rows"].size());
  if (dtype == DType::kF64) return Tensor::from(all, {rows, 3});
  return Tensor::from(std::vector<float>(all.begin(), all.end()), {rows, 3});
}

Tensor classes() {
  const auto all = references()["classes"].get<std::vector<int64_t>>();
  return Tensor::from(all, {static_cast<int64_t>(all.size())});
}

// By class 4, 2, 2 and 1 of 9: one example is alone.
constexpr double kAnchors = 8, kTriplets = 4 * 3 * 5 + 2 * (2 * 1 * 7);

Objective info_nce() { return {.kind = ObjectiveKind::kInfoNce, .temperature = 0.5}; }

void expect_as_torch(const Objective& objective, const char* name, DType dtype, double tolerance) {
  const auto& wanted = references()[name];
  Tensor x = embeddings(dtype).set_requires_grad();
  Tape tape;
  const Loss loss = objective_loss(objective, x, classes());
  EXPECT_EQ(loss.weight, objective.kind == ObjectiveKind::kTriplet ? kTriplets : kAnchors) << name;
  EXPECT_NEAR(loss.sum.item() / loss.weight, wanted["loss"].get<double>(), tolerance) << name;
  tape.backward(loss.sum);
  const std::vector<double> gradient = x.grad().values<double>();
  const auto expected = wanted["gradient"].get<std::vector<double>>();
  ASSERT_EQ(gradient.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(gradient[i] / loss.weight, expected[i], tolerance) << name << i;
}

TEST(EmbeddingLoss, OfTripletsIsThatOfPyTorch) {
  expect_as_torch({.kind = ObjectiveKind::kTriplet, .margin = 0.8}, "triplet", DType::kF64, 1e-12);
  expect_as_torch({.kind = ObjectiveKind::kTriplet, .margin = 0.8}, "triplet", DType::kF32, 1e-6);
}

TEST(EmbeddingLoss, OfInfoNceIsThatOfPyTorch) {
  expect_as_torch(info_nce(), "info_nce", DType::kF64, 1e-12);
  expect_as_torch(info_nce(), "info_nce", DType::kF32, 1e-6);
}

// What triplet_loss says of each triplet, added up, and what of its gradient.
TEST(EmbeddingLoss, OfTripletsIsTheSumOfEach) {
  constexpr int64_t kRows = 24, kWidth = 5;
  std::vector<int64_t> ids(kRows);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i * i % 5);
  std::vector<int64_t> anchors, positives, negatives;
  for (int64_t a = 0; a < kRows; ++a) {
    for (int64_t p = 0; p < kRows; ++p) {
      for (int64_t n = 0; n < kRows; ++n) {
        const auto of = [&](int64_t i) { return ids[static_cast<size_t>(i)]; };
        if (a == p || of(a) != of(p) || of(a) == of(n)) continue;
        anchors.push_back(a);
        positives.push_back(p);
        negatives.push_back(n);
      }
    }
  }
  const auto rows = [] { return kernels::cast(random_tensor({kRows, kWidth}, 1), DType::kF64).set_requires_grad(); };
  Tensor x = rows();
  const auto at = [&](const std::vector<int64_t>& of) {
    return embedding(x, Tensor::from(of, {static_cast<int64_t>(of.size())}));
  };
  Tape tape;
  const Tensor each = triplet_loss(at(anchors), at(positives), at(negatives), 0.5, Reduction::kSum);
  tape.backward(3.0 * each);
  const auto found = [&](int threads) {
    set_threads(threads);
    Tensor own = rows();
    const Loss loss = objective_loss({.kind = ObjectiveKind::kTriplet, .margin = 0.5}, own, Tensor::from(ids, {kRows}));
    EXPECT_NEAR(loss.sum.item(), each.item(), 1e-12 * each.item());
    EXPECT_EQ(loss.weight, static_cast<double>(anchors.size()));
    tape.backward(3.0 * loss.sum);
    return own.grad().values<double>();
  };
  const std::vector<double> one = found(1), expected = x.grad().values<double>();
  EXPECT_EQ(found(3), one);
  set_threads(0);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], expected[i], 1e-11);
}

// Of 400 rows there are 64 million triplets.
TEST(EmbeddingLoss, OfTripletsTakesMemoryForPairs) {
  constexpr int64_t kRows = 400;
  std::vector<int64_t> ids(kRows);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i % 40);
  Tensor x = random_tensor({kRows, 16}, 1).set_requires_grad();
  const int64_t before = memory_statistics().in_use;
  reset_memory_peak();
  Tape tape;
  tape.backward(objective_loss({.kind = ObjectiveKind::kTriplet}, x, Tensor::from(ids, {kRows})).sum);
  EXPECT_LT(memory_statistics().peak - before, 24 * kRows * kRows);
}

TEST(EmbeddingLoss, OfNumbersThatAreNoneIsNone) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, NAN, 4, 5, 6}, {3, 2});
  const Tensor ids = Tensor::from(std::vector<int64_t>{0, 0, 1}, {3});
  EXPECT_TRUE(std::isnan(objective_loss({.kind = ObjectiveKind::kTriplet}, x, ids).sum.item()));
}

TEST(EmbeddingLoss, OfABatchWithoutPairsIsNothing) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2});
  for (const Objective& o : {Objective{.kind = ObjectiveKind::kTriplet}, info_nce()}) {
    const Loss different = objective_loss(o, x, Tensor::from(std::vector<int64_t>{0, 1}, {2}));
    EXPECT_EQ(different.sum.item(), 0.0);
    EXPECT_EQ(different.weight, 0.0);
    const Loss single = objective_loss(o, slice(x, 0, 0, 1), Tensor::from(std::vector<int64_t>{0}, {1}));
    EXPECT_EQ(single.sum.item(), 0.0);
    EXPECT_EQ(single.weight, 0.0);
  }
  // Of one class alone there is nothing to be nearer than; nothing else to be told from.
  const Tensor same = Tensor::from(std::vector<int64_t>{1, 1}, {2});
  EXPECT_EQ(objective_loss({.kind = ObjectiveKind::kTriplet}, x, same).weight, 0.0);
  EXPECT_EQ(objective_loss(info_nce(), x, same).weight, 2.0);
  EXPECT_EQ(objective_loss(info_nce(), x, same).sum.item(), 0.0);
}

TEST(EmbeddingLoss, Messages) {
  const Tensor x = Tensor::zeros({2, 2});
  EXPECT_EQ(error_text([&] { objective_loss(info_nce(), x, Tensor::zeros({3}, DType::kI64)); }),
            "[objective] embeddings f32 (2, 2) for classes i64 (3,); expected (B, C) and i64 (B,)");
  EXPECT_EQ(error_text([&] { objective_loss(info_nce(), x, Tensor::zeros({2}, DType::kI64), Tensor::zeros({2})); }),
            "[objective] a loss of embeddings compares examples, and takes no weights of them");
}

}  // namespace embedding_objective_test
}  // namespace gradus
