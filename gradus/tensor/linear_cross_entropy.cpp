#include "gradus/tensor/linear_cross_entropy.h"

#include <algorithm>

#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/kernels/softmax.h"
#include "gradus/tensor/kernels/softmax_simd.h"
#include "gradus/tensor/matmul.h"

namespace gradus::kernels {
namespace {

// Rows whose logits exist at once. Every group reads and writes the whole weight and its gradient again, so groups are
// as large as their logits may be: 256 rows of GPT-2's 50,257 tokens.
int64_t rows_at_once(int64_t rows, int64_t row_bytes) {
  constexpr int64_t kMostBytes = 52 << 20, kUnit = 16;
  const int64_t most = std::max(kUnit, kMostBytes / std::max<int64_t>(1, row_bytes));
  const int64_t groups = (rows + most - 1) / most;
  return groups == 0 ? 0 : ((rows + groups - 1) / groups + kUnit - 1) / kUnit * kUnit;
}

void check(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  if (x.rank() != 2 || weight.rank() != 2 || x.size(1) != weight.size(1) || x.dtype() != weight.dtype()) {
    fail("linear_cross_entropy", "input {} and weight {}: the last sizes and the dtypes must agree", x.describe(),
         weight.describe());
  }
  check_classes("linear_cross_entropy", targets, x.size(0), weight.size(0));
}

template <class T>
void run(const Tensor& x, const Tensor& weight, const Tensor& targets, const LinearCrossEntropyOptions& o,
         LinearCrossEntropy& result, double* losses) {
  const int64_t all = x.size(0), width = x.size(1), vocabulary = weight.size(0);
  const int64_t group = rows_at_once(all, vocabulary * static_cast<int64_t>(sizeof(T)));
  Tensor logits = Tensor::empty({std::min(group, all), vocabulary}, x.dtype());
  T* const scores = logits.mutable_data<T>();
  const T *const inputs = x.data<T>(), *const weights = weight.data<T>();
  T* const x_gradient = o.x_gradient ? result.x_gradient.mutable_data<T>() : nullptr;
  T* const weight_gradient = o.weight_gradient ? result.weight_gradient.mutable_data<T>() : nullptr;
  const int64_t* const target = targets.data<int64_t>();
  for (int64_t first = 0; first < all; first += group) {
    const int64_t rows = std::min(group, all - first);
    const T* const own = inputs + first * width;
    product<T>(rows, vocabulary, width, {own, width, 1}, {weights, 1, width}, scores, vocabulary, false, {});
    parallel_for(
        rows, std::max<int64_t>(1, (1 << 13) / std::max<int64_t>(1, vocabulary)), [&](int64_t begin, int64_t end) {
          run_cross_entropy_in_place(x.dtype(), reinterpret_cast<std::byte*>(scores + begin * vocabulary), end - begin,
                                     vocabulary, target + first + begin, o.scale, losses + first + begin);
        });
    if (x_gradient != nullptr) {
      product<T>(rows, width, vocabulary, {scores, vocabulary, 1}, {weights, width, 1}, x_gradient + first * width,
                 width, false, {});
    }
    if (weight_gradient != nullptr) {
      product<T>(vocabulary, width, rows, {scores, 1, vocabulary}, {own, width, 1}, weight_gradient, width, first > 0,
                 {});
    }
  }
}

}  // namespace

LinearCrossEntropy linear_cross_entropy(const Tensor& x_any, const Tensor& weight_any, const Tensor& targets_any,
                                        const LinearCrossEntropyOptions& options) {
  const Tensor x = contiguous(x_any), weight = contiguous(weight_any), targets = contiguous(targets_any);
  check(x, weight, targets);
  LinearCrossEntropy result;
  if (options.x_gradient) result.x_gradient = Tensor::empty(x.shape(), x.dtype());
  if (options.weight_gradient) {
    result.weight_gradient =
        x.size(0) > 0 ? Tensor::empty(weight.shape(), weight.dtype()) : Tensor::zeros(weight.shape(), weight.dtype());
  }
  Tensor losses = Tensor::empty({x.size(0)}, DType::kF64);
  dispatch_float("linear_cross_entropy", x.dtype(),
                 [&]<class T>(T) { run<T>(x, weight, targets, options, result, losses.mutable_data<double>()); });
  result.loss = cast(sum_all(losses), x.dtype());
  if (options.scale != 1.0) scale_in_place(result.loss, options.scale);
  return result;
}

}  // namespace gradus::kernels
