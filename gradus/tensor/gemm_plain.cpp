// The stand-in for oneDNN: our own packed product.
#include "gradus/base/error.h"
#include "gradus/tensor/gemm.h"

namespace gradus::detail {

void gemm_tile(int64_t m, int64_t n, int64_t k, const kernels::Matrix<float>& a, const kernels::Matrix<float>& b,
               float* c, int64_t c_row, bool accumulate) {
  kernels::packed_product(m, n, k, a, b, c, c_row, accumulate);
}

void gemm_tile(int64_t, int64_t, int64_t, const kernels::Matrix<BFloat16>&, const kernels::Matrix<BFloat16>&, float*,
               int64_t, bool) {
  fail("gemm", "this build has no products of bf16 numbers; build with oneDNN (GRADUS_ONEDNN=ON)");
}

const char* bf16_gemm() { return nullptr; }

const char* gemm_name() { return "plain"; }

bool limit_gemm_isa(int) { return true; }  // Highway's own limit holds for it

}  // namespace gradus::detail
