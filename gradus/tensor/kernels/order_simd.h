// The inner loops of order.cpp, on the instruction set of this processor.
#pragma once

#include "gradus/tensor/kernels/order.h"

namespace gradus::kernels {

/// The place of the first extreme of a dense row of at least one element, or of its first NaN.
int64_t run_extreme_of_row(Extreme which, DType dtype, const std::byte* row, int64_t length);
/// The place of the first element of a dense row that is better than `limit`, a number of its dtype, or NaN; `length`
/// if there is none.
int64_t run_first_better(Extreme which, DType dtype, const std::byte* row, int64_t length, double limit);
/// As `run_extreme_of_row`, but down each column of x[i·stride + j], for i in [0, length) and j in [0, width), into
/// `out[j]`. `length` is below 2³¹.
void run_extreme_of_columns(Extreme which, DType dtype, const std::byte* x, int64_t length, int64_t stride,
                            int64_t width, int64_t* out);

}  // namespace gradus::kernels
