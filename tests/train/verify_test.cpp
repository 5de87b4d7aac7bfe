// What `verify` says of whole and of damaged runs, and what a replay sees.
#include "gradus/train/verify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "gradus/base/threads.h"
#include "gradus/train/run.h"
#include "tests/testing.h"

namespace gradus {
namespace verify_test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

std::vector<std::string> bad_findings(const fs::path& run) {
  std::vector<std::string> bad;
  for (const Finding& finding : verify_run(run)) {
    if (finding.kind == Finding::Kind::kBad) bad.push_back(finding.text);
  }
  return bad;
}

std::string finding_about(const fs::path& run, const std::string& name) {
  for (const Finding& finding : verify_run(run)) {
    if (finding.text.starts_with(name + ": ")) return finding.text;
  }
  return "";
}

Config run_config(const std::vector<std::string>& overrides = {}) {
  return Config::parse(
      "data.kind = \"line\"\nmodel.kind = \"mlp\"\nmodel.hidden = [3]\ntrain.steps = 40\n"
      "train.batch_size = 10\ncheckpoint = {every = 10, keep = 9}\n",
      "run.toml", overrides);
}

TEST(Verify, FindsNothingInAWholeRunAndEachDamage) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config(), run).train();
  EXPECT_EQ(bad_findings(run), std::vector<std::string>{});
  EXPECT_EQ(verify_run(run).size(), 11u);

  const std::string log = slurp(run / "log.jsonl");
  spill(run / "log.jsonl", log + "{\"step\": 40");
  EXPECT_EQ(bad_findings(run), std::vector<std::string>{});
  EXPECT_EQ(finding_about(run, "log.jsonl"),
            "log.jsonl: 4 rows, up to step 30, and a torn last line, as after a kill; --resume takes it out");
  spill(run / "log.jsonl", log + "{\"step\": 40\n");
  EXPECT_EQ(bad_findings(run), std::vector<std::string>{"log.jsonl: 1 of 5 lines are no rows"});
  spill(run / "log.jsonl", log + log);
  EXPECT_EQ(bad_findings(run), std::vector<std::string>{"log.jsonl: the step goes back 3 times"});
  spill(run / "log.jsonl", log);

  const std::string config = slurp(run / "config.toml");
  spill(run / "config.toml", config + "\n");
  EXPECT_EQ(bad_findings(run), std::vector<std::string>{"config.toml: [config.toml] was changed since gradus wrote it; "
                                                        "--resume compares it with the checkpoint's"});
  spill(run / "config.toml", config);

  std::string summary = slurp(run / "summary.json");
  const size_t at = summary.find("\"weights\":\"") + 11;
  summary[at] = summary[at] == '0' ? '1' : '0';
  spill(run / "summary.json", summary);
  EXPECT_THAT(bad_findings(run).at(0), HasSubstr("its fingerprint is not that of the weights of step 40"));
  fs::remove(run / "summary.json");
  EXPECT_EQ(bad_findings(run), std::vector<std::string>{});

  fs::remove(run / "checkpoints/last");
  EXPECT_EQ(bad_findings(run).at(0), "checkpoints/last: is missing; --resume puts it back");
  fs::create_symlink("step-7", run / "checkpoints/last");
  EXPECT_EQ(bad_findings(run).at(0), "checkpoints/last: points to step-7, which is not there");

  fs::remove(run / "checkpoints/step-20/state.json");
  EXPECT_THAT(bad_findings(run).at(0), HasSubstr("checkpoints/step-20: ["));
  EXPECT_EQ(usage_error_text([&] { (void)verify_run(folder.path()); }),
            "[" + folder.path().string() + "] has no log.jsonl, config.toml or checkpoints: it is no run's folder");
  EXPECT_THAT(usage_error_text([&] { (void)verify_run(folder / "none"); }), HasSubstr("is not a folder"));
}

TEST(Verify, ComparesTheLinksWithTheCheckpoints) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", last = run / "checkpoints/last";
  TrainingRun(run_config({"data.validation_fraction=0.5", "validation.every=10"}), run).train();
  const StateFile state = read_checkpoint(last).state;
  EXPECT_EQ(finding_about(run, "checkpoints/last"), "checkpoints/last: is step-40");
  EXPECT_EQ(finding_about(run, "checkpoints/best"),
            "checkpoints/best: is " + checkpoint_name(state.training.best_step));
  fs::remove(last);
  fs::create_symlink("step-30", last);
  EXPECT_EQ(finding_about(run, "checkpoints/last"),
            "checkpoints/last: is step-30 instead of step-40, as after a kill between the two; --resume puts it right");
  {
    const TrainingRun again(run_config({"data.validation_fraction=0.5", "validation.every=10"}), run, {.resume = true});
  }
  EXPECT_EQ(finding_about(run, "checkpoints/last"), "checkpoints/last: is step-40");
  const std::string bytes = slurp(run / "model.safetensors");
  fs::remove(run / "model.safetensors");
  spill(run / "model.safetensors", bytes);
  EXPECT_EQ(finding_about(run, "model.safetensors"),
            "model.safetensors: is no link, so nothing says that it is what a checkpoint holds");
}

TEST(Verify, SaysThatARunIsGoingOn) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  {
    const TrainingRun going_on(run_config(), run);
    EXPECT_EQ(finding_about(run, "the run"), fmt::format("the run: process {} is training into it: what changes "
                                                         "meanwhile may look wrong",
                                                         ::getpid()));
  }
  EXPECT_EQ(finding_about(run, "the run"), "");
}

TEST(Replay, GivesTheSameBitsAndSeesOthers) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config(), run).train();
  for (const auto& [from, to] : {std::pair(10, 40), {20, 30}, {30, 40}}) {
    const Replay result = replay(run, from, to);
    EXPECT_EQ(result.difference, "");
    EXPECT_EQ(result.steps, to - from);
  }
  // A checkpoint that is whole, but not what this training gives.
  Checkpoint other = read_checkpoint(run / "checkpoints/step-30");
  other.model[1].second.mutable_data<float>()[0] += 1.0f;
  fs::remove_all(run / "checkpoints/step-30");
  write_checkpoint(run / "checkpoints/step-30", other);
  EXPECT_EQ(replay(run, 20, 30).difference, "weights " + other.model[1].first + " has other bits");
  EXPECT_THAT(usage_error_text([&] { (void)replay(run, 20, 35); }),
              HasSubstr("step-35] is not there; the run has checkpoints of these steps: 10 20 30 40"));
  EXPECT_THAT(usage_error_text([&] { (void)replay(run, 20, 20); }), HasSubstr("goes nowhere"));
}

TEST(Replay, RefusesToCompareAcrossAChange) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config({"train.steps=20"}), run).train();
  TrainingRun(run_config({"optimizer.learning_rate=0.02", "train.steps=40"}), run, {.resume = true}).train();
  EXPECT_THAT(usage_error_text([&] { (void)replay(run, 10, 30); }),
              HasSubstr("the configuration was changed between step 10 and step 30; choose steps on one side of that"));
  EXPECT_EQ(replay(run, 30, 40).difference, "");
}

TEST(Replay, ComparesAcrossAChangeThatChangesNoBit) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config({"train.steps=20"}), run).train();
  TrainingRun(run_config({"train.steps=20", "train.threads=2", "log.every=3"}), run,
              {.resume = true, .checkpoint = run / "checkpoints/step-10"})
      .train();
  EXPECT_EQ(replay(run, 10, 20).difference, "");
  set_threads(0);
}

// The run's weights are the averages; training goes on from those beside them.
TEST(Verify, KnowsTheAverageOfTheWeights) {
  for (const char* key : {"optimizer.ema=0.9", "optimizer.name=schedule_free", "optimizer.name=asgd"}) {
    const TemporaryFolder folder;
    const fs::path run = folder / "run", last = run / "checkpoints/step-40";
    TrainingRun trained(run_config({key, "data.validation_fraction=0.2", "validation.every=10"}), run);
    trained.train();
    EXPECT_EQ(bad_findings(run), std::vector<std::string>{});
    EXPECT_EQ(fs::read_symlink(run / "model.safetensors"), "checkpoints/last/average.safetensors");
    EXPECT_EQ(fs::read_symlink(run / "best.safetensors"), "checkpoints/best/average.safetensors");
    EXPECT_EQ(finding_about(run, "best.safetensors"), "best.safetensors: is checkpoints/best/average.safetensors");
    EXPECT_EQ(slurp(run / "model.safetensors"), slurp(last / "average.safetensors"));
    EXPECT_EQ(slurp(last / "average.safetensors") == slurp(last / "model.safetensors"),
              std::string_view(key) == "optimizer.name=asgd")
        << "asgd begins to average later";
    EXPECT_EQ(replay(run, 10, 40).difference, "");
    std::string bytes = slurp(last / "average.safetensors");
    bytes.back() ^= 1;
    spill(last / "average.safetensors", bytes);
    EXPECT_THAT(bad_findings(run).at(0), HasSubstr("average.safetensors"));
  }
}

}  // namespace verify_test
}  // namespace gradus
