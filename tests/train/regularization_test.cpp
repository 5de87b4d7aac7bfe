// [regularization] from the configuration to the weights.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gradus/autograd/tape.h"
#include "gradus/nn/models/feedforward.h"
#include "gradus/train/experiment.h"
#include "gradus/train/session.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace regularization_test {

using nlohmann::json;

const json& references() {
  static const json all = json::parse(slurp(GRADUS_SOURCE_DIR "/tests/references/regularization.json"));
  return all;
}

// The first target of tests/references/regularization.json as a table.
std::string table() {
  std::string text = "a,b,c,d,e,f,y\n";
  for (size_t i = 0; i < references()["x"].size(); ++i) {
    for (const double v : references()["x"][i]) text += fmt::format("{},", v);
    text += fmt::format("{}\n", references()["y"][i][0].get<double>());
  }
  return text;
}

Config config_of(const TemporaryFolder& folder, std::vector<std::string> overrides) {
  spill(folder / "data.csv", table());
  overrides.push_back(Config::text_override("data.path", (folder / "data.csv").string()));
  return Config::parse(R"(
data = {kind = "csv", scaling = "none", validation_fraction = 0.0}
model = {kind = "linear", init = "zeros"}
optimizer = {name = "sgd", learning_rate = 0.15}
train = {steps = 2000}
log = {every = 2000}
)",
                       "run.toml", overrides);
}

// The loss is the mean of the squared errors, scikit-learn's half of that: its penalties are half of ours. The weights
// are f32, whose rounding in gradients of size 1 and a step's changes leaves some 1e-6.
void expect_scikit_learns(const char* name, const std::vector<std::string>& more, bool exact_zeros, double tolerance) {
  SCOPED_TRACE(name);
  const json& c = references()["cases"][name];
  const TemporaryFolder folder;
  std::vector<std::string> keys = {fmt::format("regularization.l1={}", 2 * c["l1"].get<double>()),
                                   fmt::format("regularization.l2={}", 2 * c["l2"].get<double>())};
  keys.insert(keys.end(), more.begin(), more.end());
  Session session(config_of(folder, keys));
  session.trainer().run();
  std::vector<double> got = values_of(session.model().parameters());
  const std::vector<double> wanted = c["weight"][0];
  for (size_t j = 0; j < wanted.size(); ++j) {
    EXPECT_NEAR(got[j], wanted[j], tolerance);
    EXPECT_EQ(got[j] == 0.0, exact_zeros && wanted[j] == 0.0);
  }
  EXPECT_NEAR(got.back(), c["bias"][0].get<double>(), tolerance);
}

TEST(Regularization, ProximalRunsEndAtScikitLearnsLassoAndElasticNet) {
  for (const char* name : {"lasso_with_bias", "elastic_net_with_bias"}) {
    expect_scikit_learns(name, {"regularization.method=proximal"}, true, 1e-5);
  }
}

// Without `method` they are penalties: as near as the rate is small, and no zero is exact.
TEST(Regularization, PenaltiesComeNearThem) {
  expect_scikit_learns("lasso_with_bias", {"optimizer.learning_rate=0.001", "train.steps=20000"}, false, 1e-3);
}

TEST(Regularization, KeysReachTheTrainer) {
  const TemporaryFolder folder;
  const auto options = [&](const std::vector<std::string>& keys) { return trainer_options(config_of(folder, keys)); };
  TrainerOptions o = options({"regularization.l1=0.1", "regularization.l2=0.2", "regularization.all=true"});
  EXPECT_EQ(o.penalty.l1, 0.1);
  EXPECT_EQ(o.penalty.l2, 0.2);
  EXPECT_TRUE(o.penalty.all);
  EXPECT_FALSE(o.proximal.any());
  EXPECT_EQ(o.gradient_noise.variance, 0.0);
  o = options({"regularization.l1=0.1", "regularization.l2=0.2", "regularization.all=true",
               "regularization.method=proximal", "regularization.max_norm=3"});
  EXPECT_EQ(o.penalty.l1, 0.0);
  EXPECT_EQ(o.penalty.l2, 0.0);
  EXPECT_EQ(o.proximal.l1, 0.1);
  EXPECT_EQ(o.proximal.l2, 0.2);
  EXPECT_TRUE(o.proximal.all);
  EXPECT_EQ(o.proximal.max_norm, 3.0);
  EXPECT_EQ(o.proximal.group_lasso, 0.0);
  o = options({"regularization.group_lasso=0.3", "regularization.gradient_noise=0.4"});
  EXPECT_EQ(o.proximal.group_lasso, 0.3);
  EXPECT_EQ(o.proximal.groups_of, WeightGroups::kInputs);
  EXPECT_EQ(o.gradient_noise.variance, 0.4);
  EXPECT_EQ(o.gradient_noise.decay, 0.55);
  o = options({"regularization.group_lasso=0.3", "regularization.groups_of=outputs",
               "regularization.gradient_noise=0.4", "regularization.gradient_noise_decay=1"});
  EXPECT_EQ(o.proximal.groups_of, WeightGroups::kOutputs);
  EXPECT_EQ(o.gradient_noise.decay, 1.0);
}

// A feature that is of no use is out: its column of the first layer is 0.
TEST(Regularization, GroupLassoLeavesFeaturesOut) {
  const TemporaryFolder folder;
  Session session(config_of(folder, {"model.kind=mlp", "model.init=default", "model.hidden=[8]",
                                     "regularization.group_lasso=0.25", "optimizer.learning_rate=0.05"}));
  session.trainer().run();
  const std::vector<double> weight = session.model().parameters()[0].tensor.values<double>();
  std::string zeros;
  for (size_t j = 0; j < 6; ++j) {
    size_t count = 0;
    for (size_t o = 0; o < 8; ++o) count += weight[o * 6 + j] == 0.0 ? 1 : 0;
    zeros += count == 8 ? '0' : 'w';
  }
  EXPECT_EQ(zeros[0], 'w');  // y is about 2a − 1.5c
  EXPECT_EQ(zeros[2], 'w');
  EXPECT_NE(zeros.find('0'), std::string::npos) << zeros;
}

TEST(Regularization, NoiseIsOfTheSeed) {
  const TemporaryFolder folder;
  const auto weights = [&](const char* seed) {
    Session session(config_of(folder, {"regularization.gradient_noise=0.1", "train.steps=5", seed}));
    session.trainer().run();
    return values_of(session.model().parameters());
  };
  EXPECT_EQ(weights("train.seed=1"), weights("train.seed=1"));
  EXPECT_NE(weights("train.seed=1"), weights("train.seed=2"));
}

// Each layer lengthens no vector, and relu none either: outputs lie no further apart than inputs.
TEST(Regularization, SpectralNormBoundsTheNetwork) {
  const TemporaryFolder folder;
  Session session(config_of(folder, {"model.kind=mlp", "model.init=default", "model.hidden=[16, 16]",
                                     "model.spectral_norm=true", "train.steps=200"}));
  session.trainer().run();
  const NoGrad no_grad;
  Context context;
  Tensor x = Tensor::zeros({1, 6}), y = Tensor::zeros({1, 6});
  double steepest = 0.0;
  for (int k = 0; k < 200; ++k) {
    double squares = 0.0;
    for (int j = 0; j < 6; ++j) {
      x.mutable_data<float>()[j] = static_cast<float>(std::sin(1 + 3 * k + 7 * j));
      y.mutable_data<float>()[j] = static_cast<float>(std::sin(1 + 3 * k + 7 * j) + 0.3 * std::cos(5 * k + j * j));
      squares += std::pow(x.data<float>()[j] - y.data<float>()[j], 2);
    }
    const auto& model = dynamic_cast<const FeatureModel&>(session.model());
    const double change = model.forward(x, context).item() - model.forward(y, context).item();
    steepest = std::max(steepest, std::abs(change) / std::sqrt(squares));
  }
  EXPECT_LE(steepest, 1.0 + 1e-4);
  EXPECT_GT(steepest, 0.3);
}

TEST(Regularization, SpectralNormIsForAnOptimizer) {
  const Config config = Config::parse("data.kind = \"line\"\nmodel.kind = \"linear\"\ntrain.steps = 9\n", "run.toml",
                                      {"model.spectral_norm=true", "solver.name=newton"});
  EXPECT_EQ(usage_error_text([&] { Session session(config); }),
            "[--set model.spectral_norm=true] model.spectral_norm is for weights that an optimizer moves, and "
            "solver.name = \"newton\" finds them itself; remove it, or set solver.name = \"none\"");
}

TEST(Regularization, SpectralNormNeedsAWeight) {
  const TemporaryFolder folder;
  const std::vector<std::string> keys = {"model.kind=mlp", "model.spectral_norm=true", "model.init=zeros"};
  EXPECT_EQ(
      usage_error_text([&] { Session session(config_of(folder, keys)); }),
      "[--set model.init=zeros] weights of zeros have no spectral norm to divide by; choose another model.init, or "
      "set model.spectral_norm to false");
}

TEST(Regularization, Errors) {
  const TemporaryFolder folder;
  const auto text = [&](std::vector<std::string> keys) {
    return usage_error_text([&] { config_of(folder, std::move(keys)); });
  };
  const std::string names = "does not apply to optimizer.name = \"";
  const std::string hint =
      "\"; weights of lbfgs, rprop and schedule_free may not change after their update; remove it, or change "
      "optimizer.name";
  EXPECT_EQ(text({"optimizer.name=lbfgs", "regularization.method=proximal"}),
            "[--set regularization.method=proximal] \"regularization.method\" " + names + "lbfgs" + hint);
  EXPECT_EQ(text({"optimizer.name=lbfgs", "regularization.group_lasso=1"}),
            "[--set regularization.group_lasso=1] \"regularization.group_lasso\" " + names + "lbfgs" + hint);
  EXPECT_EQ(text({"optimizer.name=rprop", "regularization.group_lasso=1"}),
            "[--set regularization.group_lasso=1] \"regularization.group_lasso\" " + names + "rprop" + hint);
  EXPECT_EQ(text({"optimizer.name=schedule_free", "regularization.max_norm=1"}),
            "[--set regularization.max_norm=1] \"regularization.max_norm\" " + names + "schedule_free" + hint);
  EXPECT_EQ(text({"optimizer.name=lbfgs", "regularization.gradient_noise=1"}),
            "[--set regularization.gradient_noise=1] \"regularization.gradient_noise\" does not apply to "
            "optimizer.name = \"lbfgs\"; remove it, or change optimizer.name");
  EXPECT_EQ(text({"regularization.groups_of=outputs"}),
            "[--set regularization.groups_of=outputs] \"regularization.groups_of\" applies to a given "
            "regularization.group_lasso, and there is no regularization.group_lasso; set that, or remove "
            "\"regularization.groups_of\"");
  EXPECT_EQ(text({"regularization.gradient_noise_decay=1"}),
            "[--set regularization.gradient_noise_decay=1] \"regularization.gradient_noise_decay\" applies to a given "
            "regularization.gradient_noise, and there is no regularization.gradient_noise; set that, or remove "
            "\"regularization.gradient_noise_decay\"");
  EXPECT_EQ(text({"regularization.max_norm=0"}),
            "[--set regularization.max_norm=0] \"regularization.max_norm\" must be a real number above 0; found the "
            "integer 0");
  EXPECT_EQ(
      text({"regularization.method=prox"}),
      "[--set regularization.method=prox] \"regularization.method\" must be \"penalty\" or \"proximal\"; found the "
      "text \"prox\"; did you mean \"proximal\"?");
}

}  // namespace regularization_test
}  // namespace gradus
