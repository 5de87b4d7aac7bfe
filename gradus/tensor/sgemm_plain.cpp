// The stand-in for oneDNN: our own packed product.
#include "gradus/tensor/sgemm.h"

namespace gradus::detail {

void sgemm_tile(int64_t m, int64_t n, int64_t k, const kernels::Matrix<float>& a, const kernels::Matrix<float>& b,
                float* c, int64_t c_row, bool accumulate) {
  kernels::packed_product(m, n, k, a, b, c, c_row, accumulate);
}

const char* sgemm_name() { return "plain"; }

bool limit_sgemm_isa(int) { return true; }  // Highway's own limit holds for it

}  // namespace gradus::detail
