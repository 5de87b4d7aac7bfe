#include "gradus/nn/models/transformer_encoder.h"

#include "gradus/autograd/ops.h"
#include "gradus/base/error.h"
#include "gradus/nn/models/feature_inputs.h"

namespace gradus {
namespace {

constexpr double kDeviation = 0.02;  // as GPT-2's

const Initializer kZero = Initializer::constant(0.0);

}  // namespace

void TransformerEncoder::make_layers(const EncoderOptions& o, int64_t places, uint64_t seed) {
  if (o.layers < 1 || o.width < 1 || o.heads < 1 || o.width % o.heads != 0) {
    fail_usage("encoder", "layers {}, width {}, heads {}: each must be at least 1, and width a multiple of heads",
               o.layers, o.width, o.heads);
  }
  const ParameterBuilder p(parameters_, seed);
  wpe_.emplace(p / "wpe", places, o.width, Initializer::normal(kDeviation));
  const Initializer start = o.weight_init.value_or(Initializer::normal(kDeviation));
  const GptOptions block{.layers = o.layers,
                         .width = o.width,
                         .heads = o.heads,
                         .dropout = o.dropout,
                         .attention_dropout = o.attention_dropout,
                         .drop_path = o.drop_path,
                         .spectral_norm = o.spectral_norm,
                         .weight_init = start};
  for (int64_t i = 0; i < o.layers; ++i) {
    blocks_.emplace_back(p / "h" / i, block, i);
    blocks_.back().attention.causal = false;
  }
  ln_f_.emplace(p / "ln_f", o.width);
  head_.emplace(p / "head", o.width, o.outputs,
                LinearOptions{.weight_init = &start, .bias_init = &kZero, .spectral_norm = o.spectral_norm});
}

Tensor TransformerEncoder::outputs(const Batch& batch, Context& context) const {
  Tensor x = embed(batch, context);
  x = dropout_(x + slice(wpe_->weight, 0, 0, x.size(1)), context);
  Tensor seen = own_places(batch);
  if (seen.defined()) seen = seen.view({seen.size(0), 1, 1, seen.size(1)}, {seen.size(1), 0, 0, 1});
  for (const GptBlock& block : blocks_) x = block(x, context, {.mask = seen});
  return (*head_)(mean_of_own((*ln_f_)(x), batch), context.precision);
}

TextEncoder::TextEncoder(const EncoderOptions& options, int64_t vocabulary, int64_t context, uint64_t seed)
    : TransformerEncoder(options), context_(context) {
  wte_.emplace(ParameterBuilder(parameters_, seed) / "wte", vocabulary, options.width, Initializer::normal(kDeviation));
  make_layers(options, context, seed);
}

Tensor TextEncoder::embed(const Batch& batch, Context&) const {
  const Tensor& ids = batch.inputs;
  if (!ids.defined() || ids.rank() != 2 || ids.size(1) > context_) {
    fail("encoder", "token ids {}; expected (B, T) with T up to the context of {}",
         ids.defined() ? ids.describe() : "are missing", context_);
  }
  return (*wte_)(ids);
}

VisionTransformer::VisionTransformer(const EncoderOptions& options, const Shape& example, std::array<int64_t, 2> patch,
                                     uint64_t seed)
    : TransformerEncoder(options), image_(example), patch_(patch) {
  if (image_.rank() == 2) image_.push_back(1);
  if (image_.rank() != 3 || patch[0] < 1 || patch[1] < 1 || image_[0] % patch[0] != 0 || image_[1] % patch[1] != 0) {
    fail_usage("model.patch", "patches of {} x {} do not cover examples of {}; give divisors of the first two sizes",
               patch[0], patch[1], to_string(example));
  }
  Start start{.weight = options.weight_init};
  if (start.weight) start.bias = kZero;
  projection_.emplace(ParameterBuilder(parameters_, seed).starting(start) / "patch", patch[0] * patch[1] * image_[2],
                      options.width, LinearOptions{.spectral_norm = options.spectral_norm});
  make_layers(options, image_[0] / patch[0] * (image_[1] / patch[1]), seed);
}

Tensor VisionTransformer::embed(const Batch& batch, Context& context) const {
  const Tensor x = examples_of(batch, image_, "vit");
  const int64_t down = image_[0] / patch_[0], across = image_[1] / patch_[1];
  const Tensor cut = permute(reshape(x, {x.size(0), down, patch_[0], across, patch_[1], image_[2]}), {0, 1, 3, 2, 4, 5});
  return (*projection_)(reshape(cut, {x.size(0), down * across, -1}), context.precision);
}

}  // namespace gradus
