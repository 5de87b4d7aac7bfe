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

// Every group reads and writes the whole weight and its gradient again, so groups are as large as their logits may be:
// 256 rows of GPT-2's 50,257 tokens.
int64_t rows_of_logits(int64_t rows, int64_t row_bytes) {
  constexpr int64_t kMostBytes = 52 << 20, kUnit = 16;
  const int64_t most = std::max(kUnit, kMostBytes / std::max<int64_t>(1, row_bytes));
  const int64_t groups = (rows + most - 1) / most;
  return groups == 0 ? 0 : ((rows + groups - 1) / groups + kUnit - 1) / kUnit * kUnit;
}

namespace {

void check(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  if (x.rank() != 2 || weight.rank() != 2 || x.size(1) != weight.size(1)) {
    fail("linear_cross_entropy", "input {} and weight {}: the last sizes must agree", x.describe(), weight.describe());
  }
  check_classes("linear_cross_entropy", targets, x.size(0), weight.size(0));
}

// Operands of T, scores and gradients of Sum<T>.
template <class T>
void run(const Operands& operands, const Tensor& targets, const LinearCrossEntropyOptions& o,
         LinearCrossEntropy& result, double* losses) {
  using S = Sum<T>;
  const int64_t all = operands.x.size(0), width = operands.x.size(1), vocabulary = operands.y.size(0);
  const int64_t group = rows_of_logits(all, vocabulary * static_cast<int64_t>(sizeof(S)));
  Tensor logits = Tensor::empty({std::min(group, all), vocabulary}, operands.result);
  S* const scores = logits.mutable_data<S>();
  const T *const inputs = operands.x.data<T>(), *const weights = operands.y.data<T>();
  S* const x_gradient = o.x_gradient ? result.x_gradient.mutable_data<S>() : nullptr;
  S* const weight_gradient = o.weight_gradient ? result.weight_gradient.mutable_data<S>() : nullptr;
  const int64_t* const target = targets.data<int64_t>();
  for (int64_t first = 0; first < all; first += group) {
    const int64_t rows = std::min(group, all - first);
    const T* const own = inputs + first * width;
    product<T>(rows, vocabulary, width, {own, width, 1}, {weights, 1, width}, scores, vocabulary, false, {});
    parallel_for(
        rows, std::max<int64_t>(1, (1 << 13) / std::max<int64_t>(1, vocabulary)), [&](int64_t begin, int64_t end) {
          run_cross_entropy_in_place(operands.result, reinterpret_cast<std::byte*>(scores + begin * vocabulary),
                                     end - begin, vocabulary, target + first + begin, o.scale, o.label_smoothing,
                                     losses + first + begin);
        });
    if (x_gradient == nullptr && weight_gradient == nullptr) continue;
    const Tensor gradients = cast(logits.view({rows, vocabulary}, {vocabulary, 1}), operands.x.dtype());
    const T* const of_scores = gradients.data<T>();
    if (x_gradient != nullptr) {
      product<T>(rows, width, vocabulary, {of_scores, vocabulary, 1}, {weights, width, 1}, x_gradient + first * width,
                 width, false, {});
    }
    if (weight_gradient != nullptr) {
      product<T>(vocabulary, width, rows, {of_scores, 1, vocabulary}, {own, width, 1}, weight_gradient, width,
                 first > 0, {});
    }
  }
}

}  // namespace

LinearCrossEntropy linear_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets_any,
                                        const LinearCrossEntropyOptions& options) {
  const Tensor targets = contiguous(targets_any);
  check(x, weight, targets);
  const Operands operands("linear_cross_entropy", x, weight);
  LinearCrossEntropy result;
  if (options.x_gradient) result.x_gradient = Tensor::empty(x.shape(), operands.result);
  if (options.weight_gradient) {
    result.weight_gradient =
        x.size(0) > 0 ? Tensor::empty(weight.shape(), operands.result) : Tensor::zeros(weight.shape(), operands.result);
  }
  Tensor losses = Tensor::empty({x.size(0)}, DType::kF64);
  dispatch_product("linear_cross_entropy", operands,
                   [&]<class T>(T) { run<T>(operands, targets, options, result, losses.mutable_data<double>()); });
  result.loss = cast(sum_all(losses), operands.result);
  if (options.scale != 1.0) scale_in_place(result.loss, options.scale);
  return result;
}

}  // namespace gradus::kernels
