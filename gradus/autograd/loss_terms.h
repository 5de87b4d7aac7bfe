// What losses that are put together from other ops share.
#pragma once

#include "gradus/autograd/ops.h"

namespace gradus::detail {

/// An error of op `name` unless both have one shape.
void check_same_shape(std::string_view name, const Tensor& a, const Tensor& b);
/// An error of op `name` unless it is in [0, 1).
void check_label_smoothing(std::string_view name, double label_smoothing);
/// x (…, C) with each row divided by its length, or by 1e-12 where that is less.
Tensor unit_rows(const Tensor& x);
/// The mean or the sum of all terms.
Tensor reduced(const Tensor& terms, Reduction reduction);

}  // namespace gradus::detail
