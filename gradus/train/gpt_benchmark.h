// The speed of training a GPT with AdamW on made-up tokens.
#pragma once

#include <cstdint>
#include <string_view>

#include "gradus/nn/models/gpt.h"
#include "gradus/train/training_benchmark.h"

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

/// Weights and tokens depend on nothing but the options.
TrainingBenchmark run_gpt_benchmark(const GptBenchmarkOptions& options);

}  // namespace gradus
