// What the trainer does in a step: losses, batches, schedules, penalties, records, errors.
#include "gradus/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "gradus/autograd/tape.h"
#include "gradus/base/random.h"
#include "tests/testing.h"
#include "tests/train/training.h"

namespace gradus {
namespace trainer_test {

using Values = std::vector<double>;

TEST(Trainer, TheLossOfAStepIsThatBeforeItsUpdate) {
  Line line({1}, {2});
  const Outcome o = line.train({.steps = 2});
  // From w = b = 0: loss 4, both gradients −4; then w = b = 0.4: loss 1.2² and both gradients −2.4.
  EXPECT_EQ(o.records[0].loss, 4);
  EXPECT_NEAR(o.records[0].gradient_norm, std::sqrt(32), 1e-6);
  EXPECT_NEAR(o.records[1].loss, 1.44, 1e-6);
  EXPECT_NEAR(line.w(), 0.64, 1e-6);
  EXPECT_NEAR(line.b(), 0.64, 1e-6);
  EXPECT_EQ(o.summary.steps, 2);
  EXPECT_EQ(o.summary.final_loss, o.records[1].loss);
}

struct Recursion {
  double w, b;
  std::vector<double> losses;
};

// The chapter's gradient descent on the mean squared error, in double.
Recursion descend(const TensorDataset& data, double rate, int steps) {
  const Values x = data.inputs().values<double>(), y = data.targets().values<double>();
  const auto n = static_cast<double>(x.size());
  Recursion r{0, 0, {}};
  for (int step = 0; step < steps; ++step) {
    double loss = 0, dw = 0, db = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = r.w * x[i] + r.b - y[i];
      loss += error * error / n;
      dw += 2 * error * x[i] / n;
      db += 2 * error / n;
    }
    r.losses.push_back(loss);
    r.w -= rate * dw;
    r.b -= rate * db;
  }
  return r;
}

// Each update rounds w and b (about 2) to f32, an error of up to 2^-24·2 that later steps shrink by 1 − rate·λ, where λ
// is the curvature: 2·mean(x²) = 0.68 for w and 2 for b. So at most 1.2e-7 / (0.01·0.68) = 2e-5 comes together; the
// loss is flat there, and rounds by itself.
TEST(Trainer, TheChaptersExampleEqualsItsRecursionInDouble) {
  Line line(make_line({}, 1));
  line.schedule = ConstantSchedule{0.01};
  const Outcome o = line.train({.steps = 1000});
  const Recursion r = descend(line.data, 0.01, 1000);
  EXPECT_NEAR(line.w(), r.w, 2e-5);
  EXPECT_NEAR(line.b(), r.b, 2e-5);
  ASSERT_EQ(o.records.size(), 1000u);
  for (size_t i = 0; i < 1000; ++i) EXPECT_NEAR(o.records[i].loss, r.losses[i], 2e-5 * r.losses[i]) << i;
}

struct Fit {
  double w, b;
};

Fit least_squares(const TensorDataset& data) {
  const Values x = data.inputs().values<double>(), y = data.targets().values<double>();
  const auto n = static_cast<double>(x.size());
  const double mx = std::accumulate(x.begin(), x.end(), 0.0) / n, my = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
  }
  return {xy / xx, my - xy / xx * mx};
}

// Three ways, one budget of 40,000 examples. With noise 0.3 and a constant rate α the weights keep moving about the
// answer with a variance of about α·noise² / (2·batch size): five of these.
TEST(Trainer, TheThreeWaysReachLeastSquares) {
  for (const auto& [batch_size, rate] : {std::pair{0, 0.1}, {1, 0.005}, {10, 0.02}}) {
    Line line(make_line({}, 1));
    line.schedule = ConstantSchedule{rate};
    const int64_t size = batch_size == 0 ? 100 : batch_size;
    const Outcome o = line.train({.steps = 40000 / size, .batch_size = batch_size});
    const Fit fit = least_squares(line.data);
    const double near = batch_size == 0 ? 1e-5 : 5 * std::sqrt(rate * 0.09 / (2.0 * static_cast<double>(size)));
    EXPECT_NEAR(line.w(), fit.w, near) << batch_size;
    EXPECT_NEAR(line.b(), fit.b, near) << batch_size;
    EXPECT_EQ(o.summary.steps, 40000 / size);
  }
}

TEST(Trainer, TheScheduleSetsTheRateOfEachStep) {
  Script script{.training = {0}, .slope = 1.0};
  script.schedule = LinearSchedule{.learning_rate = 0.5, .warmup_steps = 2, .total_steps = 6};
  Values weights;
  const Outcome o = script.train({.steps = 6}, [&](const StepRecord&) { weights.push_back(script.weight.item()); });
  const Values rates = {0, 0.25, 0.5, 0.375, 0.25, 0.125};
  double expected = 0;
  for (size_t n = 0; n < 6; ++n) {
    EXPECT_DOUBLE_EQ(o.records[n].learning_rate, rates[n]) << n;
    expected -= rates[n];
    EXPECT_EQ(weights[n], expected) << n;  // all multiples of 1/8: exact
  }
}

TEST(Trainer, ClipsTheGradientAndReportsItBefore) {
  Script script{.training = {0}, .slope = 8.0};
  const Outcome o = script.train({.steps = 1, .clip_norm = 2.0});
  EXPECT_EQ(o.records[0].gradient_norm, 8);
  EXPECT_NEAR(script.weight.item(), -2, 1e-5);
}

TEST(Trainer, PenaltiesAreLoggedBesideTheLoss) {
  const double l1 = 0.25, l2 = 0.5;
  for (const bool all : {false, true}) {
    Line line({1, -1}, {3, 0});
    load_parameters(line.model.parameters(), {{"weight", Tensor::full({1, 1}, -2)}, {"bias", Tensor::full({1}, 4)}},
                    "test");
    const Outcome o = line.train({.steps = 1, .penalty = {.l1 = l1, .l2 = l2, .all = all}});
    // Predictions 2 and 6: errors −1 and 6.
    EXPECT_EQ(o.records[0].loss, 18.5);
    EXPECT_EQ(o.records[0].penalty, l1 * 2 + 0.5 * l2 * 4 + (all ? l1 * 4 + 0.5 * l2 * 16 : 0));
    const double dw = -7 - l1 + l2 * -2, db = 5 + (all ? l1 + l2 * 4 : 0);
    EXPECT_NEAR(line.w(), -2 - 0.1 * dw, 1e-6);
    EXPECT_NEAR(line.b(), 4 - 0.1 * db, 1e-6);
    EXPECT_NEAR(o.records[0].gradient_norm, std::hypot(dw, db), 1e-6);
  }
}

std::vector<std::vector<int64_t>> batches_of(const TrainerOptions& options, int64_t examples = 10) {
  const Numbers data(examples);
  Script script{.training = {1}};
  Trainer trainer(options, script.parameters, script.loss(), data, *script.optimizer, ConstantSchedule{1.0});
  trainer.run();
  return data.batches;
}

TEST(Trainer, BatchesAreCutFromTheData) {
  using Batches = std::vector<std::vector<int64_t>>;
  const std::vector<int64_t> all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(batches_of({.steps = 2}), (Batches{all, all}));
  EXPECT_EQ(batches_of({.steps = 2, .batch_size = 10}), (Batches{all, all}));
  EXPECT_EQ(batches_of({.steps = 3, .batch_size = 1, .sampling = Sampling::kInOrder}), (Batches{{0}, {1}, {2}}));
  EXPECT_EQ(batches_of({.epochs = 1, .batch_size = 4, .sampling = Sampling::kInOrder}),
            (Batches{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}}));
}

TEST(Trainer, MicroBatchesAreConsecutivePieces) {
  using Batches = std::vector<std::vector<int64_t>>;
  const TrainerOptions options = {.steps = 1, .batch_size = 7, .micro_batch_size = 3, .sampling = Sampling::kInOrder};
  EXPECT_EQ(batches_of(options), (Batches{{0, 1, 2}, {3, 4, 5}, {6}}));
  EXPECT_EQ(batches_of({.steps = 1, .batch_size = 2, .micro_batch_size = 50, .sampling = Sampling::kInOrder}),
            (Batches{{0, 1}}));
}

TEST(Trainer, ShufflingIsANewPermutationEachEpoch) {
  const auto batches = batches_of({.epochs = 2, .batch_size = 7}, 100);
  ASSERT_EQ(batches.size(), 30u);
  std::vector<int64_t> first, second;
  for (size_t i = 0; i < 30; ++i) {
    std::vector<int64_t>& epoch = i < 15 ? first : second;
    epoch.insert(epoch.end(), batches[i].begin(), batches[i].end());
  }
  EXPECT_NE(first, second);
  EXPECT_FALSE(std::ranges::is_sorted(first));
  for (std::vector<int64_t>* epoch : {&first, &second}) {
    std::ranges::sort(*epoch);
    for (int64_t i = 0; i < 100; ++i) ASSERT_EQ((*epoch)[static_cast<size_t>(i)], i);
  }
  EXPECT_EQ(batches_of({.epochs = 2, .batch_size = 7}, 100), batches);
  EXPECT_NE(batches_of({.epochs = 2, .batch_size = 7, .seed = 1}, 100), batches);
}

TEST(Trainer, ReplacementDrawsIndependently) {
  const auto batches = batches_of({.steps = 100, .batch_size = 20, .sampling = Sampling::kReplacement});
  int64_t zeros = 0, with_repeats = 0;
  for (const auto& batch : batches) {
    ASSERT_EQ(batch.size(), 20u);  // more than there are examples
    zeros += std::ranges::count(batch, 0);
    with_repeats += std::set(batch.begin(), batch.end()).size() < batch.size();
  }
  EXPECT_NEAR(static_cast<double>(zeros), 200, 5 * std::sqrt(2000 * 0.09));
  EXPECT_EQ(with_repeats, 100);
}

TEST(Trainer, RecordsSayWhereTheStepStands) {
  Line line = noisy_line(10);
  const Outcome o = line.train({.epochs = 2, .batch_size = 4, .micro_batch_size = 3, .log_every = 4});
  ASSERT_EQ(o.records.size(), 6u);
  const Values epochs = {0, 0.4, 0.8, 1, 1.4, 1.8};
  for (size_t n = 0; n < 6; ++n) {
    const StepRecord& r = o.records[n];
    EXPECT_EQ(r.step, static_cast<int64_t>(n));
    EXPECT_DOUBLE_EQ(r.epoch, epochs[n]);
    EXPECT_EQ(r.examples, n % 3 == 2 ? 2 : 4);
    EXPECT_EQ(r.weight, static_cast<double>(r.examples));
    EXPECT_EQ(r.learning_rate, 0.1);
    EXPECT_EQ(r.logged, n == 0 || n == 4) << n;  // every 4
    EXPECT_FALSE(r.validation_loss.has_value());
    EXPECT_FALSE(r.best);
  }
  EXPECT_GT(o.records[4].elapsed_s, 0);
  EXPECT_GE(o.summary.elapsed_s, o.records[4].elapsed_s);
}

TEST(Trainer, ValidatesAfterTheUpdateAndAtTheEnd) {
  Line line = noisy_line(10);
  Trainer trainer = line.trainer({.steps = 8, .validation_every = 3, .log_every = 100});
  trainer.set_validation(line.data);
  const Outcome o = run_trainer(trainer);
  for (size_t n = 0; n < 8; ++n) {
    const StepRecord& r = o.records[n];
    EXPECT_EQ(r.validation_loss.has_value(), n == 2 || n == 5 || n == 7) << n;
    EXPECT_EQ(r.logged, n == 0 || r.validation_loss.has_value()) << n;
    // On the same data it is what the next step finds.
    if (r.validation_loss && n < 7) {
      EXPECT_EQ(*r.validation_loss, o.records[n + 1].loss);
    }
  }
  EXPECT_EQ(o.summary.best_validation_loss, o.records[7].validation_loss);
}

TEST(Trainer, ValidationIsTheWeightedMeanOfItsBatches) {
  Line line = noisy_line(10);
  const auto validate = [&](int64_t batch_size) {
    Line own(line.data);
    Trainer trainer = own.trainer({.steps = 1, .validation_every = 1, .validation_batch_size = batch_size});
    trainer.set_validation(own.data);
    return *run_trainer(trainer).records[0].validation_loss;
  };
  const double whole = validate(64);
  EXPECT_NEAR(validate(3), whole, 1e-6 * whole);
  EXPECT_NEAR(validate(1), whole, 1e-6 * whole);
}

TEST(Trainer, MarksTheBestValidation) {
  Script script{.training = {9}, .validation = {3, 4, 2, NAN, 2, 1}};
  const Outcome o = script.train({.steps = 6, .validation_every = 1});
  std::vector<bool> best;
  for (const StepRecord& r : o.records) best.push_back(r.best);
  EXPECT_EQ(best, (std::vector<bool>{true, false, true, false, false, true}));
  EXPECT_EQ(o.summary.best_validation_loss, 1);
}

TEST(Trainer, ValidationRecordsNothingAndDropsNothing) {
  Tensor weight = Tensor::zeros({1}).set_requires_grad();
  const Parameters parameters = {{"w", weight}};
  const auto optimizer = make_sgd(parameters, {});
  const Numbers data(4), held_out(5);
  int64_t validated = 0;
  const LossFunction loss = [&](const Batch& batch, Context& context) {
    EXPECT_EQ(context.training, detail::recording_tape() != nullptr);
    EXPECT_EQ(static_cast<int64_t>(context.example_ids.size()), batch.inputs.size(0));
    if (!context.training) validated += batch.inputs.size(0);
    return Loss{sum(weight), 1.0};
  };
  Trainer trainer({.steps = 2, .validation_every = 1, .validation_batch_size = 2}, parameters, loss, data, *optimizer,
                  ConstantSchedule{0.1});
  trainer.set_validation(held_out);
  trainer.run();
  EXPECT_EQ(validated, 10);
}

// Keys for dropout: another one each step, the same for each micro-batch of it.
TEST(Trainer, TheContextCarriesTheStepsKeyAndTheExamplesIds) {
  Script script{.training = {1}};
  const Numbers data(4);
  std::vector<uint64_t> keys;
  std::vector<std::vector<int64_t>> ids;
  const LossFunction inner = script.loss();
  const LossFunction loss = [&](const Batch& batch, Context& context) {
    EXPECT_EQ(context.uses, 0u);
    context.next_key();
    keys.push_back(context.key);
    ids.emplace_back(context.example_ids.begin(), context.example_ids.end());
    return inner(batch, context);
  };
  Trainer trainer({.steps = 2, .micro_batch_size = 2, .seed = 9}, script.parameters, loss, data, *script.optimizer,
                  ConstantSchedule{0.1});
  trainer.run();
  EXPECT_EQ(keys, (std::vector<uint64_t>{mix(9, 0), mix(9, 0), mix(9, 1), mix(9, 1)}));
  EXPECT_EQ(ids, data.batches);
}

TEST(Trainer, ErrorsOfTheCallbackPassThrough) {
  Line line = noisy_line();
  Trainer trainer = line.trainer({.steps = 10});
  trainer.set_callback([](const StepRecord& r) {
    if (r.step == 3) throw std::runtime_error("stop here");
  });
  EXPECT_THROW(trainer.run(), std::runtime_error);
  EXPECT_EQ(detail::recording_tape(), nullptr);
  Line same = noisy_line();
  same.train({.steps = 4});
  EXPECT_EQ(values_of(line.model.parameters()), values_of(same.model.parameters()));
}

// A loss function that fails, in a later micro-batch or after a part of backward, leaves nothing to the next run.
TEST(Trainer, ErrorsOfTheLossPassThroughAndLeaveNothing) {
  Line line = noisy_line(), same = noisy_line();
  const LossFunction good = loss_of(line.model);
  int calls = 0;
  const LossFunction failing = [&](const Batch& batch, Context& context) {
    Loss loss = good(batch, context);
    if (++calls == 6) throw std::runtime_error("no more data");
    return loss;
  };
  Trainer trainer({.steps = 10, .micro_batch_size = 4}, line.model.parameters(), failing, line.data, *line.optimizer,
                  line.schedule);
  EXPECT_THROW(trainer.run(), std::runtime_error);
  EXPECT_EQ(detail::recording_tape(), nullptr);
  line.train({.steps = 3, .micro_batch_size = 4});
  same.train({.steps = 4, .micro_batch_size = 4});
  EXPECT_EQ(bits_of(line.model.parameters()), bits_of(same.model.parameters()));
}

TEST(Trainer, GradientsLeftFromBeforeDoNotCount) {
  Line line = noisy_line(), same = noisy_line();
  for (const Parameter& p : line.model.parameters()) {
    Tensor handle = p.tensor;
    handle.set_grad(Tensor::full(p.tensor.shape(), 100));
  }
  line.train({.steps = 1});
  same.train({.steps = 1});
  EXPECT_EQ(values_of(line.model.parameters()), values_of(same.model.parameters()));
}

TEST(Trainer, RefusesARunWithoutALimit) {
  Line line = noisy_line();
  EXPECT_EQ(usage_error_text([&] { line.trainer({}); }),
            "[train] neither steps nor epochs is given: a run needs a limit; set train.steps or train.epochs");
}

TEST(Trainer, RefusesABatchLargerThanTheData) {
  Line line = noisy_line(10);
  EXPECT_EQ(usage_error_text([&] { line.trainer({.steps = 1, .batch_size = 11}); }),
            "[train.batch_size] 11 is more than the 10 examples; use \"all\" or a smaller batch");
  EXPECT_EQ(usage_error_text([&] { line.trainer({.steps = 1, .batch_size = 10}); }), "no error");
}

TEST(Trainer, RefusesValuesOutOfRange) {
  Line line = noisy_line(10);
  for (const TrainerOptions& o :
       {TrainerOptions{.steps = -1}, TrainerOptions{.steps = -1, .epochs = 1}, TrainerOptions{.steps = 1, .epochs = -1},
        TrainerOptions{.steps = 1, .batch_size = -1}, TrainerOptions{.steps = 1, .micro_batch_size = -1},
        TrainerOptions{.steps = 1, .epochs = NAN}, TrainerOptions{.steps = 1, .stop_loss = NAN},
        TrainerOptions{.steps = 1, .stop_window = 1'000'001}, TrainerOptions{.steps = 1, .stop_window = -1},
        TrainerOptions{.steps = 1, .max_time_s = -1}, TrainerOptions{.steps = 1, .max_time_s = NAN},
        TrainerOptions{.steps = 1, .validation_every = -1}, TrainerOptions{.steps = 1, .validation_batch_size = 0},
        TrainerOptions{.steps = 1, .log_every = 0}}) {
    const std::string text = usage_error_text([&] { line.trainer(o); });
    EXPECT_TRUE(text.starts_with("[train")) << text;
  }
}

TEST(Trainer, RefusesToTrainNothing) {
  Line line = noisy_line(10);
  const auto optimizer = make_sgd(line.model.parameters(), {});
  EXPECT_EQ(usage_error_text([&] {
              Trainer({.steps = 1}, Parameters{}, loss_of(line.model), line.data, *optimizer, ConstantSchedule{0.1});
            }),
            "[train] there are no parameters to train; give the model's parameters()");
}

TEST(Trainer, RefusesAnUndefinedScheduleBeforeItTrains) {
  Line line = noisy_line();
  const Values before = values_of(line.model.parameters());
  line.schedule = DynamicSchedule{.warmup_steps = 0, .decay_steps = 0, .total_steps = 10};
  EXPECT_EQ(
      usage_error_text([&] { line.train({.steps = 10}); }),
      "[schedule] dynamic is undefined at step 0: its denominator warmup_steps + decay_steps·(1 − step/total_steps) "
      "is 0 + 0·(1 − 0/10) = 0; set warmup_steps above 0");
  line.schedule = DynamicSchedule{.warmup_steps = 0, .decay_steps = 5, .total_steps = 9};
  EXPECT_EQ(
      usage_error_text([&] { line.train({.steps = 10}); }),
      "[schedule] dynamic is undefined at step 9: its denominator warmup_steps + decay_steps·(1 − step/total_steps) "
      "is 0 + 5·(1 − 9/9) = 0; set warmup_steps above 0");
  line.schedule = DynamicSchedule{.warmup_steps = 1, .decay_steps = 5, .total_steps = 5};
  EXPECT_EQ(usage_error_text([&] { line.train({.steps = 10}); }),
            "[schedule] dynamic ends at total_steps = 5, before step 9; set total_steps to 9 or more");
  EXPECT_EQ(values_of(line.model.parameters()), before);
}

TEST(Trainer, RefusesValidationWithoutData) {
  Line line = noisy_line();
  EXPECT_EQ(usage_error_text([&] { line.train({.steps = 1, .validation_every = 1}); }),
            "[validation.every] there is no validation data; set validation.every to 0 or hold data out");
  EXPECT_EQ(usage_error_text([&] { line.trainer({.steps = 1, .stop_on_validation = true}); }),
            "[train.stop_on] \"validation\" needs train.stop_loss and validation.every");
}

std::string error_of_loss(const LossFunction& loss) {
  Script script{.training = {1}};
  const Numbers data(4);
  Trainer trainer({.steps = 1}, script.parameters, loss, data, *script.optimizer, ConstantSchedule{0.1});
  return error_text([&] { trainer.run(); });
}

TEST(Trainer, SaysWhatIsWrongWithALossFunction) {
  Tensor w = Tensor::zeros({2}).set_requires_grad();
  EXPECT_EQ(error_of_loss([&](const Batch&, Context&) {
              return Loss{w * 2.0, 1.0};
            }),
            "[train] the loss function gave f32 (2,) with weight 1; expected one element and a weight from 0");
  EXPECT_EQ(error_of_loss([&](const Batch&, Context&) {
              return Loss{sum(w), -1.0};
            }),
            "[train] the loss function gave f32 () with weight -1; expected one element and a weight from 0");
  EXPECT_EQ(
      error_of_loss([&](const Batch&, Context&) { return Loss{}; }),
      "[train] the loss function gave an undefined tensor with weight 0; expected one element and a weight from 0");
  // Not recorded, and recorded but of other parameters than the optimizer's.
  EXPECT_NE(error_of_loss([&](const Batch&, Context&) { return Loss{Tensor::scalar(1), 1.0}; }), "no error");
  EXPECT_EQ(error_of_loss([&](const Batch&, Context&) {
              return Loss{sum(w), 1.0};
            }),
            "[optimizer] none of the 1 parameters has a gradient; call backward before each step");
}

// Points in order, two a step, of which the first, third, fourth, … count nothing, so that whole batches do not.
Line weighted_line() {
  return Line(TensorDataset(column({1, 2, 3, -1, 0.5, 1, -2, 4}), column({2, 3, 8, 1, -1, 3, 0, 5}),
                            Tensor::from(std::vector<float>{0, 2, 0, 0, 1, 0.5, 0, 0}, {8})));
}

// The chapter's recursion in double over the examples that count; a batch of none moves nothing.
Recursion descend_weighted(const Line& line, int steps) {
  const Values x = line.data.inputs().values<double>(), y = line.data.targets().values<double>(),
               weights = line.data.weights().values<double>();
  Recursion r{0, 0, {}};
  for (size_t step = 0; step < static_cast<size_t>(steps); ++step) {
    double loss = 0, dw = 0, db = 0, weight = 0;
    for (size_t i = 2 * step % 8; i < 2 * step % 8 + 2; ++i) {
      const double error = r.w * x[i] + r.b - y[i];
      loss += weights[i] * error * error;
      dw += weights[i] * 2 * error * x[i];
      db += weights[i] * 2 * error;
      weight += weights[i];
    }
    r.losses.push_back(loss / weight);
    if (weight == 0) continue;
    r.w -= 0.1 * dw / weight;
    r.b -= 0.1 * db / weight;
  }
  return r;
}

void expect_recursion(const Line& line, const Outcome& o, const Recursion& r) {
  EXPECT_NEAR(line.w(), r.w, 1e-6);
  EXPECT_NEAR(line.b(), r.b, 1e-6);
  ASSERT_EQ(o.records.size(), r.losses.size());
  for (size_t i = 0; i < r.losses.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(std::isnan(o.records[i].loss), i % 2 == 1);
    if (i % 2 == 0) {
      EXPECT_NEAR(o.records[i].loss, r.losses[i], 1e-5);
    }
  }
}

TEST(Trainer, WhatCountsNothingAddsNothing) {
  for (const int64_t micro_batch_size : {0, 1}) {
    Line line = weighted_line();
    TrainerOptions o{.steps = 12, .batch_size = 2, .sampling = Sampling::kInOrder, .stop_loss = -1.0};
    o.micro_batch_size = micro_batch_size;
    Trainer trainer = line.trainer(o);
    std::vector<std::string> warnings;
    trainer.set_on_warning(
        [&](const HealthWarning& warning) { warnings.push_back(warning.name + ": " + warning.text); });
    const Outcome outcome = run_trainer(trainer);
    expect_recursion(line, outcome, descend_weighted(line, 12));
    EXPECT_EQ(outcome.summary.steps, 12);
    EXPECT_EQ(outcome.summary.final_loss, outcome.records[10].loss);
    EXPECT_EQ(trainer.state().weight, 3 * 3.5);
    EXPECT_EQ(warnings,
              std::vector<std::string>{
                  "weightless: step 1: nothing in its batch counts (weights of 0, or no pair to compare), so the step "
                  "changes nothing; a larger train.batch_size would have fewer such steps"});
  }
}

// Momentum and weight decay rest too, and a state from between is enough to go on.
TEST(Trainer, AStepThatCountsNothingChangesNothingAndCanBeResumed) {
  const TrainerOptions o{.steps = 6, .batch_size = 2, .sampling = Sampling::kInOrder};
  const auto with_momentum = [](Line& line) {
    line.optimizer = make_sgd(line.model.parameters(), {.weight_decay = 0.1, .momentum = 0.9});
  };
  Line whole = weighted_line();
  with_momentum(whole);
  std::vector<std::string> bits;
  Trainer trainer = whole.trainer(o);
  const Outcome all =
      run_trainer(trainer, [&](const StepRecord&) { bits.push_back(bits_of(whole.model.parameters())); });
  EXPECT_NE(bits[0], bits[2]);
  EXPECT_EQ(bits[0], bits[1]);
  for (const int64_t steps : {1, 2, 3}) {
    Line line = weighted_line();
    with_momentum(line);
    TrainerOptions first = o;
    first.steps = steps;
    Trainer before = line.trainer(first);
    run_trainer(before);
    Trainer after = line.trainer(o);
    after.restore(before.state());
    run_trainer(after);
    EXPECT_EQ(bits_of(line.model.parameters()), bits.back());
    EXPECT_EQ(after.state().loss_hash, trainer.state().loss_hash);
  }
}

// What is validated is the average; training does not notice.
TEST(Trainer, ValidatesTheAverageAndTrainsOnTheWeights) {
  const auto train = [](double ema, int64_t every) {
    std::unique_ptr<Line> line(new Line(noisy_line()));
    if (ema > 0.0) line->optimizer->set_ema(ema);
    Trainer trainer({.steps = 20, .validation_every = every, .validation_batch_size = 3}, line->model.parameters(),
                    loss_of(line->model), line->data, *line->optimizer, line->schedule);
    trainer.set_validation(line->data);
    Outcome outcome = run_trainer(trainer);
    return std::pair(std::move(line), std::move(outcome));
  };
  const auto [plain, losses] = train(0.0, 20);
  const auto [averaged, outcome] = train(0.5, 1);
  EXPECT_EQ(bits_of(averaged->model.parameters()), bits_of(plain->model.parameters()));
  EXPECT_EQ(outcome.losses(), losses.losses());
  const Parameters averages = averaged->optimizer->averages();
  const double w = averages[0].tensor.item(), b = averages[1].tensor.item();
  EXPECT_NE(w, averaged->w());
  double sum = 0.0;
  const std::vector<double> x = averaged->data.inputs().values<double>(), y = averaged->data.targets().values<double>();
  for (size_t i = 0; i < x.size(); ++i) sum += (w * x[i] + b - y[i]) * (w * x[i] + b - y[i]);
  EXPECT_NEAR(*outcome.summary.best_validation_loss, sum / static_cast<double>(x.size()), 1e-6);
}

// Of a least squares: the exact answer, in a few steps; in whole batches and in micro-batches.
TEST(Trainer, GivesLbfgsTheWholeBatch) {
  for (const int64_t micro : {0, 3}) {
    Line line = noisy_line();
    line.optimizer = make_lbfgs(line.model.parameters(), {});
    line.schedule = ConstantSchedule{1.0};
    line.train({.steps = 8, .micro_batch_size = micro});
    const std::vector<double> x = line.data.inputs().values<double>(), y = line.data.targets().values<double>();
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    const auto n = static_cast<double>(x.size());
    for (size_t i = 0; i < x.size(); ++i) sx += x[i], sy += y[i], sxx += x[i] * x[i], sxy += x[i] * y[i];
    const double w = (n * sxy - sx * sy) / (n * sxx - sx * sx);
    EXPECT_NEAR(line.w(), w, 1e-5);
    EXPECT_NEAR(line.b(), (sy - w * sx) / n, 1e-5);
  }
}

TEST(Trainer, RefusesPartsOfTheDataForLbfgs) {
  Line line = noisy_line();
  line.optimizer = make_lbfgs(line.model.parameters(), {});
  const std::string expected =
      "[train.batch_size] the optimizer needs all examples in each step, each once; set train.batch_size = \"all\" (in "
      "passes of train.micro_batch_size) and train.sampling to \"shuffle\" or \"in_order\"";
  EXPECT_EQ(usage_error_text([&] { line.train({.steps = 1, .batch_size = 4}); }), expected);
  EXPECT_EQ(usage_error_text([&] { line.train({.steps = 1, .sampling = Sampling::kReplacement}); }), expected);
}

}  // namespace trainer_test
}  // namespace gradus
