// Losses.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/kernels/softmax.h"

namespace gradus {

using kernels::Binary;

Tensor mse(const Tensor& prediction, const Tensor& target, Reduction reduction) {
  if (!(prediction.shape() == target.shape())) {
    fail("mse", "prediction {} and target {} must have one shape", prediction.describe(), target.describe());
  }
  const double weight = reduction == Reduction::kMean ? 1.0 / static_cast<double>(prediction.numel()) : 1.0;
  Tensor difference = kernels::binary("mse", Binary::kSubtract, prediction, target);
  Tensor loss = Tensor::scalar(kernels::squared_norm(difference) * weight, prediction.dtype());
  if (!needs_gradient(prediction, target)) return loss;
  return record("mse", std::move(loss), std::array{&prediction, &target},
                [difference = std::move(difference), weight](Gradients& g) {
                  const Tensor grad = kernels::binary(Binary::kMultiply, difference, 2.0 * weight * g.output().item());
                  if (g.needs(1)) g.add(1, kernels::unary(kernels::Unary::kNegate, grad));
                  if (g.needs(0)) g.add(0, grad);
                });
}

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, Reduction reduction) {
  const int64_t vocabulary = logits.rank() > 0 ? logits.size(-1) : 0;
  Shape rows = logits.shape();
  if (logits.rank() > 0) rows.erase(logits.rank() - 1);
  if (logits.rank() == 0 || !(rows == targets.shape())) {
    fail("cross_entropy", "logits {} and targets {}: targets need the logits' shape without the last dimension",
         logits.describe(), targets.describe());
  }
  const int64_t count = targets.numel();
  const Tensor flat = kernels::contiguous(logits).view({count, vocabulary}, {vocabulary, 1});
  const Tensor ids = kernels::contiguous(targets).view({count}, {1});
  kernels::CrossEntropy result = kernels::cross_entropy(flat, ids);
  const double weight = reduction == Reduction::kMean ? 1.0 / static_cast<double>(count) : 1.0;
  if (weight != 1.0) kernels::scale_in_place(result.sum, weight);
  if (!needs_gradient(logits)) return result.sum;
  return record("cross_entropy", std::move(result.sum), std::array{&logits},
                [probabilities = std::move(result.probabilities), ids = Saved(ids), shape = logits.shape(),
                 weight](Gradients& g) {
                  const Tensor grad =
                      kernels::cross_entropy_backward(probabilities, ids.get(), weight * g.output().item());
                  g.add(0, grad.view(shape, contiguous_strides(shape)));
                });
}

}  // namespace gradus
