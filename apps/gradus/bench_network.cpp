// `gradus bench network`: how fast this machine trains other networks.
#include <fmt/core.h>

#include "apps/gradus/output.h"
#include "apps/gradus/training_figures.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/network_benchmark.h"

namespace gradus::command {

int bench_network(const NetworkBenchOptions& options) {
  prepare_machine(options.machine);
  NetworkBenchmarkOptions benchmark = network_preset(options.preset);
  benchmark.batch = options.batch.value_or(benchmark.batch);
  benchmark.steps = options.steps.value_or(benchmark.steps);
  benchmark.profile = options.profile;
  const TrainingBenchmark result = run_network_benchmark(benchmark);
  const TrainingFigures figures{"examples_per_s", "examples/s", static_cast<double>(benchmark.batch),
                                kNetworkFlopsFormula};
  const int64_t tokens = tokens_of(benchmark.network);
  const double token_rate = static_cast<double>(benchmark.batch * tokens) / result.step_s_median();
  if (options.json) {
    JsonText json = training_json(result, figures);
    if (tokens > 1) json.add("tokens_per_s", token_rate);
    print(json.line() + "\n");
    return 0;
  }
  print(fmt::format("{}: {} parameters, {} examples a step, {} threads, {}\n", options.preset, result.parameters,
                    benchmark.batch, threads(), name_of(active_isa())) +
        (tokens > 1 ? fmt::format("tokens a second  {:.0f} ({} an example)\n", token_rate, tokens) : "") +
        training_table(result, figures));
  return 0;
}

}  // namespace gradus::command
