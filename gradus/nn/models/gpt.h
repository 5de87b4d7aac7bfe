// GPT: a decoder-only transformer as in GPT-2 (Radford et al., 2019).
#pragma once

#include <functional>
#include <vector>

#include "gradus/nn/layers.h"
#include "gradus/nn/models/model.h"

namespace gradus {

struct GptOptions {
  int64_t vocabulary = 0;  ///< Number of tokens, at least 1.
  int64_t layers = 4;
  int64_t width = 128;  ///< C; a multiple of `heads`.
  int64_t heads = 4;
  int64_t context = 64;  ///< The most tokens that it sees at once.
  double dropout = 0.0;  ///< After the embedding, and on what each branch adds.
  bool bias = true;      ///< In linear layers and norms.
  /// Blocks keep nothing but their input for backward, and run again there: less memory, a third more work, the same
  /// bits.
  bool recompute = false;
};

/// One transformer block: x + attention(norm(x)), then + mlp(norm(x)).
struct GptBlock {
  GptBlock(const ParameterBuilder& p, const GptOptions& options);
  Tensor operator()(const Tensor& x, Context& context) const;

  LayerNorm ln_1, ln_2;
  Linear c_attn, attn_proj, c_fc, mlp_proj;
  Dropout dropout;
  int64_t heads;
};

/// Parameters have the names that GPT-2 has at Hugging Face ("wte.weight", "h.0.attn.c_attn.weight", …), weights (out,
/// in). The output projection is the token embedding. Weights start normal with deviation 0.02, those of the two
/// residual projections with 0.02/√(2·layers), biases at 0.
class Gpt : public Model {
 public:
  /// A usage error if the sizes do not fit together.
  Gpt(const GptOptions& options, uint64_t seed);

  const GptOptions& options() const { return options_; }
  /// Token ids (B, T), T ≤ context → logits (B, T, V).
  Tensor forward(const Tensor& ids, Context& context) const override;
  /// Cross-entropy against the next tokens (B, T), weighted by tokens.
  Loss loss(const Tensor& ids, const Tensor& targets, Context& context) const override;

 private:
  Tensor hidden(const Tensor& ids, Context& context) const;

  GptOptions options_;
  Embedding wte_, wpe_;
  std::vector<GptBlock> blocks_;
  LayerNorm ln_f_;
  Dropout dropout_;
};

struct GenerateOptions {
  int64_t tokens = 256;
  double temperature = 1.0;  ///< Divides the logits; 0 takes the most likely token.
  int64_t top_k = 0;         ///< Samples among the k most likely; 0 for all.
  uint64_t seed = 0;
};

/// Continues `prompt` (at least one token) and returns the new tokens. A pure function of its arguments.
/// `on_token` sees each as it is made; returning false ends early.
std::vector<int32_t> generate(const Gpt& model, std::vector<int32_t> prompt, const GenerateOptions& options,
                              const std::function<bool(int32_t)>& on_token = {});

}  // namespace gradus
