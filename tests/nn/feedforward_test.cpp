#include "gradus/nn/models/feedforward.h"

#include <cmath>
#include <numeric>

#include "gradus/autograd/gradient_check.h"
#include "gradus/autograd/tape.h"
#include "gradus/nn/models/gpt.h"
#include "gradus/tensor/isa.h"
#include "gradus/tensor/kernels/random.h"
#include "tests/nn/reference.h"
#include "tests/random_tensor.h"
#include "tests/testing.h"

namespace gradus {
namespace feedforward_test {

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

// Through 20 layers of selu units, with alpha dropout between, mean 0 and variance 1 stay what they are.
TEST(Mlp, OfSeluUnitsNormalizesItself) {
  const std::vector<int64_t> hidden(20, 200);
  const Mlp model({.inputs = 200,
                   .outputs = 200,
                   .hidden = hidden,
                   .activation = Activation::kSelu,
                   .dropout = 0.1,
                   .alpha_dropout = true,
                   .weight_init = Initializer::lecun_normal(),
                   .bias_init = Initializer::constant(0.0)},
                  1);
  std::vector<int64_t> ids(300);
  std::iota(ids.begin(), ids.end(), 0);
  Context context{.training = true, .key = 3, .example_ids = ids};
  const Tensor y = model.forward(kernels::random_normal({300, 200}, 0.0, 1.0, 5), context);
  // Which the theory says of wide layers; 200 units leave deviations of 1/√200 or less a layer.
  EXPECT_NEAR(mean(y).item(), 0.0, 0.1);
  EXPECT_NEAR(var(y).item(), 1.0, 0.3);
}

TEST(LinearModel, StartsAsAsked) {
  const auto largest = [](const Initializer& init) {
    const LinearModel model({.inputs = 100, .outputs = 100, .weight_init = init}, 3);
    double size = 0;
    for (const double v : model.parameters()[0].tensor.values<double>()) size = std::max(size, std::abs(v));
    return size;
  };
  EXPECT_EQ(largest(Initializer::constant(0.0)), 0);
  EXPECT_LE(largest(Initializer::uniform(0.1)), 0.1);
  EXPECT_GT(largest(Initializer::uniform(0.1)), 0.099);
  EXPECT_GT(largest(LinearModelOptions().weight_init), 3.0);  // of 10,000 standard normals
  EXPECT_LT(largest(LinearModelOptions().weight_init), 6.0);
}

// Each against its formula for one example, d = prediction − target = 2 − 0.5.
TEST(Objective, OfNumbersIsTheLossOfThatName) {
  const Tensor two = Tensor::full({1, 1}, 2.0), half = Tensor::full({1, 1}, 0.5);
  const auto loss = [&](const Objective& o) { return objective_loss(o, two, half).sum.item(); };
  EXPECT_NEAR(loss({}), 2.25, 1e-6);
  EXPECT_NEAR(loss({.kind = ObjectiveKind::kMae}), 1.5, 1e-6);
  EXPECT_NEAR(loss({.kind = ObjectiveKind::kHuber, .delta = 0.5}), 0.5 * (1.5 - 0.25), 1e-6);
  EXPECT_NEAR(loss({.kind = ObjectiveKind::kLogCosh}), std::log(std::cosh(1.5)), 1e-6);
  EXPECT_NEAR(loss({.kind = ObjectiveKind::kQuantile, .quantile = 0.9}), 0.1 * 1.5, 1e-6);
  EXPECT_NEAR(loss({.kind = ObjectiveKind::kPoisson}), std::exp(2.0) - 0.5 * 2.0, 1e-5);
  EXPECT_EQ(objective_loss({}, Tensor::zeros({3, 2}), Tensor::zeros({3, 2})).weight, 6);
}

TEST(Objective, OfClassesIsTheLossOfThatName) {
  const Tensor score = Tensor::full({1, 1}, 2.0);
  const auto loss = [&](ObjectiveKind kind, int64_t label) {
    return objective_loss({.kind = kind}, score, Tensor::full({1}, static_cast<double>(label), DType::kI64)).sum.item();
  };
  const double right = std::log1p(std::exp(-2.0)), wrong = std::log1p(std::exp(2.0)), p = 1 / (1 + std::exp(-2.0));
  EXPECT_NEAR(loss(ObjectiveKind::kBinaryCrossEntropy, 1), right, 1e-6);
  EXPECT_NEAR(loss(ObjectiveKind::kBinaryCrossEntropy, 0), wrong, 1e-6);
  EXPECT_NEAR(loss(ObjectiveKind::kFocal, 1), 0.25 * (1 - p) * (1 - p) * right, 1e-6);
  EXPECT_NEAR(loss(ObjectiveKind::kFocal, 0), 0.75 * p * p * wrong, 1e-6);
  EXPECT_EQ(loss(ObjectiveKind::kHinge, 1), 0);
  EXPECT_EQ(loss(ObjectiveKind::kHinge, 0), 3);
  EXPECT_EQ(loss(ObjectiveKind::kSquaredHinge, 0), 9);
  const Tensor logits = Tensor::from(std::vector<float>{0, 1, 2}, {1, 3}), one = Tensor::full({1}, 1, DType::kI64);
  const double sum = std::log(1 + std::exp(1.0) + std::exp(2.0));
  EXPECT_NEAR(objective_loss({.kind = ObjectiveKind::kCrossEntropy}, logits, one).sum.item(), sum - 1, 1e-6);
  // A class is the probability 1, whose entropy is 0; of others the divergence is less by theirs.
  const Objective divergence{.kind = ObjectiveKind::kKlDivergence}, entropy{.kind = ObjectiveKind::kCrossEntropy};
  EXPECT_NEAR(objective_loss(divergence, logits, one).sum.item(), objective_loss(entropy, logits, one).sum.item(),
              1e-6);
  EXPECT_NEAR(objective_loss({.kind = ObjectiveKind::kCrossEntropy, .label_smoothing = 0.3}, logits, one).sum.item(),
              0.7 * (sum - 1) + 0.3 * (sum - 1), 1e-6);  // the mean of the logits is 1 too
  EXPECT_EQ(objective_loss({.kind = ObjectiveKind::kHinge}, score, one).weight, 1);
}

// PyTorch's cross_entropy(weight): Σ w[y]·loss / Σ w[y].
TEST(Objective, CountsEachClassByItsWeight) {
  const Tensor logits = Tensor::from(std::vector<float>{0, 1, 2, 0, 1, 2}, {2, 3});
  const Tensor classes = Tensor::from(std::vector<int64_t>{0, 2}, {2});
  const Loss loss =
      objective_loss({.kind = ObjectiveKind::kCrossEntropy, .class_weights = {0.5, 1.0, 3.0}}, logits, classes);
  const double sum = std::log(1 + std::exp(1.0) + std::exp(2.0));
  EXPECT_NEAR(loss.sum.item(), 0.5 * sum + 3.0 * (sum - 2), 1e-6);
  EXPECT_EQ(loss.weight, 3.5);
}

// As PyTorch's: what a class of weight 0 has is in no sum.
TEST(Objective, AClassMayCountNothing) {
  const Tensor logits = Tensor::from(std::vector<float>{0, 1, 2, 0, 1, 2}, {2, 3});
  const Objective o{.kind = ObjectiveKind::kCrossEntropy, .class_weights = {0.0, 1.0, 3.0}};
  const Loss loss = objective_loss(o, logits, Tensor::from(std::vector<int64_t>{0, 2}, {2}));
  EXPECT_NEAR(loss.sum.item() / loss.weight, std::log(1 + std::exp(1.0) + std::exp(2.0)) - 2, 1e-6);
  const Loss nothing = objective_loss(o, logits, Tensor::from(std::vector<int64_t>{0, 0}, {2}));
  EXPECT_EQ(nothing.sum.item(), 0.0);
  EXPECT_EQ(nothing.weight, 0.0);
}

// −w[y]·log p / Σ w[y] of sigmoid(1.5) and 1 − sigmoid(−0.5).
TEST(Objective, CountsBothOfTwoClassesByTheirWeights) {
  const Loss loss = objective_loss({.kind = ObjectiveKind::kBinaryCrossEntropy, .class_weights = {0.5, 3.0}},
                                   Tensor::from(std::vector<double>{1.5, -0.5}, {2, 1}),
                                   Tensor::from(std::vector<int64_t>{1, 0}, {2}));
  EXPECT_NEAR(loss.sum.item(), 3.0 * std::log1p(std::exp(-1.5)) + 0.5 * std::log1p(std::exp(-0.5)), 1e-14);
  EXPECT_EQ(loss.weight, 3.5);
}

// Σ −α[y]·(1 − p)^γ·log p over softmax's probability p of the class, in long double; the mean divides by Σ α[y].
TEST(Objective, FocalOfSeveralClassesIsThatOfTheirSoftmax) {
  const Values scores = {0.3, -1.2, 2.0, 4.0, 0.5, -3.0, 0.0, 0.1, 0.2};
  const std::vector<int64_t> classes = {1, 0, 2};
  const Tensor ids = Tensor::from(classes, {3});
  const Tensor logits = Tensor::from(scores, {3, 3}).set_requires_grad();
  for (const double gamma : {0.0, 0.5, 2.0, 5.0}) {
    for (const Values& alpha : {Values{}, Values{0.25, 1.0, 4.0}}) {
      const Objective o{.kind = ObjectiveKind::kFocal, .class_weights = alpha, .gamma = gamma};
      long double sum = 0.0L, weight = 0.0L;
      for (size_t row = 0; row < 3; ++row) {
        long double total = 0.0L;
        for (size_t k = 0; k < 3; ++k) total += std::exp(static_cast<long double>(scores[3 * row + k]));
        const auto y = static_cast<size_t>(classes[row]);
        const long double p = std::exp(static_cast<long double>(scores[3 * row + y])) / total;
        const long double w = alpha.empty() ? 1.0L : static_cast<long double>(alpha[y]);
        sum -= w * std::pow(1.0L - p, static_cast<long double>(gamma)) * std::log(p);
        weight += w;
      }
      const Loss loss = objective_loss(o, logits, ids);
      EXPECT_NEAR(loss.sum.item(), static_cast<double>(sum), 1e-14) << gamma;
      EXPECT_EQ(loss.weight, static_cast<double>(weight));
      const GradientCheck check =
          check_gradient([&](std::span<const Tensor> x) { return objective_loss(o, x[0], ids).sum; }, {logits});
      EXPECT_TRUE(check.passed) << check.describe();
    }
  }
}

// A probability that rounds to 1 has loss 0 and a slope of 0, whatever the power.
TEST(Objective, FocalOfACertainClassIsFlat) {
  for (const double gamma : {0.0, 0.5, 2.0}) {
    const Tensor logits = Tensor::from(std::vector<float>{200, 0, 0}, {1, 3}).set_requires_grad();
    Tape tape;
    const Loss loss = objective_loss({.kind = ObjectiveKind::kFocal, .gamma = gamma}, logits,
                                     Tensor::from(std::vector<int64_t>{0}, {1}));
    EXPECT_EQ(loss.sum.item(), 0.0);
    tape.backward(loss.sum);
    for (const double slope : logits.grad().values<double>()) EXPECT_EQ(slope, 0.0);
  }
  const Tensor scores = Tensor::from(std::vector<float>{0, 1, 2}, {1, 3});
  const Values p = objective_prediction({.kind = ObjectiveKind::kFocal}, scores).values<double>();
  EXPECT_NEAR(p[2], 1 / (1 + std::exp(-1.0) + std::exp(-2.0)), 1e-6);
}

// Scores (1, −2, 0.5) of class 0: max(0, 1 − 1) + max(0, 1 − 2) + max(0, 1 + 0.5); of class 2: 2 + 0 + 0.5.
TEST(Objective, TellsEachOfSeveralClassesFromTheOthersByHinges) {
  const Tensor scores = Tensor::from(std::vector<float>{1, -2, 0.5, 1, -2, 0.5}, {2, 3});
  const Tensor classes = Tensor::from(std::vector<int64_t>{0, 2}, {2});
  const Loss hinge = objective_loss({.kind = ObjectiveKind::kHinge}, scores, classes);
  EXPECT_NEAR(hinge.sum.item(), 1.5 + 2.5, 1e-6);
  EXPECT_EQ(hinge.weight, 2);
  EXPECT_NEAR(objective_loss({.kind = ObjectiveKind::kSquaredHinge}, scores, classes).sum.item(), 2.25 + 4.25, 1e-6);
}

TEST(Objective, WeighsExamples) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2}), y = Tensor::zeros({2, 2});
  const Tensor weights = Tensor::from(std::vector<float>{3, 0.5}, {2});
  const Loss loss = objective_loss({}, x, y, weights);
  EXPECT_NEAR(loss.sum.item(), 3 * (1 + 4) + 0.5 * (9 + 16), 1e-5);
  EXPECT_EQ(loss.weight, 7.0);  // of elements, as there are two to a row
  const Tensor classes = Tensor::from(std::vector<int64_t>{0, 1}, {2});
  const Loss weighted =
      objective_loss({.kind = ObjectiveKind::kCrossEntropy, .class_weights = {1.0, 4.0}}, y, classes, weights);
  EXPECT_NEAR(weighted.sum.item(), (3 * 1.0 + 0.5 * 4.0) * std::log(2.0), 1e-6);
  EXPECT_EQ(weighted.weight, 5.0);
  EXPECT_EQ(error_text([&] { objective_loss({}, x, y, Tensor::zeros({3})); }),
            "[objective] weights f32 (3,) for targets f32 (2, 2); expected contiguous f32 (2,)");
}

TEST(Objective, SaysHowManyOutputsItNeeds) {
  EXPECT_EQ(outputs_for({.kind = ObjectiveKind::kHuber}, 3), 3);
  EXPECT_EQ(outputs_for({.kind = ObjectiveKind::kCrossEntropy}, 4), 4);
  EXPECT_EQ(outputs_for({.kind = ObjectiveKind::kHinge}, 2), 1);
  EXPECT_EQ(outputs_for({.kind = ObjectiveKind::kHinge}, 3), 3);
  EXPECT_EQ(outputs_for({.kind = ObjectiveKind::kTriplet, .embedding = 7}, 3), 7);
  EXPECT_EQ(outputs_for({.kind = ObjectiveKind::kFocal}, 2), 1);
  EXPECT_EQ(outputs_for({.kind = ObjectiveKind::kFocal}, 3), 3);
  EXPECT_EQ(usage_error_text([] { outputs_for({.kind = ObjectiveKind::kBinaryCrossEntropy}, 3); }),
            "[objective] the data has 3 classes, and this loss is for two; take cross_entropy");
  EXPECT_EQ(usage_error_text([] { outputs_for({.kind = ObjectiveKind::kCrossEntropy}, 1); }),
            "[objective] the data has one class; there is nothing to tell apart");
  EXPECT_EQ(error_text([] {
              objective_loss({.kind = ObjectiveKind::kHinge}, Tensor::zeros({2, 2}), Tensor::zeros({2}, DType::kI64));
            }),
            "[objective] an output of f32 (2, 2) for 2 examples of two classes; expected (2, 1)");
  EXPECT_EQ(error_text([] {
              objective_loss({.kind = ObjectiveKind::kBinaryCrossEntropy}, Tensor::zeros({2, 1}), Tensor::zeros({2}));
            }),
            "[objective] targets f32 (2,); expected (B, 2), the probabilities of two classes");
}

TEST(Activation, IsTheOpOfItsName) {
  const Tensor x = Tensor::full({1}, -0.5);
  using A = Activation;
  EXPECT_NEAR(activate(A::kSilu, x).item(), -0.5 / (1 + std::exp(0.5)), 1e-6);
  EXPECT_NEAR(activate(A::kSigmoid, x).item(), 1 / (1 + std::exp(0.5)), 1e-6);
  EXPECT_NEAR(activate(A::kElu, x).item(), std::expm1(-0.5), 1e-6);
  EXPECT_NEAR(activate(A::kSelu, x).item(), 1.0507009873554805 * 1.6732632423543773 * std::expm1(-0.5), 1e-6);
  EXPECT_NEAR(activate(A::kLeakyRelu, x).item(), -0.005, 1e-8);
  EXPECT_NEAR(activate(A::kSoftplus, x).item(), std::log1p(std::exp(-0.5)), 1e-6);
  EXPECT_NEAR(activate(A::kMish, x).item(), -0.5 * std::tanh(std::log1p(std::exp(-0.5))), 1e-6);
  EXPECT_NEAR(activate(A::kGeluExact, x).item(), -0.25 * std::erfc(0.5 / std::sqrt(2.0)), 1e-6);
}

TEST(FeatureModel, LossIsTheSumOfSquaresAndItsNumberOfElements) {
  const Initializer zero = Initializer::constant(0.0);
  const LinearModel model({.inputs = 1, .outputs = 2, .weight_init = zero, .bias_init = zero}, 1);
  Context context;
  const Tensor y = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2});
  const Loss loss = model.loss({.inputs = Tensor::zeros({3, 1}), .targets = y}, context);
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

}  // namespace feedforward_test
}  // namespace gradus
