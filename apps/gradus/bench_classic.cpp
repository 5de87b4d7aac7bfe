// `gradus bench linear`, `kmeans` and `csv`: how fast this machine does what is not training by the tape.
#include <fmt/format.h>

#include "apps/gradus/output.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/json.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/kmeans_benchmark.h"
#include "gradus/train/linear_benchmark.h"
#include "gradus/train/reader_benchmark.h"

namespace gradus::command {
namespace {

LinearLoss loss_named(const std::string& name) {
  std::string all;
  for (int i = 0; i <= static_cast<int>(LinearLoss::kSquaredHinge); ++i) {
    const auto loss = static_cast<LinearLoss>(i);
    if (name_of(loss) == name) return loss;
    all += fmt::format("{}{}", i == 0 ? "" : ", ", name_of(loss));
  }
  fail_usage("--loss", "\"{}\" is not known; expected one of {}", name, all);
}

// The time and the machine, for people.
std::string ending(const Timing& timing) {
  return fmt::format("time             {:.1f} ms, {:.1f} ms of processor time (medians of {})\n{} threads, {}\n",
                     median(timing.wall_ms), median(timing.cpu_ms), timing.wall_ms.size(), threads(),
                     name_of(active_isa()));
}

LinearBenchmarkOptions benchmark_of(const LinearBenchOptions& o) {
  LinearBenchmarkOptions benchmark = linear_preset(o.preset);
  benchmark.data = o.data;
  benchmark.rows = o.rows.value_or(benchmark.rows);
  benchmark.columns = o.columns.value_or(benchmark.columns);
  benchmark.stored = o.stored.value_or(benchmark.stored);
  benchmark.solver = o.solver.value_or(benchmark.solver);
  if (o.loss) benchmark.loss = loss_named(*o.loss);
  benchmark.l1 = o.l1.value_or(benchmark.l1);
  benchmark.l2 = o.l2.value_or(benchmark.l2);
  benchmark.tolerance = o.tolerance.value_or(benchmark.tolerance);
  benchmark.steps = o.steps.value_or(benchmark.steps);
  benchmark.repeats = o.repeats.value_or(benchmark.repeats);
  return benchmark;
}

}  // namespace

int bench_linear(const LinearBenchOptions& options) {
  prepare_machine(options.machine);
  const LinearBenchmarkOptions benchmark = benchmark_of(options);
  const LinearBenchmark result = run_linear_benchmark(benchmark);
  if (!options.json) {
    print(
        fmt::format("{} rows of {} features, {} numbers stored; {} loss by {}\n"
                    "steps            {}\nobjective        {:.9g}\nrows a second    {:.0f} (of all steps)\n{}",
                    result.rows, result.columns, result.stored, name_of(benchmark.loss), benchmark.solver, result.steps,
                    result.objective, result.rows_per_s(), ending(result.timing)));
    return 0;
  }
  JsonText json;
  json.add("solver", benchmark.solver)
      .add("loss", name_of(benchmark.loss))
      .add("l1", result.l1)
      .add("l2", benchmark.l2);
  json.add("rows", result.rows).add("columns", result.columns).add("stored", result.stored).add("steps", result.steps);
  add_timing(json, result.timing);
  json.add("rows_per_s", result.rows_per_s()).add("objective", result.objective);
  add_machine(json);
  if (options.coefficients) json.add("coefficients", result.coefficients);
  print(json.line() + "\n");
  return 0;
}

int bench_kmeans(const KMeansBenchOptions& options) {
  prepare_machine(options.machine);
  KMeansBenchmarkOptions benchmark{.data = options.data};
  benchmark.rows = options.rows.value_or(benchmark.rows);
  benchmark.columns = options.columns.value_or(benchmark.columns);
  benchmark.clusters = options.clusters.value_or(benchmark.clusters);
  benchmark.rounds = options.rounds.value_or(benchmark.rounds);
  benchmark.repeats = options.repeats.value_or(benchmark.repeats);
  const KMeansBenchmark result = run_kmeans_benchmark(benchmark);
  if (!options.json) {
    print(
        fmt::format("{} × {} rows, {} clusters, {} rounds\ninertia          {:.9g}\nspeed            {:.1f} GFLOP/s "
                    "(as if every distance were computed)\n{}",
                    result.rows, result.columns, result.clusters, result.rounds, result.inertia,
                    result.flops_per_s() / 1e9, ending(result.timing)));
    return 0;
  }
  JsonText json;
  json.add("rows", result.rows).add("columns", result.columns).add("clusters", result.clusters);
  json.add("rounds", result.rounds);
  add_timing(json, result.timing);
  json.add("gflops", result.flops_per_s() / 1e9).add("inertia", result.inertia);
  add_machine(json);
  print(json.line() + "\n");
  return 0;
}

int bench_csv(const CsvBenchOptions& options) {
  prepare_machine(options.machine);
  ReaderBenchmarkOptions benchmark{.data = options.data, .is_libsvm = options.format == "libsvm"};
  benchmark.megabytes = options.megabytes.value_or(benchmark.megabytes);
  benchmark.columns = options.columns.value_or(benchmark.columns);
  benchmark.repeats = options.repeats.value_or(benchmark.repeats);
  const ReaderBenchmark result = run_reader_benchmark(benchmark);
  const double megabytes = static_cast<double>(result.bytes) / 1e6, seconds = median(result.timing.wall_ms) / 1e3;
  if (!options.json) {
    print(fmt::format("{:.1f} MB: {} rows of {} columns\nspeed            {:.0f} MB/s, from memory\n{}", megabytes,
                      result.rows, result.columns, megabytes / seconds, ending(result.timing)));
    return 0;
  }
  JsonText json;
  json.add("format", options.format).add("bytes", result.bytes).add("rows", result.rows).add("columns", result.columns);
  add_timing(json, result.timing);
  json.add("MB_per_s", megabytes / seconds).add("rows_per_s", static_cast<double>(result.rows) / seconds);
  json.add("sum", result.sum);
  add_machine(json);
  print(json.line() + "\n");
  return 0;
}

}  // namespace gradus::command
