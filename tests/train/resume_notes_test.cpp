// What a run that goes on says of where it does, and what `verify` says of what lies about in its folder.
#include <gmock/gmock.h>

#include "gradus/train/verify.h"
#include "tests/reads.h"
#include "tests/testing.h"
#include "tests/train/runs.h"

namespace gradus {
namespace resume_notes_test {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using TrainingRun = Run;  // inside a TEST, Run is GoogleTest's

Config run_config(const std::vector<std::string>& overrides = {}) {
  return Config::parse(
      "data = {kind = \"line\", validation_fraction = 0.25}\nmodel.kind = \"linear\"\ntrain.steps = 40\n"
      "train.batch_size = 10\ncheckpoint = {every = 10, keep = 9}\nvalidation.every = 10\nlog.every = 1\n",
      "run.toml", overrides);
}

std::vector<std::string> notes_of_resumed(const fs::path& run, const RunOptions& options = {.resume = true}) {
  return TrainingRun(run_config(), run, options).notes();
}

std::vector<std::string> findings_of(const fs::path& run) {
  std::vector<std::string> texts;
  for (const Finding& finding : verify_run(run)) texts.push_back(finding.text);
  return texts;
}

// Its files stay, with other facts.
void write_on_another_machine(const fs::path& checkpoint) {
  Checkpoint other = read_checkpoint(checkpoint);
  other.state.facts.isa = "abacus";
  fs::remove_all(checkpoint);
  write_checkpoint(checkpoint, other);
}

TEST(ResumeNotes, OfWhatHasNotBegun) {
  const TemporaryFolder folder;
  const fs::path none = folder / "none", killed = folder / "killed";
  EXPECT_THAT(notes_of_resumed(none), ElementsAre("there is no run in " + none.string() + " yet: it begins at step 0"));
  { const TrainingRun run(run_config(), killed); }
  EXPECT_THAT(findings_of(killed), Contains("checkpoints: there is none yet"));
  EXPECT_THAT(findings_of(killed), Contains("summary.json: is not there: the run has not ended"));
  EXPECT_THAT(notes_of_resumed(killed),
              ElementsAre(killed.string() + " has no checkpoint yet: the run begins at step 0"));
}

TEST(ResumeNotes, OfAnEarlierCheckpoint) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", checkpoints = run / "checkpoints";
  TrainingRun(run_config(), run).train();
  spill(run / "log.jsonl", slurp(run / "log.jsonl") + "{\"step\": 40\n");
  const int64_t best = read_checkpoint(checkpoints / "step-20").state.training.best_step;
  ASSERT_GT(best, 0);
  const fs::path start = checkpoints / "step-20";
  const std::vector<std::string> notes = notes_of_resumed(run, {.resume = true, .checkpoint = start});
  EXPECT_THAT(notes, Contains("goes on at step 20 of 40, from " + start.string()));
  EXPECT_THAT(notes, Contains(Reads("the later step-30 was set aside as {}step-30{}")));
  EXPECT_THAT(notes, Contains(Reads("{} rows of log.jsonl were cut: of later steps, or of where the run had stopped")));
  EXPECT_THAT(notes, Contains("1 unreadable lines of log.jsonl were cut"));
  EXPECT_THAT(findings_of(run), Contains(Reads("checkpoints/{}: set aside when the run went on from an earlier step")));
}

TEST(ResumeNotes, OfABestCheckpointThatIsGone) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run", last = run / "checkpoints/step-40";
  TrainingRun(run_config(), run).train();
  Checkpoint other = read_checkpoint(last);
  other.state.training.best_step = 7;
  fs::remove_all(last);
  write_checkpoint(last, other);
  EXPECT_THAT(notes_of_resumed(run),
              Contains("the best checkpoint by then, of step 7, is there no more: the link `best` stands for this one "
                       "until there is a better"));
}

TEST(ResumeNotes, OfAnotherMachine) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config(), run).train();
  write_on_another_machine(run / "checkpoints/step-10");
  EXPECT_THAT(replay(run, 10, 20).notes,
              ElementsAre(Reads("step 10 was written on abacus with {}, this is {}: --isa abacus can pin the first of "
                                "them")));
  write_on_another_machine(run / "checkpoints/step-40");
  EXPECT_THAT(notes_of_resumed(run), Contains(Reads("the checkpoint was written on abacus with {}, this is {}: the "
                                                    "numbers round differently from here on")));
}

TEST(ResumeNotes, OfLimitsThatAreReached) {
  const TemporaryFolder folder;
  const auto last_note = [&](const std::string& name, const std::vector<std::string>& keys) {
    TrainingRun(run_config(keys), folder / name).train();
    return TrainingRun(run_config(keys), folder / name, {.resume = true}).notes().back();
  };
  EXPECT_EQ(last_note("steps", {}), "all its steps are done already; --set train.steps=N trains up to step N");
  EXPECT_EQ(last_note("epochs", {"train.epochs=1"}),
            "all its epochs are done already; --set train.epochs=N trains up to epoch N");
  EXPECT_EQ(last_note("time", {"train.max_time_s=1e-9"}),
            "its train.max_time_s is over already; --set train.max_time_s=S trains up to S seconds in all");
  EXPECT_EQ(last_note("loss", {"train.stop_loss=1e9", "train.stop_on=validation"}),
            "its validation loss is at train.stop_loss already; --set train.stop_loss=X trains until X");
}

TEST(VerifyNotes, OfAnEndedRun) {
  const TemporaryFolder folder;
  TrainingRun(run_config(), folder / "run").train();
  EXPECT_THAT(findings_of(folder / "run"),
              Contains("summary.json: 40 steps, max_steps; the fingerprint is that of the last checkpoint"));
}

TEST(VerifyNotes, OfAFolderThatIsOnItsWay) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config(), run).train();
  const fs::path left = run / "checkpoints" / ".step-40.gradus-tmp-1-0";
  fs::create_directories(left);
  EXPECT_THAT(findings_of(run), Contains("checkpoints/.step-40.gradus-tmp-1-0: on its way, or left half done by a run "
                                         "that was killed (then --resume removes it)"));
}

TEST(VerifyNotes, OfWhatAReplaySees) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  TrainingRun(run_config(), run).train();
  const auto changed = [&](const std::function<void(Checkpoint&)>& change) {
    const fs::path path = run / "checkpoints/step-30";
    const Checkpoint good = read_checkpoint(path);
    Checkpoint other = good;
    change(other);
    fs::remove_all(path);
    write_checkpoint(path, other);
    const std::string difference = replay(run, 20, 30).difference;
    fs::remove_all(path);
    write_checkpoint(path, good);
    return difference;
  };
  EXPECT_EQ(changed([](Checkpoint& c) { c.state.training.loss_hash ^= 1; }), "the losses on the way were others");
  EXPECT_EQ(changed([](Checkpoint& c) { c.model.pop_back(); }), "weights 2 tensors instead of 1");
}

}  // namespace resume_notes_test
}  // namespace gradus
