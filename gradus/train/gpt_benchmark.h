// The speed of training a GPT on made-up tokens: whole steps through the ordinary trainer, and a profile by op.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gradus/nn/models/gpt.h"

namespace gradus {

struct GptBenchmarkOptions {
  GptOptions model;
  int64_t batch = 1;                    ///< Sequences a step, each `model.context` tokens long.
  int64_t steps = 10;                   ///< Timed ones.
  int64_t warm_up = 2;                  ///< Steps before them, which take their memory from the system.
  Precision precision = {};             ///< Of the steps.
  DType optimizer_state = DType::kF32;  ///< Or kBF16.
  bool profile = false;                 ///< Some more steps, timed op by op.
};

/// GPTs to measure: "gpt2-124m", "gpt-10m" and "gpt-1m", each with its batch; a usage error for another name.
GptBenchmarkOptions gpt_preset(std::string_view name);

/// Floating-point operations of a step that the model itself asks for: 6 · (weights in matrix products) · tokens, plus
/// attention's 6 · T · C a token and layer, which counts only the scores that a token sees (the causal half). What is
/// computed twice to save memory does not count.
double gpt_model_flops(const GptOptions& model, int64_t batch);
inline constexpr const char* kGptModelFlopsFormula =
    "6 * (weights in matrix products + context * width * layers) * tokens: the causal half of attention counts, what "
    "is "
    "computed twice does not";

/// The time of all calls of one op in a step, forward or backward.
struct ProfileLine {
  std::string name;
  int64_t calls = 0;     ///< A step.
  double seconds = 0.0;  ///< A step.
  double flops = 0.0;    ///< A step; 0 where bytes are what limits it.
  double bytes = 0.0;    ///< That it has to read and write at least.
  bool is_bf16 = false;  ///< Its products are of bf16 numbers.
};

struct GptBenchmark {
  std::vector<double> step_s;  ///< Of the timed steps.
  double loss = 0.0;           ///< Of the last timed step.
  uint64_t weights_hash = 0;   ///< Over the names and bits of the weights after it.
  int64_t parameters = 0;
  int64_t tokens = 0;  ///< A step.
  double model_flops = 0.0;
  int64_t peak_rss_bytes = 0;
  /// Of this machine, on all threads, measured in the same run: before and after the steps, whichever is better; the
  /// bandwidth after them.
  double fma_peak_flops = 0.0, bytes_per_s = 0.0;
  /// Of bf16 numbers: the rate of a large product after the steps; 0 unless the steps have such products.
  double bf16_peak_flops = 0.0;
  std::vector<ProfileLine> profile;

  double step_s_median() const;
};

/// Trains with AdamW. Weights and tokens depend on nothing but the options.
GptBenchmark run_gpt_benchmark(const GptBenchmarkOptions& options);

}  // namespace gradus
