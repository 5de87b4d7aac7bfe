// `gradus bench gpt`: how fast this machine trains a GPT.
#include <fmt/core.h>

#include "apps/gradus/output.h"
#include "apps/gradus/training_figures.h"
#include "apps/gradus/verbs.h"
#include "gradus/base/error.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/isa.h"
#include "gradus/train/gpt_benchmark.h"

namespace gradus::command {

int bench_gpt(const BenchOptions& options) {
  prepare_machine(options.machine);
  GptBenchmarkOptions benchmark = gpt_preset(options.preset);
  benchmark.batch = options.batch.value_or(benchmark.batch);
  benchmark.model.context = options.sequence.value_or(benchmark.model.context);
  benchmark.steps = options.steps.value_or(benchmark.steps);
  benchmark.profile = options.profile;
  benchmark.model.recompute = options.recompute;
  benchmark.precision = {dtype_from_name(options.precision), dtype_from_name(options.activations)};
  benchmark.optimizer_state = dtype_from_name(options.optimizer_state);
  if (benchmark.precision.products == DType::kBF16 && !has_bf16_products()) {
    fail_usage("--precision", "bf16 needs {}; --activations bf16 and --optimizer-state bf16 work on any",
               bf16_products_need());
  }
  const TrainingBenchmark result = run_gpt_benchmark(benchmark);
  const int64_t tokens = benchmark.batch * benchmark.model.context;
  const TrainingFigures figures{"tokens_per_s", "tokens a second", static_cast<double>(tokens), kGptModelFlopsFormula,
                                benchmark.precision.products};
  if (options.json) {
    JsonText json = training_json(result, figures);
    json.add("precision", options.precision)
        .add("activations", options.activations)
        .add("optimizer_state", options.optimizer_state);
    print(json.line() + "\n");
    return 0;
  }
  print(fmt::format("{} parameters, {} tokens a step, {} threads, {}, {}\n"
                    "precision        products {}, activations {}, optimizer state {}\n",
                    result.parameters, tokens, threads(), name_of(active_isa()), matmul_library(figures.products),
                    options.precision, options.activations, options.optimizer_state) +
        training_table(result, figures));
  return 0;
}

}  // namespace gradus::command
