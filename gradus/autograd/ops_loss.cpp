// Cross entropy of class numbers.
#include "gradus/autograd/loss_terms.h"
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/softmax.h"
#include "gradus/tensor/linear_cross_entropy.h"

namespace gradus {

using kernels::Binary;

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, Reduction reduction) {
  const int64_t vocabulary = logits.rank() > 0 ? logits.size(-1) : 0;
  Shape rows = logits.shape();
  if (logits.rank() > 0) rows.erase(logits.rank() - 1);
  if (logits.rank() == 0 || !(rows == targets.shape())) {
    fail("cross_entropy", "logits {} and targets {}: targets need the logits' shape without the last dimension",
         logits.describe(), targets.describe());
  }
  if (reduction == Reduction::kRows) return cross_entropy(logits, targets, {.reduction = reduction});
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

namespace {

// What was made with the loss, times the loss's own gradient. Only a tape that is retained needs it again.
Tensor made_gradient(Tensor& made, double seed, bool retained) {
  if (retained) return kernels::binary(Binary::kMultiply, made, seed);
  if (seed != 1.0) kernels::scale_in_place(made, seed);
  return std::move(made);
}

}  // namespace

Tensor linear_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets, Reduction reduction,
                            const Precision& precision, double label_smoothing) {
  Shape rows = x.shape();
  if (x.rank() > 0) rows.erase(x.rank() - 1);
  if (x.rank() == 0 || !(rows == targets.shape())) {
    fail("linear_cross_entropy", "input {} and targets {}: targets need the input's shape without the last dimension",
         x.describe(), targets.describe());
  }
  if (reduction == Reduction::kRows) fail("linear_cross_entropy", "gives a mean or a sum, no loss of each row");
  detail::check_label_smoothing("linear_cross_entropy", label_smoothing);
  const int64_t count = targets.numel(), width = x.size(-1);
  const bool records = needs_gradient(x, weight);
  kernels::LinearCrossEntropy result =
      kernels::linear_cross_entropy(precision.factor(kernels::contiguous(x)).view({count, width}, {width, 1}), weight,
                                    kernels::contiguous(targets).view({count}, {1}),
                                    {.scale = reduction == Reduction::kMean ? 1.0 / static_cast<double>(count) : 1.0,
                                     .label_smoothing = label_smoothing,
                                     .x_gradient = records && needs_gradient(x),
                                     .weight_gradient = records && needs_gradient(weight)});
  if (!records) return result.loss;
  return record("linear_cross_entropy", std::move(result.loss), std::array{&x, &weight},
                [x_gradient = std::move(result.x_gradient), weight_gradient = std::move(result.weight_gradient),
                 shape = x.shape()](Gradients& g) mutable {
                  const double seed = g.output().item();
                  if (g.needs(1)) g.add(1, made_gradient(weight_gradient, seed, g.retained()));
                  if (!g.needs(0)) return;
                  const Tensor gradient = made_gradient(x_gradient, seed, g.retained());
                  g.add(0, gradient.view(shape, contiguous_strides(shape)));
                });
}

}  // namespace gradus
