// What keeps networks from fitting too closely: spectral norm of their weights, spatial dropout, stochastic depth.
#include <cmath>
#include <functional>
#include <memory>

#include "gradus/autograd/ops.h"
#include "gradus/nn/models/autoencoder.h"
#include "gradus/nn/models/convolutional.h"
#include "gradus/nn/models/recurrent.h"
#include "gradus/nn/models/resnet.h"
#include "gradus/nn/models/transformer_encoder.h"
#include "tests/nn/reference.h"
#include "tests/testing.h"

namespace gradus {
namespace network_regularization_test {

constexpr Objective kClasses = {.kind = ObjectiveKind::kCrossEntropy};

using Make = std::function<std::unique_ptr<Model>(bool spectral_norm)>;

struct Case {
  const char* name;
  Make make;
  Batch batch;
};

Batch classes_of(const Tensor& inputs) {
  std::vector<int64_t> classes(static_cast<size_t>(inputs.size(0)));
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int64_t>(i) % 2;
  return {.inputs = inputs, .targets = Tensor::from(classes, {inputs.size(0)})};
}

Tensor token_ids() { return Tensor::from(std::vector<int64_t>{1, 2, 3, 4, 4, 2, 0, 1}, {2, 4}); }

std::unique_ptr<Model> gpt(bool spectral_norm, bool tied, GptOptions::FeedForward feed_forward) {
  return std::make_unique<Gpt>(GptOptions{.vocabulary = 5,
                                          .layers = 2,
                                          .width = 8,
                                          .heads = 2,
                                          .context = 4,
                                          .feed_forward = feed_forward,
                                          .tied = tied,
                                          .spectral_norm = spectral_norm},
                               1);
}

template <class M, class... Arguments>
std::unique_ptr<Model> made(Arguments&&... arguments) {
  return std::make_unique<M>(std::forward<Arguments>(arguments)..., 1);
}

std::vector<Case> cases() {
  const Tensor rows = filled("rows", {3, 6}), pictures = filled("pictures", {3, 8, 8, 2});
  const Batch tokens{.inputs = token_ids(), .targets = token_ids()};
  using FeedForward = GptOptions::FeedForward;
  return {
      {"linear",
       [](bool norm) {
         return made<LinearModel>(
             LinearModelOptions{.inputs = 6, .outputs = 2, .objective = kClasses, .spectral_norm = norm});
       },
       classes_of(rows)},
      {"autoencoder",
       [](bool norm) {
         return made<Autoencoder>(AutoencoderOptions{.inputs = 6, .hidden = {5}, .code = 2, .spectral_norm = norm});
       },
       classes_of(rows)},
      {"cnn",
       [](bool norm) {
         return made<ConvolutionalModel>(ConvolutionalOptions{.example = {8, 8, 2},
                                                              .stages = {{4, 2}},
                                                              .hidden = {6},
                                                              .spectral_norm = norm,
                                                              .outputs = 2,
                                                              .objective = kClasses});
       },
       classes_of(pictures)},
      {"cnn along time",
       [](bool norm) {
         return made<ConvolutionalModel>(ConvolutionalOptions{.example = {8, 16},
                                                              .dimensions = 1,
                                                              .stages = {{4, 1}},
                                                              .hidden = {6},
                                                              .spectral_norm = norm,
                                                              .outputs = 2,
                                                              .objective = kClasses});
       },
       classes_of(filled("sounds", {3, 8, 16}))},
      {"resnet",
       [](bool norm) {
         return made<ResNet>(ResNetOptions{
             .example = {8, 8, 2}, .width = 4, .outputs = 2, .spectral_norm = norm, .objective = kClasses});
       },
       classes_of(pictures)},
      {"vit",
       [](bool norm) {
         return made<VisionTransformer>(
             EncoderOptions{
                 .layers = 2, .width = 8, .heads = 2, .spectral_norm = norm, .outputs = 2, .objective = kClasses},
             Shape{8, 8, 2}, std::array<int64_t, 2>{4, 4});
       },
       classes_of(pictures)},
      {"encoder",
       [](bool norm) {
         return made<TextEncoder>(
             EncoderOptions{
                 .layers = 2, .width = 8, .heads = 2, .spectral_norm = norm, .outputs = 2, .objective = kClasses},
             5, 4);
       },
       classes_of(token_ids())},
      {"lstm",
       [](bool norm) {
         return made<RecurrentModel>(RecurrentOptions{.layers = 2,
                                                      .width = 4,
                                                      .bidirectional = true,
                                                      .spectral_norm = norm,
                                                      .outputs = 2,
                                                      .inputs = 16,
                                                      .objective = kClasses});
       },
       classes_of(filled("sounds", {3, 8, 16}))},
      {"gru",
       [](bool norm) {
         return made<RecurrentModel>(RecurrentOptions{.cell = RecurrentOptions::Cell::kGru,
                                                      .width = 4,
                                                      .spectral_norm = norm,
                                                      .outputs = 2,
                                                      .vocabulary = 5,
                                                      .objective = kClasses});
       },
       classes_of(token_ids())},
      {"gpt", [](bool norm) { return gpt(norm, true, FeedForward::kGelu); }, tokens},
      {"gpt with a head", [](bool norm) { return gpt(norm, false, FeedForward::kSwiglu); }, tokens},
  };
}

bool is_normalised(const Parameter& p) {
  const bool is_table = p.name == "wte.weight" || p.name == "wpe.weight";
  return p.tensor.rank() > 1 && !is_table;
}

// A model of that is the same without, of weights that were divided by their largest singular value. Its loss does not
// change where a weight is multiplied: the gradient is at right angles to the weight.
TEST(SpectralNorm, OfAModelIsThatOfItsWeights) {
  for (const Case& c : cases()) {
    const std::unique_ptr<Model> model = c.make(true), plain = c.make(false);
    Context context;
    const double before = plain->loss(c.batch, context).sum.item();
    std::vector<std::pair<std::string, Tensor>> values;
    for (const Parameter& p : model->parameters()) {
      const Tensor own = p.tensor.detach();
      values.emplace_back(p.name, is_normalised(p) ? spectral_norm(own) : own);
    }
    load_parameters(plain->parameters(), values, "normalised");
    const double expected = plain->loss(c.batch, context).sum.item();
    Tape tape;
    const Tensor loss = model->loss(c.batch, context).sum;
    EXPECT_NEAR(loss.item(), expected, 1e-5 * std::abs(expected)) << c.name;
    EXPECT_GT(std::abs(expected - before), 1e-4 * std::abs(expected)) << c.name;
    tape.backward(loss);
    for (const Parameter& p : model->parameters()) {
      if (!is_normalised(p)) continue;
      const std::vector<double> weight = p.tensor.values<double>(), gradient = p.tensor.grad().values<double>();
      double product = 0.0, size = 0.0;
      for (size_t i = 0; i < weight.size(); ++i) {
        product += weight[i] * gradient[i];
        size += std::abs(weight[i] * gradient[i]);
      }
      EXPECT_LE(std::abs(product), 1e-4 * size + 1e-9) << c.name << " " << p.name;
    }
  }
}

TEST(SpectralNorm, IsFoldedIntoAConvolution) {
  Parameters list, buffers;
  Conv2d convolution(ParameterBuilder(list, 1) / "conv", 2, 3, {3, 3}, {}, /*with_bias=*/false);
  convolution.normalizes_weight = true;
  const BatchNorm norm(ParameterBuilder(list, buffers, 1) / "norm", 3);
  const Tensor x = filled("x", {2, 5, 5, 2});
  EXPECT_LT(relative_error(folded(convolution, norm)(x), norm(convolution(x), Context{})), 1e-6);
}

// ---- Spatial dropout.

TEST(ChannelDropout, DropsWholeChannelsOfAnExample) {
  const int64_t examples = 40, channels = 50;
  const Tensor x = Tensor::full({examples, 3, 2, channels}, 1.0);
  std::vector<int64_t> ids(static_cast<size_t>(examples));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i);
  Context context{.training = true, .key = 7, .example_ids = ids};
  const ChannelDropout dropout{0.2};
  const std::vector<double> y = dropout(x, context).values<double>();
  int64_t dropped = 0;
  for (int64_t n = 0; n < examples; ++n) {
    for (int64_t c = 0; c < channels; ++c) {
      const double first = y[static_cast<size_t>(n * 6 * channels + c)];
      EXPECT_TRUE(first == 0.0 || first == static_cast<double>(1.0F / 0.8F));
      for (int64_t place = 1; place < 6; ++place)
        EXPECT_EQ(y[static_cast<size_t>((n * 6 + place) * channels + c)], first);
      dropped += first == 0.0 ? 1 : 0;
    }
  }
  // 2000 draws: within four standard deviations of 400.
  EXPECT_NEAR(static_cast<double>(dropped), 400.0, 4.0 * std::sqrt(2000 * 0.2 * 0.8));
  Context evaluation;
  EXPECT_TRUE(dropout(x, evaluation).is_same(x));
  EXPECT_EQ(evaluation.uses, 0U);
  EXPECT_EQ(error_text([&] { dropout(Tensor::zeros({3}), context); }),
            "[channel_dropout] f32 (3,); expected (N, …, C)");
}

// An example's channels are its own, whatever it is beside.
TEST(ChannelDropout, OfAModelGoesByTheExample) {
  const ConvolutionalModel model({.example = {8, 8, 2},
                                  .stages = {{4, 1}},
                                  .hidden = {6},
                                  .channel_dropout = 0.5,
                                  .outputs = 2,
                                  .objective = kClasses},
                                 1);
  const Tensor x = filled("pictures", {3, 8, 8, 2});
  const std::vector<int64_t> all = {5, 6, 7}, last = {7};
  Context together{.training = true, .key = 3, .example_ids = all},
      alone{.training = true, .key = 3, .example_ids = last};
  const Tensor y = model.outputs({.inputs = x}, together), own = model.outputs({.inputs = slice(x, 0, 2, 3)}, alone);
  EXPECT_LT(relative_error(slice(y, 0, 2, 3), own), 1e-6);
  Context evaluation;
  EXPECT_GT(relative_error(y, model.outputs({.inputs = x}, evaluation)), 1e-2);
}

// ---- Stochastic depth.

TEST(DropPath, RisesOnALine) {
  EXPECT_EQ(drop_path_rate(0.2, 0, 5), 0.0);
  EXPECT_DOUBLE_EQ(drop_path_rate(0.2, 2, 5), 0.1);
  EXPECT_DOUBLE_EQ(drop_path_rate(0.2, 4, 5), 0.2);
  EXPECT_EQ(drop_path_rate(0.2, 0, 1), 0.2);
}

// Of a block with the rate ½ a quarter of the examples come out as they went in, and the first block drops nothing.
TEST(DropPath, OfABlockLetsExamplesPass) {
  const GptOptions options{.vocabulary = 5, .layers = 2, .width = 8, .heads = 2, .context = 4, .drop_path = 0.5};
  Parameters list;
  const GptBlock first(ParameterBuilder(list, 1) / 0, options, 0), last(ParameterBuilder(list, 1) / 1, options, 1);
  const int64_t examples = 200;
  const Tensor x = filled("x", {examples, 4, 8});
  std::vector<int64_t> ids(static_cast<size_t>(examples));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i);
  const auto unchanged = [&](const GptBlock& block) {
    Context context{.training = true, .key = 11, .example_ids = ids};
    const std::vector<double> in = x.values<double>(), out = block(x, context).values<double>();
    int64_t count = 0;
    for (size_t i = 0; i < ids.size(); ++i) count += std::equal(&in[i * 32], &in[i * 32] + 32, &out[i * 32]) ? 1 : 0;
    return static_cast<double>(count);
  };
  EXPECT_NEAR(unchanged(last), 50.0, 4.0 * std::sqrt(200 * 0.25 * 0.75));
  EXPECT_EQ(unchanged(first), 0.0);
}

ResNetOptions small_resnet(double drop_path) {
  return {.example = {8, 8, 2}, .width = 4, .outputs = 2, .drop_path = drop_path, .objective = kClasses};
}

// The way that branches are dropped on is the usual one where none is: that of a rate next to 0.
TEST(DropPath, OfAResNetIsTheSameNetwork) {
  const ResNet usual(small_resnet(0.0), 1), almost(small_resnet(1e-9), 1), dropping(small_resnet(0.9), 1);
  const Batch batch = classes_of(filled("pictures", {4, 8, 8, 2}));
  const std::vector<int64_t> ids = {1, 2, 3, 4};
  const auto output = [&](const ResNet& model, bool training) {
    Context context{.training = training, .key = 5, .example_ids = ids};
    return model.outputs(batch, context);
  };
  const Tensor expected = output(usual, true);
  EXPECT_LT(relative_error(output(almost, true), expected), 1e-5);
  EXPECT_GT(relative_error(output(dropping, true), expected), 1e-2);
  EXPECT_EQ(ResNet(small_resnet(0.9), 1).outputs(batch, *std::make_unique<Context>()).values<double>(),
            ResNet(small_resnet(0.0), 1).outputs(batch, *std::make_unique<Context>()).values<double>());
}

}  // namespace network_regularization_test
}  // namespace gradus
