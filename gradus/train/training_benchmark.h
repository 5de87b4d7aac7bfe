// The speed of training a model: whole steps through the ordinary trainer, and a profile by op.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gradus/data/dataset.h"
#include "gradus/nn/models/model.h"
#include "gradus/optim/optimizer.h"
#include "gradus/train/op_profile.h"
#include "gradus/train/timing.h"

namespace gradus {

struct TrainingBenchmarkOptions {
  std::function<std::unique_ptr<Model>()> make_model;  ///< The same each time.
  std::function<std::unique_ptr<Optimizer>(const Parameters&)> make_optimizer;
  std::string optimizer;      ///< Its name in the profile,
  double update_bytes = 0.0;  ///< and what an update reads and writes of one parameter's state, weight and gradient.
  int64_t batch = 1;          ///< Examples a step.
  int64_t steps = 10;         ///< Timed ones.
  int64_t warm_up = 2;        ///< Steps before them, which take their memory from the system.
  ProfiledWork work = {};     ///< With the precision of the steps.
  bool profile = false;       ///< Some more steps, timed op by op.
  std::string less_activations = "a smaller --batch";  ///< What makes these smaller, for one whose memory is too small,
  std::string less_state = {};                         ///< and the optimizer's state.
};

struct TrainingBenchmark {
  Timing steps;               ///< The timed ones.
  double loss = 0.0;          ///< Of the last timed step.
  uint64_t weights_hash = 0;  ///< Over the names and bits of the weights after it.
  int64_t parameters = 0;
  double model_flops = 0.0;  ///< Of a step.
  int64_t peak_rss_bytes = 0;
  /// Of this machine, on all threads, measured in the same run: before and after the steps, whichever is better; the
  /// bandwidth after them.
  double fma_peak_flops = 0.0, bytes_per_s = 0.0;
  /// Of bf16 numbers: the rate of a large product after the steps; 0 unless the steps have such products.
  double bf16_peak_flops = 0.0;
  std::vector<ProfileLine> profile;

  double step_s_median() const { return 1e-3 * median(steps.wall_ms); }
};

/// What AdamW's update reads and writes of one parameter: its gradient twice (the norm comes first), the weight and two
/// moments back and forth.
double adamw_bytes(DType state);
/// A usage error unless there are examples and steps; for those who make the data of such a batch.
void check_benchmark_sizes(int64_t batch, int64_t steps, int64_t warm_up);
/// Usage errors for sizes out of range, and for what does not fit into memory. `model_flops` is three times what the
/// products of a forward pass take.
TrainingBenchmark run_training_benchmark(const TrainingBenchmarkOptions& options, const Dataset& data);

}  // namespace gradus
