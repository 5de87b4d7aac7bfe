// Transformers that see a whole example at once, and classify it or tell numbers of it.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "gradus/nn/models/feedforward.h"
#include "gradus/nn/models/gpt.h"

namespace gradus {

struct EncoderOptions {
  int64_t layers = 4;
  int64_t width = 128;  ///< C; a multiple of `heads`.
  int64_t heads = 4;
  double dropout = 0.0;            ///< After the embedding, and on what each branch adds.
  double attention_dropout = 0.0;  ///< Of the probabilities of attention.
  double drop_path = 0.0;          ///< As in `GptOptions`.
  bool spectral_norm = false;      ///< Of the weights of all linear layers.
  int64_t outputs = 1;
  Objective objective = {};
  /// Of what the layers multiply by, in place of GPT-2's start; biases are 0 then. Tables of vectors start as GPT-2's.
  std::optional<Initializer> weight_init = {};
};

/// Blocks of attention to all places and of a feed-forward layer, each behind a norm (Vaswani et al., 2017, with the
/// norms of GPT-2), a norm, the mean over the places, and a linear layer. Places are told by learned vectors.
/// Parameters are "wpe.weight", "h.0…" as in `Gpt`, "ln_f", "head"; weights start as there, but those of patches as a
/// `Linear`'s.
class TransformerEncoder : public FeatureModel {
 public:
  TransformerEncoder(const EncoderOptions& options) : FeatureModel(options.objective), dropout_{options.dropout} {}
  Tensor outputs(const Batch& batch, Context& context) const override;

 protected:
  /// What a place starts from, (B, T, C), without what tells it from others.
  virtual Tensor embed(const Batch& batch, Context& context) const = 0;
  /// Makes all but the embedding, whose parameters come first.
  void make_layers(const EncoderOptions& options, int64_t places, uint64_t seed);

 private:
  Dropout dropout_;
  std::optional<Embedding> wpe_;
  std::vector<GptBlock> blocks_;
  std::optional<LayerNorm> ln_f_;
  std::optional<Linear> head_;
};

/// Of tokens: ids (B, T), T ≤ context, the rows of a table "wte.weight". Padding is not seen.
class TextEncoder : public TransformerEncoder {
 public:
  TextEncoder(const EncoderOptions& options, int64_t vocabulary, int64_t context, uint64_t seed);

 protected:
  Tensor embed(const Batch& batch, Context& context) const override;

 private:
  int64_t context_;
  std::optional<Embedding> wte_;
};

/// Of pictures (H, W, C), or spectrograms (T, C) as pictures of one channel: patches of `patch` (down, across), each
/// through the linear layer "patch". Dosovitskiy et al., "An image is worth 16×16 words" (ViT), 2021, with the mean in
/// place of a token of its own. A usage error unless patches cover the picture.
class VisionTransformer : public TransformerEncoder {
 public:
  VisionTransformer(const EncoderOptions& options, const Shape& example, std::array<int64_t, 2> patch, uint64_t seed);

 protected:
  Tensor embed(const Batch& batch, Context& context) const override;

 private:
  Shape image_;  // (H, W, C)
  std::array<int64_t, 2> patch_;
  std::optional<Linear> projection_;
};

}  // namespace gradus
