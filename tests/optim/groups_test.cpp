// What holds for all optimizers: groups by pattern, clipping by value, averages, options out of range.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gradus/optim/optimizer.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace groups_test {

TEST(Pattern, FitsWholeNames) {
  for (const char* pattern : {"*", "h.0.bias", "*.bias", "h.*", "h.?.bias", "*0*", "h.0.bias*", "**s", "*h*.*b?as"}) {
    EXPECT_TRUE(fits_pattern(pattern, "h.0.bias")) << pattern;
  }
  for (const char* pattern : {"", "bias", "*.bia", "h.?bias", "h", "h.??.bias", "*1*", "h.0.bias?", "?h*"}) {
    EXPECT_FALSE(fits_pattern(pattern, "h.0.bias")) << pattern;
  }
  EXPECT_TRUE(fits_pattern("", ""));
  EXPECT_TRUE(fits_pattern("*", ""));
  EXPECT_TRUE(fits_pattern("*a*b", "aab.ab"));
}

struct Two {
  Tensor w = Tensor::full({1, 2}, 1.0, DType::kF64), b = Tensor::full({2}, 1.0, DType::kF64);
  std::unique_ptr<Optimizer> optimizer = make_sgd({{"l.w", w}, {"l.b", b}}, {.weight_decay = 0.5});

  StepReport step(double gradient, StepOptions options = {.learning_rate = 0.1}) {
    w.set_grad(Tensor::full({1, 2}, gradient, DType::kF64));
    b.set_grad(Tensor::full({2}, gradient, DType::kF64));
    return optimizer->step(options);
  }
  double at_w() const { return w.values<double>()[0]; }
  double at_b() const { return b.values<double>()[0]; }
};

TEST(Groups, GiveRatesAndDecaysAndTheLastHolds) {
  Two two;
  two.optimizer->set_groups({{.pattern = "*", .learning_rate_factor = 3.0},
                             {.pattern = "*.b", .learning_rate_factor = 2.0, .weight_decay = 0.0}});
  two.step(1.0);
  EXPECT_DOUBLE_EQ(two.at_w(), 1.0 - 0.3 * (1.0 + 0.5));
  EXPECT_DOUBLE_EQ(two.at_b(), 1.0 - 0.2 * 1.0);
}

TEST(Groups, FrozenParametersAreInNoNormAndKeepNothing) {
  Two two;
  two.optimizer = make_adamw({{"l.w", two.w}, {"l.b", two.b}}, {});
  two.optimizer->set_groups({{.pattern = "*.w", .freeze = true}});
  EXPECT_EQ(two.optimizer->state_bytes(), 2 * 2 * 8 + 8);
  const StepReport report = two.step(3.0);
  EXPECT_DOUBLE_EQ(report.gradient_norm, std::sqrt(2 * 9.0));
  EXPECT_EQ(two.at_w(), 1.0);
  EXPECT_NE(two.at_b(), 1.0);
  EXPECT_FALSE(two.w.grad().defined());
  for (const Parameter& p : two.optimizer->state()) EXPECT_TRUE(p.name.starts_with("l.b."));
}

TEST(Groups, WrongOnesAreUsageErrors) {
  Two two;
  const auto text = [&](const ParameterGroup& group) {
    return usage_error_text([&] { two.optimizer->set_groups({group}); });
  };
  EXPECT_EQ(text({.pattern = "x*"}), "[sgd] the pattern \"x*\" of a group fits no parameter; their names are l.w l.b");
  EXPECT_EQ(text({.pattern = "*", .learning_rate_factor = -1.0}),
            "[sgd] learning_rate_factor of a group is -1; expected a finite number from 0");
  EXPECT_EQ(text({.pattern = "*", .weight_decay = -1.0}),
            "[sgd] weight_decay of a group is -1; expected a finite number from 0");
  EXPECT_EQ(text({.pattern = "*.w", .muon = true}),
            "[sgd] \"muon\" of the group \"*.w\" is for the optimizer muon; remove it");
  EXPECT_EQ(text({.pattern = "*", .freeze = true}), "[sgd] all 2 parameters are frozen; leave some to train");
  const auto muon = make_muon({{"l.w", two.w}, {"l.b", two.b}}, {});
  EXPECT_EQ(usage_error_text([&] { muon->set_groups({{.pattern = "*", .muon = true}}); }),
            "[muon] \"muon\" of the group \"*\" is true, but \"l.b\" is f64 (2,), no matrix; leave it to AdamW");
}

// A group's factor is that of the first step size.
TEST(Groups, OfRpropHaveARateAndNoDecay) {
  Two two;
  two.optimizer = make_rprop({{"l.w", two.w}, {"l.b", two.b}}, {});
  EXPECT_EQ(usage_error_text([&] { two.optimizer->set_groups({{.pattern = "*.w", .weight_decay = 0.1}}); }),
            "[rprop] the group \"*.w\" has a weight_decay, and only signs of gradients count; take a penalty instead");
  two.optimizer->set_groups({{.pattern = "*.w", .learning_rate_factor = 3.0}});
  two.step(1e-200);
  EXPECT_DOUBLE_EQ(two.at_w(), 1.0 - 0.3);
  EXPECT_DOUBLE_EQ(two.at_b(), 1.0 - 0.1);
  two.step(1e-200, {.learning_rate = 7.0});
  EXPECT_DOUBLE_EQ(two.at_w(), 1.0 - 0.3 - 1.2 * 0.3) << "its sign, whatever its size; the rate is that of the start";
  two.step(-1.0);
  EXPECT_DOUBLE_EQ(two.at_b(), 1.0 - 0.1 - 1.2 * 0.1) << "it has turned";
  two.step(-1.0);
  EXPECT_DOUBLE_EQ(two.at_b(), 1.0 - 0.1 - 1.2 * 0.1 + 0.5 * 1.2 * 0.1);
}

TEST(Groups, LeaveMatricesToAdamW) {
  Two two;
  const auto muon = make_muon({{"l.w", two.w}, {"l.b", two.b}}, {});
  muon->set_groups({{.pattern = "l.w", .muon = false}});
  two.w.set_grad(Tensor::full({1, 2}, 1.0, DType::kF64));
  muon->step({.learning_rate = 0.1});
  EXPECT_EQ(muon->state()[0].name, "l.w.moment1");
  EXPECT_NEAR(two.at_w(), 0.9, 1e-7);  // AdamW's first step is the learning rate long
}

TEST(ClipValue, CutsElementsOffAndSaysSo) {
  Two two;
  two.optimizer = make_sgd({{"l.w", two.w}, {"l.b", two.b}}, {});
  two.w.set_grad(Tensor::from(std::vector<double>{0.1, -5.0}, {1, 2}));
  two.b.set_grad(Tensor::from(std::vector<double>{0.2, 7.0}, {2}));
  StepReport report = two.optimizer->step({.learning_rate = 1.0, .clip_value = 0.5});
  EXPECT_TRUE(report.clipped);
  EXPECT_DOUBLE_EQ(report.gradient_norm, std::sqrt(0.01 + 25 + 0.04 + 49)) << "before it was clipped";
  EXPECT_EQ(two.w.values<double>(), (std::vector<double>{1 - 0.1, 1.5}));
  EXPECT_EQ(two.b.values<double>(), (std::vector<double>{1 - 0.2, 0.5}));
  EXPECT_FALSE(two.step(0.5, {.learning_rate = 1.0, .clip_value = 0.5}).clipped);
  EXPECT_EQ(usage_error_text([&] { two.step(1.0, {.clip_value = -1.0}); }),
            "[optimizer] clip_value is -1; expected a finite number from 0");
}

// Cutting off would hide it.
TEST(ClipValue, SeesAGradientThatIsNotFinite) {
  Two two;
  EXPECT_FALSE(two.step(HUGE_VAL, {.learning_rate = 1.0, .clip_value = 0.5}).finite);
  EXPECT_EQ(two.at_w(), 1.0);
}

TEST(Ema, IsTheClosedFormAndStartsAtTheStart) {
  Two two;
  two.optimizer = make_sgd({{"l.w", two.w}, {"l.b", two.b}}, {});
  two.optimizer->set_ema(0.75);
  EXPECT_EQ(two.optimizer->averages()[0].tensor.values<double>()[0], 1.0) << "the weights until there is an average";
  for (int t = 0; t < 3; ++t) two.step(1.0);  // 0.9, 0.8, 0.7
  const double expected = 0.75 * (0.75 * (0.75 * 1.0 + 0.25 * 0.9) + 0.25 * 0.8) + 0.25 * 0.7;
  EXPECT_NEAR(two.optimizer->averages()[1].tensor.values<double>()[1], expected, 1e-15);
  EXPECT_EQ(two.optimizer->state()[0].name, "l.w.ema");
  EXPECT_EQ(two.optimizer->state_bytes(), 2 * 2 * 8);
  EXPECT_TRUE(make_sgd({{"w", two.w}}, {})->averages().empty());
}

TEST(Ema, OutOfRangeOrTwiceIsAUsageError) {
  Two two;
  EXPECT_EQ(usage_error_text([&] { two.optimizer->set_ema(1.0); }),
            "[sgd] ema is 1; expected a number above 0, below 1, e.g. 0.999");
  EXPECT_EQ(usage_error_text([&] {
              make_asgd({{"w", two.w}}, {})->set_ema(0.9);
            }),
            "[asgd] ema is 0.9, but asgd makes an average of its own; leave ema out");
}

// A learning rate of 0, as warm-up begins with, moves nothing and spoils nothing.
TEST(ScheduleFree, BeginsWithAWarmUpFromZero) {
  Two two;
  two.optimizer = make_schedule_free({{"l.w", two.w}, {"l.b", two.b}}, {});
  two.step(1.0, {.learning_rate = 0.0});
  EXPECT_EQ(two.at_w(), 1.0);
  two.step(1.0, {.learning_rate = 0.1});
  EXPECT_NEAR(two.at_w(), 0.9, 1e-8);
  EXPECT_NEAR(two.optimizer->averages()[0].tensor.values<double>()[0], 0.9, 1e-8) << "the first z with a weight";
}

// Newton and Schulz bring singular values near 1: the update of a matrix of any shape has a spectrum around the rate's.
TEST(Muon, MovesMatricesInAllDirectionsAlike) {
  for (const auto& [rows, columns] : {std::pair(3, 5), {5, 3}, {4, 4}}) {
    const int64_t shorter = std::min(rows, columns);
    std::vector<double> g;
    for (int i = 0; i < rows * columns; ++i) g.push_back(std::sin(1.0 + 1.7 * i * i));
    Tensor w = Tensor::zeros({rows, columns}, DType::kF64);
    w.set_grad(Tensor::from(g, {rows, columns}));
    make_muon({{"w", w}}, {.match_adamw = true})->step({.learning_rate = 1.0});
    double squares = 0.0;
    for (const double v : w.values<double>()) squares += v * v;
    const double factor = 0.2 * std::sqrt(std::max(rows, columns));
    // The five steps leave them between 0.65 and 1.25 or so.
    EXPECT_GT(squares, 0.6 * 0.6 * factor * factor * static_cast<double>(shorter));
    EXPECT_LT(squares, 1.3 * 1.3 * factor * factor * static_cast<double>(shorter));
  }
}

TEST(Rules, OptionsOutOfRangeAreUsageErrors) {
  const auto text = [](auto make) { return usage_error_text([&] { make(Parameters{}); }); };
  EXPECT_EQ(text([](auto p) { make_asgd(p, {.asgd_decay = -1.0}); }),
            "[asgd] asgd_decay is -1; expected a finite number from 0");
  EXPECT_EQ(text([](auto p) { make_asgd(p, {.power = -1.0}); }), "[asgd] power is -1; expected a finite number from 0");
  EXPECT_EQ(text([](auto p) { make_asgd(p, {.start = -1.0}); }), "[asgd] start is -1; expected a finite number from 0");
  EXPECT_EQ(text([](auto p) { make_adagrad(p, {.rate_decay = -1.0}); }),
            "[adagrad] rate_decay is -1; expected a finite number from 0");
  EXPECT_EQ(text([](auto p) { make_adagrad(p, {.initial_sum = -1.0}); }),
            "[adagrad] initial_sum is -1; expected a finite number from 0");
  EXPECT_EQ(text([](auto p) { make_adagrad(p, {.epsilon = 0.0}); }),
            "[adagrad] epsilon is 0; expected a finite number above 0, e.g. 1e-10");
  EXPECT_EQ(text([](auto p) { make_rmsprop(p, {.alpha = 1.0}); }),
            "[rmsprop] alpha is 1; expected a number from 0, below 1");
  EXPECT_EQ(text([](auto p) { make_rmsprop(p, {.momentum = 1.0}); }),
            "[rmsprop] momentum is 1; expected a number from 0, below 1");
  EXPECT_EQ(text([](auto p) { make_rmsprop(p, {.centered = true, .state = DType::kBF16}); }),
            "[rmsprop] centered is true and state is bf16; set state to f32, or centered to false");
  EXPECT_EQ(text([](auto p) { make_adam(p, {.beta1 = 1.0}); }), "[adam] beta1 is 1; expected a number from 0, below 1");
  EXPECT_EQ(text([](auto p) { make_nadam(p, {.momentum_decay = -1.0}); }),
            "[nadam] momentum_decay is -1; expected a finite number from 0");
  EXPECT_EQ(text([](auto p) { make_lion(p, {.beta2 = 1.0}); }), "[lion] beta2 is 1; expected a number from 0, below 1");
  EXPECT_EQ(text([](auto p) { make_adafactor(p, {.beta2_decay = 0.1}); }),
            "[adafactor] beta2_decay is 0.1; expected a finite number up to 0, e.g. -0.8");
  EXPECT_EQ(text([](auto p) { make_adafactor(p, {.update_clip = 0.5}); }),
            "[adafactor] update_clip is 0.5; expected a finite number from 1");
  EXPECT_EQ(text([](auto p) { make_adafactor(p, {.smallest_scale = -1.0}); }),
            "[adafactor] smallest_scale is -1; expected a finite number from 0");
  EXPECT_EQ(text([](auto p) { make_schedule_free(p, {.beta1 = 0.0}); }),
            "[schedule_free] beta1 is 0; expected a number from 0.01, below 1: its average is divided by it");
  EXPECT_EQ(text([](auto p) { make_schedule_free(p, {.beta1 = 1e-9}); }),
            "[schedule_free] beta1 is 1e-09; expected a number from 0.01, below 1: its average is divided by it");
  EXPECT_EQ(text([](auto p) { make_rprop(p, {.step_decrease = 1.0}); }),
            "[rprop] step_decrease is 1; expected a number above 0, below 1");
  EXPECT_EQ(text([](auto p) { make_rprop(p, {.step_increase = 1.0}); }),
            "[rprop] step_increase is 1; expected a finite number above 1");
  EXPECT_EQ(text([](auto p) { make_rprop(p, {.smallest_step = -1.0}); }),
            "[rprop] smallest_step is -1; expected a finite number from 0");
  EXPECT_EQ(text([](auto p) { make_rprop(p, {.smallest_step = 2.0, .largest_step = 1.0}); }),
            "[rprop] largest_step is 1; expected a finite number from smallest_step");
  EXPECT_EQ(text([](auto p) { make_adadelta(p, {.rho = 1.0}); }),
            "[adadelta] rho is 1; expected a number from 0, below 1");
  EXPECT_EQ(text([](auto p) { make_adadelta(p, {.epsilon = 0.0}); }),
            "[adadelta] epsilon is 0; expected a finite number above 0, e.g. 1e-6");
  EXPECT_EQ(text([](auto p) { make_adamax(p, {.beta2 = 1.0}); }),
            "[adamax] beta2 is 1; expected a number from 0, below 1");
  EXPECT_EQ(text([](auto p) { make_radam(p, {.beta1 = 1.0}); }),
            "[radam] beta1 is 1; expected a number from 0, below 1");
  EXPECT_EQ(text([](auto p) { make_muon(p, {.momentum = 1.0}); }),
            "[muon] momentum is 1; expected a number from 0, below 1");
  EXPECT_EQ(text([](auto p) { make_muon(p, {.adamw_factor = -1.0}); }),
            "[muon] adamw_factor is -1; expected a finite number from 0");
}

}  // namespace groups_test
}  // namespace gradus
