#include "gradus/train/training_benchmark.h"

#include <algorithm>

#include "gradus/autograd/tape.h"
#include "gradus/base/clock.h"
#include "gradus/base/error.h"
#include "gradus/base/memory.h"
#include "gradus/base/threads.h"
#include "gradus/tensor/kernels/machine_limits.h"
#include "gradus/tensor/pool.h"
#include "gradus/train/checkpoint.h"
#include "gradus/train/memory.h"
#include "gradus/train/trainer.h"

namespace gradus {
namespace {

constexpr double kLearningRate = 1e-4;

void measure_peak(TrainingBenchmark& result) {
  result.fma_peak_flops = std::max(result.fma_peak_flops, kernels::measure_fma_peak());
}

struct Parts {
  Parts(const TrainingBenchmarkOptions& o, const Dataset& data)
      : model(o.make_model()),
        optimizer(o.make_optimizer(model->parameters())),
        trainer(
            {.steps = o.warm_up + o.steps, .batch_size = o.batch, .log_every = 1 << 30, .precision = o.work.precision},
            model->parameters(), loss_of(*model), data, *optimizer, ConstantSchedule{kLearningRate}) {}

  std::unique_ptr<Model> model;
  std::unique_ptr<Optimizer> optimizer;
  Trainer trainer;
};

Loss observed_loss(const TrainingBenchmarkOptions& o, const Model& model, const Dataset& data, int64_t step,
                   OpProfiler& profiler, Tape& tape) {
  std::vector<int64_t> ids(static_cast<size_t>(o.batch));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = (step * o.batch + static_cast<int64_t>(i)) % data.size();
  const Batch batch = data.batch(ids);
  Context context;
  context.training = true;
  context.example_ids = ids;
  context.precision = o.work.precision;
  tape.set_observer(&profiler);
  profiler.begin();
  return model.loss(batch, context);
}

std::vector<ProfileLine> profile(const TrainingBenchmarkOptions& o, const Dataset& data, Parts& parts) {
  OpProfiler profiler(o.work);
  const auto parameters = static_cast<double>(count_elements(parts.model->parameters()));
  for (int64_t step = 0; step < o.steps; ++step) {
    Tape tape;
    const Loss loss = observed_loss(o, *parts.model, data, step, profiler, tape);
    tape.backward(loss.sum);
    parts.optimizer->step({.learning_rate = kLearningRate, .gradient_divisor = loss.weight});
    profiler.on_update(o.optimizer, o.update_bytes * parameters);
  }
  return profiler.per_step(o.steps);
}

// Of a step. Throws if it does not fit into memory.
double planned_flops(const TrainingBenchmarkOptions& options, const Dataset& data) {
  const int64_t program = resident_bytes(), reserved = memory_statistics().reserved;
  MemoryUse use;
  OpProfiler counter(options.work);
  {
    const DryRun dry;
    Parts parts(options, data);
    use = planned_use(parts.trainer, *parts.optimizer, parts.model->parameters(), reserved);
    Tape tape;
    observed_loss(options, *parts.model, data, 0, counter, tape);
  }
  release_unused_memory();
  use.program = program;
  // Without the copy of a checkpoint: there is none.
  MemoryPrediction prediction = predict_memory(use, true);
  prediction.parts.back().bytes = 0;
  for (MemoryPart& part : prediction.parts) {
    if (part.name == "activations") part.remedy = options.less_activations;
    if (part.name == "optimizer state") part.remedy = options.less_state;
  }
  check_memory(prediction, memory_limit_bytes());
  return 3.0 * counter.forward_flops();
}

}  // namespace

double adamw_bytes(DType state) { return 4.0 * 4 + 4.0 * static_cast<double>(size_of(state)); }

void check_benchmark_sizes(int64_t batch, int64_t steps, int64_t warm_up) {
  if (batch >= 1 && steps >= 1 && warm_up >= 0) return;
  fail_usage("bench", "batch {}, steps {}, warm_up {}: expected at least 1, 1 and 0", batch, steps, warm_up);
}

TrainingBenchmark run_training_benchmark(const TrainingBenchmarkOptions& options, const Dataset& data) {
  check_benchmark_sizes(options.batch, options.steps, options.warm_up);
  TrainingBenchmark result;
  result.model_flops = planned_flops(options, data);
  Parts parts(options, data);
  result.parameters = count_elements(parts.model->parameters());
  measure_peak(result);
  Clock::time_point last = Clock::now();
  double last_cpu = cpu_seconds();
  parts.trainer.set_callback([&](const StepRecord& record) {
    if (record.step >= options.warm_up) {
      result.steps.wall_ms.push_back(1e3 * seconds_since(last));
      result.steps.cpu_ms.push_back(1e3 * (cpu_seconds() - last_cpu));
    }
    last = Clock::now();
    last_cpu = cpu_seconds();
  });
  result.loss = parts.trainer.run().final_loss;
  result.weights_hash = weights_hash(parts.model->parameters());
  if (options.profile) result.profile = profile(options, data, parts);
  measure_peak(result);
  result.peak_rss_bytes = peak_resident_bytes();  // before arrays that are not the model's
  result.bytes_per_s = kernels::measure_bandwidth();
  if (options.work.precision.products == DType::kBF16) result.bf16_peak_flops = kernels::measure_bf16_peak();
  return result;
}

}  // namespace gradus
