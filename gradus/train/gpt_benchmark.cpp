#include "gradus/train/gpt_benchmark.h"

#include <algorithm>
#include <utility>

#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/data/dataset.h"

namespace gradus {
namespace {

constexpr int64_t kBatches = 64;          // of tokens, for variety; fewer of large ones
constexpr int64_t kMostTokens = 1 << 24;  // in a step

TokenDataset made_up_tokens(const GptOptions& model, int64_t batch) {
  const RandomStream random(1);
  const int64_t step = std::max<int64_t>(1, batch * model.context);
  std::vector<int32_t> tokens(static_cast<size_t>(step * std::clamp<int64_t>(kMostTokens / step, 1, kBatches) + 1));
  for (size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<int32_t>(random.bits(0, i) % static_cast<uint64_t>(model.vocabulary));
  }
  return TokenDataset(std::move(tokens), model.context);
}

}  // namespace

GptBenchmarkOptions gpt_preset(std::string_view name) {
  GptBenchmarkOptions o;
  if (name == "gpt2-124m") {
    o.model = {.vocabulary = 50257, .layers = 12, .width = 768, .heads = 12, .context = 256};
    o.batch = 4;
  } else if (name == "gpt-10m") {
    o.model = {.vocabulary = 65, .layers = 6, .width = 384, .heads = 6, .context = 256};
    o.batch = 16;
  } else if (name == "gpt-1m") {
    o.model = {.vocabulary = 65, .layers = 4, .width = 128, .heads = 4, .context = 64};
    o.batch = 12;
    o.steps = 100;
  } else {
    fail_usage("preset", "\"{}\" is not known; expected gpt2-124m, gpt-10m or gpt-1m", name);
  }
  return o;
}

double gpt_model_flops(const GptOptions& m, int64_t batch) {
  const double width = static_cast<double>(m.width), layers = static_cast<double>(m.layers);
  const double weights = 12.0 * layers * width * width + static_cast<double>(m.vocabulary) * width;
  const double attention = 6.0 * static_cast<double>(m.context) * width * layers;
  return (6.0 * weights + attention) * static_cast<double>(batch * m.context);
}

TrainingBenchmark run_gpt_benchmark(const GptBenchmarkOptions& o) {
  check_benchmark_sizes(o.batch, o.steps, o.warm_up);
  if (o.batch > kMostTokens || o.batch * o.model.context > kMostTokens) {
    fail_usage("bench", "{} sequences of {} tokens in a step; expected up to {} tokens: take a smaller batch", o.batch,
               o.model.context, kMostTokens);
  }
  const TokenDataset data = made_up_tokens(o.model, o.batch);
  TrainingBenchmark result = run_training_benchmark(
      {.make_model = [&o] { return std::make_unique<Gpt>(o.model, 1); },
       .make_optimizer = [&o](const Parameters& p) { return make_adamw(p, {.state = o.optimizer_state}); },
       .optimizer = "AdamW",
       .update_bytes = adamw_bytes(o.optimizer_state),
       .batch = o.batch,
       .steps = o.steps,
       .warm_up = o.warm_up,
       .work = {.rows = o.batch * o.model.context, .precision = o.precision},
       .profile = o.profile,
       .less_activations = "a smaller --batch or --seq, --activations bf16, or --recompute",
       .less_state = "--optimizer-state bf16"},
      data);
  result.model_flops = gpt_model_flops(o.model, o.batch);
  return result;
}

}  // namespace gradus
