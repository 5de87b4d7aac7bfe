#include "gradus/data/generated.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "gradus/base/threads.h"
#include "tests/testing.h"

namespace gradus {
namespace dataset_test {

using Ids = std::vector<int64_t>;
using Doubles = std::vector<double>;

TensorDataset three_examples() {
  return TensorDataset(Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2}),
                       Tensor::from(std::vector<int64_t>{10, 20, 30}, {3}));
}

TEST(TensorDataset, GathersRows) {
  const TensorDataset dataset = three_examples();
  EXPECT_EQ(dataset.size(), 3);
  const Batch batch = dataset.batch(Ids{2, 0, 2, 1});
  EXPECT_EQ(batch.inputs.describe(), "f32 (4, 2)");
  EXPECT_EQ(batch.inputs.values<double>(), (Doubles{5, 6, 1, 2, 5, 6, 3, 4}));
  EXPECT_EQ(batch.targets.describe(), "i64 (4,)");
  EXPECT_EQ(batch.targets.values<double>(), (Doubles{30, 10, 30, 20}));
}

TEST(TensorDataset, TheWholeSetIsNotCopied) {
  const TensorDataset dataset = three_examples();
  const Batch whole = dataset.batch(Ids{0, 1, 2});
  EXPECT_TRUE(whole.inputs.is_same(dataset.inputs()));
  EXPECT_TRUE(whole.targets.is_same(dataset.targets()));
  const Batch other = dataset.batch(Ids{0, 2, 1});
  EXPECT_FALSE(other.inputs.is_same(dataset.inputs()));
  EXPECT_EQ(other.targets.values<double>(), (Doubles{10, 30, 20}));
}

TEST(TensorDataset, TakesAnyTypeAndStrides) {
  for (const DType dtype : {DType::kU8, DType::kBF16, DType::kI32, DType::kF64}) {
    const TensorDataset dataset(Tensor::full({2, 1, 3}, 5, dtype), Tensor::zeros({2, 1}, DType::kF64));
    EXPECT_EQ(dataset.batch(Ids{1}).inputs.dtype(), dtype);
    EXPECT_EQ(dataset.batch(Ids{1}).inputs.values<double>(), (Doubles{5, 5, 5}));
  }
  const Tensor columns = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}).view({3, 2}, {1, 3});
  const TensorDataset dataset(columns, Tensor::zeros({3, 0}));
  EXPECT_EQ(dataset.batch(Ids{1, 0}).inputs.values<double>(), (Doubles{2, 5, 1, 4}));
  EXPECT_EQ(dataset.batch(Ids{1, 0}).targets.shape(), (Shape{2, 0}));
}

TEST(TensorDataset, LargeBatchesAreTheSameOnSeveralThreads) {
  constexpr int64_t kRows = 1000, kColumns = 700;
  const TensorDataset dataset(Tensor::linspace(0, 1, kRows * kColumns).view({kRows, kColumns}, {kColumns, 1}),
                              Tensor::linspace(0, 1, kRows));
  Ids ids(kRows);
  for (int64_t i = 0; i < kRows; ++i) ids[static_cast<size_t>(i)] = i * 7 % kRows;
  set_threads(3);
  const Batch batch = dataset.batch(ids);
  set_threads(0);
  const float *from = dataset.inputs().data<float>(), *to = batch.inputs.data<float>();
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < kColumns; ++j) ASSERT_EQ(to[i * kColumns + j], from[i * 7 % kRows * kColumns + j]);
  }
}

TEST(TensorDataset, ChecksIds) {
  const TensorDataset dataset = three_examples();
  EXPECT_EQ(error_text([&] {
              dataset.batch(Ids{0, 3});
            }),
            "[dataset] id 3 at position 1 of the batch; expected 0 to 2");
  EXPECT_EQ(error_text([&] { dataset.batch(Ids{-1}); }), "[dataset] id -1 at position 0 of the batch; expected 0 to 2");
  EXPECT_EQ(error_text([&] { dataset.batch(Ids{}); }), "[dataset] a batch without ids; expected at least one");
}

TEST(TensorDataset, HasTheWeightsOfItsExamples) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3}, {3, 1}), w = Tensor::from(std::vector<float>{0, 2, 5}, {3});
  const TensorDataset dataset(x, x, w);
  EXPECT_EQ(dataset.batch(Ids{2, 0}).weights.values<double>(), (Doubles{5, 0}));
  EXPECT_FALSE(TensorDataset(x, x).batch(Ids{2, 0}).weights.defined());
  const auto error = [&](const std::vector<float>& weights) {
    const Tensor given = Tensor::from(weights, {static_cast<int64_t>(weights.size())});
    return error_text([&] { TensorDataset bad(x, x, given); });
  };
  EXPECT_EQ(error({1, 2}), "[dataset] weights are f32 (2,) for 3 examples; expected f32 (3,)");
  EXPECT_EQ(error({1, -2, 0}), "[dataset] the weight of example 1 is -2; expected a finite number from 0");
  EXPECT_EQ(error({0, 0, 0}), "[dataset] the weights of all 3 examples are 0; expected one that counts");
}

TEST(SparseDataset, GivesRows) {
  const auto rows = std::make_shared<const SparseMatrix>(SparseMatrix{
      .rows = 3, .columns = 4, .offsets = {0, 1, 1, 3}, .indices = {2, 0, 3}, .values = {1.0F, 2.0F, 3.0F}});
  const SparseDataset dataset(rows, Tensor::from(std::vector<int64_t>{1, 0, 1}, {3}),
                              Tensor::from(std::vector<float>{1, 2, 3}, {3}));
  EXPECT_EQ(dataset.size(), 3);
  const Batch batch = dataset.batch(Ids{2, 0});
  EXPECT_FALSE(batch.inputs.defined());
  EXPECT_EQ(batch.sparse->rows, 2);
  EXPECT_EQ(batch.sparse->columns, 4);
  EXPECT_EQ(batch.sparse->indices, (std::vector<int32_t>{0, 3, 2}));
  EXPECT_EQ(batch.targets.values<double>(), (Doubles{1, 1}));
  EXPECT_EQ(batch.weights.values<double>(), (Doubles{3, 1}));
  EXPECT_EQ(dataset.batch(Ids{0, 1, 2}).sparse, rows);  // without a copy
  EXPECT_EQ(error_text([&] { dataset.batch(Ids{3}); }), "[dataset] id 3 at position 0 of the batch; expected 0 to 2");
  EXPECT_EQ(error_text([&] { SparseDataset bad(nullptr, Tensor::zeros({1})); }),
            "[dataset] there are no sparse rows; expected at least one");
  EXPECT_EQ(error_text([&] { SparseDataset bad(rows, Tensor::zeros({2})); }),
            "[dataset] inputs of sparse rows have 3 examples, targets f32 (2,) have 2; the numbers must agree");
}

TEST(TensorDataset, ChecksItsTensors) {
  const auto error = [](const Tensor& inputs, const Tensor& targets) {
    return error_text([&] { TensorDataset dataset(inputs, targets); });
  };
  const Tensor good = Tensor::zeros({3, 2});
  EXPECT_EQ(error({}, good), "[dataset] inputs are undefined");
  EXPECT_EQ(error(good, {}), "[dataset] targets are undefined");
  EXPECT_EQ(error(Tensor::scalar(1), good), "[dataset] inputs are f32 (); dimension 0 is the example and at least 1");
  EXPECT_EQ(error(good, Tensor::zeros({0})),
            "[dataset] targets are f32 (0,); dimension 0 is the example and at least 1");
  EXPECT_EQ(error(good, Tensor::zeros({4})),
            "[dataset] inputs f32 (3, 2) have 3 examples, targets f32 (4,) have 4; the numbers must agree");
  EXPECT_EQ(error(good, Tensor::zeros({3}, DType::kI32)), "[dataset] targets are i32 (3,); expected f32, f64 or i64");
}

TEST(Line, IsALine) {
  const TensorDataset line =
      make_line({.points = 5, .slope = 3, .intercept = 1, .noise = 0, .x_min = 0, .x_max = 2}, 1);
  EXPECT_EQ(line.inputs().describe(), "f32 (5, 1)");
  EXPECT_EQ(line.targets().describe(), "f32 (5, 1)");
  EXPECT_EQ(line.inputs().values<double>(), (Doubles{0, 0.5, 1, 1.5, 2}));
  EXPECT_EQ(line.targets().values<double>(), (Doubles{1, 2.5, 4, 5.5, 7}));
}

TEST(Line, NoiseIsNormalAndAFunctionOfTheSeed) {
  const LineOptions options{.points = 20'000, .slope = 0, .noise = 0.3};
  const Doubles noise = make_line(options, 1).targets().values<double>();
  const double mean = std::accumulate(noise.begin(), noise.end(), 0.0) / 20'000;
  const double squares = std::inner_product(noise.begin(), noise.end(), noise.begin(), 0.0) / 20'000;
  EXPECT_NEAR(mean, 0, 4 * 0.3 / std::sqrt(20'000.0));
  EXPECT_NEAR(std::sqrt(squares), 0.3, 0.006);
  EXPECT_EQ(make_line(options, 1).targets().values<double>(), noise);
  EXPECT_NE(make_line(options, 2).targets().values<double>(), noise);
}

TEST(Line, ChecksItsOptions) {
  EXPECT_EQ(usage_error_text([] { make_line({.points = 0}, 1); }), "[line] points is 0; expected at least 1");
  EXPECT_EQ(usage_error_text([] { make_line({.slope = std::numeric_limits<double>::infinity()}, 1); }),
            "[line] an option is inf; expected finite numbers");
}

TEST(TokenDataset, CutsWindows) {
  const TokenDataset dataset({0, 1, 2, 3, 4, 5, 6, 7}, 3);
  EXPECT_EQ(dataset.size(), 2);  // the third window would need a token 9
  EXPECT_EQ(dataset.context(), 3);
  EXPECT_EQ(dataset.tokens().size(), 8);
  const Batch batch = dataset.batch(Ids{1, 0});
  EXPECT_EQ(batch.inputs.describe(), "i64 (2, 3)");
  EXPECT_EQ(batch.targets.describe(), "i64 (2, 3)");
  EXPECT_EQ(batch.inputs.values<double>(), (Doubles{3, 4, 5, 0, 1, 2}));
  EXPECT_EQ(batch.targets.values<double>(), (Doubles{4, 5, 6, 1, 2, 3}));
}

TEST(TokenDataset, Strides) {
  const TokenDataset every({5, 6, 7, 8, 9}, 2, 1);
  EXPECT_EQ(every.size(), 3);
  EXPECT_EQ(every.batch(Ids{2}).inputs.values<double>(), (Doubles{7, 8}));
  EXPECT_EQ(every.batch(Ids{2}).targets.values<double>(), (Doubles{8, 9}));
  EXPECT_EQ(TokenDataset({5, 6, 7, 8, 9}, 2, 100).size(), 1);
  EXPECT_EQ(TokenDataset({5, 6, 7}, 2).size(), 1);
  EXPECT_EQ(TokenDataset({5, 6, 7, 8, 9}, 2).size(), 2);
}

TEST(TokenDataset, SaysWhereDocumentsBegin) {
  const TokenDataset dataset(TokenSequence({0, 1, 2, 0, 3, 0, 4, 5, 0}), {0, 3, 5}, 4);
  ASSERT_EQ(dataset.size(), 2);
  const std::vector<int64_t> ids = {0, 1};
  const Batch batch = dataset.batch(ids);
  EXPECT_EQ(batch.inputs.values<int64_t>(), (std::vector<int64_t>{0, 1, 2, 0, 3, 0, 4, 5}));
  EXPECT_EQ(batch.targets.values<int64_t>(), (std::vector<int64_t>{1, 2, 0, 3, 0, 4, 5, 0}));
  EXPECT_EQ(batch.document_starts.values<int64_t>(), (std::vector<int64_t>{0, 0, 0, 3, 0, 1, 1, 1}));
  EXPECT_FALSE(TokenDataset({0, 1, 2}, 1).batch(std::vector<int64_t>{0}).document_starts.defined());
  EXPECT_EQ(error_text([] { TokenDataset(TokenSequence({0, 1, 2}), {0, 2, 2}, 1); }),
            "[dataset] document 2 begins at token 2; expected the first at 0, and each behind the one before");
}

TEST(TokenSequence, PiecesOfTwoAndFourBytes) {
  const std::vector<uint16_t> first = {7, 65535};
  const std::vector<uint32_t> second = {70000, 1, 2};
  const TokenSequence all({{std::as_bytes(std::span(first)), 2}, {std::as_bytes(std::span(second)), 4}}, nullptr);
  EXPECT_EQ(all.size(), 5);
  std::vector<int64_t> ids(3);
  all.part(1, 5).copy(0, 3, ids.data());
  EXPECT_EQ(ids, (std::vector<int64_t>{65535, 70000, 1}));
  EXPECT_EQ(all.hash(), TokenSequence({7, 65535, 70000, 1, 2}).hash());
  EXPECT_EQ(TokenSequence({1, 0, 1}).counts(3), (std::vector<int64_t>{1, 2, 0}));
}

TEST(TokenDataset, OneEpochSeesEachTokenOnceAsATarget) {
  std::vector<int32_t> tokens(4 * 25 + 1);
  std::iota(tokens.begin(), tokens.end(), 0);
  const TokenDataset dataset(tokens, 4);
  Ids ids(static_cast<size_t>(dataset.size()));
  std::iota(ids.begin(), ids.end(), 0);
  EXPECT_EQ(dataset.batch(ids).targets.values<int64_t>(), std::vector<int64_t>(tokens.begin() + 1, tokens.end()));
}

TEST(TokenDataset, ChecksIdsAndOptions) {
  const TokenDataset dataset({0, 1, 2, 3, 4, 5, 6, 7}, 3);
  EXPECT_EQ(error_text([&] { dataset.batch(Ids{2}); }), "[dataset] id 2 at position 0 of the batch; expected 0 to 1");
  EXPECT_EQ(error_text([&] {
              dataset.batch(Ids{0, -1});
            }),
            "[dataset] id -1 at position 1 of the batch; expected 0 to 1");
  EXPECT_EQ(error_text([] {
              TokenDataset({1, 2, 3}, 3);
            }),
            "[dataset] 3 tokens for a context of 3; expected at least 4; use a longer text or a shorter context");
  EXPECT_EQ(usage_error_text([] { TokenDataset({1, 2, 3}, 0); }), "[dataset] context is 0; expected at least 1");
  EXPECT_EQ(usage_error_text([] {
              TokenDataset({1, 2, 3}, 1, -1);
            }),
            "[dataset] stride is -1; expected 0 (the context) or more");
}

}  // namespace dataset_test
}  // namespace gradus
