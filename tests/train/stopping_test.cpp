// When a run ends, and with which weights.
#include <atomic>
#include <cmath>
#include <thread>

#include "gradus/autograd/tape.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace stopping_test {

TEST(Stopping, TheFirstOfStepsAndEpochs) {
  const auto ends = [](const TrainerOptions& options) {
    Line line = noisy_line(10);  // 4 steps an epoch
    const Outcome o = line.train(options);
    EXPECT_EQ(static_cast<int64_t>(o.records.size()), o.summary.steps);
    return std::pair{o.summary.steps, name_of(o.summary.stop_reason)};
  };
  EXPECT_EQ(ends({.steps = 7, .batch_size = 3}), std::pair(int64_t{7}, std::string_view("max_steps")));
  EXPECT_EQ(ends({.epochs = 2, .batch_size = 3}), std::pair(int64_t{8}, std::string_view("max_epochs")));
  EXPECT_EQ(ends({.steps = 7, .epochs = 2, .batch_size = 3}), std::pair(int64_t{7}, std::string_view("max_steps")));
  EXPECT_EQ(ends({.steps = 9, .epochs = 2, .batch_size = 3}), std::pair(int64_t{8}, std::string_view("max_epochs")));
  EXPECT_EQ(ends({.epochs = 0.5, .batch_size = 3}), std::pair(int64_t{2}, std::string_view("max_epochs")));
}

TEST(Stopping, SaysBeforehandHowManySteps) {
  Line line = noisy_line(10);
  EXPECT_EQ(line.trainer({.steps = 9, .epochs = 2, .batch_size = 3}).planned_steps(), 8);
  EXPECT_EQ(planned_steps({.steps = 7, .epochs = 2, .batch_size = 3}, line.data), 7);
}

// Gradient descent on one point, x = 0, y = 1: b = 1 − 0.8^n, so the loss of step n is 0.64^n.
TEST(Stopping, ALossThresholdEndsTheRunBeforeTheUpdate) {
  Line line({0}, {1});
  const Outcome o = line.train({.steps = 100, .stop_loss = 0.2});
  EXPECT_EQ(o.summary.stop_reason, StopReason::kLossThreshold);
  EXPECT_EQ(o.summary.steps, 4);  // 0.64^3 = 0.26, 0.64^4 = 0.17
  ASSERT_EQ(o.records.size(), 5u);
  EXPECT_NEAR(o.summary.final_loss, std::pow(0.64, 4), 1e-6);
  EXPECT_NEAR(line.b(), 1 - std::pow(0.8, 4), 1e-6);
  EXPECT_TRUE(std::isnan(o.records[4].gradient_norm));
  EXPECT_TRUE(o.records[4].logged);
  EXPECT_FALSE(line.model.parameters()[0].tensor.grad().defined());
}

TEST(Stopping, EqualToTheThresholdIsReached) {
  Script script{.training = {3, 2, 1}};
  EXPECT_EQ(script.train({.steps = 10, .stop_loss = 2.0}).summary.steps, 1);
}

TEST(Stopping, TheWindowOfMiniBatchesIs100Steps) {
  std::vector<double> losses(100, 2.0);
  losses.push_back(1.0);  // from step 100 on
  Script script{.training = losses};
  // The mean at step n is 1 + (199 − n)/100: 1.5 at step 149.
  EXPECT_EQ(script.train({.steps = 1000, .batch_size = 5, .stop_loss = 1.5}).summary.steps, 149);
  Script low{.training = {0.0}};
  EXPECT_EQ(low.train({.steps = 1000, .batch_size = 5, .stop_loss = 1.5}).summary.steps, 99);
}

TEST(Stopping, TheWindowOfTheWholeBatchIsOneStep) {
  for (const int64_t batch_size : {0, 10}) {
    Script script{.training = {5, 5, 1}};
    EXPECT_EQ(script.train({.steps = 1000, .batch_size = batch_size, .stop_loss = 1.5}).summary.steps, 2);
  }
}

TEST(Stopping, TheWindowCanBeSet) {
  Script script{.training = {0, 5, 4, 3, 2, 1, 0}};
  EXPECT_EQ(script.train({.steps = 1000, .batch_size = 5, .stop_loss = 2.0, .stop_window = 3}).summary.steps, 5);
}

TEST(Stopping, TheThresholdComparesTheLossWithoutPenalty) {
  Line line({0}, {1});
  load_parameters(line.model.parameters(), {{"weight", Tensor::full({1, 1}, 100)}, {"bias", Tensor::full({1}, 1)}},
                  "test");
  const Outcome o = line.train({.steps = 10, .stop_loss = 0.01, .penalty = {.l2 = 1.0}});
  EXPECT_EQ(o.summary.steps, 0);
  EXPECT_EQ(o.summary.stop_reason, StopReason::kLossThreshold);
}

TEST(Stopping, OnValidationComparesTheValidationLoss) {
  Script script{.training = {0}, .validation = {3, 2, 1}};
  const Outcome o = script.train({.steps = 100, .stop_loss = 2.0, .stop_on_validation = true, .validation_every = 2});
  EXPECT_EQ(o.summary.stop_reason, StopReason::kLossThreshold);
  EXPECT_EQ(o.summary.steps, 4);  // validated after updates 2 and 4
  EXPECT_EQ(o.records.back().validation_loss, 2);
  EXPECT_EQ(script.validated, 2u);
}

// Validations after updates 2, 4, …; the lowest loss is that of the second.
TEST(EarlyStopping, EndsAfterSoManyValidationsWithoutAnImprovement) {
  const auto ends = [](std::vector<double> validation, int64_t patience, double min_delta = 0.0) {
    Script script{.training = {0}, .validation = std::move(validation)};
    const Outcome o = script.train({.steps = 40, .patience = patience, .min_delta = min_delta, .validation_every = 2});
    return std::pair{o.summary.steps, name_of(o.summary.stop_reason)};
  };
  using End = std::pair<int64_t, std::string_view>;
  EXPECT_EQ(ends({3, 2, 2.5, 2.25, 2}, 1), End(6, "no_improvement"));
  EXPECT_EQ(ends({3, 2, 2.5, 2.25, 2}, 3), End(10, "no_improvement")) << "equal is no improvement";
  EXPECT_EQ(ends({3, 2, 2.5, 1.75, 2}, 2), End(12, "no_improvement")) << "an improvement starts the count again";
  EXPECT_EQ(ends({3, 2, 2.5, 2.25, 2}, 30), End(40, "max_steps"));
  // Each is 0.25 lower than the one before: not enough one by one, but the second is 0.5 below the lowest that counted.
  EXPECT_EQ(ends({3, 2.75, 2.5, 2.25, 2.0, 1.75, 1.5, 1.25}, 2, 0.375), End(18, "no_improvement"));
  EXPECT_EQ(ends({3, 2.75, 2.5, 2.25, 2.0, 1.75, 1.5, 1.25}, 2, 0.25), End(18, "no_improvement"));
  EXPECT_EQ(ends({3, 2.75, 2.5, 2.25, 2.0, 1.75, 1.5, 1.25}, 2, 0.125), End(20, "no_improvement"));
  EXPECT_EQ(ends({3, 2.75, 2.5, 2.25, 2.0}, 1, 0.25), End(4, "no_improvement")) << "it must be more than min_delta";
  EXPECT_EQ(ends({NAN, NAN, NAN, 2.0}, 3), End(6, "no_improvement")) << "what is no number is no improvement";
  EXPECT_EQ(ends({INFINITY, 2.0, 3.0}, 2), End(8, "no_improvement"));
}

TEST(EarlyStopping, WrongOptionsAreUsageErrors) {
  const auto text = [](const TrainerOptions& options) {
    return usage_error_text([&] { Script{.training = {0}}.train(options); });
  };
  EXPECT_EQ(text({.steps = 4, .patience = 2}),
            "[train.patience] goes by the validation loss, and there is none; set validation.every");
  EXPECT_EQ(text({.steps = 4, .plateau = PlateauOptions{}}),
            "[schedule.name] goes by the validation loss, and there is none; set validation.every");
  EXPECT_EQ(text({.steps = 4, .patience = -2, .validation_every = 1}),
            "[train.patience] patience -2 and min_delta 0; expected neither below 0");
}

// The validation at the end of a run that `validation_every` does not ask for is not one of a longer run.
TEST(EarlyStopping, OnlyValidationsThatAreDueCount) {
  Script script{.training = {0}, .validation = {3, 3, 1}};
  const Numbers data(10);
  Trainer trainer({.steps = 5, .patience = 2, .plateau = PlateauOptions{.patience = 0}, .validation_every = 2},
                  script.parameters, script.loss(), data, *script.optimizer, ConstantSchedule{0.5});
  trainer.set_validation(data);
  const Outcome o = run_trainer(trainer);
  EXPECT_EQ(script.validated, 3u);
  EXPECT_EQ(o.summary.best_validation_loss, 1);
  EXPECT_EQ(o.summary.stop_reason, StopReason::kMaxSteps);
  EXPECT_EQ(trainer.state().patience.best, 3);
  EXPECT_EQ(trainer.state().patience.waited, 1);
  EXPECT_EQ(trainer.state().plateau, (PlateauState{.factor = 0.1, .best = 3.0}));
}

// Validations after updates 2, 4, …: the second and third that do not improve are waited through, the next drops.
TEST(Plateau, MultipliesTheRateOfTheSchedule) {
  Script script{.training = {0},
                .validation = {3, 2, 2, 2, 2, 1, 1, 1, 1},
                .schedule = ConstantSchedule{.learning_rate = 0.5, .warmup_steps = 4}};
  const PlateauOptions plateau{.decay_factor = 0.5, .patience = 1, .final_factor = 0.375};
  const Outcome o = script.train({.steps = 20, .plateau = plateau, .validation_every = 2});
  const double full = 0.5, half = 0.25, least = 0.375 * 0.5;
  const std::vector<double> expected = {0,    0.125, 0.25, 0.375, full, full, full,  full,  half,  half,
                                        half, half,  half, half,  half, half, least, least, least, least};
  std::vector<double> rates;
  for (const StepRecord& record : o.records) rates.push_back(record.learning_rate);
  EXPECT_EQ(rates, expected);
}

TEST(Stopping, AnyEndIsValidated) {
  Script script{.training = {3, 2, 1}, .validation = {7}};
  const Outcome o = script.train({.steps = 100, .stop_loss = 1.0, .validation_every = 50});
  EXPECT_EQ(o.summary.steps, 2);
  EXPECT_EQ(o.records.back().validation_loss, 7);
  EXPECT_TRUE(o.records.back().best);
  EXPECT_EQ(o.summary.best_validation_loss, 7);
}

TEST(Stopping, TheLongestTimeEndsTheRun) {
  Line line = noisy_line();
  const Outcome o = line.train({.steps = 1000000000, .max_time_s = 0.05, .log_every = 1000000000});
  EXPECT_EQ(o.summary.stop_reason, StopReason::kMaxTime);
  EXPECT_GE(o.summary.elapsed_s, 0.05);
  EXPECT_LT(o.summary.elapsed_s, 5);
  EXPECT_TRUE(o.records.back().logged);
  EXPECT_EQ(o.summary.steps, static_cast<int64_t>(o.records.size()));
}

TEST(Stopping, ALossThatIsNotFiniteChangesNoWeight) {
  for (const double bad : {double{NAN}, double{INFINITY}, double{-INFINITY}}) {
    Script script{.training = {5, 4, bad}, .validation = {1}, .slope = 1.0};
    double weight = 0;
    const Outcome o = script.train({.steps = 10, .stop_loss = 1.0, .validation_every = 100}, [&](const StepRecord& r) {
      if (r.step == 1) weight = script.weight.item();
    });
    EXPECT_EQ(o.summary.stop_reason, StopReason::kNonFinite);
    EXPECT_EQ(o.summary.steps, 2);
    EXPECT_EQ(script.weight.item(), weight);
    EXPECT_FALSE(std::isfinite(o.summary.final_loss));
    EXPECT_TRUE(o.records.back().logged);
    EXPECT_FALSE(script.weight.grad().defined());
  }
}

// 0·1e30·1e30 is 0, its slope 1e60, which f32 does not hold.
TEST(Stopping, AGradientThatIsNotFiniteChangesNoWeight) {
  Tensor a = Tensor::full({2, 2}, 3).set_requires_grad(), b = Tensor::zeros({1}).set_requires_grad();
  const Parameters parameters = {{"a", a}, {"b", b}};
  const auto optimizer = make_adamw(parameters, {.weight_decay = 0.1});
  const Numbers data(4);
  int calls = 0;
  const LossFunction loss = [&](const Batch&, Context&) {
    const double large = ++calls == 3 ? 1e30 : 0.0;
    return Loss{sum(a) + sum(b.detach() * 0.0 + (b - b.detach()) * large * large), 1.0};
  };
  Trainer trainer({.steps = 10}, parameters, loss, data, *optimizer, ConstantSchedule{0.1});
  std::string before;
  const Outcome o = run_trainer(trainer, [&](const StepRecord& r) {
    if (r.step == 1) before = bits_of(parameters);
  });
  EXPECT_EQ(o.summary.stop_reason, StopReason::kNonFinite);
  EXPECT_EQ(o.summary.steps, 2);
  EXPECT_TRUE(std::isfinite(o.summary.final_loss));
  EXPECT_EQ(bits_of(parameters), before);
}

TEST(Stopping, CancelFromAnotherThreadEndsTheStep) {
  Line line = noisy_line();
  Trainer trainer = line.trainer({.steps = 1000000000, .log_every = 1000000000});
  std::atomic<int64_t> done{0};
  std::jthread other([&] {
    while (done.load() < 50) std::this_thread::yield();
    trainer.cancel();
  });
  const Outcome o = run_trainer(trainer, [&](const StepRecord&) { ++done; });
  EXPECT_EQ(o.summary.stop_reason, StopReason::kInterrupted);
  EXPECT_GE(o.summary.steps, 50);
  EXPECT_EQ(o.summary.steps, static_cast<int64_t>(o.records.size()));
  EXPECT_TRUE(o.records.back().logged);
}

// The callback of step n comes when that step is done: the step in progress is the next one.
TEST(Stopping, CancelFromTheCallbackEndsTheNextStep) {
  Line line = noisy_line();
  Trainer trainer = line.trainer({.steps = 1000, .log_every = 1000});
  const Outcome o = run_trainer(trainer, [&](const StepRecord& r) {
    if (r.step == 4) trainer.cancel();
  });
  EXPECT_EQ(o.summary.stop_reason, StopReason::kInterrupted);
  EXPECT_EQ(o.summary.steps, 6);
  EXPECT_TRUE(o.records.back().logged);
}

// Who cancels does not want to wait for a pass over the validation data, begun or not.
TEST(Stopping, CancelledRunsAreNotValidated) {
  Script script{.training = {3}, .validation = {7}};
  const Numbers data(10);
  Trainer trainer({.steps = 100, .validation_every = 50}, script.parameters, script.loss(), data, *script.optimizer,
                  ConstantSchedule{0.1});
  trainer.set_validation(data);
  trainer.cancel();
  const Outcome o = run_trainer(trainer);
  EXPECT_EQ(o.summary.stop_reason, StopReason::kInterrupted);
  EXPECT_EQ(o.summary.steps, 1);
  EXPECT_FALSE(o.records.back().validation_loss.has_value());
  EXPECT_FALSE(o.summary.best_validation_loss.has_value());
}

TEST(Stopping, ReasonsHaveTheirNames) {
  EXPECT_EQ(name_of(StopReason::kMaxSteps), "max_steps");
  EXPECT_EQ(name_of(StopReason::kMaxEpochs), "max_epochs");
  EXPECT_EQ(name_of(StopReason::kLossThreshold), "loss_threshold");
  EXPECT_EQ(name_of(StopReason::kMaxTime), "max_time");
  EXPECT_EQ(name_of(StopReason::kNoImprovement), "no_improvement");
  EXPECT_EQ(name_of(StopReason::kNonFinite), "non_finite");
  EXPECT_EQ(name_of(StopReason::kInterrupted), "interrupted");
}

}  // namespace stopping_test
}  // namespace gradus
