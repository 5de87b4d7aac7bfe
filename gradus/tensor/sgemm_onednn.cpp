#include <dnnl.h>
#include <dnnl_version.h>
#include <signal.h>

#include "gradus/base/error.h"
#include "gradus/tensor/sgemm.h"

// OpenMP's, from the run-time that oneDNN brings; clang has no omp.h of its own for it.
extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int);

namespace gradus::detail {
namespace {

struct Layout {
  char transposed;
  int64_t leading;
};

// A matrix of one column or one row may carry any stride in that direction; BLAS wants a leading size of at least its
// width.
Layout layout_of(const kernels::Matrix<float>& x, int64_t rows, int64_t columns) {
  if (x.column_stride == 1 || columns == 1) return {'N', std::max(x.row_stride, columns)};
  if (x.row_stride == 1 || rows == 1) return {'T', std::max(x.column_stride, rows)};
  fail("sgemm", "strides ({}, {}): one of them must be 1", x.row_stride, x.column_stride);
}

// What has to hold on this thread while oneDNN multiplies; both are put back, since the thread may be the user's.
// One OpenMP thread: its results depend on their number. No signals: its generated code uses the stack pointer for
// other memory, and a handler that ran then would write its frame over the heap (seen with 2.6.3; it crashes or
// corrupts).
class Guard {
 public:
  Guard() : threads_(omp_get_max_threads()) {
    omp_set_num_threads(1);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &signals_);
  }
  ~Guard() {
    pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
    omp_set_num_threads(threads_);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  int threads_;
  sigset_t signals_;
};

}  // namespace

void sgemm_tile(int64_t m, int64_t n, int64_t k, const kernels::Matrix<float>& a, const kernels::Matrix<float>& b,
                float* c, int64_t c_row, bool accumulate) {
  const Layout of_a = layout_of(a, m, k), of_b = layout_of(b, k, n);
  const Guard guard;
  const dnnl_status_t status = dnnl_sgemm(of_a.transposed, of_b.transposed, m, n, k, 1.0F, a.data, of_a.leading, b.data,
                                          of_b.leading, accumulate ? 1.0F : 0.0F, c, c_row);
  if (status != dnnl_success)
    fail("sgemm", "oneDNN refused a product of {} × {} × {} (status {})", m, k, n, int{status});
}

const char* sgemm_name() {
  static const std::string name =
      fmt::format("oneDNN {}.{}.{}", dnnl_version()->major, dnnl_version()->minor, dnnl_version()->patch);
  return name.c_str();
}

bool limit_sgemm_isa(int level) {
  const dnnl_cpu_isa_t isas[] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2, dnnl_cpu_isa_avx512_core};
  return dnnl_set_max_cpu_isa(isas[level]) == dnnl_success;
}

}  // namespace gradus::detail
