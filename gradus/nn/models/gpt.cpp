#include "gradus/nn/models/gpt.h"

#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/recompute.h"
#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"

namespace gradus {
namespace {

Linear make_linear(const ParameterBuilder& p, int64_t in, int64_t out, const Initializer& init, const GptOptions& o) {
  const Initializer zero = Initializer::constant(0.0);
  return Linear(p, in, out,
                {.bias = o.bias, .weight_init = &init, .bias_init = &zero, .spectral_norm = o.spectral_norm});
}

Initializer residual_init(const GptOptions& options) {
  return options.weight_init.divided_by(std::sqrt(2.0 * static_cast<double>(options.layers)));
}

GptOptions checked(const GptOptions& o) {
  if (o.vocabulary < 1 || o.layers < 1 || o.width < 1 || o.heads < 1 || o.context < 1) {
    fail_usage("gpt", "vocabulary {}, layers {}, width {}, heads {}, context {}: each must be at least 1", o.vocabulary,
               o.layers, o.width, o.heads, o.context);
  }
  if (o.width % o.heads != 0) fail_usage("gpt", "width {} is not a multiple of heads {}", o.width, o.heads);
  if (o.kv_heads < 0 || (o.kv_heads > 0 && o.heads % o.kv_heads != 0)) {
    fail_usage("gpt", "kv_heads {} is not a divisor of heads {}", o.kv_heads, o.heads);
  }
  if (o.positions == GptOptions::Positions::kRotary && o.width / o.heads % 2 != 0) {
    fail_usage("gpt", "rotary positions turn pairs, and width {} / heads {} is odd", o.width, o.heads);
  }
  if (!(o.drop_path >= 0.0 && o.drop_path < 1.0)) {
    fail_usage("gpt", "drop_path {}; expected a number from 0 to below 1", o.drop_path);
  }
  if (!(o.label_smoothing >= 0.0 && o.label_smoothing < 1.0)) {
    fail_usage("gpt", "label_smoothing {}; expected a number from 0 to below 1", o.label_smoothing);
  }
  if (o.feed_forward_width < 0 || o.window < 0) {
    fail_usage("gpt", "feed_forward_width {}, window {}: each must be 0 or more", o.feed_forward_width, o.window);
  }
  return o;
}

int64_t kv_heads_of(const GptOptions& o) { return o.kv_heads > 0 ? o.kv_heads : o.heads; }

bool is_gated(const GptOptions& o) { return o.feed_forward == GptOptions::FeedForward::kSwiglu; }

int64_t feed_forward_width(const GptOptions& o) {
  if (o.feed_forward_width > 0) return o.feed_forward_width;
  return is_gated(o) ? (8 * o.width + 23) / 24 * 8 : 4 * o.width;
}

LayerNorm make_norm(const ParameterBuilder& p, const GptOptions& o) {
  return LayerNorm(p, o.width, o.bias, {.rms = o.norm == GptOptions::NormKind::kRms});
}

PackedAttentionOptions attention_options(const GptOptions& o) {
  PackedAttentionOptions result{.kv_heads = o.kv_heads, .window = o.window};
  if (o.positions == GptOptions::Positions::kRotary) result.rotary = RotaryOptions{.base = o.rotary_base};
  return result;
}

NormParameters parameters_of(const LayerNorm& layer) {
  return {layer.weight, layer.bias, layer.options.epsilon, layer.options.rms};
}

}  // namespace

GptBlock::GptBlock(const ParameterBuilder& p, const GptOptions& o, int64_t block)
    : ln_1(make_norm(p / "ln_1", o)),
      ln_2(make_norm(p / "ln_2", o)),
      c_attn(make_linear(p / "attn" / "c_attn", o.width, o.width / o.heads * (o.heads + 2 * kv_heads_of(o)),
                         o.weight_init, o)),
      attn_proj(make_linear(p / "attn" / "c_proj", o.width, o.width, residual_init(o), o)),
      c_fc(make_linear(p / "mlp" / "c_fc", o.width, (is_gated(o) ? 2 : 1) * feed_forward_width(o), o.weight_init, o)),
      mlp_proj(make_linear(p / "mlp" / "c_proj", feed_forward_width(o), o.width, residual_init(o), o)),
      dropout{o.dropout},
      attention_dropout(o.attention_dropout),
      drop_path{drop_path_rate(o.drop_path, block, o.layers)},
      heads(o.heads),
      attention(attention_options(o)),
      feed_forward(o.feed_forward) {}

// The feed-forward branch, with x added to it or not.
Tensor GptBlock::branch(const Tensor& x, bool add_input, const Precision& precision) const {
  const NormParameters norm = parameters_of(ln_2);
  const Tensor in_weight = c_fc.matrix(), out_weight = mlp_proj.matrix();
  const LinearParameters in{in_weight, c_fc.bias}, out{out_weight, mlp_proj.bias};
  if (feed_forward == GptOptions::FeedForward::kGelu) {
    return norm_feed_forward(x, norm, in, out, add_input, precision);
  }
  const Tensor both = norm_linear(x, norm, in, precision);
  const int64_t width = both.size(-1) / 2;
  const Tensor hidden = swiglu(slice(both, -1, 0, width), slice(both, -1, width, 2 * width));
  return linear(hidden, out.weight, out.bias, add_input ? x : Tensor(), precision);
}

Tensor GptBlock::operator()(const Tensor& x, Context& context, const SeenTokens& tokens) const {
  // Where nothing is dropped, the residual is added on the product's tiles.
  const bool drops = context.training && (dropout.rate > 0.0 || drop_path.rate > 0.0);
  const Precision& precision = context.precision;
  PackedAttentionOptions seen = attention;
  seen.document_starts = tokens.document_starts;
  seen.mask = tokens.mask;
  if (context.training && attention_dropout > 0.0) {
    seen.dropout = {.rate = attention_dropout, .key = context.next_key(), .example_ids = context.example_ids};
  }
  const Tensor weight = c_attn.matrix();
  const Tensor mixed =
      causal_attention(norm_linear(x, parameters_of(ln_1), {weight, c_attn.bias}, precision), heads, seen, precision);
  Tensor attended = linear(mixed, attn_proj.matrix(), attn_proj.bias, drops ? Tensor() : x, precision);
  if (!drops) return branch(attended, /*add_input=*/true, precision);
  attended = x + drop_path(dropout(attended, context), context);
  return attended + drop_path(dropout(branch(attended, /*add_input=*/false, precision), context), context);
}

Gpt::Gpt(const GptOptions& options, uint64_t seed)
    : options_(checked(options)),
      wte_(ParameterBuilder(parameters_, seed) / "wte", options.vocabulary, options.width, options.weight_init),
      wpe_([&]() -> std::optional<Embedding> {
        if (options.positions != GptOptions::Positions::kLearned) return std::nullopt;
        return Embedding(ParameterBuilder(parameters_, seed) / "wpe", options.context, options.width,
                         options.weight_init);
      }()),
      blocks_([&] {
        std::vector<GptBlock> blocks;
        const ParameterBuilder h = ParameterBuilder(parameters_, seed) / "h";
        for (int64_t i = 0; i < options.layers; ++i) blocks.emplace_back(h / i, options, i);
        return blocks;
      }()),
      ln_f_(make_norm(ParameterBuilder(parameters_, seed) / "ln_f", options)),
      dropout_{options.dropout},
      lm_head_([&]() -> std::optional<Linear> {
        if (options.tied) return std::nullopt;
        return Linear(ParameterBuilder(parameters_, seed) / "lm_head", options.width, options.vocabulary,
                      {.bias = false, .weight_init = &options.weight_init, .spectral_norm = options.spectral_norm});
      }()) {}

Tensor Gpt::head() const { return lm_head_ ? lm_head_->matrix() : wte_.weight; }

// The vectors of the positions: (T, C), or (B, T, C) where documents begin within a window.
Tensor Gpt::positions(const Tensor& document_starts, int64_t length) const {
  if (!document_starts.defined()) return slice(wpe_->weight, 0, 0, length);
  const Tensor starts = kernels::contiguous(document_starts);
  Tensor places = Tensor::empty(starts.shape(), DType::kI64);
  int64_t* const place = places.mutable_data<int64_t>();
  for (int64_t i = 0; i < starts.numel(); ++i) place[i] = i % length - starts.data<int64_t>()[i];
  return (*wpe_)(places);
}

Tensor Gpt::hidden(const Tensor& ids, const Tensor& document_starts, Context& context) const {
  if (ids.rank() != 2 || ids.size(1) > options_.context) {
    fail("gpt", "token ids {}; expected (B, T) with T up to the context of {}", ids.describe(), options_.context);
  }
  Tensor x = wte_(ids);
  if (wpe_) x = x + positions(document_starts, ids.size(1));
  x = dropout_(x, context);
  for (const GptBlock& block : blocks_) {
    if (!options_.recompute) {
      x = block(x, context, {.document_starts = document_starts});
      continue;
    }
    x = recompute(x, context, [&block, document_starts](const Tensor& input, Context& own) {
      return block(input, own, {.document_starts = document_starts});
    });
  }
  return ln_f_(x);
}

Tensor Gpt::forward(const Tensor& ids, Context& context) const {
  return logits({.inputs = ids}, context);
}

Tensor Gpt::logits(const Batch& batch, Context& context) const {
  return linear(hidden(batch.inputs, batch.document_starts, context), head(), {}, {}, context.precision);
}

Loss Gpt::loss(const Batch& batch, Context& context) const {
  const Tensor x = hidden(batch.inputs, batch.document_starts, context);
  return loss_of(x, batch.targets, context.precision, options_.label_smoothing);
}

Loss Gpt::loss_of(const Tensor& x, const Tensor& targets, const Precision& precision, double label_smoothing) const {
  return {linear_cross_entropy(x, head(), targets, Reduction::kSum, precision, label_smoothing),
          static_cast<double>(targets.numel())};
}

void Gpt::evaluate(const Batch& batch, Context& context, Metrics& metrics) const {
  const Tensor x = hidden(batch.inputs, batch.document_starts, context);
  metrics.add(loss_of(x, batch.targets, context.precision, options_.label_smoothing));
  if (options_.label_smoothing > 0.0) metrics.add_likelihood(loss_of(x, batch.targets, context.precision, 0.0));
}

}  // namespace gradus
