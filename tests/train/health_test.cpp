// What is watched while training, and what is done about a step that goes wrong.
#include "gradus/train/health.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/train/run.h"
#include "tests/reads.h"
#include "tests/testing.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace health_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

TEST(MovingBand, HasTheMeanAndTheDeviationOfItsValues) {
  MovingBand band;
  for (const double value : {4.0, 6.0, 4.0, 6.0}) band.add(value);
  EXPECT_DOUBLE_EQ(band.mean, 5.0);
  // |x − mean before| is 2, 1, 4/3; the mean of 0 and these: (2 + 1 + 4/3) / 4.
  EXPECT_DOUBLE_EQ(band.deviation, 13.0 / 12.0);
  MovingBand constant;
  for (int i = 0; i < 1000; ++i) constant.add(2.0);
  for (int i = 0; i < 100; ++i) constant.add(3.0);
  EXPECT_NEAR(constant.mean, 3.0 - std::pow(0.99, 100), 1e-9);  // it forgets by a hundredth
}

TEST(MovingBand, IsExceededByWhatIsFarAboveItOnly) {
  MovingBand band;
  EXPECT_FALSE(band.is_exceeded_by(1e9, 50));
  for (int i = 0; i < 9; ++i) band.add(1.0);
  EXPECT_FALSE(band.is_exceeded_by(1e9, 50));  // nine values are too few
  band.add(1.0);
  EXPECT_TRUE(band.is_exceeded_by(2.01, 50));
  EXPECT_FALSE(band.is_exceeded_by(1.99, 50));  // a constant loss has no deviation: twice its mean is the least
  EXPECT_FALSE(band.is_exceeded_by(-1e9, 50));
  MovingBand learned = band;  // what is little beside the beginning is no spike, however much it is beside the mean
  learned.mean = 1e-6;
  EXPECT_FALSE(learned.is_exceeded_by(0.09, 50));
  EXPECT_TRUE(learned.is_exceeded_by(0.11, 50));
  band.deviation = 0.1;
  EXPECT_FALSE(band.is_exceeded_by(5.9, 50));
  EXPECT_TRUE(band.is_exceeded_by(6.1, 50));
  EXPECT_DOUBLE_EQ(band.within(1e9, 50), 6.0);
  EXPECT_DOUBLE_EQ(band.within(5.0, 50), 5.0);
}

/// A loss of about 1 that is `value` at step `at`.
std::vector<double> with_bad_step(int64_t at, double value) {
  std::vector<double> losses;
  for (int64_t n = 0; n < 40; ++n) losses.push_back(n == at ? value : 1.0 + 0.1 * static_cast<double>(n % 3));
  return losses;
}

// The weight moves by −1 a step: it tells how many updates there were.
TEST(BadStep, IsFoundBeforeTheWeightsChangeWhereverItIs) {
  for (const auto& [value, kind, reason, first] :
       {std::tuple(kNaN, Anomaly::Kind::kLossNotFinite, StopReason::kNonFinite, 0),
        {kInf, Anomaly::Kind::kLossNotFinite, StopReason::kNonFinite, 0},
        {-kInf, Anomaly::Kind::kLossNotFinite, StopReason::kNonFinite, 0},
        {1000.0, Anomaly::Kind::kLossSpike, StopReason::kLossSpike, 10}}) {
    for (int64_t at = first; at < 40; ++at) {
      Script script{.training = with_bad_step(at, value), .slope = 1.0};
      const Outcome outcome = script.train({.steps = 40});
      EXPECT_EQ(outcome.summary.stop_reason, reason);
      EXPECT_EQ(outcome.summary.steps, at);
      EXPECT_EQ(script.weight.item(), -static_cast<double>(at)) << value;
      ASSERT_TRUE(outcome.summary.anomaly.has_value());
      EXPECT_EQ(outcome.summary.anomaly->kind, kind);
      EXPECT_EQ(outcome.summary.anomaly->step, at);
    }
  }
}

// 0 · 1e60 has a finite value and an infinite slope.
TEST(BadStep, OfTheGradientAloneIsFoundToo) {
  for (const int64_t at : {0, 7}) {
    Tensor weight = Tensor::zeros({1, 1}).set_requires_grad();
    const auto optimizer = make_sgd({{"weight", weight}}, {});
    const Numbers data(4);
    int64_t step = 0;
    const LossFunction loss = [&](const Batch&, Context&) {
      const Tensor w = sum(weight);
      const Tensor zero = w - w.detach();
      return Loss{step == at ? zero * 1e30 * 1e30 : zero, 1.0};
    };
    Trainer trainer({.steps = 20}, {{"weight", weight}}, loss, data, *optimizer, ConstantSchedule{1.0});
    trainer.set_callback([&](const StepRecord&) { ++step; });
    const TrainingSummary summary = trainer.run();
    EXPECT_EQ(summary.stop_reason, StopReason::kNonFinite);
    EXPECT_EQ(summary.anomaly->kind, Anomaly::Kind::kGradientNotFinite);
    EXPECT_EQ(summary.anomaly->gradient, "weight");
    EXPECT_EQ(summary.anomaly->bad_gradients, 1);
    EXPECT_EQ(summary.anomaly->examples, (std::vector<int64_t>{0, 1, 2, 3}));
    EXPECT_THAT(summary.anomaly->text(),
                Reads(fmt::format("step {0} (batch {0} in the order of the data): the gradient is not finite (the loss "
                                  "is {{}}); 1 parameters have such a gradient, the backward pass meets weight first; "
                                  "examples 0, 1, 2, 3",
                                  at)));
    EXPECT_EQ(weight.item(), -static_cast<double>(at));
    EXPECT_FALSE(weight.grad().defined());
  }
}

TEST(BadStep, NamesTheExamplesAndTheOp) {
  std::vector<float> x(20, 0.5f), y(20, 1.0f);
  x[3] = std::numeric_limits<float>::quiet_NaN();
  y[17] = std::numeric_limits<float>::infinity();
  Line line(x, y);
  const Outcome outcome = line.train({.steps = 5});
  EXPECT_EQ(outcome.summary.anomaly->examples, (std::vector<int64_t>{3, 17}));
  EXPECT_EQ(outcome.summary.anomaly->op, "linear");
  EXPECT_EQ(outcome.summary.anomaly->op_parameter, "bias");
  EXPECT_EQ(
      outcome.summary.anomaly->text(),
      "step 0 (batch 0 in the order of the data): the loss is NaN; first in the result of 'linear', at or after bias; "
      "examples 3, 17");
}

TEST(BadStep, NamesAWeightThatIsBadAlready) {
  const TensorDataset data = make_line({.points = 32}, 1);
  Mlp model({.hidden = {4, 4}}, 1);
  const auto optimizer = make_sgd(model.parameters(), {});
  Trainer trainer({.steps = 20}, model.parameters(), loss_of(model), data, *optimizer, ConstantSchedule{0.01});
  Tensor second = model.parameters()[2].tensor;
  trainer.set_callback([&](const StepRecord& record) {
    if (record.step == 4) second.mutable_data<float>()[1] = std::numeric_limits<float>::infinity();
  });
  const TrainingSummary summary = trainer.run();
  EXPECT_EQ(summary.steps, 5);
  EXPECT_EQ(summary.anomaly->bad_parameter, model.parameters()[2].name);
  EXPECT_TRUE(summary.anomaly->examples.empty());
  EXPECT_THAT(summary.anomaly->text(), Reads("step 5 (batch 5 in the order of the data): the loss is {}; the weight " +
                                             model.parameters()[2].name + " already holds NaN or infinity; {}"));
}

// One example of the batch is far off: it has the highest loss, and the only one above the usual.
TEST(BadStep, NamesTheExamplesBehindASpike) {
  std::vector<float> x, y;
  for (int i = 0; i < 200; ++i) {
    x.push_back(0.01f * static_cast<float>(i % 100));
    y.push_back(i == 150 ? 1e4f : 0.1f * static_cast<float>(i % 7));
  }
  Line line(x, y);
  const Outcome outcome = line.train({.steps = 100, .batch_size = 5, .sampling = Sampling::kInOrder});
  EXPECT_EQ(outcome.summary.stop_reason, StopReason::kLossSpike);
  EXPECT_EQ(outcome.summary.steps, 30);
  EXPECT_EQ(outcome.summary.anomaly->examples.at(0), 150);
  EXPECT_THAT(outcome.summary.anomaly->text(),
              Reads("step 30 (batch 30 in the order of the data): the loss is {}, and was near {} before; highest "
                    "losses: examples 150, {}"));
}

TEST(BadStep, LooksAtNoExampleOfABatchThatIsTooLarge) {
  Script script{.training = with_bad_step(20, 1000.0), .slope = 1.0};
  const Numbers data(1025);
  Trainer trainer({.steps = 40}, script.parameters, script.loss(), data, *script.optimizer, script.schedule);
  const TrainingSummary summary = trainer.run();
  ASSERT_TRUE(summary.anomaly.has_value());
  EXPECT_THAT(
      summary.anomaly->text(),
      Reads("step 20 (batch 20 in the order of the data): the loss is 1000, and was near {} before; the batch is "
            "too large to look at each example"));
}

TEST(Spike, IsTrainedOnAndCountedWhereThatIsAskedFor) {
  Script script{.training = with_bad_step(20, 1000.0), .slope = 1.0};
  script.training[30] = 1000.0;
  const Numbers data(10);
  Trainer trainer({.steps = 40, .stop_on_spike = false}, script.parameters, script.loss(), data, *script.optimizer,
                  script.schedule);
  std::vector<std::string> warnings;
  trainer.set_on_warning([&](const HealthWarning& warning) {
    warnings.push_back(warning.name);
    EXPECT_THAT(warning.text,
                Reads("step 20: the loss is 1000, and was near {} before: an odd batch, or a learning rate "
                      "that is too high"));
  });
  EXPECT_EQ(trainer.run().steps, 40);
  EXPECT_EQ(trainer.state().health.spikes, 2);  // the first did not hide the second
  EXPECT_EQ(warnings, std::vector<std::string>{"loss_spike"});
  Script off{.training = with_bad_step(20, 1e9), .slope = 1.0};
  EXPECT_EQ(off.train({.steps = 40, .spike_deviations = 0}).summary.steps, 40);
}

// Squared errors of single points have a long tail: a spike is what even that tail does not have.
TEST(Spike, IsNotSeenInTheNoiseOfSingleExamples) {
  Line line(make_line({.points = 5000, .noise = 1.0}, 3));
  line.schedule = ConstantSchedule{0.01};
  EXPECT_EQ(line.train({.steps = 50'000, .batch_size = 1, .log_every = 100'000}).summary.steps, 50'000);
}

TEST(Recovery, LeavesTheBatchOutAndGoesOn) {
  std::vector<float> x, y;
  for (int i = 0; i < 60; ++i) {
    x.push_back(0.1f * static_cast<float>(i % 10));
    y.push_back(i == 33 ? std::numeric_limits<float>::quiet_NaN() : 1.0f);
  }
  Line line(x, y);
  const TrainerOptions options{.steps = 20, .batch_size = 5, .sampling = Sampling::kInOrder};
  Trainer trainer = line.trainer(options);
  NamedTensors start;
  for (const Parameter& p : line.model.parameters()) start.emplace_back(p.name, p.tensor.clone());
  const TrainingState at_start = trainer.state();
  std::vector<int64_t> batches;
  trainer.set_recovery([&](const Anomaly& anomaly) {
    EXPECT_EQ(anomaly.step, batches.size() == 6 ? 6 : 17);
    EXPECT_EQ(anomaly.batch, batches.size() == 6 ? 6 : 18);
    load_parameters(line.model.parameters(), start, "test");
    batches.clear();
    trainer.rewind(at_start, anomaly);
    return true;
  });
  trainer.set_callback([&](const StepRecord& record) { batches.push_back(record.batch); });
  EXPECT_EQ(trainer.run().steps, 20);
  EXPECT_EQ(trainer.state().skipped, (std::vector<int64_t>{6, 18}));  // the second epoch has it again
  EXPECT_EQ(trainer.state().rewinds, 2);
  std::vector<int64_t> expected;
  for (int64_t batch = 0; expected.size() < 20; ++batch) {
    if (batch != 6 && batch != 18) expected.push_back(batch);
  }
  EXPECT_EQ(batches, expected);
}

TEST(Warnings, SayWhenTheGradientIsZero) {
  Script script{.training = {1.0}, .slope = 0.0};
  const Numbers data(10);
  Trainer trainer({.steps = 30}, script.parameters, script.loss(), data, *script.optimizer, script.schedule);
  std::vector<std::string> names;
  trainer.set_on_warning([&](const HealthWarning& warning) {
    names.push_back(warning.name);
    EXPECT_EQ(
        warning.text,
        "step 0: the gradient is exactly 0, so nothing is learned from it: the loss may be flat here, or all units "
        "dead");
  });
  trainer.run();
  EXPECT_EQ(names, std::vector<std::string>{"zero_gradient"});  // once, of 30 times
}

TEST(Warnings, SayWhenTheGradientJumps) {
  HealthState state;
  HealthMonitor monitor(state);
  for (int64_t step = 0; step < 20; ++step) monitor.on_update(step, 1.0, {.gradient_norm = 2.0}, {});
  EXPECT_TRUE(monitor.take_warnings().empty());
  monitor.on_update(20, 1.0, {.gradient_norm = 19.0}, {});
  EXPECT_TRUE(monitor.take_warnings().empty());
  monitor.on_update(21, 1.0, {.gradient_norm = 90.0}, {});
  const std::vector<HealthWarning> warnings = monitor.take_warnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].name, "gradient_norm");
  EXPECT_THAT(warnings[0].text,
              Reads("step 21: the gradient's norm is 90, and was near {} before: a step on it may undo "
                    "much; optimizer.clip_norm would shorten it"));
}

TEST(Warnings, SayWhenTheWeightsMoveTooFastOrNotAtAll) {
  const std::string start = "step 104: a step changes the weights by ";
  const std::string large = start +
                            "0.2 of their size: the learning rate may be too high (healthy training is often near "
                            "0.001)";
  const std::string small = start +
                            "only 1e-09 of their size: the learning rate may be too low, or training has come to "
                            "its end";
  for (const auto& [ratio, name, text] : {std::tuple(0.2, "large_updates", large), {1e-9, "small_updates", small}}) {
    HealthState state;
    HealthMonitor monitor(state);
    int64_t warned_at = -1;
    for (int64_t step = 0; step < 200; ++step) {
      monitor.on_update(step, 1.0, {.gradient_norm = 1.0, .update_ratio = step % 10 == 9 ? 0.01 : ratio}, {});
      for (const HealthWarning& warning : monitor.take_warnings()) {
        EXPECT_EQ(warning.name, name);
        EXPECT_EQ(warning.text, text);
        warned_at = step;
      }
    }
    EXPECT_EQ(warned_at, 104) << "five looks in a row, not before step 100";
  }
}

TEST(Trainer, MeasuresHowFarAStepMovesTheWeights) {
  Line line({1, -1}, {2, -2});  // the gradient of w is −4 at w = 0
  const Outcome outcome = line.train({.steps = 2, .log_every = 2});
  EXPECT_DOUBLE_EQ(*outcome.records[0].update_ratio, 1.0);  // from 0 to all that there is
  EXPECT_FALSE(outcome.records[1].update_ratio.has_value());
}

// The biases are far below 0: no unit of the layer is ever above it.
TEST(Trainer, CountsDeadUnits) {
  const TensorDataset data = make_line({.points = 100}, 1);
  Mlp model({.hidden = {8}}, 1);
  Tensor bias = model.parameters()[1].tensor;
  for (int i = 0; i < 6; ++i) bias.mutable_data<float>()[i] = -100.0f;
  for (int i = 6; i < 8; ++i) bias.mutable_data<float>()[i] = 100.0f;
  const auto optimizer = make_sgd(model.parameters(), {});
  for (const int64_t micro : {0, 30}) {
    Trainer trainer({.steps = 12, .micro_batch_size = micro, .log_every = 2}, model.parameters(), loss_of(model), data,
                    *optimizer, ConstantSchedule{1e-6});
    std::vector<std::string> warnings;
    trainer.set_on_warning([&](const HealthWarning& warning) { warnings.push_back(warning.text); });
    trainer.set_callback([&](const StepRecord& record) {
      EXPECT_EQ(record.dead_units.has_value(), record.step % 2 == 0);
      EXPECT_EQ(record.dead_units.value_or(0.75), 0.75);
    });
    trainer.run();
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_EQ(
        warnings[0],
        "step 8: 75% of the units of a relu layer give 0 for every example of the batch, so they learn nothing: a "
        "lower learning rate, or another activation, may keep them alive");
  }
}

TEST(Trainer, CountsShortenedGradients) {
  Line line({1, -1}, {2, -2});
  Trainer trainer = line.trainer({.steps = 30, .clip_norm = 1.0});
  int64_t expected = 0;
  trainer.set_callback([&](const StepRecord& record) { expected += record.gradient_norm > 1.0 ? 1 : 0; });
  trainer.run();
  EXPECT_GT(expected, 3);
  EXPECT_LT(expected, 30);
  EXPECT_EQ(trainer.state().health.clipped_steps, expected);
}

// ---- In a run's folder.

// A point that is far off is met once an epoch, in batch 25 for this seed's order.
Config outlier_config(const std::string& on_spike) {
  return Config::parse(R"(
data = {kind = "line", points = 400, x_max = 1e4, noise = 0.01, slope = 0.0}
model = {kind = "linear", init = "zeros"}
optimizer = {learning_rate = 1e-9}
train = {steps = 60, batch_size = 4, seed = 5}
checkpoint = {every = 10, keep = 9}
log = {every = 5}
)",
                       "outlier.toml", {"health.on_spike=" + on_spike});
}

/// Makes the losses of a run's batch 25 a thousand times as large, through the data.
void spoil(const TrainingRun& run) {
  const auto* data = dynamic_cast<const TensorDataset*>(run.data().training.get());
  const Sampler sampler({400, 4, Sampling::kShuffle, 5});
  std::vector<int64_t> ids;
  sampler.batch(25, ids);
  Tensor targets = data->targets();
  targets.mutable_data<float>()[ids[2]] = 1e3f;
}

TEST(RunHealth, ASpikeEndsTheRunWithTheWeightsOfBefore) {
  const TemporaryFolder folder;
  TrainingRun run(outlier_config("stop"), folder / "run");
  spoil(run);
  const TrainingSummary summary = run.train();
  EXPECT_EQ(summary.stop_reason, StopReason::kLossSpike);
  EXPECT_EQ(summary.steps, 25);
  const json written = json::parse(slurp(folder / "run/summary.json"));
  EXPECT_EQ(written["stop_reason"], "loss_spike");
  EXPECT_THAT(written["seen"].get<std::string>(),
              HasSubstr("step 25 (batch 25 in the order of the data): the loss is "));
  EXPECT_EQ(fs::read_symlink(folder / "run/checkpoints/last"), "step-25");
}

TEST(RunHealth, RewindsLeavesTheBatchOutAndSaysSo) {
  const TemporaryFolder folder;
  std::vector<std::string> events;
  {
    TrainingRun run(outlier_config("rewind"), folder / "run");
    spoil(run);
    run.set_on_event([&](const std::string& text) { events.push_back(text); });
    EXPECT_EQ(run.train().steps, 60);
  }
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(events[0], Reads("step 25 (batch 25 in the order of the data): {}. Back to step 20, and batch 25 is left "
                               "out"));
  const json summary = json::parse(slurp(folder / "run/summary.json"));
  EXPECT_EQ(summary["counts"]["skipped_batches"], json::array({25}));
  EXPECT_EQ(summary["counts"]["rewinds"], 1);
  std::vector<int> steps;
  int rewinds = 0;
  for (const json& row : log_of(folder / "run")) {
    if (row.contains("event")) {
      ++rewinds;
      EXPECT_EQ(row["event"], "rewind");
      EXPECT_EQ(row["step"], 20);
    } else {
      steps.push_back(row["step"]);
    }
  }
  EXPECT_EQ(rewinds, 1);
  EXPECT_EQ(steps, (std::vector<int>{0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55}));
}

// Before the first checkpoint there is the start itself.
TEST(RunHealth, RewindsToTheStartWhereThereIsNoLaterCheckpoint) {
  const TemporaryFolder folder;
  Config config = outlier_config("rewind");
  config.set("checkpoint.every", int64_t{0}, "test");
  TrainingRun run(config, folder / "run");
  spoil(run);
  EXPECT_EQ(run.train().steps, 60);
  EXPECT_EQ(log_of(folder / "run").at(0)["event"], "rewind");
}

// Nothing helps: whatever is left out, every batch is bad.
TEST(RunHealth, GivesUpWhenRewindingDoesNotHelp) {
  const TemporaryFolder folder;
  TrainingRun run(outlier_config("rewind"), folder / "run");
  const auto* data = dynamic_cast<const TensorDataset*>(run.data().training.get());
  Tensor targets = data->targets();
  std::fill_n(targets.mutable_data<float>(), targets.numel(), std::numeric_limits<float>::quiet_NaN());
  const TrainingSummary summary = run.train();
  EXPECT_EQ(summary.stop_reason, StopReason::kNonFinite);
  EXPECT_EQ(run.trainer().state().skipped.size(), 10u);
}

}  // namespace health_test
}  // namespace gradus
