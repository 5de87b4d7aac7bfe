// One tile of an f32 matrix product on the calling thread. sgemm_onednn.cpp or sgemm_plain.cpp is compiled, never both.
#pragma once

#include "gradus/tensor/kernels/product.h"

namespace gradus::detail {

/// C (m, n) = A (m, k) · B (k, n), or += with `accumulate`. One stride of A and one of B must be 1. Rows of C are
/// contiguous, `c_row` apart.
void sgemm_tile(int64_t m, int64_t n, int64_t k, const kernels::Matrix<float>& a, const kernels::Matrix<float>& b,
                float* c, int64_t c_row, bool accumulate);

/// "oneDNN 2.6.3" or "plain": for `gradus env`.
const char* sgemm_name();

/// Tells the library which instruction set it may use at most: 0 SSE4.1, 1 AVX2, 2 AVX-512. False if it is too late or
/// the library has no such switch.
bool limit_sgemm_isa(int level);

}  // namespace gradus::detail
