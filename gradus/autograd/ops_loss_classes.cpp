// Cross entropy with options, and of probabilities: put together from other ops.
#include "gradus/autograd/loss_terms.h"
#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {

using detail::check_same_shape;

namespace detail {

void check_same_shape(std::string_view name, const Tensor& a, const Tensor& b) {
  if (a.shape() == b.shape()) return;
  fail(name, "prediction {} and target {} must have one shape", a.describe(), b.describe());
}

void check_label_smoothing(std::string_view name, double label_smoothing) {
  if (label_smoothing >= 0.0 && label_smoothing < 1.0) return;
  fail(name, "label_smoothing {}; expected 0 <= label_smoothing < 1", label_smoothing);
}

Tensor reduced(const Tensor& terms, Reduction reduction) {
  if (reduction == Reduction::kRows) return terms;  // they are one a row
  return reduction == Reduction::kMean ? mean(terms) : sum(terms);
}

}  // namespace detail

namespace {

// Rows of classes (N, V) and what each row and class counts.
struct WeightedClasses {
  Tensor log_probabilities, ids;
  Tensor row_weight;    // (N, 1): that of its class; 0 where ignored
  Tensor class_weight;  // (V), or undefined for 1
  Tensor is_counted;    // (N, 1): 1, or 0 where ignored
};

WeightedClasses weighted_classes(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& o) {
  const int64_t classes = logits.size(-1), rows = targets.numel();
  const Tensor given = kernels::contiguous(targets).view({rows, 1}, {1, 1});
  WeightedClasses w;
  Tensor counted = Tensor::full({rows, 1}, 1.0, logits.dtype());
  w.ids = given;
  if (o.ignore_index) {
    const Tensor ignored = equal(given, static_cast<double>(*o.ignore_index));
    counted = where(ignored, Tensor::zeros({}, logits.dtype()), counted);
    w.ids = where(ignored, Tensor::full({}, 0, DType::kI64), given);
  }
  w.log_probabilities = log_softmax(reshape(logits, {rows, classes}));
  w.is_counted = counted;
  w.row_weight = counted;
  if (!o.class_weights.defined()) return w;
  if (!(o.class_weights.shape() == Shape{classes}) || o.class_weights.dtype() != logits.dtype()) {
    fail("cross_entropy", "class weights {} for logits {}; expected {} ({},)", o.class_weights.describe(),
         logits.describe(), name_of(logits.dtype()), classes);
  }
  w.class_weight = o.class_weights.detach();
  const Tensor column = w.class_weight.view({classes, 1}, {w.class_weight.strides()[0], 1});
  w.row_weight = counted * gather(column, 0, w.ids);
  return w;
}

void check_logits(std::string_view name, const Tensor& logits, const Tensor& targets) {
  Shape rows = logits.shape();
  if (rows.rank() > 0) rows.erase(rows.rank() - 1);
  if (logits.rank() > 0 && rows == targets.shape() && targets.dtype() == DType::kI64) return;
  fail(name, "logits {} and targets {}: targets are i64, of the logits' shape without the last dimension",
       logits.describe(), targets.describe());
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options) {
  check_logits("cross_entropy", logits, targets);
  const double smoothing = options.label_smoothing;
  detail::check_label_smoothing("cross_entropy", smoothing);
  const WeightedClasses w = weighted_classes(logits, targets, options);
  const bool by_row = options.reduction == Reduction::kRows;
  const auto added = [&](const Tensor& terms) { return by_row ? sum(terms, 1) : sum(terms); };
  Tensor loss = added(gather(w.log_probabilities, 1, w.ids) * w.row_weight) * (smoothing - 1.0);
  if (smoothing > 0.0) {
    Tensor all = w.log_probabilities * w.is_counted;
    if (w.class_weight.defined()) all = all * w.class_weight;
    loss = loss - added(all) * (smoothing / static_cast<double>(logits.size(-1)));
  }
  if (by_row && targets.rank() > 1) {
    loss = sum(reshape(loss, {targets.size(0), targets.size(0) == 0 ? 0 : targets.numel() / targets.size(0)}), 1);
  }
  if (options.reduction != Reduction::kMean) return loss;
  return loss / kernels::cast(sum(w.row_weight), logits.dtype()).item();
}

Tensor soft_cross_entropy(const Tensor& logits, const Tensor& probabilities, Reduction reduction) {
  check_same_shape("soft_cross_entropy", logits, probabilities);
  if (logits.rank() == 0) fail("soft_cross_entropy", "logits {}; expected a dimension of classes", logits.describe());
  const Tensor terms = log_softmax(logits) * probabilities;
  if (reduction == Reduction::kRows) {
    const int64_t rows = logits.size(0);
    return -sum(reshape(terms, {rows, rows == 0 ? 0 : terms.numel() / rows}), 1);
  }
  const Tensor total = -sum(terms);
  if (reduction == Reduction::kSum) return total;
  return total / (static_cast<double>(logits.numel()) / static_cast<double>(logits.size(-1)));
}

}  // namespace gradus
