// What it costs that threads change no bit: each matrix product of a GPT's step, cut into tiles by shape alone and
// multiplied by one thread each, beside one call of oneDNN that may use all threads as it likes. In turn, medians.
//
//     bench_products [gpt2-124m|gpt-10m|gpt-1m [ROUNDS [f32|bf16]]]
#include <fmt/core.h>

#include <dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/linear_cross_entropy.h"
#include "gradus/tensor/matmul.h"
#include "gradus/train/gpt_benchmark.h"

extern "C" void omp_set_num_threads(int);

namespace gradus {
namespace {

// C (m, n) = A · B; a matrix is transposed if it lies with its columns contiguous.
struct Product {
  std::string name;
  int64_t m, n, k;
  bool a_transposed, b_transposed;
  int64_t calls;  // a step
};

// Forward, and the gradients of input and weight, of a layer for some rows.
void add_layer(std::vector<Product>& all, const std::string& name, int64_t rows, int64_t in, int64_t out,
               int64_t calls) {
  all.push_back({name + " forward", rows, out, in, false, true, calls});
  all.push_back({name + " input", rows, in, out, false, false, calls});
  all.push_back({name + " weight", out, in, rows, true, false, calls});
}

std::vector<Product> products_of(const GptBenchmarkOptions& o) {
  const int64_t rows = o.batch * o.model.context, width = o.model.width, layers = o.model.layers;
  std::vector<Product> all;
  add_layer(all, "attention in", rows, width, 3 * width, layers);
  add_layer(all, "attention out", rows, width, width, layers);
  add_layer(all, "feed-forward in", rows, width, 4 * width, layers);
  add_layer(all, "feed-forward out", rows, 4 * width, width, layers);
  const int64_t group = kernels::rows_of_logits(rows, 4 * o.model.vocabulary);
  add_layer(all, "vocabulary", group, width, o.model.vocabulary, rows / group);
  return all;
}

struct Memory {
  Tensor a, b, c;
};

void multiply_free(const Product& p, Memory& memory) {
  const auto leading = [](bool transposed, int64_t rows, int64_t columns) { return transposed ? rows : columns; };
  const dnnl_status_t status =
      dnnl_sgemm(p.a_transposed ? 'T' : 'N', p.b_transposed ? 'T' : 'N', p.m, p.n, p.k, 1.0F, memory.a.data<float>(),
                 leading(p.a_transposed, p.m, p.k), memory.b.data<float>(), leading(p.b_transposed, p.k, p.n), 0.0F,
                 memory.c.mutable_data<float>(), p.n);
  if (status != dnnl_success) fail("bench", "oneDNN refused {} (status {})", p.name, int{status});
}

template <class T>
kernels::Matrix<T> matrix(const Tensor& x, bool transposed, int64_t rows, int64_t columns) {
  return transposed ? kernels::Matrix<T>{x.data<T>(), 1, rows} : kernels::Matrix<T>{x.data<T>(), columns, 1};
}

template <class T>
void multiply_cut(const Product& p, Memory& memory) {
  kernels::product<T>(p.m, p.n, p.k, matrix<T>(memory.a, p.a_transposed, p.m, p.k),
                      matrix<T>(memory.b, p.b_transposed, p.k, p.n), memory.c.mutable_data<float>(), p.n, false, {});
}

// oneDNN has bf16 products as a primitive only, which is made once.
class FreeBf16 {
 public:
  FreeBf16(const Product& p, Memory& memory)
      : engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        a_(of(memory.a, p.a_transposed, p.m, p.k)),
        b_(of(memory.b, p.b_transposed, p.k, p.n)),
        c_({{p.m, p.n}, Type::f32, dnnl::memory::dims{p.n, 1}}, engine_, memory.c.mutable_data<float>()),
        product_({{a_.get_desc(), b_.get_desc(), c_.get_desc()}, engine_}) {}

  void operator()(const Product& /*p*/, Memory& /*memory*/) {
    product_.execute(stream_, {{DNNL_ARG_SRC, a_}, {DNNL_ARG_WEIGHTS, b_}, {DNNL_ARG_DST, c_}});
    stream_.wait();
  }

 private:
  using Type = dnnl::memory::data_type;
  dnnl::memory of(Tensor& x, bool transposed, int64_t rows, int64_t columns) {
    const dnnl::memory::dims strides = transposed ? dnnl::memory::dims{1, rows} : dnnl::memory::dims{columns, 1};
    return {{{rows, columns}, Type::bf16, strides}, engine_, x.mutable_data<BFloat16>()};
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::memory a_, b_, c_;
  dnnl::matmul product_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The threads of the other side look for work for a while after a call; they are left to fall asleep. Then the system
// needs some milliseconds until each thread has a core.
template <class Multiply>
double timed(const Product& p, Memory& memory, int64_t repeats, Multiply&& multiply) {
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const Clock::time_point woken = Clock::now();
  while (seconds_since(woken) < 0.05) multiply(p, memory);
  const Clock::time_point start = Clock::now();
  for (int64_t i = 0; i < repeats; ++i) multiply(p, memory);
  return seconds_since(start) / static_cast<double>(repeats);
}

void run(const std::string& preset, int rounds, bool bf16) {
  const GptBenchmarkOptions options = gpt_preset(preset);
  omp_set_num_threads(threads());
  double cut_step = 0.0, free_step = 0.0;
  fmt::print("{}, {}, {} threads, medians of {} rounds\n\n{:24} {:>22} {:>10} {:>10} {:>7}\n", preset,
             bf16 ? "bf16" : "f32", threads(), rounds, "product", "m x n x k", "cut, ms", "free, ms", "ratio");
  for (const Product& p : products_of(options)) {
    const DType dtype = bf16 ? DType::kBF16 : DType::kF32;
    Memory memory{Tensor::full({p.m * p.k}, 0.5, dtype), Tensor::full({p.k * p.n}, 0.25, dtype),
                  Tensor::zeros({p.m * p.n})};
    std::optional<FreeBf16> free_bf16;
    if (bf16) free_bf16.emplace(p, memory);
    const double flops = 2.0 * static_cast<double>(p.m * p.n * p.k);
    const int64_t repeats = std::max<int64_t>(1, static_cast<int64_t>(1e10 / flops));
    std::vector<double> cut, free;
    for (int round = 0; round < rounds; ++round) {
      cut.push_back(timed(p, memory, repeats, bf16 ? multiply_cut<BFloat16> : multiply_cut<float>));
      free.push_back(bf16 ? timed(p, memory, repeats, *free_bf16) : timed(p, memory, repeats, multiply_free));
    }
    cut_step += median(cut) * static_cast<double>(p.calls);
    free_step += median(free) * static_cast<double>(p.calls);
    fmt::print("{:24} {:>22} {:10.3f} {:10.3f} {:7.2f}\n", p.name, fmt::format("{} x {} x {}", p.m, p.n, p.k),
               1e3 * median(cut), 1e3 * median(free), median(cut) / median(free));
  }
  fmt::print("{:47} {:10.1f} {:10.1f} {:7.2f}\n", "all products of a step", 1e3 * cut_step, 1e3 * free_step,
             cut_step / free_step);
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  try {
    gradus::run(argc > 1 ? argv[1] : "gpt2-124m", argc > 2 ? std::max(1, std::atoi(argv[2])) : 7,
                argc > 3 && std::string_view(argv[3]) == "bf16");
  } catch (const gradus::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
