#include "gradus/tensor/shape.h"

#include "gradus/base/error.h"

namespace gradus {

Shape::Shape(std::span<const int64_t> sizes) {
  for (const int64_t size : sizes) push_back(size);
}

void Shape::push_back(int64_t size) {
  if (rank_ == kMaxRank) fail("shape", "more than {} dimensions", kMaxRank);
  sizes_[static_cast<size_t>(rank_++)] = size;
}

void Shape::erase(int axis) {
  std::copy(sizes_.begin() + axis + 1, sizes_.begin() + rank_, sizes_.begin() + axis);
  --rank_;
}

void Shape::insert(int axis, int64_t size) {
  push_back(size);
  std::rotate(sizes_.begin() + axis, sizes_.begin() + rank_ - 1, sizes_.begin() + rank_);
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.rank(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.rank() == 1 ? ",)" : ")");
}

Shape contiguous_strides(const Shape& shape) {
  Shape strides = shape;
  int64_t stride = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const int rank = std::max(a.rank(), b.rank());
  Shape result = a.rank() == rank ? a : b;
  for (int i = 1; i <= std::min(a.rank(), b.rank()); ++i) {
    const int64_t from_a = a[a.rank() - i], from_b = b[b.rank() - i];
    if (from_a != from_b && from_a != 1 && from_b != 1) {
      fail(op,
           "shapes {} and {} do not broadcast: {} against {} in dimension {} from the end; sizes must be equal or 1",
           to_string(a), to_string(b), from_a, from_b, i);
    }
    result[rank - i] = from_a == 1 ? from_b : from_a;
  }
  return result;
}

int normalize_axis(std::string_view op, int axis, int rank) {
  if (rank == 0) fail(op, "axis {} of a tensor that has no dimension; expected one of at least one", axis);
  const int positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) {
    fail(op, "axis {} of a tensor with {} dimensions; expected {} to {}", axis, rank, -rank, rank - 1);
  }
  return positive;
}

Shape reduced_shape(const Shape& shape, int axis, bool keep_dims) {
  Shape result = shape;
  if (keep_dims) {
    result[axis] = 1;
  } else {
    result.erase(axis);
  }
  return result;
}

}  // namespace gradus
