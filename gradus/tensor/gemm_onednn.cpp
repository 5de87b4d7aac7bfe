#include <dnnl_version.h>
#include <signal.h>
#include <dnnl.hpp>

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "gradus/base/error.h"
#include "gradus/tensor/gemm.h"

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
template <class T>
Layout layout_of(const kernels::Matrix<T>& x, int64_t rows, int64_t columns) {
  if (x.column_stride == 1 || columns == 1) return {'N', std::max(x.row_stride, columns)};
  if (x.row_stride == 1 || rows == 1) return {'T', std::max(x.column_stride, rows)};
  fail("gemm", "strides ({}, {}): one of them must be 1", x.row_stride, x.column_stride);
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

// At least so many bytes, aligned to a page, for the calling thread alone.
std::byte* scratch_of_thread(size_t bytes) {
  constexpr size_t kAlignment = 4096;
  thread_local std::vector<std::byte> memory;
  if (memory.size() < bytes + kAlignment) memory.resize(bytes + kAlignment);
  const auto address = reinterpret_cast<uintptr_t>(memory.data());
  return memory.data() + (kAlignment - address % kAlignment) % kAlignment;
}

// A product of bf16 matrices of one shape and layout, for one thread. Making one takes 0.3 ms, so they are kept.
class Bf16Product {
 public:
  // m, n, k; the strides of a, b and c; whether c is added to.
  using Key = std::array<int64_t, 9>;

  explicit Bf16Product(const Key& key)
      : engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        a_(matrix(key[0], key[2], key[3], key[4], Type::bf16), engine_, DNNL_MEMORY_NONE),
        b_(matrix(key[2], key[1], key[5], key[6], Type::bf16), engine_, DNNL_MEMORY_NONE),
        c_(matrix(key[0], key[1], key[7], 1, Type::f32), engine_, DNNL_MEMORY_NONE) {
    dnnl::primitive_attr attributes;
    if (key[8] != 0) {
      dnnl::post_ops sum;
      sum.append_sum(1.0F);
      attributes.set_post_ops(sum);
    }
    // One for all products of a thread, instead of one for each that is kept.
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::matmul::primitive_desc description({a_.get_desc(), b_.get_desc(), c_.get_desc()}, attributes, engine_);
    scratch_ = dnnl::memory(description.scratchpad_desc(), engine_, DNNL_MEMORY_NONE);
    product_ = dnnl::matmul(description);
  }

  void run(const BFloat16* a, const BFloat16* b, float* c) {
    a_.set_data_handle(const_cast<BFloat16*>(a));
    b_.set_data_handle(const_cast<BFloat16*>(b));
    c_.set_data_handle(c);
    scratch_.set_data_handle(scratch_of_thread(scratch_.get_desc().get_size()));
    product_.execute(stream_,
                     {{DNNL_ARG_SRC, a_}, {DNNL_ARG_WEIGHTS, b_}, {DNNL_ARG_DST, c_}, {DNNL_ARG_SCRATCHPAD, scratch_}});
    stream_.wait();
  }

 private:
  using Type = dnnl::memory::data_type;
  static dnnl::memory::desc matrix(int64_t rows, int64_t columns, int64_t row, int64_t column, Type type) {
    return {{rows, columns}, type, dnnl::memory::dims{row, column}};
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::memory a_, b_, c_, scratch_;
  dnnl::matmul product_;
};

}  // namespace

void gemm_tile(int64_t m, int64_t n, int64_t k, const kernels::Matrix<float>& a, const kernels::Matrix<float>& b,
               float* c, int64_t c_row, bool accumulate) {
  const Layout of_a = layout_of(a, m, k), of_b = layout_of(b, k, n);
  const Guard guard;
  const dnnl_status_t status = dnnl_sgemm(of_a.transposed, of_b.transposed, m, n, k, 1.0F, a.data, of_a.leading, b.data,
                                          of_b.leading, accumulate ? 1.0F : 0.0F, c, c_row);
  if (status != dnnl_success) {
    fail("gemm", "oneDNN refused a product of {} × {} × {} (status {})", m, k, n, int{status});
  }
}

void gemm_tile(int64_t m, int64_t n, int64_t k, const kernels::Matrix<BFloat16>& a, const kernels::Matrix<BFloat16>& b,
               float* c, int64_t c_row, bool accumulate) {
  constexpr size_t kMostKept = 256;  // of the shapes that this thread has met
  thread_local std::map<Bf16Product::Key, std::unique_ptr<Bf16Product>> kept;
  const auto strides = [](const Layout& layout) {
    return layout.transposed == 'N' ? std::pair(layout.leading, int64_t{1}) : std::pair(int64_t{1}, layout.leading);
  };
  const auto [a_row, a_column] = strides(layout_of(a, m, k));
  const auto [b_row, b_column] = strides(layout_of(b, k, n));
  const Bf16Product::Key key{m, n, k, a_row, a_column, b_row, b_column, c_row, accumulate ? 1 : 0};
  const Guard guard;
  try {
    auto found = kept.find(key);
    if (found == kept.end()) {
      if (kept.size() >= kMostKept) kept.clear();
      found = kept.emplace(key, std::make_unique<Bf16Product>(key)).first;
    }
    found->second->run(a.data, b.data, c);
  } catch (const dnnl::error& error) {
    fail("gemm", "oneDNN refused a product of bf16 numbers, {} × {} × {}: {}", m, k, n, error.what());
  }
}

const char* bf16_gemm() {
  const int isa = dnnl_get_effective_cpu_isa();
  const auto has = [isa](int bits) { return (isa & bits) == bits; };
  if (has(dnnl_cpu_isa_avx512_core_amx)) return "AMX";
  return has(dnnl_cpu_isa_avx512_core_bf16) ? "AVX512_BF16" : nullptr;
}

const char* gemm_name() {
  static const std::string name =
      fmt::format("oneDNN {}.{}.{}", dnnl_version()->major, dnnl_version()->minor, dnnl_version()->patch);
  return name.c_str();
}

bool limit_gemm_isa(int level) {
  const dnnl_cpu_isa_t isas[] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2, dnnl_cpu_isa_avx512_core_bf16};
  return dnnl_set_max_cpu_isa(isas[level]) == dnnl_success;
}

}  // namespace gradus::detail
