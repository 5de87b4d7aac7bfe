#include "gradus/train/experiment_networks.h"

#include <algorithm>
#include <array>

#include "gradus/base/error.h"
#include "gradus/nn/models/autoencoder.h"
#include "gradus/nn/models/convolutional.h"
#include "gradus/nn/models/recurrent.h"
#include "gradus/nn/models/resnet.h"
#include "gradus/nn/models/transformer_encoder.h"
#include "gradus/train/data_parts.h"

namespace gradus::internal {
namespace {

[[noreturn]] void fail_kind(const Config& config, const char* wanted) {
  fail_usage(config.where("model.kind"),
             "model.kind = \"{}\" is for {}, which data.kind = \"{}\" does not give; take \"mlp\" for rows of numbers",
             config.text("model.kind"), wanted, config.text("data.kind"));
}

// Of pictures, and of sounds as spectrograms.
const Shape& example_of(const Config& config, const DataShape& shape) {
  if (shape.example.rank() == 0) fail_kind(config, "pictures and spectrograms");
  return shape.example;
}

EncoderOptions encoder_options_of(const Config& config, const DataShape& shape) {
  return {.layers = config.integer("model.layers"),
          .width = config.integer("model.width"),
          .heads = config.integer("model.heads"),
          .dropout = config.real("model.dropout"),
          .attention_dropout = config.real("model.attention_dropout"),
          .drop_path = config.real("model.drop_path"),
          .spectral_norm = config.boolean("model.spectral_norm"),
          .outputs = shape.outputs,
          .objective = objective_of(config),
          .weight_init = start_of(config).weight};
}

std::unique_ptr<Model> make_vit(const Config& config, const DataShape& shape) {
  const std::vector<int64_t>& patch = config.integers("model.patch");
  if (patch.size() > 2) {
    fail_usage(config.where("model.patch"), "model.patch = {}; expected a side, or two numbers, down and across",
               config.shown("model.patch"));
  }
  return std::make_unique<VisionTransformer>(encoder_options_of(config, shape), example_of(config, shape),
                                             std::array{patch.front(), patch.back()}, seed_of(config));
}

std::unique_ptr<Model> make_text_encoder(const Config& config, const DataShape& shape) {
  if (shape.vocabulary == 0) fail_kind(config, "texts with labels");
  return std::make_unique<TextEncoder>(encoder_options_of(config, shape), shape.vocabulary,
                                       config.integer("data.longest"), seed_of(config));
}

std::unique_ptr<Model> make_rnn(const Config& config, const DataShape& shape) {
  const bool by_time = shape.vocabulary > 0 || shape.example.rank() == 2;
  if (!by_time) fail_kind(config, "sounds, and texts with labels");
  return std::make_unique<RecurrentModel>(
      RecurrentOptions{
          .cell = config.text("model.cell") == "gru" ? RecurrentOptions::Cell::kGru : RecurrentOptions::Cell::kLstm,
          .layers = config.integer("model.layers"),
          .width = config.integer("model.width"),
          .bidirectional = config.boolean("model.bidirectional"),
          .dropout = config.real("model.dropout"),
          .spectral_norm = config.boolean("model.spectral_norm"),
          .outputs = shape.outputs,
          .vocabulary = shape.vocabulary,
          .inputs = shape.vocabulary > 0 ? 1 : shape.example[1],
          .objective = objective_of(config),
          .start = start_of(config)},
      seed_of(config));
}

std::unique_ptr<Model> make_resnet(const Config& config, const DataShape& shape) {
  const Shape& example = example_of(config, shape);
  constexpr int64_t kSmallSide = 64;
  const bool is_small = std::max(example[0], example[1]) <= kSmallSide;
  const bool small = config.has("model.stem") ? config.text("model.stem") == "small" : is_small;
  return std::make_unique<ResNet>(
      ResNetOptions{.example = example,
                    .depth = config.integer("model.depth"),
                    .stem = small ? ResNetOptions::Stem::kSmall : ResNetOptions::Stem::kLarge,
                    .width = config.integer("model.width"),
                    .outputs = shape.outputs,
                    .drop_path = config.real("model.drop_path"),
                    .channel_dropout = config.real("model.channel_dropout"),
                    .spectral_norm = config.boolean("model.spectral_norm"),
                    .objective = objective_of(config),
                    .start = start_of(config)},
      seed_of(config));
}

ConvolutionalOptions cnn_options(const Config& config, const Shape& example) {
  ConvolutionalOptions o{.example = example,
                         .dimensions = config.integer("model.dimensions"),
                         .stages = {},
                         .kernel = config.integer("model.kernel"),
                         .padding = config.text("model.padding") == "same" ? ConvolutionalOptions::Padding::kSame
                                                                           : ConvolutionalOptions::Padding::kValid,
                         .pool = config.text("model.pool") == "max" ? ConvolutionalOptions::Pool::kMax
                                                                    : ConvolutionalOptions::Pool::kAverage,
                         .global_pool = config.boolean("model.global_pool"),
                         .batch_norm = config.boolean("model.batch_norm"),
                         .hidden = config.integers("model.hidden"),
                         .activation = activation_from_name(config.text("model.activation")),
                         .dropout = config.real("model.dropout"),
                         .alpha_dropout = config.text("model.dropout_kind") == "alpha"};
  for (const int64_t channels : config.integers("model.channels")) {
    o.stages.push_back({channels, config.integer("model.convolutions")});
  }
  return o;
}

std::unique_ptr<Model> make_convolutional(const Config& config, const DataShape& shape) {
  const Shape& example = example_of(config, shape);
  const std::string& kind = config.text("model.kind");
  ConvolutionalOptions o = kind == "lenet" ? lenet_options(example)
                           : kind == "vgg" ? vgg_options(example, config.integer("model.depth"))
                                           : cnn_options(config, example);
  o.outputs = shape.outputs;
  o.channel_dropout = config.real("model.channel_dropout");
  o.spectral_norm = config.boolean("model.spectral_norm");
  o.objective = objective_of(config);
  o.start = start_of(config);
  return std::make_unique<ConvolutionalModel>(o, seed_of(config));
}

std::unique_ptr<Model> make_autoencoder(const Config& config, const DataShape& shape) {
  if (shape.vocabulary > 0) fail_kind(config, "rows of numbers and pictures");
  return std::make_unique<Autoencoder>(
      AutoencoderOptions{.inputs = shape.inputs,
                         .hidden = config.integers("model.hidden"),
                         .code = config.integer("model.code"),
                         .activation = activation_from_name(config.text("model.activation")),
                         .spectral_norm = config.boolean("model.spectral_norm"),
                         .start = start_of(config)},
      seed_of(config));
}

}  // namespace

std::unique_ptr<Model> make_network(const Config& config, const DataShape& shape) {
  const std::string& kind = config.text("model.kind");
  if (kind == "vit") return make_vit(config, shape);
  if (kind == "encoder") return make_text_encoder(config, shape);
  if (kind == "rnn") return make_rnn(config, shape);
  if (kind == "resnet") return make_resnet(config, shape);
  return kind == "autoencoder" ? make_autoencoder(config, shape) : make_convolutional(config, shape);
}

}  // namespace gradus::internal
