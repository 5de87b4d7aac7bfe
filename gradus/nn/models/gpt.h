// GPT: a decoder-only transformer as in GPT-2 (Radford et al., 2019).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "gradus/autograd/ops.h"
#include "gradus/nn/layers.h"
#include "gradus/nn/models/model.h"

namespace gradus {

struct GptOptions {
  int64_t vocabulary = 0;  ///< Number of tokens, at least 1.
  int64_t layers = 4;
  int64_t width = 128;  ///< C; a multiple of `heads`.
  int64_t heads = 4;
  int64_t context = 64;            ///< The most tokens that it sees at once.
  double dropout = 0.0;            ///< After the embedding, and on what each branch adds.
  double attention_dropout = 0.0;  ///< Of the probabilities of attention.
  bool bias = true;                ///< In linear layers and norms.
  enum class Positions : uint8_t { kLearned, kRotary };
  Positions positions = Positions::kLearned;  ///< Learned vectors, or turned queries and keys (`rotary`).
  double rotary_base = 10000.0;
  enum class NormKind : uint8_t { kLayer, kRms };
  NormKind norm = NormKind::kLayer;
  enum class FeedForward : uint8_t { kGelu, kSwiglu };
  FeedForward feed_forward = FeedForward::kGelu;
  /// Width of the feed-forward layer; 0 for 4·width, or for SwiGLU, which has three matrices, 8/3·width rounded up to a
  /// multiple of 8.
  int64_t feed_forward_width = 0;
  int64_t kv_heads = 0;  ///< Heads of keys and values, a divisor of `heads`; 0 for as many.
  int64_t window = 0;    ///< How many tokens one sees, itself included; 0 for all before it.
  bool tied = true;      ///< The output projection is the token embedding.
  /// Blocks keep nothing but their input for backward, and run again there: less memory, a third more work, the same
  /// bits.
  bool recompute = false;
  /// Stochastic depth: the part of the examples that go past a branch of the last block; of earlier blocks less
  /// (`drop_path_rate`).
  double drop_path = 0.0;
  bool spectral_norm = false;  ///< Of the weights of all linear layers, and of a head that is not tied.
  /// Of the loss: so much of each token's probability is spread evenly over the vocabulary.
  double label_smoothing = 0.0;
  /// Start of all matrices: of linear layers and embeddings, of which the width is the number of inputs.
  Initializer weight_init = Initializer::normal(0.02);
};

/// What of its window a token sees, beside what the block's own attention says.
struct SeenTokens {
  Tensor document_starts = {};  ///< `Batch::document_starts`.
  Tensor mask = {};             ///< As in `AttentionOptions`.
};

/// One transformer block: x + attention(norm(x)), then + mlp(norm(x)).
struct GptBlock {
  GptBlock(const ParameterBuilder& p, const GptOptions& options, int64_t block = 0);
  /// Of x (B, T, C).
  Tensor operator()(const Tensor& x, Context& context, const SeenTokens& tokens = {}) const;

  LayerNorm ln_1, ln_2;
  Linear c_attn, attn_proj, c_fc, mlp_proj;
  Dropout dropout;
  double attention_dropout;
  DropPath drop_path;
  int64_t heads;
  PackedAttentionOptions attention;
  GptOptions::FeedForward feed_forward;

 private:
  Tensor branch(const Tensor& x, bool add_input, const Precision& precision) const;
};

/// Parameters have the names that GPT-2 has at Hugging Face ("wte.weight", "h.0.attn.c_attn.weight", …), weights (out,
/// in); "attn.c_attn" makes queries, keys and values side by side, "mlp.c_fc" of a SwiGLU the gate and then what it
/// lets through; "lm_head.weight" is there where it is not tied. Matrices start as `weight_init` says, those of the two
/// residual projections divided by √(2·layers), biases at 0. With rotary positions, RMS norms, SwiGLU, grouped
/// heads, no bias and a head of its own it is Llama (Touvron et al., 2023).
class Gpt : public Model {
 public:
  /// A usage error if the sizes do not fit together.
  Gpt(const GptOptions& options, uint64_t seed);

  const GptOptions& options() const { return options_; }
  /// Token ids (B, T), T ≤ context → logits (B, T, V).
  Tensor forward(const Tensor& ids, Context& context) const override;
  /// The same for windows in which several documents lie (`Batch::document_starts`): a token sees its own alone, and
  /// positions count from where that begins.
  Tensor logits(const Batch& batch, Context& context) const;
  /// Cross-entropy against the next tokens (B, T), weighted by tokens.
  Loss loss(const Batch& batch, Context& context) const override;
  /// With `label_smoothing` also what the tokens' own cross-entropy is, of which perplexity is made.
  void evaluate(const Batch& batch, Context& context, Metrics& metrics) const override;

 private:
  Loss loss_of(const Tensor& hidden, const Tensor& targets, const Precision& precision, double label_smoothing) const;
  Tensor hidden(const Tensor& ids, const Tensor& document_starts, Context& context) const;
  Tensor positions(const Tensor& document_starts, int64_t length) const;

  GptOptions options_;
  Embedding wte_;
  std::optional<Embedding> wpe_;
  std::vector<GptBlock> blocks_;
  LayerNorm ln_f_;
  Dropout dropout_;
  Tensor head() const;

  std::optional<Linear> lm_head_;  // nothing, if it is tied: wte_'s weight
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
