// Times each op of the table that the tests use: forward, and backward over a retained tape. `of_limit` is the part of
// what this machine can do at most, measured first: multiply-adds where an op has flops, else y += a·x over memory
// (what stays in the caches can be faster). Rows without inputs for it are special cases of others, or of a fixed small
// shape.
//
//     bench_ops --benchmark_filter=softmax          # --help lists Google Benchmark's other options
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>

#include "gradus/autograd/tape.h"
#include "gradus/base/clock.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/machine_limits.h"
#include "tests/op_cases/op_cases.h"

namespace gradus {
namespace {

// Measured at the first look.
double fma_peak() {
  static const double peak = kernels::measure_fma_peak();
  return peak;
}
double bandwidth() {
  static const double rate = kernels::measure_bandwidth();
  return rate;
}

// `work` is of one iteration.
void add_rate(benchmark::State& state, const char* name, double work, double limit, double seconds) {
  state.counters[name] = benchmark::Counter(work, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_limit"] = work * static_cast<double>(state.iterations()) / seconds / limit;
}

int64_t bytes_of(const Tensor& x) { return x.numel() * size_of(x.dtype()); }

// Whether it lies in an input's memory.
bool is_view(const Tensor& y, std::span<const Tensor> inputs) {
  return std::any_of(inputs.begin(), inputs.end(), [&](const Tensor& x) {
    return y.bytes() >= x.bytes() && y.bytes() < x.bytes() + std::max<int64_t>(1, bytes_of(x));
  });
}

// Flops if the row has a formula for them, else bytes.
void report(benchmark::State& state, const OpCase& row, std::span<const Tensor> inputs, const Tensor& y, bool backward,
            double seconds) {
  if (row.flops != nullptr) {
    return add_rate(state, "flops/s", row.flops(inputs) * (backward ? 2.0 : 1.0), fma_peak(), seconds);
  }
  if (row.bytes != nullptr && !backward) return add_rate(state, "bytes/s", row.bytes(inputs), bandwidth(), seconds);
  int64_t bytes = bytes_of(y);
  for (const Tensor& x : inputs) bytes += bytes_of(x) * (backward && is_float(x.dtype()) ? 2 : 1);
  add_rate(state, "bytes/s", static_cast<double>(bytes), bandwidth(), seconds);
}

void forward(benchmark::State& state, const OpCase& row) {
  const std::vector<Tensor> inputs = make_inputs(row.benchmark);
  const Tensor y = row.function(inputs);
  const Clock::time_point start = Clock::now();
  // Each result is dropped before the next one is made, as in PyTorch's loop: both take the memory that is in the cache.
  for (auto _ : state) benchmark::DoNotOptimize(row.function(inputs).bytes());
  const double seconds = seconds_since(start);
  if (is_view(y, inputs)) return state.SetLabel("a view: nothing is computed");
  report(state, row, inputs, y, false, seconds);
}

// Computes each parameter's gradient, as the default sink does, and drops it.
class DroppingSink : public GradientSink {
 public:
  explicit DroppingSink(const Tensor& seed) : seed_(seed) {}
  void accept(const ParameterGradient& gradient) override {
    const Tensor own = kernels::contiguous(contract(gradient));
    computes_ |= !is_view(own, {&seed_, 1});
    benchmark::DoNotOptimize(own.bytes());
  }
  bool computes() const { return computes_; }

 private:
  const Tensor& seed_;
  bool computes_ = false;
};

void backward(benchmark::State& state, const OpCase& row) {
  std::vector<Tensor> inputs = make_inputs(row.benchmark);
  for (Tensor& x : inputs) {
    if (is_float(x.dtype())) x.set_requires_grad();
  }
  Tape tape;
  const Tensor y = row.function(inputs);
  const Tensor seed = Tensor::full(y.shape(), 0.5);
  DroppingSink sink(seed);
  const auto run = [&] { tape.backward(y, {.seed = seed, .retain = true, .sink = &sink}); };
  run();  // takes memory from the system
  const Clock::time_point start = Clock::now();
  for (auto _ : state) run();
  const double seconds = seconds_since(start);
  if (!sink.computes()) return state.SetLabel("gives its gradient on: nothing is computed");
  if (row.op == "linear_cross_entropy") return state.SetLabel("scales what was made with the loss");
  report(state, row, inputs, y, true, seconds);
}

}  // namespace
}  // namespace gradus

int main(int argc, char** argv) {
  for (const gradus::OpCase& row : gradus::op_cases()) {
    if (row.benchmark.empty()) continue;
    const auto add = [&](const char* pass, void (*run)(benchmark::State&, const gradus::OpCase&)) {
      const std::string name = std::string(row.name) + "/" + pass;
      benchmark::RegisterBenchmark(name.c_str(), [run, &row](benchmark::State& state) { run(state, row); })
          ->Unit(benchmark::kMicrosecond)
          ->UseRealTime();
    };
    add("forward", gradus::forward);
    if (row.differentiable != 0) add("backward", gradus::backward);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("multiply-adds", fmt::format("{:.1f} GFLOP/s", gradus::fma_peak() / 1e9));
  benchmark::AddCustomContext("y += a*x", fmt::format("{:.1f} GB/s", gradus::bandwidth() / 1e9));
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
