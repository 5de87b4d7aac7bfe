// What `gradus train` says at the end of a run: why it ended, what did not go as planned, and where things are.
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "tests/command/command.h"
#include "tests/reads.h"

namespace gradus {
namespace endings_test {

constexpr const char* kLine =
    "data = {kind = 'line', points = 400, validation_fraction = 0.25}\nmodel.kind = 'linear'\n"
    "train = {steps = 30, batch_size = 10}\n";

// The output of a run of the configuration with these keys.
std::string trained(const std::string& config, const std::vector<std::string>& keys) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", config);
  std::vector<std::string> words{"train", "c.toml", "--out", "run"};
  for (const std::string& key : keys) words.insert(words.end(), {"--set", key});
  const CommandResult result = run_gradus(folder, words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

// From "stopped" on.
std::string conclusion(const std::vector<std::string>& keys) {
  const std::string out = trained(kLine, keys);
  return out.substr(std::min(out.find("\nstopped ") + 1, out.size()));
}

TEST(Endings, SayWhyAndWhereThingsAre) {
  EXPECT_THAT(
      trained(kLine, {}),
      Reads("{}\nmemory: {} at most (`--dry-run` says for what)\n{}\nstopped after 30 steps in {}, with a loss of "
            "{}: all train.steps are done\nsaved in run: model.safetensors, best.safetensors, checkpoints, "
            "summary.json, log.jsonl, config.toml\nnext, for example: gradus train run/config.toml --set "
            "train.seed=2 --out run_seed_2\n"));
  EXPECT_THAT(conclusion({"train.epochs=1", "train.steps=1000"}),
              Reads("stopped after 30 steps in {}, with a loss of {}: all train.epochs are done\n{}"));
  EXPECT_THAT(conclusion({"train.stop_loss=1000", "train.stop_window=5"}),
              Reads("stopped after 4 steps in {}, with a loss of {}: the loss reached train.stop_loss = 1000\n{}"));
  EXPECT_THAT(conclusion({"train.max_time_s=1e-9"}),
              Reads("stopped after 1 steps in {}, with a loss of {}: train.max_time_s = 1e-09 is over\n{}"));
  EXPECT_THAT(
      conclusion({"validation.every=1", "train.patience=3", "train.restore_best=true", "optimizer.learning_rate=5"}),
      Reads("stopped after 4 steps in {}, with a loss of {}: the validation loss has not improved for "
            "train.patience = 3 validations\n{}\nmodel.safetensors is of step 1, which had the lowest validation "
            "loss\n{}"));
}

void wait_for_rows(const std::filesystem::path& run) {
  for (int i = 0; i < 1000 && slurp(run / "log.jsonl").empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

TEST(Endings, OfASignal) {
  for (const auto& [signal, words] :
       {std::pair(SIGINT, "it was interrupted (Ctrl-C)"), {SIGTERM, "it was asked to end (SIGTERM)"}}) {
    const TemporaryFolder folder;
    spill(folder / "c.toml", kLine);
    const Command command(folder.path(), {"train", "c.toml", "--out", "run", "--set", "train.steps=1000000000000"}, {});
    wait_for_rows(folder / "run");
    command.send(signal);
    EXPECT_THAT(command.wait().out, Reads("{}\nstopped after {} steps in {}, with a loss of {}: " + std::string(words) +
                                          "\nsaved in run: {}\nto go on: gradus train --resume run\n"));
  }
}

TEST(Endings, OfASignalToSeveralRuns) {
  const TemporaryFolder folder;
  spill(folder / "c.toml", kLine);
  const Command command(
      folder.path(), {"train", "c.toml", "--out", "runs", "--seeds", "4,5", "--set", "train.steps=1000000000000"}, {});
  wait_for_rows(folder / "runs/seed_4");
  command.send(SIGINT);
  const CommandResult result = command.wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_EQ(result.out, "seed 4 was interrupted; the same command with --resume goes on with all of them\n");
}

// A point that is far off is met once an epoch.
TEST(Endings, CountWhatDidNotGoAsPlanned) {
  std::string rows = "x,y\n";
  for (int i = 0; i < 100; ++i) rows += i == 70 ? "0.5,1e6\n" : std::to_string(0.01 * i) + ",1\n";
  rows += "1,2,3\n";
  const TemporaryFolder folder;
  spill(folder / "t.csv", rows);
  const std::string config = "data = {kind = 'csv', path = '" + (folder / "t.csv").string() +
                             "', validation_fraction = 0, standardize_target = false, on_bad_row = 'skip'}\n"
                             "model = {kind = 'linear', init = 'zeros'}\noptimizer = {learning_rate = 1e-9}\n"
                             "train = {steps = 25, batch_size = 5, sampling = 'in_order'}\ncheckpoint.every = 10\n";
  EXPECT_THAT(trained(config, {"health.on_spike=rewind"}),
              Reads("{}\ncounted: 1 rows left out, as something was wrong with them (the first: [{}t.csv:102] {}), 1 "
                    "batches left out, 1 rewinds, 4 steps taken back by them\n{}"));
  EXPECT_THAT(
      trained(config, {"health.on_spike=warn", "optimizer.clip_norm=1e-6"}),
      Reads("{}\ncounted: 1 rows left out, as something was wrong with them (the first: {}), 1 spikes of the loss "
            "trained on, {} steps with a shortened gradient\n{}"));
}

}  // namespace endings_test
}  // namespace gradus
