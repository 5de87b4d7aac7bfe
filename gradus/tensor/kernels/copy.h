// Kernels that move elements: copies, conversions, joins and look-ups. Nothing here is recorded on a tape.
#pragma once

#include <span>

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

/// `x` itself if it is contiguous, else a contiguous copy.
Tensor contiguous(const Tensor& x);
/// A contiguous copy, always in storage of its own.
Tensor copy(const Tensor& x);
/// `x` itself if it has the dtype already, else a contiguous copy converted element by element: floating to integer
/// truncates towards zero; to bool is "not zero"; to bf16 rounds to nearest even.
Tensor cast(const Tensor& x, DType dtype);
/// Writes the elements of `from` (same shape and dtype) into the view `into`, any strides on either side.
void copy_into(Tensor& into, const Tensor& from);
/// Views of shape `shape` with stride 0 where `x` is broadcast.
Tensor expand(const Tensor& x, const Shape& shape);

/// Tensors of one dtype joined along `axis`; the other sizes must be equal.
Tensor concat(std::span<const Tensor> parts, int axis);

/// Rows of `table` (V, C) by `ids` (…), i64 or i32: (…, C). An id outside [0, V) is an error with its position.
Tensor gather_rows(const Tensor& table, const Tensor& ids);
/// The gradient of `gather_rows`: zeros (V, C) with each row of `grad` (…, C) added at its id, in the order of ids.
Tensor scatter_add_rows(const Tensor& grad, const Tensor& ids, int64_t table_rows);
/// The same onto a table (V, C) that is there already.
void add_rows_at(Tensor& table, const Tensor& grad, const Tensor& ids);

/// Whether each place of an index is looked at before it is used: one that a kernel made, or that was looked at before,
/// need not be.
enum class IndexIs : uint8_t { kAny, kChecked };
/// `out[i][j][k] = x[i][index[i][j][k]][k]` (for axis 1): torch.gather. `index` is i64 of x's rank; sizes off the axis
/// must not exceed x's.
Tensor gather(const Tensor& x, int axis, const Tensor& index, IndexIs index_is = IndexIs::kAny);
/// The gradient of `gather`: zeros of `shape` with each element of `grad` added where it came from, in order.
Tensor scatter_add(const Tensor& grad, int axis, const Tensor& index, const Shape& shape,
                   IndexIs index_is = IndexIs::kAny);

}  // namespace gradus::kernels
