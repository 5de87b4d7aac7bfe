// Sampling from a GPT, a token at a time.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/error.h"
#include "gradus/base/random.h"
#include "gradus/nn/models/gpt.h"

namespace gradus {
namespace {

// Logits (V) of the token after the last `context` ones.
std::vector<double> next_logits(const Gpt& model, const std::vector<int32_t>& tokens) {
  const size_t window = std::min(tokens.size(), static_cast<size_t>(model.options().context));
  const std::vector<int64_t> recent(tokens.end() - static_cast<std::ptrdiff_t>(window), tokens.end());
  Context context;
  const Tensor logits = model.forward(Tensor::from(recent, {1, static_cast<int64_t>(window)}), context);
  return slice(logits, 1, static_cast<int64_t>(window) - 1, static_cast<int64_t>(window)).values<double>();
}

int32_t sample(const std::vector<double>& logits, const GenerateOptions& options, double uniform) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  if (options.temperature == 0.0) return order[0];
  if (options.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(options.top_k)));
  const double highest = logits[static_cast<size_t>(order[0])];
  std::vector<double> cumulative;
  double total = 0.0;
  for (const int32_t id : order) {
    total += std::exp((logits[static_cast<size_t>(id)] - highest) / options.temperature);
    cumulative.push_back(total);
  }
  const auto chosen = std::upper_bound(cumulative.begin(), cumulative.end(), uniform * total);
  return order[std::min(static_cast<size_t>(chosen - cumulative.begin()), order.size() - 1)];
}

}  // namespace

std::vector<int32_t> generate(const Gpt& model, std::vector<int32_t> prompt, const GenerateOptions& options,
                              const std::function<bool(int32_t)>& on_token) {
  if (prompt.empty()) fail_usage("generate", "the prompt is empty; give at least one token");
  if (options.tokens < 0 || options.top_k < 0 || !(options.temperature >= 0.0)) {
    fail_usage("generate", "tokens {}, temperature {}, top_k {}: none may be negative", options.tokens,
               options.temperature, options.top_k);
  }
  const NoGrad no_grad;
  const RandomStream random(mix(options.seed, hash_name("generate")));
  const size_t start = prompt.size();
  for (int64_t i = 0; i < options.tokens; ++i) {
    const std::vector<double> logits = next_logits(model, prompt);
    for (const double logit : logits) {
      if (!std::isfinite(logit)) fail("generate", "the model's output is not finite: its weights are damaged");
    }
    prompt.push_back(sample(logits, options, random.uniform(0, static_cast<uint64_t>(i))));
    if (on_token && !on_token(prompt.back())) break;
  }
  return {prompt.begin() + static_cast<std::ptrdiff_t>(start), prompt.end()};
}

}  // namespace gradus
