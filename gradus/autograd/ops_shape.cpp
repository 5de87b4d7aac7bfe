// Ops that move or look up elements.
#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/elementwise.h"
#include "gradus/tensor/kernels/reduce.h"
#include "gradus/tensor/kernels/triangle.h"

namespace gradus {

using kernels::IndexIs;

namespace {

Shape resolve_shape(const Tensor& x, const Shape& asked) {
  Shape shape = asked;
  int unknown = -1;
  int64_t known = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] >= 0) {
      known *= shape[i];
    } else if (shape[i] == -1 && unknown < 0) {
      unknown = i;
    } else {
      fail("reshape", "shape {}: one size at most may be -1, the others 0 or more", to_string(asked));
    }
  }
  if (unknown >= 0 && known > 0) shape[unknown] = x.numel() / known;
  if ((unknown >= 0 && known == 0) || shape.numel() != x.numel()) {
    fail("reshape", "{} has {} elements and cannot take the shape {}", x.describe(), x.numel(), to_string(asked));
  }
  return shape;
}

Tensor reshaped(const Tensor& x, const Shape& shape) {
  return kernels::contiguous(x).view(shape, contiguous_strides(shape));
}

Tensor permuted(const Tensor& x, const Shape& axes) {
  Shape shape = x.shape(), strides = x.strides();
  for (int i = 0; i < axes.rank(); ++i) {
    shape[i] = x.shape()[static_cast<int>(axes[i])];
    strides[i] = x.strides()[static_cast<int>(axes[i])];
  }
  return x.view(shape, strides);
}

Tensor sliced(const Tensor& x, int axis, int64_t begin, int64_t end) {
  Shape shape = x.shape();
  shape[axis] = end - begin;
  return x.view(shape, x.strides(), begin * x.strides()[axis]);
}

// Zeros, but for what `view` shows of them, which has the values of `part`.
template <class View>
Tensor zeros_but(const Shape& shape, const Tensor& part, View&& view) {
  Tensor whole = Tensor::zeros(shape, part.dtype());
  Tensor place = view(whole);
  kernels::copy_into(place, part);
  place = Tensor();  // the result has one owner again
  return whole;
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  Tensor y = reshaped(x, resolve_shape(x, shape));
  if (!needs_gradient(x)) return y;
  return record("reshape", std::move(y), std::array{&x},
                [shape = x.shape()](Gradients& g) { g.add(0, reshaped(g.output(), shape)); });
}

Tensor permute(const Tensor& x, const Shape& axes) {
  Shape inverse = axes;
  uint32_t seen = 0;
  if (axes.rank() != x.rank()) {
    fail("permute", "axes {} for {}; expected each of its {} dimensions once", to_string(axes), x.describe(), x.rank());
  }
  for (int i = 0; i < axes.rank(); ++i) {
    const int axis = normalize_axis("permute", static_cast<int>(axes[i]), x.rank());
    if (seen & 1U << axis) fail("permute", "axes {} name dimension {} twice", to_string(axes), axis);
    seen |= 1U << axis;
    inverse[axis] = i;
  }
  Shape positive = axes;
  for (int i = 0; i < axes.rank(); ++i) positive[i] = axes[i] < 0 ? axes[i] + x.rank() : axes[i];
  Tensor y = permuted(x, positive);
  if (!needs_gradient(x)) return y;
  return record("permute", std::move(y), std::array{&x},
                [inverse](Gradients& g) { g.add(0, permuted(g.output(), inverse)); });
}

Tensor transpose(const Tensor& x, int axis_a, int axis_b) {
  Shape axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  axis_a = normalize_axis("transpose", axis_a, x.rank());
  axis_b = normalize_axis("transpose", axis_b, x.rank());
  std::swap(axes[axis_a], axes[axis_b]);
  return permute(x, axes);
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  axis = normalize_axis("slice", axis, x.rank());
  const int64_t size = x.shape()[axis];
  const int64_t first = begin < 0 ? begin + size : begin, last = end < 0 ? end + size : end;
  if (first < 0 || last > size || first > last) {
    fail("slice", "[{}, {}) of dimension {} of {}; expected 0 <= begin <= end <= {}", begin, end, axis, x.describe(),
         size);
  }
  Tensor y = sliced(x, axis, first, last);
  if (!needs_gradient(x)) return y;
  return record("slice", std::move(y), std::array{&x}, [shape = x.shape(), axis, first, last](Gradients& g) {
    g.add(0, zeros_but(shape, g.output(), [&](const Tensor& whole) { return sliced(whole, axis, first, last); }));
  });
}

namespace {

Tensor diagonal_of(const Tensor& x, int64_t offset, int axis_a, int axis_b) {
  const int64_t first_a = std::max<int64_t>(0, -offset), first_b = std::max<int64_t>(0, offset);
  const int64_t count = std::max<int64_t>(0, std::min(x.size(axis_a) - first_a, x.size(axis_b) - first_b));
  const int64_t stride_a = x.strides()[axis_a], stride_b = x.strides()[axis_b];
  Shape shape = x.shape(), strides = x.strides();
  for (const int axis : {std::max(axis_a, axis_b), std::min(axis_a, axis_b)}) shape.erase(axis), strides.erase(axis);
  shape.push_back(count);
  strides.push_back(stride_a + stride_b);
  return x.view(shape, strides, count == 0 ? 0 : first_a * stride_a + first_b * stride_b);
}

}  // namespace

Tensor diagonal(const Tensor& x, int64_t offset, int axis_a, int axis_b) {
  axis_a = normalize_axis("diagonal", axis_a, x.rank());
  axis_b = normalize_axis("diagonal", axis_b, x.rank());
  if (axis_a == axis_b) fail("diagonal", "of axis {} with itself; expected two axes of {}", axis_a, x.describe());
  Tensor y = diagonal_of(x, offset, axis_a, axis_b);
  if (!needs_gradient(x)) return y;
  return record("diagonal", std::move(y), std::array{&x}, [shape = x.shape(), offset, axis_a, axis_b](Gradients& g) {
    g.add(0, zeros_but(shape, g.output(),
                       [&](const Tensor& whole) { return diagonal_of(whole, offset, axis_a, axis_b); }));
  });
}

Tensor expand(const Tensor& x, const Shape& asked) {
  Shape shape = asked;
  for (int i = 0; i < shape.rank(); ++i) {
    const int own = i - (shape.rank() - x.rank());
    if (shape[i] == -1 && own >= 0) shape[i] = x.shape()[own];
    if (shape[i] < 0) {
      fail("expand", "shape {} for {}: {} has no size there to keep; expected sizes from 0, or -1 for one that stays",
           to_string(asked), x.describe(), asked[i]);
    }
  }
  Tensor y = kernels::expand(x, shape);
  if (!needs_gradient(x)) return y;
  return record("expand", std::move(y), std::array{&x},
                [from = x.shape()](Gradients& g) { g.add(0, kernels::sum_to(g.output(), from)); });
}

Tensor concat(std::span<const Tensor> parts, int axis) {
  if (parts.empty()) fail("concat", "no tensors to join");
  if (parts.size() > detail::kMaxInputs) {  // joined in groups, so that a node has a fixed number of inputs
    const size_t half = parts.size() / 2;
    return concat({concat(parts.first(half), axis), concat(parts.subspan(half), axis)}, axis);
  }
  axis = normalize_axis("concat", axis, parts[0].rank());
  Tensor y = kernels::concat(parts, axis);
  std::array<const Tensor*, detail::kMaxInputs> inputs;
  std::array<int64_t, detail::kMaxInputs> sizes{};
  static const Tensor none;
  bool any = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = i < parts.size() ? &parts[i] : &none;
    sizes[i] = i < parts.size() ? parts[i].shape()[axis] : 0;
    any = any || needs_gradient(*inputs[i]);
  }
  if (!any) return y;
  return record("concat", std::move(y), inputs, [axis, sizes](Gradients& g) {
    int64_t begin = 0;
    for (int i = 0; i < detail::kMaxInputs; ++i) {
      const int64_t end = begin + sizes[static_cast<size_t>(i)];
      if (g.needs(i)) g.add(i, sliced(g.output(), axis, begin, end));
      begin = end;
    }
  });
}

Tensor concat(std::initializer_list<Tensor> parts, int axis) {
  return concat(std::span<const Tensor>(parts.begin(), parts.size()), axis);
}

Tensor gather(const Tensor& x, int axis, const Tensor& index) {
  axis = normalize_axis("gather", axis, x.rank());
  Tensor y = kernels::gather(x, axis, index);
  if (!needs_gradient(x)) return y;
  return record("gather", std::move(y), std::array{&x}, [shape = x.shape(), axis, index = Saved(index)](Gradients& g) {
    g.add(0, kernels::scatter_add(g.output(), axis, index.get(), shape, IndexIs::kChecked));
  });
}

Tensor embedding(const Tensor& table, const Tensor& ids) {
  Tensor y = kernels::gather_rows(table, ids);
  if (!needs_gradient(table)) return y;
  return record("embedding", std::move(y), std::array{&table}, [rows = table.size(0), ids = Saved(ids)](Gradients& g) {
    if (g.is_parameter(0)) {
      g.add(0, GradientKind::kLookup, ids.get(), g.output());
    } else {
      g.add(0, kernels::scatter_add_rows(g.output(), ids.get(), rows));
    }
  });
}

Tensor stack(std::span<const Tensor> parts, int axis) {
  if (parts.empty()) fail("stack", "no tensors to join");
  axis = normalize_axis("stack", axis, parts[0].rank() + 1);
  std::vector<Tensor> wider;
  for (const Tensor& part : parts) {
    if (!(part.shape() == parts[0].shape())) {
      fail("stack", "{} beside {}; all need one shape", part.describe(), parts[0].describe());
    }
    Shape shape = part.shape();
    shape.insert(axis, 1);
    wider.push_back(reshape(part, shape));
  }
  return concat(wider, axis);
}

std::vector<Tensor> split(const Tensor& x, int64_t size, int axis) {
  axis = normalize_axis("split", axis, x.rank());
  if (size < 1) fail("split", "pieces of {}; expected 1 or more", size);
  std::vector<Tensor> parts;
  int64_t begin = 0;
  do {
    parts.push_back(slice(x, axis, begin, std::min(begin + size, x.size(axis))));
    begin += size;
  } while (begin < x.size(axis));
  return parts;
}

Tensor scatter_add(const Tensor& x, int axis, const Tensor& index, const Tensor& source) {
  axis = normalize_axis("scatter_add", axis, x.rank());
  if (x.dtype() != source.dtype()) {
    fail("scatter_add", "{} and {} do not mix; convert one with cast", x.describe(), source.describe());
  }
  Tensor y = kernels::scatter_add(source, axis, index, x.shape());
  kernels::accumulate(y, kernels::contiguous(x));
  if (!needs_gradient(x, source)) return y;
  return record("scatter_add", std::move(y), std::array{&x, &source}, [axis, index = Saved(index)](Gradients& g) {
    if (g.needs(0)) g.add(0, g.output());
    if (g.needs(1)) g.add(1, kernels::gather(g.output(), axis, index.get(), IndexIs::kChecked));
  });
}

Tensor one_hot(const Tensor& ids, int64_t classes, DType dtype) {
  if (classes < 1) fail("one_hot", "{} classes; expected 1 or more", classes);
  Shape shape = ids.shape();
  shape.push_back(1);
  const Tensor column = kernels::contiguous(ids).view(shape, contiguous_strides(shape));
  shape[ids.rank()] = classes;
  return kernels::scatter_add(Tensor::full(column.shape(), 1.0, dtype), ids.rank(), column, shape);
}

namespace {

Tensor triangle(const char* name, kernels::Triangle which, const Tensor& x, int64_t diagonal) {
  Tensor y = kernels::triangle(which, x, diagonal);
  if (!needs_gradient(x)) return y;
  return record(name, std::move(y), std::array{&x},
                [which, diagonal](Gradients& g) { g.add(0, kernels::triangle(which, g.output(), diagonal)); });
}

}  // namespace

Tensor tril(const Tensor& x, int64_t diagonal) { return triangle("tril", kernels::Triangle::kLower, x, diagonal); }
Tensor triu(const Tensor& x, int64_t diagonal) { return triangle("triu", kernels::Triangle::kUpper, x, diagonal); }

}  // namespace gradus
