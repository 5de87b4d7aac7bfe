#include "gradus/nn/models/regression.h"

#include <cmath>

#include "gradus/nn/models/gpt.h"
#include "gradus/tensor/isa.h"
#include "tests/nn/reference.h"
#include "tests/random_tensor.h"
#include "tests/testing.h"

namespace gradus {
namespace {

using Values = std::vector<double>;

/// The weights of the references: matrices twice as large as vectors.
void load_formula(const Model& model) {
  std::vector<std::pair<std::string, Tensor>> values;
  for (const Parameter& p : model.parameters()) {
    values.emplace_back(p.name, filled(p.name, p.tensor.shape(), p.tensor.rank() == 2 ? 2.0 : 1.0));
  }
  load_parameters(model.parameters(), values, "formula");
}

void expect_reference(const Model& model, const std::string& name) {
  load_formula(model);
  const Tensor x = filled("x", {7, 3}, 4.0), y = filled("y", {7, 2}, 4.0);
  Context context;
  EXPECT_LT(relative_error(model.forward(x, context), reference(name + "/y")), 1e-6);
  expect_loss_and_gradients(model, x, y, name);
}

TEST(LinearModel, EqualsPyTorch) {
  const LinearModel model({.inputs = 3, .outputs = 2}, 1);
  EXPECT_EQ(names_of(model.parameters()), (std::vector<std::string>{"weight", "bias"}));
  expect_reference(model, "linear");
}

class MlpReference : public testing::TestWithParam<std::pair<Activation, const char*>> {};

TEST_P(MlpReference, EqualsPyTorch) {
  const auto [activation, name] = GetParam();
  const Mlp model({.inputs = 3, .outputs = 2, .hidden = {5, 4}, .activation = activation}, 1);
  expect_reference(model, name);
}

INSTANTIATE_TEST_SUITE_P(Activations, MlpReference,
                         testing::Values(std::pair{Activation::kRelu, "mlp_relu"},
                                         std::pair{Activation::kTanh, "mlp_tanh"},
                                         std::pair{Activation::kGelu, "mlp_gelu"}));

TEST(Mlp, NamesAndShapesFollowTheWidths) {
  const Mlp model({.inputs = 3, .outputs = 2, .hidden = {5}}, 1);
  ASSERT_EQ(names_of(model.parameters()),
            (std::vector<std::string>{"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"}));
  EXPECT_EQ(model.parameters()[0].tensor.shape(), (Shape{5, 3}));
  EXPECT_EQ(model.parameters()[2].tensor.shape(), (Shape{2, 5}));
}

TEST(Mlp, DropsOutOnlyWhileTraining) {
  const Mlp model({.inputs = 1, .outputs = 1, .hidden = {64}, .dropout = 0.5}, 1);
  const std::vector<int64_t> ids = {0};
  Context still, training;
  training.training = true;
  training.key = 1;
  training.example_ids = ids;
  const Tensor x = Tensor::full({1, 1}, 1);
  EXPECT_EQ(model.forward(x, still).item(), model.forward(x, still).item());
  EXPECT_NE(model.forward(x, training).item(), model.forward(x, still).item());
}

TEST(LinearModel, StartsAsAsked) {
  using Init = LinearModelOptions::Init;
  const auto largest = [](Init init) {
    const LinearModel model({.inputs = 100, .outputs = 100, .init = init}, 3);
    double size = 0;
    for (const double v : model.parameters()[0].tensor.values<double>()) size = std::max(size, std::abs(v));
    return size;
  };
  EXPECT_EQ(largest(Init::kZeros), 0);
  EXPECT_LE(largest(Init::kUniform), 0.1);
  EXPECT_GT(largest(Init::kUniform), 0.099);
  EXPECT_GT(largest(Init::kNormal), 3.0);  // of 10,000 standard normals
  EXPECT_LT(largest(Init::kNormal), 6.0);
}

TEST(RegressionModel, LossIsTheSumOfSquaresAndItsNumberOfElements) {
  const LinearModel model({.inputs = 1, .outputs = 2, .init = LinearModelOptions::Init::kZeros}, 1);
  Context context;
  const Tensor y = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2});
  const Loss loss = model.loss(Tensor::zeros({3, 1}), y, context);
  EXPECT_EQ(loss.sum.item(), 91);
  EXPECT_EQ(loss.weight, 6);
}

// What the context says reaches every product of a model.
TEST(Models, MultiplyInThePrecisionOfTheContext) {
  if (!has_bf16_products()) GTEST_SKIP() << "this processor or this build has no products of bf16 numbers";
  const LinearModel line({.inputs = 3, .outputs = 2}, 1);
  const Mlp mlp({.inputs = 3, .outputs = 2, .hidden = {5}}, 1);
  const Gpt gpt({.vocabulary = 11, .layers = 1, .width = 8, .heads = 2, .context = 4}, 1);
  const Tensor x = filled("x", {7, 3}, 4.0), ids = Tensor::from(std::vector<int64_t>{1, 10, 0, 3}, {1, 4});
  for (const Model* model : std::initializer_list<const Model*>{&line, &mlp, &gpt}) {
    Context f32, bf16;
    bf16.precision.products = DType::kBF16;
    const Tensor& input = model == &gpt ? ids : x;
    const double apart = distance(model->forward(input, bf16), model->forward(input, f32));
    EXPECT_GT(apart, std::ldexp(1.0, -13));
    EXPECT_LT(apart, std::ldexp(1.0, -6));
  }
}

}  // namespace
}  // namespace gradus
