// Networks of pictures, sounds and texts against PyTorch's (tools/make_network_references.py).
#include <algorithm>
#include <iterator>

#include "gradus/autograd/ops.h"
#include "gradus/nn/models/autoencoder.h"
#include "gradus/nn/models/convolutional.h"
#include "gradus/nn/models/recurrent.h"
#include "gradus/nn/models/resnet.h"
#include "gradus/nn/models/transformer_encoder.h"
#include "tests/nn/reference.h"
#include "tests/testing.h"

namespace gradus {
namespace networks_test {

constexpr Objective kClasses = {.kind = ObjectiveKind::kCrossEntropy};

/// Norms' weights lie about 1, everything else about 0; all of it times `scale`.
void load_formula(const Model& model, double scale = 1.0) {
  std::vector<std::pair<std::string, Tensor>> values;
  for (const Parameter& p : model.parameters()) {
    constexpr const char* kNorms[] = {"bn", "norm", "downsample.1", "ln_"};
    const bool is_norm = std::any_of(std::begin(kNorms), std::end(kNorms),
                                     [&](const char* part) { return p.name.find(part) != std::string::npos; });
    const bool about_1 = is_norm && p.name.ends_with(".weight");
    values.emplace_back(p.name, filled(p.name, p.tensor.shape(), scale, about_1 ? 1.0 : 0.0));
  }
  load_parameters(model.parameters(), values, "formula");
}

Batch batch_of(const Tensor& inputs, int64_t outputs) {
  std::vector<int64_t> classes(static_cast<size_t>(inputs.size(0)));
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int64_t>(i) % outputs;
  return {.inputs = inputs, .targets = Tensor::from(classes, {inputs.size(0)})};
}

/// Outputs, loss and the stored gradients, each to `tolerance` of its length.
void expect_reference(const FeatureModel& model, const Batch& batch, const std::string& name, double tolerance) {
  Context context;
  context.training = true;
  EXPECT_LT(relative_error(model.outputs(batch, context), reference(name + "/y")), tolerance) << name;
  Tape tape;
  const Loss loss = model.loss(batch, context);
  tape.backward(loss.sum);
  EXPECT_NEAR(loss.sum.item() / loss.weight, reference(name + "/loss").item(), tolerance) << name;
  int compared = 0;
  for (const Parameter& p : model.parameters()) {
    Tensor mean;
    try {
      mean = reference(name + "/grad/" + p.name);
    } catch (const std::runtime_error&) {
      continue;
    }
    ++compared;
    ASSERT_EQ(p.tensor.shape(), mean.shape()) << p.name;
    std::vector<double> sum = mean.values<double>();
    for (double& x : sum) x *= loss.weight;
    EXPECT_LT(relative_error(p.tensor.grad(), Tensor::from(sum, mean.shape())), tolerance) << name << " " << p.name;
  }
  EXPECT_GE(compared, 2);
}

// Some ten layers of sums of some tens of terms, each op rounding by 6e-8.
constexpr double kShallow = 1e-5;
// Twenty to fifty layers, each with a batch norm over as few as 4 values of a channel, which divides by their
// deviation: where that is small, what was rounded before grows with it. Of a network like the deeper one PyTorch's own
// float32 gradients differ from its float64 ones by 4e-4.
constexpr double kDeep = 5e-4;

class ResNetReference : public testing::TestWithParam<std::tuple<const char*, int64_t, int64_t, int64_t>> {};

TEST_P(ResNetReference, EqualsPyTorch) {
  const auto [name, depth, width, side] = GetParam();
  const bool large = depth == 50;
  const ResNet model({.example = {side, side, 3},
                      .depth = depth,
                      .stem = large ? ResNetOptions::Stem::kLarge : ResNetOptions::Stem::kSmall,
                      .width = width,
                      .outputs = 5,
                      .objective = kClasses},
                     1);
  load_formula(model);
  const Batch batch = batch_of(filled("x", {4, side, side, 3}, 4.0), 5);
  Context context;
  context.training = true;
  model.outputs(batch, context);  // moves the running statistics once
  const auto buffer = [&](const std::string& ending) {
    for (const Parameter& p : model.buffers()) {
      if (p.name == "layer4.0.bn1." + ending) return p.tensor;
    }
    throw std::runtime_error("no buffer " + ending);
  };
  EXPECT_LT(relative_error(buffer("running_mean"), reference(std::string(name) + "/running_mean")), kDeep);
  EXPECT_LT(relative_error(buffer("running_var"), reference(std::string(name) + "/running_var")), kDeep);
  Context still;
  EXPECT_LT(relative_error(model.outputs(batch, still), reference(std::string(name) + "/evaluated")), kDeep);
  expect_reference(model, batch, name, kDeep);
}

INSTANTIATE_TEST_SUITE_P(Depths, ResNetReference,
                         testing::Values(std::tuple{"resnet18", 18, 2, 8}, std::tuple{"resnet50", 50, 1, 64}));

TEST(ResNet, HasTheParametersOfTorchvision) {
  const auto count = [](int64_t depth) {
    const ResNet model({.example = {224, 224, 3},
                        .depth = depth,
                        .stem = ResNetOptions::Stem::kLarge,
                        .outputs = 1000,
                        .objective = kClasses},
                       1);
    return count_elements(model.parameters());
  };
  EXPECT_EQ(count(18), 11'689'512);
  EXPECT_EQ(count(34), 21'797'672);
  EXPECT_EQ(count(50), 25'557'032);
  EXPECT_EQ(usage_error_text([&] { count(20); }), "[model.depth] 20 for a ResNet; expected 18, 34 or 50");
}

ConvolutionalOptions small_cnn(const Shape& example, int64_t dimensions, bool norm) {
  return {.example = example,
          .dimensions = dimensions,
          .stages = {{3, 2}, {4, 2}},
          .batch_norm = norm,
          .hidden = {6},
          .outputs = 5,
          .objective = kClasses};
}

TEST(ConvolutionalModel, EqualsPyTorch) {
  for (const bool norm : {false, true}) {
    const ConvolutionalModel model(small_cnn({9, 8, 2}, 2, norm), 1);
    load_formula(model);
    expect_reference(model, batch_of(filled("x", {3, 9, 8, 2}, 4.0), 5), norm ? "cnn_norm" : "cnn", kShallow);
  }
  const ConvolutionalModel along(small_cnn({9, 2}, 1, false), 1);
  load_formula(along);
  expect_reference(along, batch_of(filled("x", {3, 9, 2}, 4.0), 5), "cnn_along", kShallow);
}

TEST(ConvolutionalModel, TakesPicturesThatComeAsRows) {
  const ConvolutionalModel model(small_cnn({9, 8, 2}, 2, false), 1);
  const Tensor pictures = filled("x", {3, 9, 8, 2}, 4.0);
  Context context;
  const std::vector<float> one = model.outputs({.inputs = pictures}, context).values<float>();
  EXPECT_EQ(model.outputs({.inputs = reshape(pictures, {3, 144})}, context).values<float>(), one);
  EXPECT_EQ(usage_error_text([&] {
              model.outputs({.inputs = reshape(pictures, {6, 72})}, context);
            }),
            "[cnn] inputs f32 (6, 72); expected examples of (9, 8, 2)");
}

TEST(ConvolutionalModel, ExamplesMustHaveItsDimensions) {
  EXPECT_EQ(usage_error_text([] {
              ConvolutionalModel(small_cnn({9, 8, 2}, 1, false), 1);
            }),
            "[model.dimensions] 1 for examples of (9, 8, 2); expected 1 for what goes by time, or 2");
}

TEST(ConvolutionalModel, SaysThatAPictureIsTooSmall) {
  EXPECT_EQ(usage_error_text([] {
              ConvolutionalModel(vgg_options({8, 8, 3}, 11), 1);
            }),
            "[model.channels] examples of (8, 8, 3) are too small for 5 stages: stage 4 has nothing left to see");
}

TEST(LeNet, EqualsPyTorch) {
  ConvolutionalOptions options = lenet_options({28, 28, 1});
  options.objective = kClasses;
  const ConvolutionalModel model(options, 1);
  load_formula(model, 0.25);
  EXPECT_EQ(count_elements(model.parameters()), 61'706);
  expect_reference(model, batch_of(filled("x", {2, 28, 28, 1}, 2.0), 10), "lenet", kShallow);
}

TEST(Vgg, HasItsConvolutions) {
  const auto convolutions = [](int64_t depth) {
    const ConvolutionalModel model(vgg_options({32, 32, 3}, depth), 1);
    return std::count_if(model.parameters().begin(), model.parameters().end(),
                         [](const Parameter& p) { return p.tensor.rank() == 4; });
  };
  EXPECT_EQ(convolutions(11), 8);
  EXPECT_EQ(convolutions(16), 13);
  EXPECT_EQ(convolutions(19), 16);
  EXPECT_EQ(usage_error_text([&] { convolutions(12); }), "[model.depth] 12 for a VGG; expected 11, 13, 16 or 19");
}

Batch texts() {
  std::vector<int64_t> ids;
  for (int64_t b = 0; b < 3; ++b) {
    for (int64_t t = 0; t < 6; ++t) ids.push_back((5 * b + 3 * t + t * t) % 11);
  }
  Batch batch = batch_of(Tensor::from(ids, {3, 6}), 3);
  batch.lengths = Tensor::from(std::vector<int64_t>{6, 1, 4}, {3});
  return batch;
}

TEST(TextEncoder, EqualsPyTorch) {
  const TextEncoder model({.layers = 2, .width = 8, .heads = 2, .outputs = 3, .objective = kClasses}, 11, 7, 1);
  load_formula(model);
  expect_reference(model, texts(), "encoder", kShallow);
}

TEST(TextEncoder, DoesNotSeePadding) {
  const TextEncoder model({.layers = 2, .width = 8, .heads = 2, .outputs = 3, .objective = kClasses}, 11, 7, 1);
  const Batch batch = texts();
  Batch other = texts();
  other.inputs.mutable_data<int64_t>()[7] = 10;  // behind the only token of the second
  other.inputs.mutable_data<int64_t>()[17] = 0;
  Context context;
  EXPECT_EQ(model.outputs(batch, context).values<float>(), model.outputs(other, context).values<float>());
}

TEST(VisionTransformer, EqualsPyTorch) {
  const VisionTransformer model({.layers = 1, .width = 8, .heads = 4, .outputs = 3, .objective = kClasses}, {6, 8, 2},
                                {3, 2}, 1);
  load_formula(model);
  expect_reference(model, batch_of(filled("x", {3, 6, 8, 2}, 4.0), 3), "vit", kShallow);
  EXPECT_EQ(usage_error_text([] {
              VisionTransformer({.objective = kClasses}, {6, 8, 2}, {4, 2}, 1);
            }),
            "[model.patch] patches of 4 x 2 do not cover examples of (6, 8, 2); give divisors of the first two sizes");
}

TEST(Networks, RefuseSizesThatDoNotFit) {
  EXPECT_EQ(usage_error_text([] { TextEncoder({.width = 10, .heads = 4, .objective = kClasses}, 5, 8, 1); }),
            "[encoder] layers 4, width 10, heads 4: each must be at least 1, and width a multiple of heads");
  EXPECT_EQ(usage_error_text([] { RecurrentModel({.layers = 0, .width = 3, .inputs = 2, .objective = kClasses}, 1); }),
            "[rnn] layers 0, width 3, inputs 2: each must be at least 1");
  EXPECT_EQ(usage_error_text([] {
              ResNet({.example = {8, 8, 3}, .depth = 18, .width = 0, .objective = kClasses}, 1);
            }),
            "[resnet] examples of (8, 8, 3), width 0; expected (H, W, C), and a width from 1");
}

TEST(RecurrentModel, InputsMustFit) {
  const RecurrentModel numbers({.width = 3, .outputs = 3, .inputs = 2, .objective = kClasses}, 1);
  const RecurrentModel tokens({.width = 4, .outputs = 3, .vocabulary = 11, .objective = kClasses}, 1);
  Context context;
  const Batch batch{.inputs = filled("x", {3, 5, 4}, 4.0)};
  EXPECT_EQ(usage_error_text([&] { numbers.outputs(batch, context); }),
            "[rnn] inputs f32 (3, 5, 4); expected (B, T, 2)");
  EXPECT_EQ(usage_error_text([&] { tokens.outputs(batch, context); }),
            "[rnn] inputs f32 (3, 5, 4); expected token ids (B, T)");
}

TEST(RecurrentModel, EqualsPyTorch) {
  for (const bool gru : {false, true}) {
    const RecurrentModel model({.cell = gru ? RecurrentOptions::Cell::kGru : RecurrentOptions::Cell::kLstm,
                                .layers = 2,
                                .width = 3,
                                .bidirectional = gru,
                                .outputs = 3,
                                .inputs = 2,
                                .objective = kClasses},
                               1);
    load_formula(model);
    expect_reference(model, batch_of(filled("x", {3, 5, 2}, 4.0), 3), gru ? "gru_both" : "lstm", kShallow);
  }
}

TEST(RecurrentModel, DoesNotSeePadding) {
  const RecurrentModel model(
      {.layers = 2, .width = 4, .bidirectional = true, .outputs = 3, .vocabulary = 11, .objective = kClasses}, 1);
  const Batch batch = texts();
  Batch other = texts();
  other.inputs.mutable_data<int64_t>()[7] = 10;
  Context context;
  EXPECT_EQ(model.outputs(batch, context).values<float>(), model.outputs(other, context).values<float>());
}

TEST(Autoencoder, EqualsPyTorch) {
  const Autoencoder model({.inputs = 6, .hidden = {5}, .code = 2, .activation = Activation::kTanh}, 1);
  load_formula(model);
  const Tensor x = filled("x", {4, 6}, 4.0);
  Context context;
  EXPECT_LT(relative_error(model.forward(x, context), reference("autoencoder/y")), 1e-6);
  expect_loss_and_gradients(model, x, {}, "autoencoder");
  EXPECT_EQ(model.forward(reshape(x, {4, 3, 2}), context).values<float>(), model.forward(x, context).values<float>());
}

}  // namespace networks_test
}  // namespace gradus
