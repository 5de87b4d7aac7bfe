// The inner loops of softmax.cpp, on the instruction set of this processor. Rows are contiguous, `length` long.
#pragma once

#include "gradus/tensor/kernels/softmax.h"

namespace gradus::kernels {

/// y = softmax(x) row by row. `losses`, if any, gets log Σ exp(x) − x[target] of each row.
void run_softmax(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* y, const int64_t* targets,
                 double* losses);
/// out = y · (g − Σ g·y) row by row.
void run_softmax_backward(DType dtype, const std::byte* y, const std::byte* grad, int64_t rows, int64_t length,
                          std::byte* out);
/// out[row] = log Σ exp(x).
void run_logsumexp(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* out);
/// y = x − log Σ exp(x) row by row.
void run_log_softmax(DType dtype, const std::byte* x, int64_t rows, int64_t length, std::byte* y);
/// out = g − exp(y) · Σ g row by row.
void run_log_softmax_backward(DType dtype, const std::byte* y, const std::byte* grad, int64_t rows, int64_t length,
                              std::byte* out);
/// out = (p − one-hot(target)) · scale row by row.
void run_cross_entropy_backward(DType dtype, const std::byte* p, int64_t rows, int64_t length, const int64_t* targets,
                                double scale, std::byte* out);

/// x = (softmax(x) − q) · scale row by row, where q is (1 − smoothing)·one-hot(target) + smoothing/length; `losses`
/// gets log Σ exp(x) − Σ q·x of each row.
void run_cross_entropy_in_place(DType dtype, std::byte* x, int64_t rows, int64_t length, const int64_t* targets,
                                double scale, double smoothing, double* losses);

}  // namespace gradus::kernels
