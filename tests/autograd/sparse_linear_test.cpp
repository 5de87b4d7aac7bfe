// Products of sparse rows, against dense ones.
#include "gradus/autograd/gradient_check.h"
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"
#include "tests/random_tensor.h"
#include "tests/testing.h"

namespace gradus {
namespace sparse_linear_test {

// Rows of which one is empty, and the same as a dense tensor.
std::shared_ptr<const SparseMatrix> sparse_rows() {
  return std::make_shared<const SparseMatrix>(SparseMatrix{.rows = 4,
                                                           .columns = 5,
                                                           .offsets = {0, 2, 2, 5, 6},
                                                           .indices = {1, 4, 0, 1, 3, 2},
                                                           .values = {2.0F, -1.0F, 0.5F, 3.0F, -2.0F, 1.5F}});
}
Tensor dense_rows() {
  return Tensor::from(std::vector<double>{0, 2, 0, 0, -1, 0, 0, 0, 0, 0, 0.5, 3, 0, -2, 0, 0, 0, 1.5, 0, 0}, {4, 5});
}

Tensor weight_of(DType dtype) {
  const std::vector<double> values = {0.5, -1, 2, 0.25, 3, 1, 1.5, -2, 0.75, -0.5, 0.1, 0.2, 0.3, 0.4, 0.5};
  return kernels::cast(Tensor::from(values, {3, 5}), dtype);
}

TEST(SparseLinear, IsTheDenseProduct) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    const Tensor bias = kernels::cast(Tensor::from(std::vector<double>{1, 2, 3}, {3}), dtype);
    const Tensor found = sparse_linear(sparse_rows(), weight_of(dtype), bias);
    EXPECT_EQ(found.dtype(), dtype);
    EXPECT_EQ(found.shape(), (Shape{4, 3}));
    const Tensor wanted = linear(dense_rows(), weight_of(DType::kF64), Tensor::from(std::vector<double>{1, 2, 3}, {3}));
    EXPECT_LT(distance(found, wanted), dtype == DType::kF32 ? 1e-7 : 1e-15);
  }
}

TEST(SparseLinear, HasTheGradientOfDifferences) {
  Tensor weight = weight_of(DType::kF64), bias = Tensor::from(std::vector<double>{1, 2, 3}, {3});
  weight.set_requires_grad();
  bias.set_requires_grad();
  const GradientCheck check = check_gradient(
      [](std::span<const Tensor> in) { return sparse_linear(sparse_rows(), in[0], in[1]); }, {weight, bias});
  EXPECT_TRUE(check.passed) << check.describe();
  EXPECT_EQ(check.checked, 18);
}

TEST(SparseLinear, HasTheSameBitsForAnyThreads) {
  SparseMatrix large;
  large.columns = 1000;
  for (int row = 0; row < 3000; ++row) {
    for (int i = 0; i < 20; ++i) {
      large.indices.push_back(row % 37 + i * 45);
      large.values.push_back(0.01F * static_cast<float>((row * 31 + i * 17) % 101 - 50));
    }
    large.offsets.push_back(static_cast<int64_t>(large.values.size()));
  }
  large.rows = 3000;
  const auto x = std::make_shared<const SparseMatrix>(large);
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2, 3, 8}) {
    set_threads(threads);
    Tensor weight = random_tensor({4, 1000}, 7);
    weight.set_requires_grad();
    Tape tape;
    const Tensor y = sparse_linear(x, weight, {});
    tape.backward(sum(y * y));
    std::vector<double> all = y.values<double>(), gradient = weight.grad().values<double>();
    all.insert(all.end(), gradient.begin(), gradient.end());
    results.push_back(all);
  }
  set_threads(0);
  for (const auto& other : results) EXPECT_EQ(other, results[0]);
}

TEST(SparseLinear, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_text([] { sparse_linear(nullptr, Tensor::zeros({1, 5}), {}); }), "[sparse_linear] there are no rows");
  EXPECT_EQ(error_text([] { sparse_linear(sparse_rows(), Tensor::zeros({1, 4}), {}); }),
            "[sparse_linear] weight f32 (1, 4) for rows of 5 columns; expected f32 or f64 (out, 5)");
}

TEST(SparseMatrix, RowsCanBeTakenAndAppended) {
  const std::vector<int64_t> ids = {2, 1, 2};
  const SparseMatrix taken = take_rows(*sparse_rows(), ids);
  EXPECT_EQ(taken.rows, 3);
  EXPECT_EQ(taken.columns, 5);
  EXPECT_EQ(taken.offsets, (std::vector<int64_t>{0, 3, 3, 6}));
  EXPECT_EQ(taken.indices, (std::vector<int32_t>{0, 1, 3, 0, 1, 3}));
  SparseMatrix all = *sparse_rows();
  SparseMatrix more = taken;
  more.columns = 9;
  append_rows(all, more);
  EXPECT_EQ(all.rows, 7);
  EXPECT_EQ(all.columns, 9);
  EXPECT_EQ(all.offsets, (std::vector<int64_t>{0, 2, 2, 5, 6, 9, 9, 12}));
  EXPECT_EQ(all.values.back(), -2.0F);
}

}  // namespace sparse_linear_test
}  // namespace gradus
