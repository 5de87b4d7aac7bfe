#include "gradus/nn/layers.h"

#include <cmath>

#include "gradus/autograd/ops.h"
#include "gradus/autograd/recompute.h"
#include "gradus/autograd/tape.h"
#include "gradus/base/threads.h"
#include "tests/nn/reference.h"
#include "tests/testing.h"

namespace gradus {
namespace layers_test {

using Values = std::vector<double>;

TEST(Linear, IsXTimesWeightTransposedPlusBias) {
  Parameters list;
  const Linear layer(ParameterBuilder(list, 1) / "l", 2, 3);
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"l.weight", "l.bias"}));
  EXPECT_EQ(layer.weight.shape(), (Shape{3, 2}));
  load_parameters(
      list,
      {{"l.weight", Tensor::from(Values{1, 2, 3, 4, 5, 6}, {3, 2})}, {"l.bias", Tensor::from(Values{10, 20, 30}, {3})}},
      "test");
  const Tensor y = layer(Tensor::from(std::vector<float>{1, 0, 1, 1}, {1, 2, 2}));
  EXPECT_EQ(y.shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(y.values<double>(), (Values{11, 23, 35, 13, 27, 41}));
}

TEST(Linear, StartsWithinOneOverTheRootOfItsInputs) {
  Parameters list;
  const Linear layer(ParameterBuilder(list, 1), 16, 500);
  for (const Tensor& x : {layer.weight, layer.bias}) {
    double largest = 0;
    for (const double v : x.values<double>()) largest = std::max(largest, std::abs(v));
    EXPECT_LE(largest, 0.25);
    EXPECT_GT(largest, 0.245);
  }
}

TEST(Linear, CanBeWithoutBias) {
  Parameters list;
  const Linear layer(ParameterBuilder(list, 1), 2, 3, {.bias = false});
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"weight"}));
  EXPECT_FALSE(layer.bias.defined());
  EXPECT_EQ(layer(Tensor::zeros({1, 2})).values<double>(), (Values{0, 0, 0}));
}

TEST(Conv2d, ConvolvesFromPyTorchsStart) {
  Parameters list;
  const Conv2d layer(ParameterBuilder(list, 1) / "c", 4, 60, {3, 3}, {.stride = {2, 2}, .groups = 2});
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"c.weight", "c.bias"}));
  EXPECT_EQ(layer.weight.shape(), (Shape{60, 3, 3, 2}));
  for (const Tensor& x : {layer.weight, layer.bias}) {
    double largest = 0;
    for (const double v : x.values<double>()) largest = std::max(largest, std::abs(v));
    EXPECT_LE(largest, 1 / std::sqrt(18.0));
    EXPECT_GT(largest, 0.93 / std::sqrt(18.0));
  }
  EXPECT_EQ(layer(Tensor::zeros({2, 7, 8, 4})).shape(), (Shape{2, 3, 3, 60}));
  EXPECT_EQ(error_text([&] { Conv2d(ParameterBuilder(list, 1) / "d", 3, 4, {1, 1}, {.groups = 2}); }),
            "[convolution] 2 groups of 3 channels; expected a divisor");
}

TEST(Conv1d, ConvolvesSequences) {
  Parameters list;
  const Conv1d layer(ParameterBuilder(list, 1), 1, 1, 2, {.padding = 1}, /*with_bias=*/false);
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"weight"}));
  load_parameters(list, {{"weight", Tensor::from(Values{1, 10}, {1, 2, 1})}}, "test");
  const Tensor y = layer(Tensor::from(std::vector<float>{1, 2, 3}, {1, 3, 1}));
  EXPECT_EQ(y.shape(), (Shape{1, 4, 1}));
  EXPECT_EQ(y.values<double>(), (Values{10, 21, 32, 3}));
}

// Channels (1, 3) and (10, 30): means 2 and 20, variances of N − 1 2 and 200.
TEST(BatchNorm, KeepsRunningStatisticsAsPyTorch) {
  Parameters list, buffers;
  const BatchNorm norm(ParameterBuilder(list, buffers, 1) / "bn", 2, {.epsilon = 0, .momentum = 0.25});
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"bn.weight", "bn.bias"}));
  EXPECT_EQ(names_of(buffers), (std::vector<std::string>{"bn.running_mean", "bn.running_var"}));
  EXPECT_FALSE(norm.running_mean.requires_grad());
  const Tensor x = Tensor::from(std::vector<float>{1, 10, 3, 30}, {2, 2});
  EXPECT_EQ(norm(x, {}).values<double>(), (Values{1, 10, 3, 30}));  // in evaluation: mean 0, variance 1
  EXPECT_EQ(norm(x, {.training = true}).values<double>(), (Values{-1, -1, 1, 1}));
  EXPECT_EQ(norm.running_mean.values<double>(), (Values{0.5, 5}));
  EXPECT_EQ(norm.running_variance.values<double>(), (Values{0.75 + 0.25 * 2, 0.75 + 0.25 * 200}));
  const Values y = norm(x, {}).values<double>();
  EXPECT_EQ(norm.running_mean.values<double>(), (Values{0.5, 5}));
  EXPECT_NEAR(y[0], 0.5 / std::sqrt(1.25), 1e-7);
  EXPECT_NEAR(y[3], 25 / std::sqrt(50.75), 1e-6);
  EXPECT_EQ(error_text([&] {
              norm(Tensor::zeros({1, 2}), {.training = true});
            }),
            "[batch_norm] f32 (1, 2) has one row of each channel; training needs two or more");
  EXPECT_EQ(error_text([&] { BatchNorm(ParameterBuilder(list, 1) / "other", 2); }),
            "[parameters] \"other.running_mean\" is a buffer, and the model has no list of them; give its buffers to "
            "the builder");
}

TEST(BatchNorm, MovesItsStatisticsOncePerPass) {
  Parameters list, buffers;
  const BatchNorm norm(ParameterBuilder(list, buffers, 1), 2, {.momentum = 0.5});
  Context context{.training = true};
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2}).set_requires_grad();
  {
    const DryRun dry;
    norm(x, context);
  }
  EXPECT_EQ(norm.running_mean.values<double>(), (Values{0, 0}));
  Tape tape;
  const Tensor y = recompute(x + 0.0, context, [&](const Tensor& input, Context& own) { return norm(input, own); });
  tape.backward(sum(y * y));
  EXPECT_EQ(norm.running_mean.values<double>(), (Values{1, 1.5}));
}

TEST(BatchNorm, FoldsIntoTheConvolutionBefore) {
  for (const bool with_bias : {false, true}) {
    Parameters list, buffers;
    const ParameterBuilder p(list, buffers, 3);
    const Conv2d convolution(p / "conv", 3, 5, {3, 3}, {.padding = {1, 1}}, with_bias);
    const BatchNorm norm(p / "bn", 5, {.relu = true});
    const Tensor x = filled("x", {2, 4, 5, 3});
    for (int i = 0; i < 3; ++i) norm(convolution(x), {.training = true});
    const Tensor expected = norm(convolution(x), {}, filled("r", {2, 4, 5, 5}));
    const Tensor y = folded(convolution, norm)(x, {}, filled("r", {2, 4, 5, 5}));
    EXPECT_LE(relative_error(y, expected), 1e-6);
  }
}

TEST(RecurrentLayers, HavePyTorchsNamesAndStart) {
  Parameters list;
  const ParameterBuilder p(list, 1);
  const Lstm lstm_layer(p / "lstm", 5, 64);
  const Gru gru_layer(p / "gru", 5, 64, 1);
  EXPECT_EQ(names_of(list),
            (std::vector<std::string>{"lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0",
                                      "gru.weight_ih_l1", "gru.weight_hh_l1", "gru.bias_ih_l1", "gru.bias_hh_l1"}));
  EXPECT_EQ(lstm_layer.weight_ih.shape(), (Shape{256, 5}));
  EXPECT_EQ(gru_layer.weight_hh.shape(), (Shape{192, 64}));
  for (const Parameter& parameter : list) {
    double largest = 0;
    for (const double v : parameter.tensor.values<double>()) largest = std::max(largest, std::abs(v));
    EXPECT_LE(largest, 0.125) << parameter.name;
    EXPECT_GT(largest, 0.12) << parameter.name;
  }
  EXPECT_EQ(lstm_layer(Tensor::zeros({2, 3, 5})).shape(), (Shape{2, 3, 64}));
  EXPECT_EQ(gru_layer(Tensor::zeros({2, 3, 5})).shape(), (Shape{2, 3, 64}));
}

// Group (1 3; 5 7) of the first two channels has mean 4 and variance 5.
TEST(GroupNorm, NormalizesGroupsOfAnExamplesChannels) {
  Parameters list;
  const GroupNorm norm(ParameterBuilder(list, 1), 2, 4, /*epsilon=*/0);
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"weight", "bias"}));
  const Values y = norm(Tensor::from(std::vector<float>{1, 3, 0, 2, 5, 7, 0, 2}, {1, 2, 4})).values<double>();
  for (size_t i = 0; i < 8; ++i) {
    const double expected[] = {-3, -1, -1, 1, 1, 3, -1, 1};
    EXPECT_NEAR(y[i], i % 4 < 2 ? expected[i] / std::sqrt(5.0) : expected[i], 1e-6);
  }
}

// The weight (2 0; 0 1) has σ = 2. Its gradient is that of W/σ: a change of W₁₁ changes nothing.
TEST(Linear, CanDivideItsWeightByItsSpectralNorm) {
  Parameters list;
  const Linear layer(ParameterBuilder(list, 1), 2, 2, {.bias = false, .spectral_norm = true});
  load_parameters(list, {{"weight", Tensor::from(Values{2, 0, 0, 1}, {2, 2})}}, "test");
  Tape tape;
  const Tensor y = layer(Tensor::from(std::vector<float>{3, 4}, {1, 2}));
  EXPECT_EQ(y.values<double>(), (Values{3, 2}));
  tape.backward(sum(y));
  const Values gradient = layer.weight.grad().values<double>();
  // (1 1)ᵀ·(3 4)/σ, less (Σ g∘W/σ)/σ in the place of u·vᵀ, which is W₁₁.
  EXPECT_NEAR(gradient[0], (3 - (2 * 3 + 4) / 2.0) / 2, 1e-6);
  EXPECT_NEAR(gradient[1], 2, 1e-6);
  EXPECT_NEAR(gradient[2], 1.5, 1e-6);
  EXPECT_NEAR(gradient[3], 2, 1e-6);
}

TEST(Linear, RefusesToDivideAWeightOfZeros) {
  EXPECT_EQ(error_text([] {
              spectral_norm(Tensor::zeros({2, 3}));
            }),
            "[spectral_norm] a weight f32 (2, 3) of zeros, which has no length to divide by; start it otherwise");
}

TEST(Layers, CopiesShareTheirParameters) {
  Parameters list;
  const Linear layer(ParameterBuilder(list, 1), 2, 3);
  const Linear copy = layer;
  EXPECT_TRUE(copy.weight.is_same(layer.weight));
  EXPECT_EQ(list.size(), 2u);
}

TEST(Embedding, GivesRows) {
  Parameters list;
  const Embedding table(ParameterBuilder(list, 1) / "wte", 3, 2);
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"wte.weight"}));
  load_parameters(list, {{"wte.weight", Tensor::from(Values{1, 2, 3, 4, 5, 6}, {3, 2})}}, "test");
  const Tensor y = table(Tensor::from(std::vector<int64_t>{2, 0, 2}, {1, 3}));
  EXPECT_EQ(y.shape(), (Shape{1, 3, 2}));
  EXPECT_EQ(y.values<double>(), (Values{5, 6, 1, 2, 5, 6}));
}

TEST(LayerNorm, StartsAsPlainNormalisation) {
  Parameters list;
  const LayerNorm norm(ParameterBuilder(list, 1) / "ln", 4, true, {.epsilon = 0.5});
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"ln.weight", "ln.bias"}));
  const Values y = norm(Tensor::from(std::vector<float>{1, 3, 1, 3}, {1, 4})).values<double>();
  const double expected = 1 / std::sqrt(1.5);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[i], i % 2 == 0 ? -expected : expected, 1e-7);
}

TEST(LayerNorm, CanBeWithoutBias) {
  Parameters list;
  const LayerNorm norm(ParameterBuilder(list, 1), 4, false);
  EXPECT_EQ(names_of(list), (std::vector<std::string>{"weight"}));
  EXPECT_EQ(norm(Tensor::full({2, 4}, 3)).values<double>(), Values(8, 0));
}

Context training(std::span<const int64_t> ids, uint64_t key = 5) {
  Context context;
  context.training = true;
  context.key = key;
  context.example_ids = ids;
  return context;
}

TEST(Dropout, DoesNothingOutsideTraining) {
  const Dropout dropout{0.9};
  Context context;
  const Tensor x = Tensor::full({2, 3}, 1);
  EXPECT_TRUE(dropout(x, context).is_same(x));
  EXPECT_EQ(context.uses, 0u);
}

TEST(Dropout, KeepsTheShareAndTheMean) {
  const Dropout dropout{0.25};
  const std::vector<int64_t> ids = {0, 1, 2, 3};
  Context context = training(ids);
  const Values y = dropout(Tensor::full({4, 10000}, 3), context).values<double>();
  int64_t kept = 0;
  for (const double v : y) {
    EXPECT_TRUE(v == 0 || v == 4) << v;
    kept += v != 0;
  }
  EXPECT_NEAR(static_cast<double>(kept) / 40000, 0.75, 5 * std::sqrt(0.75 * 0.25 / 40000));
}

// Where an example stands, and who stands beside it, changes nothing.
TEST(Dropout, DependsOnTheExampleAlone) {
  const Dropout dropout{0.5};
  const std::vector<int64_t> ids = {7, 3, 7, 9}, alone = {3};
  Context context = training(ids), other = training(alone);
  const Values y = dropout(Tensor::full({4, 40}, 1), context).values<double>();
  const auto row = [&](int i) { return Values(y.begin() + 40 * i, y.begin() + 40 * (i + 1)); };
  EXPECT_EQ(row(0), row(2));
  EXPECT_NE(row(0), row(1));
  EXPECT_NE(row(0), row(3));
  EXPECT_EQ(dropout(Tensor::full({1, 40}, 1), other).values<double>(), row(1));
}

TEST(Dropout, DiffersByUseAndByStep) {
  const Dropout dropout{0.5};
  const std::vector<int64_t> ids = {0};
  Context context = training(ids, 5), next_step = training(ids, 6);
  const Tensor x = Tensor::full({1, 64}, 1);
  const Values first = dropout(x, context).values<double>();
  EXPECT_NE(dropout(x, context).values<double>(), first);
  EXPECT_NE(dropout(x, next_step).values<double>(), first);
}

}  // namespace layers_test
}  // namespace gradus
