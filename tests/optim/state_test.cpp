// An optimizer's state, out and back in.
#include <gtest/gtest.h>

#include <functional>

#include "gradus/optim/optimizer.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace state_test {

using State = std::vector<std::pair<std::string, Tensor>>;

TEST(OptimizerState, RestoresWhatItGave) {
  Line line = noisy_line();
  line.optimizer = make_adamw(line.model.parameters(), {});
  line.train({.steps = 5});
  State state;
  for (const Parameter& p : line.optimizer->state()) state.emplace_back(p.name, p.tensor.clone());
  const auto again = make_adamw(line.model.parameters(), {});
  EXPECT_EQ(again->state_bytes(), 2 * (4 + 4 + 8));
  EXPECT_TRUE(again->state().empty());
  again->restore(5, state, "file");
  EXPECT_EQ(again->steps(), 5);
  EXPECT_EQ(bits_of(again->state()), bits_of(line.optimizer->state()));
  again->restore(0, {}, "file");
  EXPECT_TRUE(again->state().empty());
}

// Of a parameter without elements too all slots are taken, beside a moving average.
TEST(OptimizerState, ComesBackForEmptyParameters) {
  const auto rules = {std::function([](Parameters p) { return make_adafactor(std::move(p), {}); }),
                      std::function([](Parameters p) { return make_muon(std::move(p), {}); }),
                      std::function([](Parameters p) { return make_rprop(std::move(p), {}); })};
  for (const auto& make : rules) {
    for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}, Shape{2, 0, 3}, Shape{0}}) {
      Tensor e = Tensor::zeros(shape), w = Tensor::full({2, 2}, 1.0);
      const auto optimizer = make({{"e", e}, {"w", w}});
      optimizer->set_ema(0.9);
      e.set_grad(Tensor::zeros(shape));
      w.set_grad(Tensor::full({2, 2}, 1.0));
      optimizer->step({.learning_rate = 0.1});
      State state;
      for (const Parameter& p : optimizer->state()) state.emplace_back(p.name, p.tensor.clone());
      const auto again = make({{"e", e}, {"w", w}});
      again->set_ema(0.9);
      again->restore(1, state, "file");
      EXPECT_EQ(bits_of(again->state()), bits_of(optimizer->state())) << to_string(shape);
    }
  }
}

TEST(OptimizerState, RefusesAStateThatDoesNotFit) {
  Line line = noisy_line();
  line.optimizer = make_adamw(line.model.parameters(), {});
  line.train({.steps = 1});
  State state;
  for (const Parameter& p : line.optimizer->state()) state.emplace_back(p.name, p.tensor);
  const auto error = [&](Optimizer& optimizer, const State& given) {
    return error_text([&] { optimizer.restore(1, given, "file"); });
  };
  const auto adamw = make_adamw(line.model.parameters(), {});
  State wrong = state;
  wrong[0].second = Tensor::zeros({2, 1});
  EXPECT_EQ(error(*adamw, wrong), "[file] the optimizer's \"weight.moment1\" is f32 (2, 1); expected f32 (1, 1)");
  wrong = state;
  wrong.erase(wrong.begin());
  EXPECT_EQ(error(*adamw, wrong), "[file] 1 of the 3 state tensors of \"weight\" are missing");
  const auto sgd = make_sgd(line.model.parameters(), {.momentum = 0.9});
  EXPECT_EQ(error(*sgd, state),
            "[file] of 6 state tensors 0 belong to this optimizer; is the configuration that of the checkpoint?");
  EXPECT_TRUE(adamw->state().empty());
}

}  // namespace state_test
}  // namespace gradus
