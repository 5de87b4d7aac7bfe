// Runs that meet trouble: checkpoints that are lost or cannot be written, limits that are reached already, changes on
// the way.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "gradus/train/run.h"
#include "gradus/train/run_log.h"
#include "gradus/train/verify.h"
#include "tests/testing.h"
#include "tests/train/runs.h"
#include "tests/train/training.h"

namespace gradus {
namespace run_trouble_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

Config run_config(const std::vector<std::string>& overrides = {}) {
  return Config::parse(R"(
data = {kind = "line", points = 40, validation_fraction = 0.25}
model = {kind = "mlp", hidden = [5]}
train = {steps = 60, batch_size = 6, seed = 3}
checkpoint = {every = 20, keep = 9}
log = {every = 10}
)",
                       "run.toml", overrides);
}

std::vector<int> steps_in_log(const fs::path& run) {
  std::vector<int> steps;
  for (const json& row : log_of(run)) steps.push_back(row["step"]);
  return steps;
}

std::string resume_error(const Config& config, const fs::path& run, const RunOptions& options = {.resume = true}) {
  return usage_error_text([&] { TrainingRun again(config, run, options); });
}

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// ---- Checkpoints that are not there.

TEST(LostCheckpoints, AreNotTakenForARunThatNeverBegan) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", checkpoints = run / "checkpoints";
  TrainingRun(run_config({"checkpoint.keep=0"}), run).train();
  const std::string log = slurp(run / "log.jsonl");
  const auto refusal = [&](const std::string& trace) {
    return "[" + run.string() + "] has " + trace +
           ", but no checkpoint to go on from; put its checkpoints back, or name one that was set aside step-N again, "
           "or give --overwrite instead of --resume to begin anew";
  };
  fs::rename(checkpoints, folder / "elsewhere");
  EXPECT_EQ(resume_error(run_config(), run), refusal("summary.json"));
  fs::remove(run / "summary.json");
  EXPECT_EQ(resume_error(run_config(), run), refusal("model.safetensors"));
  fs::remove(run / "model.safetensors");
  fs::remove(run / "best.safetensors");
  fs::create_symlink("../no-disk", checkpoints);
  EXPECT_EQ(resume_error(run_config(), run), refusal("checkpoints"));
  fs::remove(checkpoints);
  fs::create_directory(checkpoints);
  fs::rename(folder / "elsewhere/step-60", checkpoints / "step-60.left");
  EXPECT_EQ(resume_error(run_config(), run), refusal("checkpoints/step-60.left"));
  EXPECT_EQ(slurp(run / "log.jsonl"), log);
  fs::rename(checkpoints / "step-60.left", checkpoints / "step-60");
  EXPECT_EQ(resume_error(run_config(), run), "no error");
}

TEST(LostCheckpoints, AreNotFoundUnderOtherNames) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", copy = run / "checkpoints/good one";
  TrainingRun(run_config(), run).train();
  fs::copy(run / "checkpoints/step-40", copy, fs::copy_options::recursive);
  EXPECT_EQ(resume_error(run_config(), run, {.resume = true, .checkpoint = copy}),
            "[" + copy.string() + "] has not the name of a checkpoint, step-N; rename it to go on from it");
}

// A file where a checkpoint should go stands for whatever makes its writing fail.
TEST(FailedWrite, EndsTheRunSoonAndSavesWhatItCan) {
  const TemporaryFolder folder;
  const fs::path run_folder = folder / "run";
  fs::create_directories(run_folder / "checkpoints");
  spill(run_folder / "checkpoints/step-20", "in the way");
  spill(run_folder / "log.jsonl", "");
  TrainingRun run(run_config({"train.steps=1000000"}), run_folder, {.overwrite = true});
  EXPECT_THAT(error_text([&] { run.train(); }),
              StartsWith("[" + (run_folder / "checkpoints/step-20").string() + "] exists already"));
  const int64_t step = run.trainer().steps_done();
  EXPECT_GT(step, 20);
  EXPECT_LE(step, 40);  // the next checkpoint waits for the one before
  EXPECT_EQ(fs::read_symlink(run_folder / "checkpoints/last"), checkpoint_name(step));
  EXPECT_EQ(slurp(run_folder / "checkpoints/step-20"), "in the way");
  EXPECT_FALSE(fs::exists(run_folder / "summary.json"));
}

// What is saved after an error is where a step ended with its row in the log, never the middle of one. (Errors in the
// middle of an update come from refused memory: tests/torture.)
TEST(AnErrorInAStep, LeavesTheCheckpointOfTheLastWholeStep) {
  const TemporaryFolder folder;
  TrainingRun(run_config(), folder / "straight").train();
  {
    TrainingRun run(run_config(), folder / "run");
    run.set_on_logged([](const TrainingRun::Progress& logged) {
      if (logged.record.step == 30) throw std::runtime_error("no more");
    });
    EXPECT_THROW(run.train(), std::runtime_error);
    EXPECT_EQ(run.trainer().steps_done(), 31);
  }
  TrainingRun again(run_config(), folder / "run", {.resume = true});
  EXPECT_EQ(again.trainer().steps_done(), 20);
  again.train();
  EXPECT_EQ(slurp(folder / "run/model.safetensors"), slurp(folder / "straight/model.safetensors"));
  EXPECT_EQ(steps_in_log(folder / "run"), steps_in_log(folder / "straight"));
}

// ---- Limits that are reached already.

TEST(ResumeOfAnEndedRun, DoesNotTrainOnWhenItsTimeIsOver) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config({"train.max_time_s=1e-9"}), run).train();
  const json summary = json::parse(slurp(run / "summary.json"));
  EXPECT_EQ(summary["steps"], 1);
  EXPECT_EQ(summary["stop_reason"], "max_time");
  TrainingRun again(run_config({"train.max_time_s=1e-9"}), run, {.resume = true});
  EXPECT_THAT(again.notes().back(), StartsWith("its train.max_time_s is over already; --set train.max_time_s=S"));
  const TrainingSummary ended = again.train();
  EXPECT_EQ(ended.steps, 1);
  EXPECT_EQ(ended.stop_reason, StopReason::kMaxTime);
}

// The row that says where it ended stays as long as it is the end.
TEST(ResumeOfAnEndedRun, KeepsTheRowOfItsEnd) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  const std::string none_held_out = "data.validation_fraction=0";           // a validation has a row of its own
  TrainingRun(run_config({none_held_out, "log.every=1000"}), run).train();  // planned: no such row
  EXPECT_EQ(steps_in_log(run), (std::vector<int>{0}));
  train_until(9, run_config({none_held_out, "log.every=1000", "checkpoint.every=0"}), folder / "short");
  Checkpoint checkpoint = read_checkpoint(folder / "short/checkpoints/step-9");
  checkpoint.state.training.elapsed_s = 50;  // as if it had ended by its time
  fs::remove_all(folder / "short/checkpoints/step-9");
  write_checkpoint(folder / "short/checkpoints/step-9", checkpoint);
  TrainingRun(run_config({none_held_out, "log.every=1000", "train.max_time_s=40"}), folder / "short", {.resume = true})
      .train();
  EXPECT_EQ(steps_in_log(folder / "short"), (std::vector<int>{0, 8}));
  TrainingRun(run_config({none_held_out, "log.every=1000", "train.max_time_s=400"}), folder / "short", {.resume = true})
      .train();
  EXPECT_EQ(steps_in_log(folder / "short"), (std::vector<int>{0}));
}

TEST(ResumeOfAnEndedRun, ByTimeGoesOnWithMoreOfIt) {
  const TemporaryFolder folder;
  TrainingRun(run_config({"train.max_time_s=1e-9"}), folder / "run").train();
  TrainingRun again(run_config({"train.max_time_s=1e9"}), folder / "run", {.resume = true});
  EXPECT_EQ(again.train().steps, 60);
}

TEST(ResumeOfAnEndedRun, DoesNotTrainOnWhenItsValidationIsGoodEnough) {
  const TemporaryFolder folder;
  const Config config = run_config({"train.stop_loss=1e9", "train.stop_on=\"validation\"", "validation.every=15"});
  TrainingRun(config, folder / "run").train();
  TrainingRun again(config, folder / "run", {.resume = true});
  EXPECT_THAT(again.notes().back(), StartsWith("its validation loss is at train.stop_loss already"));
  const TrainingSummary ended = again.train();
  EXPECT_EQ(ended.steps, 15);
  EXPECT_EQ(ended.stop_reason, StopReason::kLossThreshold);
}

// ---- Changes on the way.

TEST(ResumeWithChanges, KeepsTheRowsOfAnotherLogEvery) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  train_until(25, run_config(), run);
  EXPECT_EQ(steps_in_log(run), (std::vector<int>{0, 10, 20, 24}));  // the last because the run ended there
  train_until(43, run_config({"log.every=7"}), run, {.resume = true});
  EXPECT_EQ(steps_in_log(run), (std::vector<int>{0, 10, 20, 28, 35, 42}));
  TrainingRun(run_config(), run, {.resume = true}).train();
  EXPECT_EQ(steps_in_log(run), (std::vector<int>{0, 10, 20, 28, 35, 42, 50, 59}));  // validated at the end
}

// A value that was given may not turn into a default because the configuration no longer has it.
TEST(ResumeWithChanges, RefusesADefaultInPlaceOfWhatWasGiven) {
  const TemporaryFolder folder;
  train_until(30, run_config({"data.validation_fraction=0.5"}), folder / "run");
  const Config without = Config::parse(
      "data = {kind = \"line\", points = 40}\nmodel = {kind = \"mlp\", hidden = [5]}\n"
      "train = {steps = 60, batch_size = 6, seed = 3}\ncheckpoint = {every = 20, keep = 9}\nlog.every = 10\n",
      "without.toml");
  EXPECT_THAT(resume_error(without, folder / "run"),
              HasSubstr("\n  data.validation_fraction  0.5 -> 0.0\ndata.validation_fraction can change the result: "));
  const std::vector<std::string> cosine = {"schedule.name=cosine"};
  train_until(30, run_config({"schedule.name=cosine", "schedule.total_steps=40"}), folder / "cosine");
  EXPECT_THAT(resume_error(run_config(cosine), folder / "cosine"), HasSubstr("schedule.total_steps  40 -> 60"));
  train_until(30, run_config(cosine), folder / "follows");
  EXPECT_EQ(resume_error(run_config({"schedule.name=cosine", "train.steps=90"}), folder / "follows"), "no error");
}

TEST(ResumeWithChanges, ComparesAnOwnConfigurationThatWasChangedByHand) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", own = run / "config.toml";
  train_until(30, run_config(), run);
  std::string text = slurp(own);
  text.replace(text.find("learning_rate = 0.01"), 20, "learning_rate = 0.81");
  spill(own, text);
  EXPECT_THAT(
      resume_error(Config::load(own.string()), run, {.resume = true, .own_configuration = true}),
      HasSubstr("optimizer.learning_rate  0.01 -> 0.81\noptimizer.learning_rate can change the result: to go on "
                "with it name it, for example --set optimizer.learning_rate=0.81; or leave the configuration "
                "out (--resume " +
                (run / "checkpoints/last").string() + ")"));
}

TEST(ResumeWithChanges, NeedsNoModelToStartFromAnyMore) {
  const TemporaryFolder folder;
  TrainingRun(run_config(), folder / "first").train();
  train_until(30, run_config({Config::text_override("model.from", (folder / "first").string())}), folder / "run");
  EXPECT_EQ(resume_error(run_config({"train.steps=90"}), folder / "run"), "no error");
}

// The resumed run was killed before its first checkpoint: what its configuration says was accepted already.
TEST(ResumeWithChanges, AnAcceptedOneSurvivesAKill) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", own = run / "config.toml";
  train_until(30, run_config(), run);
  { const TrainingRun killed(run_config({"optimizer.learning_rate=0.02"}), run, {.resume = true}); }
  EXPECT_THAT(resume_error(Config::load(own.string()), run),
              HasSubstr("optimizer.learning_rate can change the result"));
  TrainingRun again(Config::load(own.string()), run, {.resume = true, .own_configuration = true});
  EXPECT_EQ(again.config().real("optimizer.learning_rate"), 0.02);
  EXPECT_THAT(join(again.notes()), HasSubstr("changed since then:\n  optimizer.learning_rate  0.01 -> 0.02\n"));
  EXPECT_EQ(again.train().steps, 60);
}

TEST(ResumeWithChanges, AllowsOtherDataOnlyForAKeyOfTheData) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  const std::string file = folder / "text.txt";
  std::string text;
  for (int i = 0; i < 40; ++i) text += "to be or not ";
  spill(file, text);
  const auto config = [&](std::vector<std::string> keys) {
    keys.push_back(Config::text_override("data.path", file));
    return Config::parse(
        "data.kind = \"text\"\nmodel = {kind = \"gpt\", layers = 1, width = 8, heads = 1, context = 8}\n"
        "train = {steps = 6, batch_size = 2}\n",
        "text.toml", keys);
  };
  train_until(3, config({}), run);
  spill(file, text + text);
  EXPECT_THAT(resume_error(config({"train.steps=9"}), run), HasSubstr("the data is not what the run was trained on"));
  // The path was named with the same value as before: nothing about the data was changed on purpose.
  EXPECT_THAT(resume_error(config({}), run), HasSubstr("the data is not what the run was trained on"));
  const TrainingRun named(config({"data.validation_fraction=0.2"}), run, {.resume = true});
  EXPECT_THAT(join(named.notes()), HasSubstr("the data is other data: "));
}

// Named or not: the state that is there is of the other kind.
TEST(ResumeWithChanges, RefusesAnotherStorageOfTheOptimizersState) {
  const TemporaryFolder folder;
  train_until(30, run_config(), folder / "run");
  for (const char* state : {"optimizer.state=bf16", "optimizer.state=\"bf16\""}) {
    EXPECT_THAT(resume_error(run_config({state}), folder / "run"),
                HasSubstr("optimizer.state is \"f32\" in the run's checkpoints, and stays that; leave it out, or"));
  }
}

TEST(ResumeWithChanges, RefusesAnotherModelToStartFrom) {
  const TemporaryFolder folder;
  TrainingRun(run_config(), folder / "first").train();
  train_until(30, run_config(), folder / "run");
  EXPECT_THAT(
      resume_error(run_config({Config::text_override("model.from", (folder / "first").string())}), folder / "run"),
      HasSubstr("model.from is where a new run starts; this one goes on with its own weights: leave it out"));
}

// ---- Rewinds.

/// Every target is NaN from the start: no batch can be trained on.
void spoil(const TrainingRun& run) {
  const auto* data = dynamic_cast<const TensorDataset*>(run.data().training.get());
  Tensor targets = data->targets();
  std::fill_n(targets.mutable_data<float>(), targets.numel(), std::nanf(""));
}

TEST(Rewinds, AllStayInTheLogAndTheStepsThatTheyTookBackAreCounted) {
  const TemporaryFolder folder;
  TrainingRun run(run_config({"health.on_spike=\"rewind\"", "checkpoint.every=0"}), folder / "run");
  run.set_on_step([&](const StepRecord& record) {
    if (record.step == 6) spoil(run);
  });
  const TrainingSummary summary = run.train();
  EXPECT_EQ(summary.stop_reason, StopReason::kNonFinite);
  int rewinds = 0;
  for (const json& row : log_of(folder / "run")) rewinds += row.value("event", "") == "rewind" ? 1 : 0;
  EXPECT_EQ(rewinds, 10);
  const json counts = json::parse(slurp(folder / "run/summary.json"))["counts"];
  EXPECT_EQ(counts["rewinds"], 10);
  EXPECT_EQ(counts["skipped_batches"].size(), 10u);
  EXPECT_EQ(counts["undone_steps"], 7);  // the other nine rewinds found step 0 bad at once
}

TEST(Rewinds, AreGivenUpWithAWord) {
  const TemporaryFolder folder;
  TrainingRun run(run_config({"health.on_spike=\"rewind\""}), folder / "run");
  spoil(run);
  std::vector<std::string> events;
  run.set_on_event([&](const std::string& text) { events.push_back(text); });
  run.train();
  EXPECT_EQ(events.size(), 11u);
  EXPECT_EQ(events.back(), "10 rewinds to step 0 have not helped: what goes wrong is no matter of single batches");
}

// ---- The log.

std::string log_row(int64_t step, const std::string& rest = "") {
  return "{\"step\":" + std::to_string(step) + rest + "}\n";
}

// Longer than what is read at once, with the cut far from its end.
TEST(CutLog, ReadsOnlyTheEndOfALongLog) {
  const TemporaryFolder folder;
  const fs::path path = folder / "log.jsonl";
  std::string text;
  for (int64_t step = 0; step < 100'000; ++step) text += log_row(step, ",\"loss\":0.5");
  for (const int64_t end : {99'999, 99'990, 98'000, 60'000, 1, 0}) {
    spill(path, text + "{\"step\": 100");
    const LogCut cut = cut_log(path, {end, end, end});
    EXPECT_EQ(cut.rows, 100'000 - end);
    EXPECT_EQ(cut.unreadable, 1);
    EXPECT_EQ(slurp(path), text.substr(0, text.find(log_row(end, ",\"loss\":0.5"))));
  }
  // What is not at the end is not looked at: it is not this call's to mend.
  spill(path, "garbage\n" + text);
  EXPECT_EQ(cut_log(path, {99'999, 99'999, 99'999}).unreadable, 0);
}

TEST(CutLog, KeepsRowsBehindOnesThatGo) {
  const TemporaryFolder folder;
  const fs::path path = folder / "log.jsonl";
  const std::string rewind = log_row(4, ",\"event\":\"rewind\",\"text\":\"\"");
  const std::string warning = log_row(4, ",\"event\":\"warning\",\"text\":\"\"");
  spill(path, log_row(0) + log_row(3, ",\"end\":true") + warning + log_row(4) + rewind + log_row(4) + log_row(5));
  EXPECT_EQ(cut_log(path, {4, 4, 5}).rows, 5);
  EXPECT_EQ(slurp(path), log_row(0) + rewind);
  spill(path, log_row(0) + log_row(3, ",\"end\":true"));
  EXPECT_EQ(cut_log(path, {4, 4, 4, false}).rows, 0);
  EXPECT_EQ(cut_log(path, {4, 4, 4}).rows, 1);
  EXPECT_EQ(slurp(path), log_row(0));
}

// ---- Overwriting.

TEST(Overwrite, RefusesToRemoveTheModelItStartsFrom) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config(), run).train();
  for (const char* source : {"", "checkpoints/step-40", "checkpoints/best"}) {
    EXPECT_THAT(resume_error(run_config({Config::text_override("model.from", (run / source).string())}), run,
                             {.overwrite = true}),
                HasSubstr("model.from is in " + run.string() +
                          ", which --overwrite would replace; choose another --out, or copy it first"))
        << source;
  }
  EXPECT_TRUE(fs::exists(run / "checkpoints/step-60/model.safetensors"));
}

TEST(Overwrite, LeavesWhatIsNotOursAmongTheCheckpoints) {
  const TemporaryFolder folder;
  const fs::path checkpoints = folder / "run/checkpoints";
  TrainingRun(run_config(), folder / "run").train();
  fs::rename(checkpoints / "step-40", checkpoints / "step-40.left");
  fs::create_directory(checkpoints / "step-1 of my notes");
  spill(checkpoints / "notes.txt", "mine");
  TrainingRun(run_config({"train.steps=5"}), folder / "run", {.overwrite = true}).train();
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(checkpoints)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  EXPECT_THAT(names, ElementsAre("best", "last", "notes.txt", "step-1 of my notes", "step-5"));
}

// ---- Replays.

TEST(Replay, HasNoTimeLimitAndSaysWhereItEndedEarly) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", start = run / "checkpoints/step-20";
  TrainingRun(run_config({"train.max_time_s=1000"}), run).train();
  Checkpoint checkpoint = read_checkpoint(start);
  checkpoint.state.training.elapsed_s = 999.9999999;
  fs::remove_all(start);
  write_checkpoint(start, checkpoint);
  EXPECT_EQ(replay(run, 20, 60).difference, "");
  checkpoint.model[0].second.mutable_data<float>()[0] = std::nanf("");
  fs::remove_all(start);
  write_checkpoint(start, checkpoint);
  EXPECT_EQ(replay(run, 20, 60).difference, "the run ended at step 20: non_finite");
}

// ---- Loading.

TEST(LoadOfARun, ChecksTheConfigurationTheVocabularyAndTheWeights) {
  const TemporaryFolder folder;
  const std::string file = folder / "text.txt";
  spill(file, std::string(200, 'a') + std::string(200, 'b'));
  TrainingRun(Config::parse("data.kind = \"text\"\nmodel = {kind = \"gpt\", layers = 1, width = 8, heads = 1, "
                            "context = 8}\ntrain = {steps = 2, batch_size = 2}\n",
                            "text.toml", {Config::text_override("data.path", file)}),
              folder / "run")
      .train();
  EXPECT_NO_THROW(load(folder / "run"));
  for (const char* name : {"config.toml", "tokenizer.json", "model.safetensors"}) {
    const fs::path path = folder / "run/checkpoints/step-2" / name;
    const std::string bytes = slurp(path);
    std::string damaged = bytes;
    damaged[damaged.size() / 2] ^= 1;
    spill(path, damaged);
    EXPECT_THAT(error_text([&] { load(folder / "run"); }), StartsWith("[" + path.string() + "] ")) << name;
    EXPECT_THAT(error_text([&] { load(folder / "run"); }),
                HasSubstr("`gradus verify` says which checkpoints are whole"));
    spill(path, bytes);
  }
  EXPECT_NO_THROW(load(folder / "run"));
}

}  // namespace run_trouble_test
}  // namespace gradus
