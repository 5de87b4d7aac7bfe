#include "gradus/tensor/kernels/softmax.h"

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/kernels/softmax_simd.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

struct Rows {
  int64_t count, length, bytes;  // bytes of a row
};

// `x` as rows of its last dimension.
Rows rows_of(std::string_view op, const Tensor& x) {
  if (!is_float(x.dtype())) fail_not_float(op, x.dtype());
  if (x.rank() == 0) fail(op, "a tensor of no dimensions; expected at least one");
  const int64_t length = x.shape().back();
  int64_t count = 1;
  for (int i = 0; i + 1 < x.rank(); ++i) count *= x.shape()[i];
  return {count, length, length * size_of(x.dtype())};
}

// Calls `body(first row, rows, bytes to the first row)`.
template <class Body>
void for_rows(const Rows& rows, Body&& body) {
  parallel_for(rows.count, std::max<int64_t>(1, kCostlyGrain / std::max<int64_t>(1, rows.length)),
               [&](int64_t begin, int64_t end) { body(begin, end - begin, begin * rows.bytes); });
}

void check_same(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape())) {
    fail(op, "{} and {}; shape and dtype must be equal", a.describe(), b.describe());
  }
}

}  // namespace

void check_classes(std::string_view op, const Tensor& targets, int64_t rows, int64_t classes) {
  if (targets.dtype() != DType::kI64 || !(targets.shape() == Shape{rows})) {
    fail(op, "targets {}; expected i64 ({},), one class a row", targets.describe(), rows);
  }
  const int64_t* target = targets.data<int64_t>();
  for (int64_t row = 0; row < rows; ++row) {
    if (target[row] < 0 || target[row] >= classes) {
      fail(op, "target {} in row {}; expected 0 to {} (there are {} classes)", target[row], row, classes - 1, classes);
    }
  }
}

namespace {

// Calls `run(dtype, from, rows, length, to)` with pieces of the rows.
template <class Run>
Tensor by_rows(std::string_view op, const Tensor& x, Run&& run) {
  const Rows rows = rows_of(op, x);
  const Tensor source = contiguous(x);
  Tensor result = Tensor::empty(x.shape(), x.dtype());
  if (result.numel() == 0) return result;
  const std::byte* from = source.bytes();
  std::byte* to = result.mutable_bytes();
  for_rows(rows, [=, dtype = x.dtype()](int64_t, int64_t count, int64_t offset) {
    run(dtype, from + offset, count, rows.length, to + offset);
  });
  return result;
}

// The same with the rows of a result and its gradient.
template <class Run>
Tensor backward_by_rows(std::string_view op, const Tensor& y, const Tensor& grad, Run&& run) {
  check_same(op, y, grad);
  const Tensor gradient = contiguous(grad), values = contiguous(y);
  const std::byte *g = gradient.bytes(), *first = values.bytes();
  return by_rows(op, values, [=](DType dtype, const std::byte* from, int64_t rows, int64_t length, std::byte* to) {
    run(dtype, from, g + (from - first), rows, length, to);
  });
}

}  // namespace

Tensor softmax(const Tensor& x) {
  return by_rows("softmax", x, [](DType dtype, const std::byte* from, int64_t rows, int64_t length, std::byte* to) {
    run_softmax(dtype, from, rows, length, to, nullptr, nullptr);
  });
}

Tensor softmax_backward(const Tensor& y, const Tensor& grad) {
  return backward_by_rows("softmax_backward", y, grad, run_softmax_backward);
}

Tensor log_softmax(const Tensor& x) { return by_rows("log_softmax", x, run_log_softmax); }

Tensor log_softmax_backward(const Tensor& y, const Tensor& grad) {
  return backward_by_rows("log_softmax_backward", y, grad, run_log_softmax_backward);
}

Tensor logsumexp(const Tensor& x) {
  const Rows rows = rows_of("logsumexp", x);
  const Tensor source = contiguous(x);
  Tensor result = Tensor::empty(reduced_shape(x.shape(), x.rank() - 1, false), x.dtype());
  const std::byte* from = source.bytes();
  std::byte* to = result.mutable_bytes();
  for_rows(rows, [=, dtype = x.dtype()](int64_t first, int64_t count, int64_t offset) {
    run_logsumexp(dtype, from + offset, count, rows.length, to + first * size_of(dtype));
  });
  return result;
}

CrossEntropy cross_entropy(const Tensor& logits, const Tensor& targets) {
  const Rows rows = rows_of("cross_entropy", logits);
  const Tensor source = contiguous(logits), classes = contiguous(targets);
  check_classes("cross_entropy", classes, rows.count, rows.length);
  Tensor probabilities = Tensor::empty(logits.shape(), logits.dtype());
  Tensor losses = Tensor::empty({rows.count}, DType::kF64);
  const std::byte* from = source.bytes();
  std::byte* to = probabilities.mutable_bytes();
  const int64_t* target = classes.data<int64_t>();
  double* loss = losses.mutable_data<double>();
  for_rows(rows, [=, dtype = logits.dtype()](int64_t first, int64_t count, int64_t offset) {
    run_softmax(dtype, from + offset, count, rows.length, to + offset, target + first, loss + first);
  });
  return {cast(sum_all(losses), logits.dtype()), std::move(probabilities)};
}

Tensor cross_entropy_backward(const Tensor& probabilities, const Tensor& targets, double scale) {
  const Rows rows = rows_of("cross_entropy_backward", probabilities);
  const Tensor source = contiguous(probabilities), classes = contiguous(targets);
  check_classes("cross_entropy", classes, rows.count, rows.length);
  Tensor result = Tensor::empty(probabilities.shape(), probabilities.dtype());
  const std::byte* from = source.bytes();
  std::byte* to = result.mutable_bytes();
  const int64_t* target = classes.data<int64_t>();
  for_rows(rows, [=, dtype = probabilities.dtype()](int64_t first, int64_t count, int64_t offset) {
    run_cross_entropy_backward(dtype, from + offset, count, rows.length, target + first, scale, to + offset);
  });
  return result;
}

}  // namespace gradus::kernels
