#include "gradus/nn/models/gpt.h"

#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/recompute.h"
#include "gradus/base/error.h"

namespace gradus {
namespace {

constexpr double kDeviation = 0.02;

Linear make_linear(const ParameterBuilder& p, int64_t in, int64_t out, double deviation, bool bias) {
  const Initializer normal = Initializer::normal(deviation), zero = Initializer::constant(0.0);
  return Linear(p, in, out, {.bias = bias, .weight_init = &normal, .bias_init = &zero});
}

double residual_deviation(const GptOptions& options) {
  return kDeviation / std::sqrt(2.0 * static_cast<double>(options.layers));
}

GptOptions checked(const GptOptions& o) {
  if (o.vocabulary < 1 || o.layers < 1 || o.width < 1 || o.heads < 1 || o.context < 1) {
    fail_usage("gpt", "vocabulary {}, layers {}, width {}, heads {}, context {}: each must be at least 1", o.vocabulary,
               o.layers, o.width, o.heads, o.context);
  }
  if (o.width % o.heads != 0) fail_usage("gpt", "width {} is not a multiple of heads {}", o.width, o.heads);
  return o;
}

}  // namespace

GptBlock::GptBlock(const ParameterBuilder& p, const GptOptions& o)
    : ln_1(p / "ln_1", o.width, o.bias),
      ln_2(p / "ln_2", o.width, o.bias),
      c_attn(make_linear(p / "attn" / "c_attn", o.width, 3 * o.width, kDeviation, o.bias)),
      attn_proj(make_linear(p / "attn" / "c_proj", o.width, o.width, residual_deviation(o), o.bias)),
      c_fc(make_linear(p / "mlp" / "c_fc", o.width, 4 * o.width, kDeviation, o.bias)),
      mlp_proj(make_linear(p / "mlp" / "c_proj", 4 * o.width, o.width, residual_deviation(o), o.bias)),
      dropout{o.dropout},
      heads(o.heads) {}

Tensor GptBlock::operator()(const Tensor& x, Context& context) const {
  // Where dropout does nothing, the residual is added on the product's tiles.
  const bool drops = context.training && dropout.rate > 0.0;
  const auto norm = [](const LayerNorm& layer) { return NormParameters{layer.weight, layer.bias, layer.epsilon}; };
  const Precision& precision = context.precision;
  const Tensor attention =
      causal_attention(norm_linear(x, norm(ln_1), {c_attn.weight, c_attn.bias}, precision), heads, precision);
  Tensor attended = linear(attention, attn_proj.weight, attn_proj.bias, drops ? Tensor() : x, precision);
  if (drops) attended = x + dropout(attended, context);
  const Tensor y = norm_feed_forward(attended, norm(ln_2), {c_fc.weight, c_fc.bias}, {mlp_proj.weight, mlp_proj.bias},
                                     /*add_input=*/!drops, precision);
  return drops ? attended + dropout(y, context) : y;
}

Gpt::Gpt(const GptOptions& options, uint64_t seed)
    : options_(checked(options)),
      wte_(ParameterBuilder(parameters_, seed) / "wte", options.vocabulary, options.width,
           Initializer::normal(kDeviation)),
      wpe_(ParameterBuilder(parameters_, seed) / "wpe", options.context, options.width,
           Initializer::normal(kDeviation)),
      blocks_([&] {
        std::vector<GptBlock> blocks;
        const ParameterBuilder h = ParameterBuilder(parameters_, seed) / "h";
        for (int64_t i = 0; i < options.layers; ++i) blocks.emplace_back(h / i, options);
        return blocks;
      }()),
      ln_f_(ParameterBuilder(parameters_, seed) / "ln_f", options.width, options.bias),
      dropout_{options.dropout} {}

Tensor Gpt::hidden(const Tensor& ids, Context& context) const {
  if (ids.rank() != 2 || ids.size(1) > options_.context) {
    fail("gpt", "token ids {}; expected (B, T) with T up to the context of {}", ids.describe(), options_.context);
  }
  const Tensor positions = slice(wpe_.weight, 0, 0, ids.size(1));
  Tensor x = dropout_(wte_(ids) + positions, context);
  for (const GptBlock& block : blocks_) {
    if (!options_.recompute) {
      x = block(x, context);
      continue;
    }
    x = recompute(x, context, [&block](const Tensor& input, Context& own) { return block(input, own); });
  }
  return ln_f_(x);
}

Tensor Gpt::forward(const Tensor& ids, Context& context) const {
  return linear(hidden(ids, context), wte_.weight, {}, {}, context.precision);
}

Loss Gpt::loss(const Tensor& ids, const Tensor& targets, Context& context) const {
  return {linear_cross_entropy(hidden(ids, context), wte_.weight, targets, Reduction::kSum, context.precision),
          static_cast<double>(targets.numel())};
}

}  // namespace gradus
