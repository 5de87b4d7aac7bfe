// One tile of a matrix product with f32 sums, on the calling thread. gemm_onednn.cpp or gemm_plain.cpp is compiled,
// never both.
#pragma once

#include "gradus/tensor/dtype.h"
#include "gradus/tensor/kernels/product.h"

namespace gradus::detail {

/// C (m, n) = A (m, k) · B (k, n), or += with `accumulate`. One stride of A and one of B must be 1. Rows of C are
/// contiguous, `c_row` apart.
void gemm_tile(int64_t m, int64_t n, int64_t k, const kernels::Matrix<float>& a, const kernels::Matrix<float>& b,
               float* c, int64_t c_row, bool accumulate);
/// The same of bf16 numbers; needs `bf16_gemm()`.
void gemm_tile(int64_t m, int64_t n, int64_t k, const kernels::Matrix<BFloat16>& a, const kernels::Matrix<BFloat16>& b,
               float* c, int64_t c_row, bool accumulate);

/// What multiplies bf16 numbers, as far as the processor may be used: "AVX512_BF16", "AMX", or nullptr if nothing does.
/// After this, `limit_gemm_isa` is too late.
const char* bf16_gemm();

/// "oneDNN 2.6.3" or "plain": for `gradus env`.
const char* gemm_name();

/// Tells the library which instruction set it may use at most: 0 SSE4.1, 1 AVX2, 2 AVX-512 with bf16 where the
/// processor has it. False if it is too late or the library has no such switch.
bool limit_gemm_isa(int level);

}  // namespace gradus::detail
