// Comparisons, choices, extremes and sorting: the gradient goes where the value came from.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/compare.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/order.h"
#include "gradus/tensor/kernels/reduce.h"

namespace gradus {

using kernels::Comparison;
using kernels::IndexIs;

Tensor equal(const Tensor& a, const Tensor& b) { return kernels::compare(Comparison::kEqual, a, b); }
Tensor not_equal(const Tensor& a, const Tensor& b) { return kernels::compare(Comparison::kNotEqual, a, b); }
Tensor less(const Tensor& a, const Tensor& b) { return kernels::compare(Comparison::kLess, a, b); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return kernels::compare(Comparison::kLessEqual, a, b); }
Tensor greater(const Tensor& a, const Tensor& b) { return kernels::compare(Comparison::kGreater, a, b); }
Tensor greater_equal(const Tensor& a, const Tensor& b) { return kernels::compare(Comparison::kGreaterEqual, a, b); }
Tensor equal(const Tensor& x, double value) { return kernels::compare(Comparison::kEqual, x, value); }
Tensor not_equal(const Tensor& x, double value) { return kernels::compare(Comparison::kNotEqual, x, value); }
Tensor less(const Tensor& x, double value) { return kernels::compare(Comparison::kLess, x, value); }
Tensor less_equal(const Tensor& x, double value) { return kernels::compare(Comparison::kLessEqual, x, value); }
Tensor greater(const Tensor& x, double value) { return kernels::compare(Comparison::kGreater, x, value); }
Tensor greater_equal(const Tensor& x, double value) { return kernels::compare(Comparison::kGreaterEqual, x, value); }

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  Tensor y = kernels::where(condition, a, b);
  if (!needs_gradient(a, b)) return y;
  return record("where", std::move(y), std::array{&a, &b},
                [condition = Saved(condition), a = a.shape(), b = b.shape()](Gradients& g) {
                  const Tensor none = Tensor::zeros({}, g.output().dtype());
                  const Tensor& chosen = condition.get();
                  if (g.needs(0)) g.add(0, kernels::sum_to(kernels::where(chosen, g.output(), none), a));
                  if (g.needs(1)) g.add(1, kernels::sum_to(kernels::where(chosen, none, g.output()), b));
                });
}

namespace {

// The elements of x at `index`, which a kernel made, of which there is one along the axis for each place of the result.
Tensor pick(const char* name, const Tensor& x, int axis, const Tensor& index, bool keep_dims) {
  Tensor y = kernels::gather(x, axis, index, IndexIs::kChecked);
  if (!keep_dims)
    y = y.view(reduced_shape(x.shape(), axis, false), contiguous_strides(reduced_shape(x.shape(), axis, false)));
  if (!needs_gradient(x)) return y;
  return record(name, std::move(y), std::array{&x}, [shape = x.shape(), axis, index = Saved(index)](Gradients& g) {
    const Tensor& from = index.get();
    const Tensor grad = kernels::contiguous(g.output()).view(from.shape(), contiguous_strides(from.shape()));
    g.add(0, kernels::scatter_add(grad, axis, from, shape, IndexIs::kChecked));
  });
}

Tensor extreme(const char* name, kernels::Extreme which, const Tensor& x, int axis, bool keep_dims) {
  axis = normalize_axis(name, axis, x.rank());
  return pick(name, x, axis, kernels::index_of(name, which, x, axis, true), keep_dims);
}

Tensor flat(const Tensor& x) { return reshape(x, {-1}); }

}  // namespace

Tensor max(const Tensor& x) { return max(flat(x), 0); }
Tensor min(const Tensor& x) { return min(flat(x), 0); }
Tensor max(const Tensor& x, int axis, bool keep_dims) {
  return extreme("max", kernels::Extreme::kLargest, x, axis, keep_dims);
}
Tensor min(const Tensor& x, int axis, bool keep_dims) {
  return extreme("min", kernels::Extreme::kSmallest, x, axis, keep_dims);
}
Tensor argmax(const Tensor& x, int axis, bool keep_dims) {
  return kernels::index_of("argmax", kernels::Extreme::kLargest, x, normalize_axis("argmax", axis, x.rank()),
                           keep_dims);
}
Tensor argmin(const Tensor& x, int axis, bool keep_dims) {
  return kernels::index_of("argmin", kernels::Extreme::kSmallest, x, normalize_axis("argmin", axis, x.rank()),
                           keep_dims);
}

ValuesAndIndices sort(const Tensor& x, int axis, bool descending) {
  axis = normalize_axis("sort", axis, x.rank());
  const Tensor index = kernels::argsort(x, axis, descending);
  return {pick("sort", x, axis, index, true), index};
}

ValuesAndIndices top_k(const Tensor& x, int64_t k, int axis, bool largest) {
  axis = normalize_axis("top_k", axis, x.rank());
  if (k < 0 || k > x.size(axis))
    fail("top_k", "k = {} of axis {} of {}; expected 0 to {}", k, axis, x.describe(), x.size(axis));
  const Tensor index = kernels::top_k_indices(x, axis, k, largest);
  return {pick("top_k", x, axis, index, true), index};
}

Tensor cumsum(const Tensor& x, int axis) {
  axis = normalize_axis("cumsum", axis, x.rank());
  Tensor y = kernels::cumulative_sum(x, axis, false);
  if (!needs_gradient(x)) return y;
  return record("cumsum", std::move(y), std::array{&x},
                [axis](Gradients& g) { g.add(0, kernels::cumulative_sum(g.output(), axis, true)); });
}

}  // namespace gradus
