// What depends on the order of numbers along an axis: extremes, sorting, running sums. f32 and f64; NaN counts as
// larger than every number, as in PyTorch. Axes are already normalised.
#pragma once

#include "gradus/tensor/tensor.h"

namespace gradus::kernels {

enum class Extreme : uint8_t { kLargest, kSmallest };

/// The index (i64) of the first largest or smallest element along `axis`; of the first NaN where there is one. The axis
/// must not be empty. `name` is the op in messages.
Tensor index_of(const char* name, Extreme which, const Tensor& x, int axis, bool keep_dims);

/// The indices (i64, x's shape) that sort x along `axis`; equal elements keep their order.
Tensor argsort(const Tensor& x, int axis, bool descending);

/// The first k of these, 0 ≤ k ≤ the axis's length: x's shape with k along the axis.
Tensor top_k_indices(const Tensor& x, int axis, int64_t k, bool largest);

/// Running sums along `axis`, from its start, or from its end with `reverse`; added up one after the other, in double.
Tensor cumulative_sum(const Tensor& x, int axis, bool reverse);

}  // namespace gradus::kernels
