// That the keys of an optimizer reach its rule: a run by a configuration is a run by the options that it says.
#include <gtest/gtest.h>

#include "gradus/train/experiment.h"
#include "tests/train/configs.h"
#include "tests/train/training.h"

namespace gradus {
namespace optimizer_keys_test {

// A few updates of one small parameter by gradients that turn.
std::string bits_after(const std::function<std::unique_ptr<Optimizer>(const Parameters&)>& make) {
  Tensor w = Tensor::full({2, 3}, 0.5);
  const auto optimizer = make({{"w", w}});
  for (int t = 0; t < 12; ++t) {
    w.set_grad(Tensor::full({2, 3}, t % 5 < 3 ? 0.7 : -0.3));
    optimizer->step({.learning_rate = 0.05});
  }
  return bits_of({{"w", w}});
}

using Make = std::function<std::unique_ptr<Optimizer>(const Parameters&)>;

void expect_reaches(Overrides keys, const Make& make, const Make& usual) {
  const Config config = line(keys);
  const std::string by_keys = bits_after([&](const Parameters& p) { return make_optimizer(config, p); });
  EXPECT_TRUE(by_keys == bits_after(make)) << keys.back();
  const Config plain = line({keys.front()});
  EXPECT_TRUE(bits_after([&](const Parameters& p) { return make_optimizer(plain, p); }) == bits_after(usual));
  EXPECT_TRUE(bits_after(usual) != by_keys) << keys.back() << " changes nothing here";
}

TEST(OptimizerKeys, ReachTheirRule) {
  expect_reaches(
      {"optimizer.name=sgd", "optimizer.momentum=0.9", "optimizer.dampening=0.4"},
      [](auto p) { return make_sgd(p, {.momentum = 0.9, .dampening = 0.4}); }, [](auto p) { return make_sgd(p, {}); });
  expect_reaches(
      {"optimizer.name=rprop", "optimizer.step_decrease=0.3", "optimizer.step_increase=1.5",
       "optimizer.smallest_step=0.01", "optimizer.largest_step=0.2", "optimizer.state=bf16"},
      [](auto p) {
        return make_rprop(p, {0.3, 1.5, 0.01, 0.2, DType::kBF16});
      },
      [](auto p) { return make_rprop(p, {}); });
  expect_reaches(
      {"optimizer.name=adadelta", "optimizer.weight_decay=0.1", "optimizer.rho=0.8", "optimizer.epsilon=0.01"},
      [](auto p) { return make_adadelta(p, {.weight_decay = 0.1, .rho = 0.8, .epsilon = 0.01}); },
      [](auto p) { return make_adadelta(p, {}); });
  expect_reaches(
      {"optimizer.name=adamax", "optimizer.weight_decay=0.1", "optimizer.beta1=0.8", "optimizer.beta2=0.9",
       "optimizer.epsilon=0.01"},
      [](auto p) { return make_adamax(p, {.weight_decay = 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 0.01}); },
      [](auto p) { return make_adamax(p, {}); });
  expect_reaches(
      {"optimizer.name=radam", "optimizer.weight_decay=0.1", "optimizer.beta1=0.8", "optimizer.beta2=0.9",
       "optimizer.epsilon=0.01", "optimizer.decoupled_weight_decay=true"},
      [](auto p) {
        return make_radam(p, {0.1, 0.8, 0.9, 0.01, true});
      },
      [](auto p) { return make_radam(p, {}); });
  expect_reaches(
      {"optimizer.name=adafactor", "optimizer.epsilon=2"}, [](auto p) { return make_adafactor(p, {.epsilon = 2.0}); },
      [](auto p) { return make_adafactor(p, {}); });
}

}  // namespace optimizer_keys_test
}  // namespace gradus
